"""The monitoring role of deploy/postgresql-readonly.sql: it sees all that the probes ask, and the server refuses it all else."""

from collections.abc import Iterator

import psycopg
import pytest

from muster.probes import begin
from sandbox.world import Session
from sandbox.worlds.platform_service.database import ROLE
from tests.probes.database_servers import PROBES_OF_DATABASES, Server, database, look, make_database, running_server

OFF = ("SET default_transaction_read_only = off", "SET search_path = public", "SET statement_timeout = 0", "SET lock_timeout = 0")
FORBIDDEN = (
    # rows
    "INSERT INTO public.orders (status, amount, created_at) VALUES ('x', 1, now())",
    "INSERT INTO public.audit_events (actor, action, created_at) VALUES ('x', 'x', now())",
    "UPDATE public.orders SET status = 'x'",
    "UPDATE public.audit_events SET created_at = created_at",
    "DELETE FROM public.orders",
    "DELETE FROM public.audit_events WHERE created_at < now()",
    "TRUNCATE public.audit_events",
    "MERGE INTO public.orders o USING (SELECT 1 AS id) n ON o.id = n.id WHEN MATCHED THEN DELETE",
    "SELECT * FROM public.orders",
    "SELECT actor FROM public.audit_events",
    "SELECT * FROM public.audit_events FOR UPDATE",
    "SELECT created_at FROM public.audit_events FOR SHARE",
    "COPY public.orders FROM STDIN",
    "COPY public.orders TO STDOUT",
    "DO $$ BEGIN LOCK TABLE public.orders IN ACCESS EXCLUSIVE MODE; END $$",
    "DO $$ BEGIN LOCK TABLE public.audit_events IN ACCESS SHARE MODE; END $$",
    "SELECT nextval('public.orders_id_seq')",
    "SELECT setval('public.orders_id_seq', 1)",
    # objects
    "CREATE TABLE public.x ()",
    "CREATE TEMPORARY TABLE x ()",
    "CREATE TABLE x AS SELECT 1",
    "SELECT 1 AS one INTO public.x",
    "SELECT 1 AS one INTO TEMPORARY x",
    "CREATE VIEW public.x AS SELECT 1",
    "CREATE MATERIALIZED VIEW public.x AS SELECT 1",
    "CREATE SEQUENCE public.x",
    "CREATE TYPE public.x AS (a int)",
    "CREATE FUNCTION public.x() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE FUNCTION pg_temp.x() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE SCHEMA x",
    "CREATE EXTENSION pgcrypto",
    "CREATE INDEX ON public.orders (status)",
    "CREATE RULE x AS ON SELECT TO public.orders DO ALSO NOTHING",
    "CREATE DATABASE x",
    "CREATE ROLE x",
    "CREATE PUBLICATION x FOR ALL TABLES",
    "CREATE SUBSCRIPTION x CONNECTION 'host=127.0.0.1' PUBLICATION x",
    "CREATE EVENT TRIGGER x ON ddl_command_start EXECUTE FUNCTION public.x()",
    "ALTER TABLE public.orders ADD COLUMN x int",
    "DROP TABLE public.orders",
    "DROP DATABASE platform_db",
    "COMMENT ON TABLE public.orders IS 'x'",
    "REINDEX TABLE public.orders",
    "CLUSTER public.orders USING orders_created_at",
    "GRANT SELECT ON public.orders TO muster",
    "GRANT platform TO muster",
    "ALTER DEFAULT PRIVILEGES FOR ROLE platform GRANT SELECT ON TABLES TO muster",
    # roles and settings
    "SET ROLE platform",
    "SET ROLE postgres",
    "SET SESSION AUTHORIZATION platform",
    "ALTER ROLE platform PASSWORD 'x'",
    "ALTER ROLE muster SUPERUSER",
    "ALTER ROLE muster CONNECTION LIMIT -1",
    "ALTER SYSTEM SET work_mem = '1GB'",
    "ALTER DATABASE platform_db SET work_mem = '1GB'",
    "SET log_statement = 'none'",
    "SET session_replication_role = replica",
    # the server
    "CHECKPOINT",
    "SELECT pg_reload_conf()",
    "SELECT pg_rotate_logfile()",
    "SELECT pg_switch_wal()",
    "SELECT pg_create_restore_point('x')",
    "SELECT pg_backup_start('x')",
    "SELECT pg_promote()",
    "SELECT pg_wal_replay_pause()",
    "SELECT pg_stat_reset()",
    "SELECT pg_stat_reset_shared('bgwriter')",
    "SELECT public.pg_stat_statements_reset()",
    "SELECT pg_create_physical_replication_slot('x')",
    "SELECT pg_create_logical_replication_slot('x', 'test_decoding')",
    "SELECT pg_drop_replication_slot('x')",
    "SELECT pg_logical_emit_message(false, 'x', 'y')",
    "SELECT pg_replication_origin_create('x')",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'platform'",
    "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE usename = 'platform'",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres'",
    # files and programs
    "COPY (SELECT 1) TO PROGRAM 'touch /tmp/x'",
    "COPY (SELECT 1) TO '/tmp/muster-x'",
    "COPY public.orders FROM PROGRAM 'id'",
    "SELECT pg_read_file('PG_VERSION')",
    "SELECT pg_read_binary_file('PG_VERSION')",
    "SELECT pg_ls_dir('.')",
    "SELECT pg_stat_file('PG_VERSION')",
    "SELECT lo_import('/etc/hostname')",
    "SELECT lo_export(1, '/tmp/muster-x')",
    "SELECT lo_create(0)",
    "SELECT lo_creat(-1)",
    "SELECT lo_from_bytea(0, 'x')",
    "SELECT rolpassword FROM pg_authid",
    "SELECT * FROM pg_hba_file_rules",
    "LOAD 'auto_explain'",
    # hidden in code
    "DO $$ BEGIN INSERT INTO public.orders (status, amount, created_at) VALUES ('x', 1, now()); END $$",
    "DO $$ BEGIN SET default_transaction_read_only = off; DELETE FROM public.orders; END $$",
    "DO $$ BEGIN EXECUTE 'CREATE TABLE public.x ()'; END $$",
    "EXPLAIN ANALYZE DELETE FROM public.orders",
    "WITH gone AS (DELETE FROM public.orders RETURNING 1) SELECT count(*) FROM gone",
    "SELECT query_to_xml('SELECT * FROM public.orders', true, true, '')",
    # more ways to make, to take over and to reach elsewhere
    "CREATE DOMAIN public.x AS int",
    "CREATE AGGREGATE public.x (int) (sfunc = int4pl, stype = int)",
    "CREATE OPERATOR public.=== (leftarg = int, rightarg = int, function = int4eq)",
    'CREATE COLLATION public.x FROM "C"',
    "CREATE TEXT SEARCH CONFIGURATION public.x (copy = pg_catalog.english)",
    "CREATE STATISTICS public.x ON status, amount FROM public.orders",
    "CREATE POLICY x ON public.orders USING (true)",
    "CREATE TRIGGER x BEFORE INSERT ON public.orders FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "CREATE TABLE public.x (LIKE public.orders)",
    "CREATE FOREIGN DATA WRAPPER x",
    "CREATE LANGUAGE x HANDLER plpgsql_call_handler",
    "CREATE TABLESPACE x LOCATION '/tmp'",
    "CREATE CAST (text AS jsonb) WITH INOUT",
    "ALTER TABLE public.orders OWNER TO muster",
    "ALTER TABLE public.orders DISABLE TRIGGER ALL",
    "ALTER TABLE public.orders SET (autovacuum_enabled = true)",
    "ALTER DATABASE platform_db RENAME TO x",
    "ALTER ROLE platform NOLOGIN",
    "DROP OWNED BY platform",
    "DROP ROLE platform",
    "REASSIGN OWNED BY platform TO muster",
    "SELECT pg_replication_slot_advance('x', '0/1')",
    "SELECT pg_logical_slot_get_changes('x', NULL, NULL)",
    "SELECT pg_replication_origin_drop('x')",
    "SELECT pg_replication_origin_session_setup('x')",
    "SELECT pg_log_backend_memory_contexts(pg_backend_pid())",
    "SELECT pg_stat_reset_single_table_counters('public.orders'::regclass)",
    "SELECT pg_stat_reset_slru(NULL)",
    "SELECT pg_wal_replay_resume()",
    "SELECT pg_backup_stop()",
    "SELECT setval('public.audit_events_id_seq', 1, false)",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT pg_ls_dir('/')",
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "SELECT * FROM pg_largeobject",
)  # fmt: skip
SKIPPED = ("VACUUM public.orders", "ANALYZE public.orders")
"""The server warns and does nothing."""


UNREFUSED = (
    "SELECT pg_advisory_lock(1)",
    "NOTIFY x",
    "LISTEN x",
    "SELECT pg_sleep(0)",
    "SELECT pg_current_xact_id()",
    "SET work_mem = '64MB'",
    "ALTER ROLE muster SET work_mem = '4MB'",
    "ALTER ROLE muster RESET work_mem",
)
"""A role that may log in may do these; the header of the file says so."""


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("postgres"), sessions=[Session("", user="platform"), Session("")]) as made:
        yield made


STATE = """
SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM audit_events), (SELECT last_value FROM orders_id_seq),
       (SELECT count(*) FROM pg_class), (SELECT count(*) FROM pg_proc), (SELECT count(*) FROM pg_type), (SELECT count(*) FROM pg_roles),
       (SELECT count(*) FROM pg_database), (SELECT count(*) FROM pg_largeobject_metadata), (SELECT count(*) FROM pg_replication_slots),
       (SELECT count(*) FROM pg_stat_activity WHERE usename = 'platform')
"""
"""What a successful statement of the list would have changed."""


@pytest.fixture(scope="module")
def administrator(server) -> Iterator["psycopg.Connection"]:
    """A session that may do everything."""
    with server.superuser() as connection:
        yield connection


@pytest.fixture(scope="module")
def attacker(server) -> Iterator["psycopg.Connection"]:
    """A session of the role as an attacker has it: none of our own fences."""
    given = {"host": "127.0.0.1", "port": server.real.port, "dbname": "platform_db", "user": "muster"}
    with psycopg.connect(**given, password=make_database().passwords["muster"], autocommit=True, prepare_threshold=None) as connection:
        yield connection


@pytest.fixture
def as_muster(attacker):
    """That session as new."""
    attacker.execute("DISCARD ALL")
    return attacker


@pytest.mark.parametrize("probe", PROBES_OF_DATABASES)
def test_the_role_sees_all_that_a_probe_asks(server, probe):
    begin(60)

    assert look(probe, database(server.connection(), slow_statements={"slower_than": "1s"})).looked_at >= (probe != "database_replication")


@pytest.mark.parametrize("override", [False, True], ids=["as-it-is", "settings-taken-off"])
@pytest.mark.parametrize("statement", FORBIDDEN)
def test_the_server_refuses(administrator, as_muster, statement, override):
    before = administrator.execute(STATE).fetchone()
    for setting in OFF if override else ():
        as_muster.execute(setting)

    with pytest.raises(psycopg.Error) as refusal:
        as_muster.execute(statement)

    # A statement that is merely wrong would be refused everybody, and prove nothing.
    assert override is False or refusal.value.sqlstate in ("42501", "0LP01"), refusal.value
    assert refusal.value.sqlstate is not None
    assert administrator.execute(STATE).fetchone() == before


@pytest.mark.parametrize("statement", SKIPPED)
def test_the_server_does_nothing_but_warn(as_muster, statement):
    notices = []
    as_muster.add_notice_handler(lambda notice: notices.append(notice.message_primary))
    as_muster.execute("SET default_transaction_read_only = off")

    as_muster.execute(statement)

    assert any("permission denied" in notice or "skipping" in notice for notice in notices)


def test_a_hundred_writes_and_side_effects_are_tried():
    assert len(set(FORBIDDEN)) > 120


@pytest.mark.parametrize("statement", UNREFUSED)
def test_what_no_privilege_refuses_is_what_the_file_says(as_muster, statement):
    for setting in OFF:
        as_muster.execute(setting)

    as_muster.execute(statement)


def test_the_role_has_its_settings_and_few_connections(as_muster):
    settings = dict(as_muster.execute("SELECT name, setting FROM pg_settings").fetchall())
    (limit, superuser, bypass) = as_muster.execute(
        "SELECT rolconnlimit, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = 'muster'"
    ).fetchone()

    assert (settings["default_transaction_read_only"], settings["search_path"], settings["lock_timeout"]) == ("on", '""', "1000")
    assert (limit, superuser, bypass) == (5, False, False)


def test_running_the_file_again_changes_nothing(server, administrator):
    administrator.execute(ROLE.read_text())

    test_the_role_sees_all_that_a_probe_asks(server, "database_server")
