"""How a restored copy is asked: as somebody who owns it and is nobody else, reading only, and reaching nothing but the copy."""

from collections.abc import Iterator

import psycopg
import pytest

from drill import contents, references, schema, sequences
from drill.asks import Copy, ask
from muster.probes import CouldNotLook
from tests.drill.databases import Databases, databases

TO_OWNER = """
DO $$ DECLARE c record; BEGIN
    FOR c IN SELECT oid::regclass AS t FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'm', 'v') LOOP
        EXECUTE format('ALTER TABLE %s OWNER TO restorer', c.t);
    END LOOP;
END $$
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    with databases(tmp_path_factory.mktemp("databases")) as made:
        made.run("postgres", "CREATE ROLE restorer LOGIN")
        yield made


def log_in(server, name, user):
    with server.admin("postgres") as admin:
        where = {"host": admin.info.host, "port": admin.info.port}
    return psycopg.connect(**where, dbname=name, user=user)


@pytest.mark.parametrize("name", ["vod_tender", "mdvr"])
def test_an_owner_without_any_other_right_verifies_all_of_it(server, name):
    copy = server.copied(name, TO_OWNER)
    with server.copy(copy) as mighty, log_in(server, copy, "restorer") as raw:
        weak = Copy(raw, "copy")

        assert contents.counts(weak) == contents.counts(mighty)
        assert schema.inventory(weak) == schema.inventory(mighty)
        assert references.found(references.orphans(weak, references.keys(weak))) == 0
        assert sequences.behind(weak) == 0


def test_who_may_not_read_is_told_to_log_in_as_the_owner(server):
    with log_in(server, "vod_tender", "restorer") as raw, pytest.raises(CouldNotLook, match="permission denied for table") as failure:
        contents.counts(Copy(raw, "copy"))

    assert failure.value.cause == "copy"
    assert failure.value.hint == "log in as the role that owns what was restored"


def test_a_policy_that_hides_rows_is_an_error_and_no_smaller_count(server):
    copy = server.copied("shop", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO restorer", 'DROP SCHEMA "Odd.Names" CASCADE')

    with log_in(server, copy, "restorer") as raw, pytest.raises(CouldNotLook, match="row-level security"):
        contents.counts(Copy(raw, "copy"))


def test_nothing_is_written(server):
    with server.copy("vod_tender") as copy, pytest.raises(CouldNotLook, match="read-only transaction"):
        ask(copy, "insert into public.kv values ('written', '')")


def test_a_view_may_be_asked(server):
    with server.copy("vod_tender") as copy:
        assert ask(copy, "select count(*) from public.queue") == [(80,)]


def test_a_name_that_is_gone_is_unknown(server):
    with server.copy("vod_tender") as copy, pytest.raises(CouldNotLook, match="was there a moment ago"):
        ask(copy, "select from public.gone")


def test_foreign_tables_are_not_reached(server):
    server.create(
        "reaching",
        "CREATE EXTENSION file_fdw",
        "CREATE SERVER elsewhere FOREIGN DATA WRAPPER file_fdw",
        "CREATE TABLE a (id int, at timestamptz) PARTITION BY LIST (id)",
        "CREATE TABLE a1 PARTITION OF a FOR VALUES IN (1)",
        "CREATE FOREIGN TABLE a2 PARTITION OF a FOR VALUES IN (2) SERVER elsewhere OPTIONS (filename '/dev/null')",
        "CREATE FOREIGN TABLE alone (id int) SERVER elsewhere OPTIONS (filename '/dev/null')",
        "INSERT INTO a1 VALUES (1, now())",
    )

    with server.copy("reaching") as copy:
        assert contents.counts(copy) == {"public.a": 1}
        assert {each.key for each in schema.inventory(copy).things} >= {"foreign table public.alone", "server elsewhere"}
        with pytest.raises(CouldNotLook, match="non-system foreign table is restricted"):
            contents.newest(copy, {"public.a": "at"})


def test_a_connection_that_is_gone_is_unknown(server):
    with server.admin("mdvr") as raw:
        raw.close()

        with pytest.raises(CouldNotLook, match="cannot be asked"):
            Copy(raw, "copy")
