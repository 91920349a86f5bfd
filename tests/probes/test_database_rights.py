"""What a PostgreSQL server says that our login may do; and that deploy/postgresql-readonly.sql grants what is needed and no more."""

import re
from collections.abc import Iterator

import pytest

from muster.guard import IdentityRights
from muster.kinds.base import bind
from muster.kinds.identities import OwnIdentity
from muster.probes import PROBES, CouldNotLook
from sandbox.worlds.platform_service.database import ROLE
from tests.probes.database_servers import Server, database, look

pytestmark = pytest.mark.usefixtures("unhurried")
FILE = re.sub(r"--[^\n]*", "", ROLE.read_text())


def asked(server: Server, *rights: str, user: str = "muster") -> IdentityRights:
    """What the probe says of a login, with these rights declared."""
    connection = server.connection(user, allow={"rights": list(rights)})
    identity = bind(OwnIdentity.model_validate({"name": "database", "connection": "database"}), "shop/test", {"database": connection})
    seen = PROBES["identity_rights"].function(own_identity=identity)
    assert isinstance(seen, IdentityRights)
    return seen


@pytest.fixture
def changed(server: Server) -> Iterator[Server]:
    """The server as its world says, made again after a test that changes it."""
    yield server
    server.become(settings={"work_mem": "5MB"})
    server.become()


def test_the_role_of_the_file_may_only_look(server: Server) -> None:
    seen = asked(server)

    assert seen.surplus.things == ()
    assert seen.seen.startswith("muster at postgresql 127.0.0.1:")


SURPLUS = {
    "ALTER ROLE muster SUPERUSER": "SUPERUSER",
    "ALTER ROLE muster CREATEDB": "CREATEDB",
    "ALTER ROLE muster CREATEROLE": "CREATEROLE",
    "ALTER ROLE muster REPLICATION": "REPLICATION",
    "ALTER ROLE muster BYPASSRLS": "BYPASSRLS",
    "GRANT INSERT ON orders TO muster": "INSERT on table public.orders",
    "GRANT UPDATE (status) ON orders TO muster": "UPDATE on table public.orders",
    "GRANT DELETE ON orders TO PUBLIC": "DELETE on table public.orders",
    "GRANT TRUNCATE ON orders TO muster": "TRUNCATE on table public.orders",
    "GRANT TRIGGER ON orders TO muster": "TRIGGER on table public.orders",
    "GRANT SELECT ON orders TO muster WITH GRANT OPTION": "SELECT WITH GRANT OPTION on table public.orders",
    "CREATE VIEW late AS SELECT * FROM orders; GRANT INSERT ON late TO muster": "INSERT on table public.late",
    "GRANT USAGE ON SEQUENCE orders_id_seq TO muster": "USAGE on sequence public.orders_id_seq",
    "GRANT CREATE ON SCHEMA public TO PUBLIC": "CREATE on schema public",
    "GRANT CREATE ON DATABASE platform_db TO muster": "CREATE on database platform_db",
    "GRANT TEMPORARY ON DATABASE platform_db TO PUBLIC": "TEMPORARY on database platform_db",
    "GRANT pg_write_all_data TO muster": "member of pg_write_all_data",
    "GRANT pg_read_all_data TO muster": "member of pg_read_all_data",
    "GRANT pg_read_server_files TO muster": "member of pg_read_server_files",
    "GRANT pg_write_server_files TO muster": "member of pg_write_server_files",
    "GRANT pg_execute_server_program TO muster": "member of pg_execute_server_program",
    "GRANT pg_signal_backend TO muster": "member of pg_signal_backend",
    "GRANT pg_checkpoint TO muster": "member of pg_checkpoint",
    "GRANT postgres TO muster": "SUPERUSER as postgres",
    "CREATE ROLE maker CREATEDB; GRANT maker TO muster": "CREATEDB as maker",
    "CREATE ROLE writer; GRANT DELETE ON orders TO writer; ALTER ROLE muster NOINHERIT; GRANT writer TO muster": (
        "DELETE on table public.orders"
    ),
    "CREATE ROLE reader; GRANT reader TO muster WITH ADMIN OPTION": "grant membership of reader",
    "CREATE TABLE mine (); ALTER TABLE mine OWNER TO muster": "owner of table public.mine",
    "ALTER DATABASE platform_db OWNER TO muster": "owner of database platform_db",
    "GRANT EXECUTE ON FUNCTION pg_read_file(text) TO muster": "EXECUTE on function pg_read_file(text)",
    "GRANT EXECUTE ON FUNCTION pg_reload_conf() TO muster": "EXECUTE on function pg_reload_conf()",
    "GRANT EXECUTE ON FUNCTION pg_switch_wal() TO PUBLIC": "EXECUTE on function pg_switch_wal()",
    "GRANT EXECUTE ON FUNCTION lo_create(oid) TO PUBLIC": "EXECUTE on function lo_create(oid)",
    "GRANT EXECUTE ON FUNCTION pg_logical_emit_message(boolean, text, text) TO muster": (
        "EXECUTE on function pg_logical_emit_message(boolean,text,text)"
    ),
    "CREATE FUNCTION wipe() RETURNS void LANGUAGE sql SECURITY DEFINER AS 'DELETE FROM public.orders'": "EXECUTE on function public.wipe()",
    "GRANT ALTER SYSTEM ON PARAMETER log_statement TO muster": "ALTER SYSTEM on parameter log_statement",
    "GRANT SET ON PARAMETER session_replication_role TO muster": "SET on parameter session_replication_role",
}


@pytest.mark.parametrize("given", SURPLUS)
def test_a_right_beyond_reading_is_named(changed: Server, given: str) -> None:
    with changed.superuser() as superuser:
        superuser.execute(given)

    seen = asked(changed)

    named = {f"{verb} {thing}".strip() for each in seen.surplus.things for *verbs, thing in [_parted(each)] for verb in verbs}
    assert SURPLUS[given] in named, seen
    assert SURPLUS[given].split(" ")[-1] in seen.note
    assert asked(changed, *named).surplus == 0


def _parted(finding: str) -> tuple[str, ...]:
    """The verbs of a finding, and the thing at its end: "INSERT, UPDATE on table x"."""
    verbs, mark, rest = next((parts for word in (" on ", " of ", " as ") if (parts := finding.partition(word))[1]), (finding, "", ""))
    return (*verbs.split(", "), f"{mark.strip()} {rest}".strip())


def test_an_application_is_seen_for_what_it_is(server: Server) -> None:
    seen = asked(server, user="platform")

    assert "owner of table public.orders" in seen.surplus.things
    assert any(each.startswith("DELETE, INSERT") for each in seen.surplus.things)


def test_a_function_that_only_reads_as_its_owner_is_no_surplus(changed: Server) -> None:
    with changed.superuser() as superuser:
        superuser.execute(
            "CREATE FUNCTION counted() RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT count(*) FROM public.orders'"
        )

    assert asked(changed).surplus == 0


NEEDED = {
    "GRANT pg_read_all_stats TO muster": ("REVOKE pg_read_all_stats FROM muster", "database_sessions"),
    "GRANT EXECUTE ON FUNCTION pg_catalog.pg_ls_waldir() TO muster": (
        "REVOKE EXECUTE ON FUNCTION pg_catalog.pg_ls_waldir() FROM muster",
        "database_server",
    ),
    "GRANT CONNECT ON DATABASE %I TO muster": (
        "REVOKE CONNECT ON DATABASE platform_db FROM PUBLIC, muster",
        "database_server",
    ),
    "GRANT USAGE ON SCHEMA public TO muster": ("REVOKE USAGE ON SCHEMA public FROM PUBLIC, muster", "database_statements"),
    "GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO muster": (
        "REVOKE SELECT ON ALL SEQUENCES IN SCHEMA public FROM muster",
        "database_tables",
    ),
}
"""Each grant of the file: what takes it away, with what everybody has, and the probe that then sees less."""
LATER = {"GRANT pg_use_reserved_connections TO muster"}
"""Grants of versions that these tests do not run."""


def test_the_file_grants_nothing_that_is_not_shown_to_be_needed() -> None:
    assert {" ".join(each.split()) for each in re.findall(r"GRANT\s[^;']+", FILE)} == set(NEEDED) | LATER


@pytest.mark.parametrize("grant", NEEDED)
def test_without_a_grant_of_the_file_a_probe_sees_less(changed: Server, grant: str) -> None:
    taken, probe = NEEDED[grant]
    entity = database(changed.connection(), slow_statements={"slower_than": "1s"})
    before = look(probe, entity)
    with changed.superuser() as superuser:
        superuser.execute(taken)

    try:
        after = look(probe, entity)
    except CouldNotLook:
        return
    if probe == "database_server":
        assert (before.wal is None, after.wal is None) == (False, True)
    else:
        assert probe == "database_tables"
        assert (before.unreadable, len(after.unreadable)) == ((), 3)  # a sequence for each table that has one


TAKEN = {
    "GRANT TEMPORARY ON DATABASE platform_db TO PUBLIC": "REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC",
    "GRANT CREATE ON SCHEMA public TO PUBLIC": "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    "GRANT EXECUTE ON FUNCTION lo_create(oid) TO PUBLIC": "REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC",
}
"""What the file takes from everybody, and would be a right too many: see SURPLUS."""


def test_what_the_file_takes_from_everybody_would_be_found() -> None:
    assert {" ".join(each.split()) for each in re.findall(r"REVOKE\s[^;']+", FILE)} == set(TAKEN.values())
    assert set(TAKEN) <= set(SURPLUS)
