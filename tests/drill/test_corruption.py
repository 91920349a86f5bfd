"""amcheck over a restored copy: each kind of damage on disk is told by the name of its relation, and nothing is left behind."""

import time
from collections.abc import Iterator
from types import SimpleNamespace

import psycopg
import pytest

from drill import corruption
from muster.probes import CouldNotLook
from tests.drill.databases import NAMES, Databases, databases

MINE = "SELECT extname FROM pg_extension UNION SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' ORDER BY 1"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    with databases(tmp_path_factory.mktemp("databases")) as made:
        yield made


def check(server, name, **options):
    with server.admin(name) as admin:
        return corruption.check(admin, time.monotonic() + 60, **options)


@pytest.mark.parametrize("name", NAMES)
def test_a_healthy_copy_has_no_complaints(server, name):
    seen = check(server, server.restored(name))

    assert seen.complaints == ()
    assert seen.relations > 100
    assert seen.bytes > 10**6


def test_every_index_and_heap_is_looked_at_and_counted(server):
    said = []
    with server.admin("mdvr") as admin:
        wanted = admin.execute(
            "SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'm', 't')"
            " OR relkind = 'i' AND relam = (SELECT oid FROM pg_am WHERE amname = 'btree')"
        ).fetchall()[0][0]

    seen = check(server, "mdvr", on_progress=lambda done, of: said.append((done, of)))

    assert len(said) == seen.relations == wanted
    assert said[-1] == (seen.bytes, seen.bytes)
    assert [done for done, _ in said] == sorted(done for done, _ in said)


def test_an_index_with_a_page_of_noise_is_named(server):
    (said,) = check(server, server.overwritten("vod_tender", "chat_messages_by_vod", 3)).complaints

    assert said.startswith("public.chat_messages_by_vod: invalid page in block 3 of relation ")


def test_a_table_with_a_page_of_noise_is_named_with_all_that_reads_it(server):
    said = check(server, server.overwritten("vod_tender", "chat_messages", 3)).complaints

    assert any(each.startswith("public.chat_messages: invalid page in block 3 of relation ") for each in said)
    assert {each.partition(":")[0] for each in said} == {
        "public.chat_messages",
        "public.chat_messages_pkey",
        "public.chat_messages_by_vod",
        "public.chat_messages_lower_name",
    }


def test_a_page_of_long_values_is_named_after_its_table(server):
    server.create("long", 'CREATE TABLE "Long ones" (id int, body text)', 'ALTER TABLE "Long ones" ALTER body SET STORAGE EXTERNAL')
    server.run("long", "INSERT INTO \"Long ones\" SELECT n, repeat('x', 9000) FROM generate_series(1, 50) n", "CHECKPOINT")
    with server.admin("long") as admin:
        toast = admin.execute("SELECT reltoastrelid::regclass::text FROM pg_class WHERE relname = 'Long ones'").fetchall()[0][0]

    said = check(server, server.overwritten("long", toast)).complaints

    assert any(each.startswith('long values of public."Long ones": invalid page in block 1') for each in said)


def test_a_row_that_its_index_does_not_have_is_found_only_by_looking_for_each(server):
    copy = server.copied(
        "vod_tender",
        "CREATE FUNCTION sorted_by(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT $1'",
        "CREATE INDEX by_function ON kv (sorted_by(key))",
        "CREATE OR REPLACE FUNCTION sorted_by(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT reverse($1)'",
    )

    (said,) = check(server, copy).complaints

    assert said.startswith('public.by_function: heap tuple (0,1) from table "kv" lacks matching index tuple')
    assert check(server, copy, heap_all_indexed=False).complaints == ()


def test_an_index_out_of_order_is_named(server):
    function = "FUNCTION compared(int, int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT {} * (($1 > $2)::int - ($1 < $2)::int)'"
    copy = server.copied(
        "vod_tender",
        f"CREATE {function.format(1)}",
        "CREATE OPERATOR CLASS up FOR TYPE int USING btree AS OPERATOR 1 <, OPERATOR 3 =, FUNCTION 1 compared(int, int)",
        "CREATE INDEX out_of_order ON vods (duration_seconds up)",
        f"CREATE OR REPLACE {function.format(-1)}",
    )

    (said,) = check(server, copy).complaints

    assert said.startswith("public.out_of_order: ")
    assert said.endswith('invariant violated for index "out_of_order"')


def test_rows_that_are_older_than_their_table_says_are_named(server):
    copy = server.copied("vod_tender", "UPDATE pg_class SET relfrozenxid = txid_current()::text::xid WHERE relname = 'kv'")

    (said,) = check(server, copy).complaints

    assert said.startswith("public.kv: block 0: ")
    assert "xmin" in said


def test_a_file_that_is_not_there_is_damage(server):
    copy = server.copied("vod_tender", "CREATE TABLE lost (id int)")
    with server.admin(copy) as admin:
        path = admin.execute("SELECT pg_relation_filepath('lost')").fetchall()[0][0]
    server.run("postgres", f"COPY (SELECT 1) TO PROGRAM 'cat > /dev/null; rm {path}'")

    (said,) = check(server, copy).complaints

    assert said.startswith(f'public.lost: could not open file "{path}"')


def test_no_complaint_tells_what_a_row_holds(server):
    copy = server.copied(
        "vod_tender",
        "CREATE FUNCTION telling(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN $1; END'",
        "CREATE INDEX telling ON kv (telling(value))",
        "CREATE OR REPLACE FUNCTION telling(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RAISE ''row data %'', $1; END'",
    )

    with pytest.raises(CouldNotLook) as failure:
        check(server, copy)

    assert failure.value.reason == "SQL error P0001: RaiseException"


def test_a_hostile_name_is_one_line(server):
    copy = server.overwritten("shop", '"Odd.Names"."we""ird\ntable"', 0)

    assert {each.partition(": ")[0] for each in check(server, copy).complaints} >= {'"Odd.Names"."we""ird\\ntable"'}


@pytest.mark.parametrize("damage", [None, "kv_pkey"])
def test_nothing_is_left_behind(server, damage):
    copy = server.overwritten("vod_tender", damage, 0) if damage else server.copied("vod_tender")
    with server.admin(copy) as admin:
        before = admin.execute(MINE).fetchall()

        corruption.check(admin, time.monotonic() + 60)

        assert admin.execute(MINE).fetchall() == before


def test_nothing_is_left_behind_by_one_who_is_killed(server):
    copy = server.copied("vod_tender")

    def kill(done, of):
        server.run("postgres", f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{copy}'")

    with pytest.raises(CouldNotLook, match=r"terminating connection|connection broke"):
        check(server, copy, on_progress=kill)

    with server.admin(copy) as admin:
        assert admin.execute("SELECT FROM pg_extension WHERE extname = 'amcheck'").fetchall() == []
        assert admin.execute("SELECT FROM pg_namespace WHERE nspname = 'muster_amcheck'").fetchall() == []


def test_an_extension_of_the_dumps_own_is_used_and_stays(server):
    copy = server.copied("vod_tender", 'CREATE SCHEMA "Tools"', 'CREATE EXTENSION amcheck SCHEMA "Tools"')

    assert check(server, copy).complaints == ()
    with server.admin(copy) as admin:
        assert admin.execute("SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = 'amcheck'").fetchall() == [
            ('"Tools"',)
        ]


def test_a_time_that_is_over_is_unknown(server):
    with server.admin("vod_tender") as admin, pytest.raises(CouldNotLook, match="not every relation could be read in time"):
        corruption.check(admin, time.monotonic() - 1)


def test_an_administrator_who_is_none_is_unknown(server):
    with server.admin("postgres") as admin:
        where = {"host": admin.info.host, "port": admin.info.port}
    server.run("vod_tender", "ALTER ROLE reporting LOGIN", "GRANT CREATE ON DATABASE vod_tender TO reporting")

    with (
        psycopg.connect(**where, user="reporting", dbname="vod_tender") as weak,
        pytest.raises(CouldNotLook, match="may not create") as failure,
    ):
        corruption.check(weak, time.monotonic() + 60)

    assert failure.value.cause == "amcheck in vod_tender"


class Stand:
    """A server that lacks something, which no server here does."""

    def __init__(self, version):
        self.info = SimpleNamespace(server_version=version, dbname="copy")

    def transaction(self):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def execute(self, statement):
        assert "pg_available_extensions" in statement
        return SimpleNamespace(fetchall=list)


@pytest.mark.parametrize(("version", "why"), [(150018, "does not have the extension amcheck"), (140002, r"from 140003 \(14\.3\) on")])
def test_a_server_without_amcheck_or_with_an_unsafe_one_is_unknown(version, why):
    with pytest.raises(CouldNotLook, match=why):
        corruption.check(Stand(version), time.monotonic() + 60)
