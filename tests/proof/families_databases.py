"""Unlisted faults of the database and of those who log in to it."""

from collections.abc import Callable

from sandbox.world import Database, Served, Session, World
from tests.proof.unlisted import UNKNOWN, VIOLATED, Unlisted

OPENS, IDLE = "test_application_opens_a_database_session[application]", "test_no_session_idles_in_a_transaction[platform-db]"
TAKEN = "test_connections_stay_under_the_servers_limit[platform-db]"
OLDEST = "test_reading_is_between[oldest-audit-event]"
TOUCH = "UPDATE orders SET status = 'returned' WHERE id = 1"
LINES = "CREATE TABLE shop.lines (n int) WITH (autovacuum_enabled = false)"
ADVISORY = "SELECT pg_advisory_lock(1)"
READABLE = "REVOKE SELECT (created_at) ON audit_events FROM muster"


def _database(world: World) -> Database:
    return world.databases["database"]


def _sql(*statements: str) -> Callable[[World], None]:
    return lambda world: _database(world).sql.extend(statements)


def _hold(session: Session) -> Callable[[World], None]:
    return lambda world: _database(world).sessions.append(session)


def _role_limited(world: World) -> None:
    _database(world).sql.append("ALTER ROLE platform CONNECTION LIMIT 10")
    _database(world).sessions.append(Session("", user="platform", count=9))


def _renamed_database(world: World) -> None:
    _database(world).name = "another_db"


def _prepared(world: World) -> None:
    """A transaction was prepared, and whoever should commit it is gone."""
    _database(world).settings["max_prepared_transactions"] = "5"
    _database(world).sessions.append(Session(f"{TOUCH}; PREPARE TRANSACTION 'left'", transaction=True))


def _setting(name: str, value: str) -> Callable[[World], None]:
    return lambda world: _database(world).settings.update({name: value})


FAMILIES = (
    Unlisted(
        "a table of another schema was never analysed",
        _sql("CREATE SCHEMA shop", LINES, "INSERT INTO shop.lines SELECT generate_series(1, 20000)"),
        VIOLATED,
        ("test_planner_statistics_are_fresh[platform-db]",),
        "shop.lines",
    ),
    Unlisted(
        "we may not read a sequence that nears its end",
        _sql("CREATE TABLE invoices (id serial PRIMARY KEY)", "SELECT setval('invoices_id_seq', 1932735282)"),
        UNKNOWN,
        ("test_no_sequence_nears_its_end[platform-db]",),
        "invoices_id_seq",
    ),
    Unlisted(
        "a transaction was aborted and left open",
        _hold(Session("SELECT 1/0", transaction=True, user="platform", waits=True)),
        VIOLATED,
        (IDLE,),
        "idle in transaction",
    ),
    Unlisted("a role nears its own connection limit", _role_limited, VIOLATED, (TAKEN,), "role platform"),
    Unlisted("the application may not log in any more", _sql("ALTER ROLE platform NOLOGIN"), VIOLATED, (OPENS,), "not permitted to log in"),
    Unlisted(
        "the application's password has expired", _sql("ALTER ROLE platform VALID UNTIL '2001-01-01'"), VIOLATED, (OPENS,), "password"
    ),
    Unlisted("a prepared transaction was left behind", _prepared, VIOLATED, (IDLE,), "prepared transaction since", (OPENS,)),
    Unlisted("the server does not track what runs", _setting("track_activities", "off"), UNKNOWN, (IDLE, TAKEN), "track_activities is off"),
    Unlisted(
        "the server does not count its rows",
        _setting("track_counts", "off"),
        UNKNOWN,
        ("test_dead_rows_are_kept_low[platform-db]", "test_planner_statistics_are_fresh[platform-db]"),
        "track_counts is off",
        (OPENS, IDLE),
    ),
    Unlisted(
        "statement statistics are of an old version",
        _sql("DROP EXTENSION pg_stat_statements", "CREATE EXTENSION pg_stat_statements VERSION '1.7'"),
        UNKNOWN,
        ("test_no_frequent_statement_is_slow[platform-db]",),
        "pg_stat_statements is of an old version",
    ),
    Unlisted(
        "the database has a connection limit of its own",
        lambda world: [_sql("ALTER DATABASE platform_db CONNECTION LIMIT 12")(world), _hold(Session("", user="platform", count=9))(world)],
        VIOLATED,
        (TAKEN,),
        "of the database",
    ),
    Unlisted("the audit table was emptied", _sql("TRUNCATE audit_events"), VIOLATED, (OLDEST,), "NULL"),
    Unlisted("the audit table is gone", _sql("DROP TABLE audit_events"), VIOLATED, (OLDEST,), "does not exist"),
    Unlisted("we may not read the audit table", _sql("REVOKE ALL ON audit_events FROM muster", READABLE), UNKNOWN, (OLDEST,), "permission"),
    Unlisted(
        "an advisory lock holds up a session",
        lambda world: [_hold(Session(ADVISORY))(world), _hold(Session(ADVISORY, user="platform", waits=True))(world)],
        VIOLATED,
        ("test_no_session_waits_long_for_a_lock[platform-db]",),
        "waits for pid",
    ),
    Unlisted(
        "the database's certificate is of another host",
        lambda world: setattr(_database(world), "certificate", Served(names=["db.example"])),
        VIOLATED,
        ("test_served_certificate_is_trusted[database]", OPENS),
        "mismatch",
    ),
    Unlisted(
        "the database offers no TLS",
        lambda world: setattr(_database(world), "certificate", None),
        VIOLATED,
        ("test_served_certificate_is_trusted[database]", OPENS),
        "TLS",
    ),
    Unlisted("a table is locked", _hold(Session("LOCK TABLE audit_events", transaction=True)), UNKNOWN, (OLDEST,), "lock", (OPENS,)),
    Unlisted("no connection is left", _hold(Session("", user="platform", count=47)), VIOLATED, (OPENS,), "connection"),
    Unlisted("the database is gone", _renamed_database, VIOLATED, (OPENS,), "does not exist"),
    Unlisted(
        "our own role's password was rotated", _sql("ALTER ROLE muster PASSWORD 'rotated'"), UNKNOWN, (TAKEN, IDLE), "muster", (OPENS,)
    ),
    Unlisted(
        "our own role lost its rights", _sql("REVOKE pg_read_all_stats FROM muster"), UNKNOWN, (TAKEN,), "pg_read_all_stats", (OPENS,)
    ),
)
