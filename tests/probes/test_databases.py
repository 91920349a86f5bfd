"""Looking at a real database: its sessions, tables, server and statements, healthy and not."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from pydantic import TypeAdapter

from fixtures.database_server import archiving, corruption, last_archived
from fixtures.database_statements import missing_extensions, slow_statements
from fixtures.database_tables import dead_rows, sequence_use, stale_statistics
from fixtures.database_volume import VolumeClaims, volume_use
from fixtures.databases import blocked_sessions, connection_use, idle_transactions, long_queries
from muster.kinds.base import bind
from muster.kinds.postgresql import Blocked, Database, DeadRows, Extensions, Lasting, SlowStatements, Statistics
from muster.probes import CouldNotLook, Nothing, begin
from muster.units import ByteSize, Duration, Percent
from sandbox.world import Session
from tests.probes.database_servers import Server, database, look, passwords, pick

PROBES = ("database_sessions", "database_tables", "database_server", "database_replication", "database_extensions", "database_statements")
AT_ONCE = Lasting(longer_than=Duration(0.0001))
UPDATE = "UPDATE orders SET status = 'returned' WHERE id = 1"


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("postgres"))
    with passwords():
        yield made
    made.real.stop()


@pytest.fixture(autouse=True)
def healthy(server):
    """The server as its world says; nothing is done where it is so already."""
    begin(60)
    server.become()


@pytest.mark.parametrize("probe", PROBES)
def test_what_a_probe_saw_survives_being_saved(server, probe):
    seen = look(probe, database(server.connection()))

    adapter = TypeAdapter(type(seen))

    assert adapter.validate_json(adapter.dump_json(seen), context="saved") == seen
    assert "platform_db, primary, system" in seen.seen


@pytest.mark.parametrize("probe", [each for each in PROBES if each not in ("database_tables", "database_extensions")])
def test_a_login_that_does_not_see_others_is_unknown_and_not_green(server, probe):
    with pytest.raises(CouldNotLook, match="lacks pg_read_all_stats"):
        look(probe, database(server.connection("platform")))


def test_a_probe_leaves_no_session_behind(server):
    look("database_sessions", database(server.connection()))

    with server.superuser() as administrator:
        query = "select count(*) from pg_stat_activity where application_name = 'muster' and state <> 'active' and clock_timestamp() > state_change + interval '5 s'"
        assert administrator.execute(query).fetchone() == (0,)


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

    assert seen.looked_at == 2
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
        administrator.execute("INSERT INTO audit_events (actor, action, created_at) SELECT actor, action, created_at FROM audit_events LIMIT 1")
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

    with pytest.raises(CouldNotLook, match="may not be read, such as public.hidden"):
        pick(sequence_use, look("database_tables", database(server.connection())))


def test_a_database_without_tables_says_so(server):
    seen = look("database_tables", database(server.connection(dbname="postgres")))

    assert (seen.looked_at, seen.note) == (0, "the database has no user table")


def test_the_server_is_measured(server):
    seen = look("database_server", database(server.connection()))

    assert ByteSize(5_000_000) < seen.size < seen.all_databases
    assert seen.wal >= 2**20
    assert seen.volume == seen.all_databases + seen.wal
    assert 0 <= seen.wraparound < 0.01
    assert seen.superusers.things == ("postgres",)
    assert pick(corruption, seen).failures == 0


def test_a_corrupt_page_is_counted(server):
    with server.superuser() as administrator:
        administrator.execute("CREATE DATABASE victim TEMPLATE template0 STRATEGY file_copy")
    with server.superuser("victim") as administrator:
        # Copied as files, so that none of its pages is in the server's memory yet.
        folder, path = administrator.execute("SELECT current_setting('data_directory'), pg_relation_filepath('pg_description')").fetchone()
        with (Path(folder) / path).open("r+b") as file:
            file.seek(4000)
            file.write(b"\xff" * 64)
        with pytest.raises(psycopg.errors.DataCorrupted):
            administrator.execute("SELECT count(*) FROM pg_description")
    seen = look("database_server", database(server.connection()))
    with server.superuser() as administrator:
        administrator.execute("DROP DATABASE victim WITH (FORCE)")

    assert pick(corruption, seen).failures >= 1


def test_without_checksums_corruption_would_not_be_noticed(server):
    seen = look("database_server", database(server.connection()))

    without = type(seen)(**{**vars(seen), "checksums": False})

    assert isinstance(pick(corruption, without), Nothing)


def test_archiving_that_is_off_is_no_archiving(server):
    seen = look("database_server", database(server.connection()))

    assert not pick(archiving, seen).works
    assert "archive_mode = off" in pick(last_archived, seen).note


@pytest.mark.parametrize(("command", "works"), [("true", True), ("false", False)])
def test_the_archiver_is_judged_by_its_last_attempt(server, command, works):
    server.become(settings={"archive_mode": "on", "archive_command": command})
    with server.superuser() as administrator:
        administrator.execute("SELECT pg_switch_wal()")
        counted = "SELECT archived_count + failed_count FROM pg_stat_archiver"
        while administrator.execute(counted).fetchone() == (0,):
            pass

    seen = look("database_server", database(server.connection()))

    assert pick(archiving, seen).works is works
    assert isinstance(pick(last_archived, seen), Nothing) is not works
    if not works:
        assert "failed" in pick(archiving, seen).note


def test_a_volume_is_compared_with_its_claim(server):
    seen = look("database_server", database(server.connection()))
    volume = {"connection": "cluster", "claim": "data-postgres-0"}
    made = Database.model_validate({"name": "d", "connection": "database", "volume": volume, "expect": {"volume_used": "80%"}})
    entity = bind(made, "s/e", {"database": server.connection()})
    claims = VolumeClaims(looked_at=1, of="claims", capacity={"data-postgres-0": ByteSize(seen.volume * 2)})

    assert pick(volume_use, seen, claims, entity).share == Percent(0.5)
    assert isinstance(pick(volume_use, seen, VolumeClaims(looked_at=1, of="claims", capacity={}), entity), Nothing)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"sql": ["DROP EXTENSION pg_stat_statements"]}, "not installed"), ({"settings": {"shared_preload_libraries": ""}}, "must be loaded")],
)
def test_an_extension_that_does_not_answer_is_missing(server, changes, reason):
    server.become(**changes)
    entity = database(server.connection())

    missing = pick(missing_extensions, look("database_extensions", entity), Extensions(names=("pg_stat_statements",)))
    statements = look("database_statements", entity)

    assert missing.count == 1
    assert reason in str(missing.count)
    assert isinstance(statements, Nothing)
    assert reason in statements.note


def test_a_slow_and_frequent_statement_is_named_by_its_id(server):
    server.become(sql=["SELECT pg_sleep(0.02), 'secret literal'"] * 5)
    terms = SlowStatements(slower_than=Duration(0.01), calls_above=4)
    limit = {"slower_than": "10ms", "calls_above": 4}

    seen = look("database_statements", database(server.connection(), slow_statements=limit))

    assert pick(slow_statements, seen, terms).count == 1
    assert "over 5 calls" in str(pick(slow_statements, seen, terms).count)
    assert "pg_sleep" not in repr(seen)
    assert pick(slow_statements, seen, SlowStatements(slower_than=Duration(0.01), calls_above=5)).count == 0
