"""platform-service: its database, with the application's login and the monitoring role."""

from collections.abc import Callable
from pathlib import Path

from sandbox.world import Database, Fault, Served, Session, World

ROLE = Path(__file__).parents[3] / "deploy" / "postgresql-readonly.sql"
SCHEMA = (
    "CREATE EXTENSION pg_stat_statements",
    (
        "CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, status text NOT NULL, amount numeric NOT NULL, "
        "created_at timestamptz NOT NULL) WITH (autovacuum_enabled = false)"
    ),
    "CREATE INDEX orders_created_at ON orders (created_at)",
    (
        "CREATE TABLE audit_events (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, actor text NOT NULL, action text NOT NULL, "
        "created_at timestamptz NOT NULL)"
    ),
    (
        "INSERT INTO orders (status, amount, created_at) SELECT 'shipped', n % 97, now() - n * interval '1 minute' "
        "FROM generate_series(1, 12000) n"
    ),
    # One event every eight hours over the whole retention of 365 days.
    (
        "INSERT INTO audit_events (actor, action, created_at) SELECT 'user-' || n % 50, 'login', now() - n * interval '8 hours' "
        "FROM generate_series(0, 1095) n"
    ),
    (
        "CREATE TABLE refunds (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, order_id bigint NOT NULL REFERENCES orders, "
        "created_at timestamptz NOT NULL)"
    ),
    "INSERT INTO refunds (order_id, created_at) SELECT n * 400, now() - n * interval '6 hours' FROM generate_series(1, 30) n",
    "CREATE TABLE schema_migrations (version bigint PRIMARY KEY, applied_at timestamptz NOT NULL)",
    "INSERT INTO schema_migrations SELECT n, now() - (44 - n) * interval '9 days' FROM generate_series(1, 42) n",
    "ALTER TABLE schema_migrations OWNER TO platform",
    "ALTER TABLE orders OWNER TO platform",
    "ALTER TABLE refunds OWNER TO platform",
    "ALTER TABLE audit_events OWNER TO platform",
    # Else the rows above would count as changed after the ANALYZE below. Servers before 15 do not know this.
    "DO $$ BEGIN IF to_regproc('pg_stat_force_next_flush') IS NOT NULL THEN PERFORM pg_stat_force_next_flush(); END IF; END $$",
    "ANALYZE",
)

NAME, WEEK = "platform-db", 7 * 86400
A_WEEK_AGO = {"public.orders": 1_450_000, "public.audit_events": 147_456, "all tables": 1_720_000}
"""Bytes of tables with their indexes, a few per cent less than what the statements above make of them."""


def build(world: World, now: float) -> None:
    """Add this part to the healthy world at Unix time `now` (seconds)."""
    world.databases["database"] = Database(
        name="platform_db",
        owner="platform",
        passwords={"platform": "sandbox-platform", "muster": "sandbox-muster"},
        sql=[
            *SCHEMA,
            ROLE.read_text(),
            "GRANT SELECT (created_at) ON audit_events TO muster",
            "GRANT SELECT ON schema_migrations TO muster",
        ],
        settings={"max_connections": "50", "autovacuum_naptime": "1h"},
        certificate=Served(),
    )
    world.variables["SCHEMA_VERSION"] = "42"
    world.earlier |= {f"table-size/{NAME}/{table}": {WEEK: size} for table, size in A_WEEK_AGO.items()}


def _sql(*statements: str) -> Callable[[World], None]:
    """An edit that runs more statements as the superuser."""

    def edit(world: World) -> None:
        world.databases["database"].sql += statements

    return edit


def _sessions(*sessions: Session) -> Callable[[World], None]:
    """An edit that holds more sessions open."""

    def edit(world: World) -> None:
        world.databases["database"].sessions += sessions

    return edit


def _reject(world: World) -> None:
    world.databases["database"].access.append("host platform_db platform all reject")


def _not_preloaded(world: World) -> None:
    world.databases["database"].settings["shared_preload_libraries"] = ""


def _small_claim(world: World) -> None:
    """A claim that the few megabytes of an empty server fill to nine tenths."""
    claims = world.cluster.objects if world.cluster else []
    for claim in claims:
        if claim["kind"] == "PersistentVolumeClaim" and claim["metadata"]["name"] == "data-postgres-0":
            claim["status"]["capacity"]["storage"] = "42Mi"


def _untrusted(world: World) -> None:
    world.databases["database"].certificate = Served(issuer="foreign")


DAMAGE = (
    "CREATE TABLE damaged AS SELECT 1 AS n",
    # A page of noise at the end of the table's file, which the next reading of the table comes upon.
    (
        "DO $$ BEGIN EXECUTE format('COPY (SELECT 1) TO PROGRAM %L', 'cat > /dev/null; head -c 8192 /dev/urandom >> '"
        " || pg_relation_filepath('damaged')); END $$"
    ),
    "DO $$ BEGIN PERFORM count(*) FROM damaged; EXCEPTION WHEN data_corrupted THEN NULL; END $$",
    "DO $$ BEGIN IF to_regproc('pg_stat_force_next_flush') IS NOT NULL THEN PERFORM pg_stat_force_next_flush(); END IF; END $$",
)
UPDATE = "UPDATE orders SET status = 'returned' WHERE id = 1"
OPENS = "test_application_opens_a_database_session[application]"
QUICK = "test_application_session_opens_quickly[application]"
IDLE = "test_no_session_idles_in_a_transaction[platform-db]"
LONG = "test_no_statement_runs_for_long[platform-db]"
EXTENSIONS = "test_extensions_answer_before_they_are_needed[platform-db]"
SLOW = "test_no_frequent_statement_is_slow[platform-db]"

AUDIT = "test_reading_is_between[oldest-audit-event]"

GROWS = "test_tables_grow_within_plan[platform-db]"
LOOKED_AT = (
    GROWS,
    *(
        f"test_{name}[platform-db]"
        for name in ("connections_stay_under_the_servers_limit", "database_fits_its_volume", "dead_rows_are_kept_low")
    ),
    *(f"test_no_{name}[platform-db]" for name in ("index_is_invalid", "page_of_the_server_is_corrupt", "sequence_nears_its_end")),
    *("test_no_session_waits_long_for_a_lock[platform-db]", "test_planner_statistics_are_fresh[platform-db]"),
    *(
        "test_no_scratch_database_is_left[platform-db]",
        "test_transaction_ids_are_far_from_wraparound[platform-db]",
        "test_reading_equals[schema-version]",
        IDLE,
        LONG,
        EXTENSIONS,
        SLOW,
        AUDIT,
    ),
)
"""What the monitoring role looks at."""

FAULTS: list[Fault] = [
    Fault(
        "application-password-rotated",
        "the application's password was changed in the database, and not where the application reads it",
        _sql("ALTER ROLE platform PASSWORD 'rotated'"),
        (OPENS, QUICK),
    ),
    Fault(
        "database-rejects-application",
        "the database listens, and its access rules let the application no longer in",
        _reject,
        (OPENS, QUICK),
    ),
    Fault(
        "connections-nearly-exhausted",
        "42 of 47 client connections are taken",
        _sessions(Session("", user="platform", count=42)),
        ("test_connections_stay_under_the_servers_limit[platform-db]",),
    ),
    Fault(
        "idle-in-transaction",
        "a session holds a transaction open and does nothing",
        _sessions(Session(UPDATE, transaction=True, user="platform")),
        (IDLE,),
    ),
    Fault("long-query", "a statement runs on and on", _sessions(Session("SELECT pg_sleep(3600)", user="platform", waits=True)), (LONG,)),
    Fault(
        "lock-chain",
        "two sessions wait for a row that a third one holds",
        _sessions(
            Session(UPDATE, transaction=True, user="platform"),
            Session(UPDATE, user="platform", count=2, waits=True),
        ),
        ("test_no_session_waits_long_for_a_lock[platform-db]", IDLE, LONG),
    ),
    Fault(
        "dead-rows",
        "most of a table is dead rows that nothing cleans up",
        _sql("DELETE FROM orders WHERE id % 4 <> 0"),
        ("test_dead_rows_are_kept_low[platform-db]",),
    ),
    Fault(
        "statistics-stale",
        "autovacuum is off for a table that was filled and never analysed",
        _sql(
            "CREATE TABLE order_lines (order_id bigint, article text) WITH (autovacuum_enabled = false)",
            "INSERT INTO order_lines SELECT n, 'article ' || n FROM generate_series(1, 5000) n",
        ),
        ("test_planner_statistics_are_fresh[platform-db]",),
    ),
    Fault(
        "volume-nearly-full",
        "the database fills nine tenths of its volume",
        _small_claim,
        ("test_database_fits_its_volume[platform-db]", "test_volumes_are_large_enough[postgres-data]"),
    ),
    Fault(
        "index-invalid",
        "CREATE INDEX CONCURRENTLY failed and left its index behind",
        _sql("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'orders_created_at'::regclass"),
        ("test_no_index_is_invalid[platform-db]",),
    ),
    Fault(
        "sequence-near-its-end",
        "an integer column's sequence has used nine tenths of its numbers",
        _sql(
            "CREATE TABLE invoices (id serial PRIMARY KEY)",
            "SELECT setval('invoices_id_seq', 1932735282)",
            "GRANT SELECT ON invoices_id_seq TO muster",
        ),
        ("test_no_sequence_nears_its_end[platform-db]",),
    ),
    Fault(
        "extension-missing",
        "pg_stat_statements was never created in this database",
        _sql("DROP EXTENSION pg_stat_statements"),
        (EXTENSIONS, SLOW),
    ),
    Fault("extension-not-loaded", "pg_stat_statements is created, and the server does not load it", _not_preloaded, (EXTENSIONS, SLOW)),
    Fault(
        "page-corrupt",
        "a page of a table does not fit its checksum",
        _sql(*DAMAGE),
        ("test_no_page_of_the_server_is_corrupt[platform-db]",),
    ),
    Fault(
        "transaction-ids-nearly-used-up",
        "nothing has been frozen for a thousand million transactions",
        _sql("UPDATE pg_database SET datfrozenxid = '3294967296' WHERE datname = 'platform_db'"),
        ("test_transaction_ids_are_far_from_wraparound[platform-db]",),
    ),
    Fault(
        "database-certificate-untrusted",
        "the database presents a certificate of an authority that nobody here trusts",
        _untrusted,
        ("test_served_certificate_is_trusted[database]", OPENS, QUICK),
        hides=(*LOOKED_AT, "test_identity_may_only_look[database]"),
    ),
    Fault(
        "restore-test-left",
        "a restore test ran on the production server, and its database is still there",
        _sql("CREATE DATABASE muster_drill_of_last_month"),
        ("test_no_scratch_database_is_left[platform-db]",),
    ),
    Fault(
        "migration-missing",
        "the last migration of the code that is deployed was never run",
        _sql("DELETE FROM schema_migrations WHERE version = 42"),
        ("test_reading_equals[schema-version]",),
    ),
    Fault("slow-statement", "a frequent statement is slow", _sql(*["SELECT pg_sleep(0.03)"] * 15), (SLOW,)),
    Fault(
        "audit-events-kept-too-long",
        "the clean-up of audit events never ran: the oldest is 400 days old",
        _sql("INSERT INTO audit_events (actor, action, created_at) VALUES ('user-1', 'login', now() - interval '400 days')"),
        (AUDIT,),
    ),
    Fault(
        "audit-events-deleted-early",
        "the clean-up of audit events was too eager: the oldest is 30 days old",
        _sql("DELETE FROM audit_events WHERE created_at < now() - interval '30 days'"),
        (AUDIT,),
    ),
    Fault(
        "table-doubled",
        "a table has doubled within a week",
        _sql("INSERT INTO orders (status, amount, created_at) SELECT status, amount, created_at FROM orders", "ANALYZE"),
        (GROWS,),
    ),
]
