"""Looking at a real database: its sessions, tables, server and statements, healthy and not."""

import psycopg
import pytest
from pydantic import TypeAdapter

from fixtures.postgresql.databases import blocked_sessions, connection_use, idle_transactions, long_queries
from fixtures.postgresql.tables import dead_rows, sequence_use, stale_statistics
from muster.kinds.postgresql import Blocked, DeadRows, Lasting, Statistics
from muster.probes import CouldNotLook, remaining
from muster.units import Duration, Percent
from sandbox.world import Session
from tests.probes.database_servers import PROBES_OF_DATABASES, database, look, pick

pytestmark = pytest.mark.usefixtures("unhurried", "healthy")
AT_ONCE = Lasting(longer_than=Duration(0.0001))
UPDATE = "UPDATE orders SET status = 'returned' WHERE id = 1"


@pytest.mark.parametrize("probe", PROBES_OF_DATABASES)
def test_what_a_probe_saw_survives_being_saved(server, probe):
    seen = look(probe, database(server.connection()))

    adapter = TypeAdapter(type(seen))

    assert adapter.validate_json(adapter.dump_json(seen), context="saved") == seen
    assert "platform_db, primary, system" in seen.seen


@pytest.mark.parametrize("probe", [each for each in PROBES_OF_DATABASES if each not in ("database_tables", "database_extensions")])
def test_a_login_that_does_not_see_others_is_unknown_and_not_green(server, probe):
    with pytest.raises(CouldNotLook, match="lacks pg_read_all_stats"):
        look(probe, database(server.connection("platform")))


def test_a_probe_leaves_no_session_behind(server):
    look("database_sessions", database(server.connection()))

    # The server's process ends a moment after the connection.
    with server.superuser() as administrator:
        while administrator.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'muster'").fetchone() != (0,):
            assert remaining() > 1, "a session is left"


def test_healthy_sessions_trouble_nobody(server):
    seen = look("database_sessions", database(server.connection()))

    assert pick(connection_use, seen).share < 0.5
    assert pick(idle_transactions, seen, AT_ONCE).count == 0
    assert pick(long_queries, seen, AT_ONCE).count == 0
    assert pick(blocked_sessions, seen, Blocked(longer_than=Duration(0.0001))).count == 0


def test_connections_count_against_what_ordinary_users_can_have(server):
    server.become(sessions=[Session("", user="platform", count=45)])

    use = pick(connection_use, look("database_sessions", database(server.connection())))

    # 50, of which 3 are reserved; ours is the 46th.
    assert use.share >= Percent(0.97)
    assert "of 47 connections of the server" in use.note


@pytest.mark.parametrize(
    ("statement", "what"),
    [("ALTER ROLE platform CONNECTION LIMIT 4", "role platform"), ("ALTER DATABASE platform_db CONNECTION LIMIT 4", "the database")],
)
def test_the_limit_of_a_role_or_database_counts_too(server, statement, what):
    server.become(sql=[statement], sessions=[Session("", user="platform", count=3)])

    use = pick(connection_use, look("database_sessions", database(server.connection())))

    assert use.share >= Percent(0.75)
    assert f"of 4 connections of {what}" in use.note


@pytest.mark.parametrize("ending", [UPDATE, "DO $$ BEGIN PERFORM 1; END $$"])
def test_a_session_that_idles_in_a_transaction_is_named(server, ending):
    server.become(sessions=[Session(ending, transaction=True, user="platform")])

    idle = pick(idle_transactions, look("database_sessions", database(server.connection())), AT_ONCE)

    assert idle.count == 1
    assert "of platform: idle in transaction since" in str(idle.count)
    assert "UPDATE" not in str(idle.count)


def test_an_idle_transaction_that_failed_counts_too(server):
    with server.superuser() as broken:
        broken.execute("BEGIN")
        with pytest.raises(psycopg.errors.DivisionByZero):
            broken.execute("SELECT 1/0")
        seen = look("database_sessions", database(server.connection()))
        broken.execute("ROLLBACK")

    assert "idle in transaction (aborted)" in str(pick(idle_transactions, seen, AT_ONCE).count)


def test_a_long_statement_is_found_and_only_when_it_is_longer(server):
    server.become(sessions=[Session("SELECT pg_sleep(3600)", user="platform", waits=True)])
    seen = look("database_sessions", database(server.connection()))

    assert pick(long_queries, seen, AT_ONCE).count == 1
    assert pick(long_queries, seen, Lasting(longer_than=Duration(3000))).count == 0
    assert pick(idle_transactions, seen, AT_ONCE).count == 0


def test_a_chain_of_locks_names_who_waits_for_whom(server):
    server.become(sessions=[Session(UPDATE, transaction=True, user="platform"), Session(UPDATE, user="platform", count=2, waits=True)])
    with server.superuser() as administrator:
        while administrator.execute("select count(*) from pg_locks where not granted").fetchone() != (2,):
            pass

    seen = look("database_sessions", database(server.connection()))

    assert pick(blocked_sessions, seen, Blocked(longer_than=Duration(0.0001))).count == 2
    (holder,) = [each.pid for each in seen.sessions if each.state == "idle in transaction"]
    assert str(holder) in [each.behind for each in seen.sessions if each.waiting is not None]


def test_healthy_tables_trouble_nobody(server):
    seen = look("database_tables", database(server.connection()))

    assert seen.looked_at == 4
    assert seen.invalid_indexes == 0
    assert pick(dead_rows, seen, DeadRows(limit=Percent(0.2))).share < 0.2
    assert pick(stale_statistics, seen, Statistics()).count == 0
    assert 0 < pick(sequence_use, seen).share < 0.01


def test_dead_rows_count_in_large_tables_only(server):
    server.become(sql=["DELETE FROM orders WHERE id % 4 <> 0"])
    seen = look("database_tables", database(server.connection()))

    worst = pick(dead_rows, seen, DeadRows(limit=Percent(0.2)))

    assert worst.share > 0.2
    assert "public.orders: 9000 dead rows" in worst.note
    assert pick(dead_rows, seen, DeadRows(limit=Percent(0.2), min_rows=1_000_000)).share == 0


def test_a_table_that_changes_and_was_never_analysed_is_stale(server):
    server.become(sql=["CREATE TABLE lines (n int) WITH (autovacuum_enabled = false)", "INSERT INTO lines SELECT generate_series(1, 5000)"])
    seen = look("database_tables", database(server.connection()))

    assert "public.lines: 5000 rows changed, never analysed" in str(pick(stale_statistics, seen, Statistics()).count)
    assert pick(stale_statistics, seen, Statistics(min_rows=6000)).count == 0


def test_a_table_analysed_too_long_ago_is_stale_only_when_it_changed(server):
    server.become(sql=["UPDATE orders SET amount = amount + 1"])
    seen = look("database_tables", database(server.connection()))

    assert pick(stale_statistics, seen, Statistics(older_than=Duration(0.0001))).count == 1
    assert pick(stale_statistics, seen, Statistics()).count == 0


def test_an_index_that_failed_to_build_is_named(server):
    with server.superuser() as administrator:
        administrator.execute(
            "INSERT INTO audit_events (actor, action, created_at) SELECT actor, action, created_at FROM audit_events LIMIT 1"
        )
        with pytest.raises(psycopg.errors.UniqueViolation):
            administrator.execute("CREATE UNIQUE INDEX CONCURRENTLY twice ON audit_events (created_at)")
    seen = look("database_tables", database(server.connection()))
    with server.superuser() as administrator:
        administrator.execute("DROP INDEX twice")

    assert "public.twice" in str(seen.invalid_indexes)


def test_a_wide_sequence_ends_with_its_narrow_column(server):
    sql = ["CREATE TABLE small (id int)", "CREATE SEQUENCE wide AS bigint OWNED BY small.id", "SELECT setval('wide', 2000000000)"]
    server.become(sql=[*sql, "GRANT SELECT ON SEQUENCE wide TO muster"])

    worst = pick(sequence_use, look("database_tables", database(server.connection())))

    assert worst.share > 0.9
    assert worst.note == "public.wide"


def test_a_sequence_that_may_not_be_read_is_unknown(server):
    server.become(sql=["CREATE SEQUENCE hidden"])

    with pytest.raises(CouldNotLook, match=r"may not be read, such as public\.hidden"):
        pick(sequence_use, look("database_tables", database(server.connection())))


def test_a_database_without_tables_says_so(server):
    seen = look("database_tables", database(server.connection(dbname="postgres")))

    assert (seen.looked_at, seen.note) == (0, "the database has no user table")
