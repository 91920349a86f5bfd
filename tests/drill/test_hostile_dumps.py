"""Dumps that want more than to be restored: each is refused before it is sent, with what and where, and nothing happens elsewhere.

What psql would do with these is measured: a shell runs, another database is written to.
"""

import pytest

from drill.results import Terms
from tests.drill.servers import PASSWORD

GOOD = "SET statement_timeout = 0;\nCREATE TABLE public.t (\n    a integer\n);\nCOPY public.t (a) FROM stdin;\n1\n2\n\\.\n"
LINES = GOOD.count("\n")


@pytest.fixture(scope="module")
def victim(server):
    """A database beside the scratch, with rows that must stay."""
    with server.database("CREATE TABLE precious (a integer)", "INSERT INTO precious VALUES (1), (2)") as name:
        yield name


@pytest.fixture
def canary(tmp_path):
    tmp_path.chmod(0o777)
    return tmp_path / "canary"


@pytest.fixture
def unharmed(server, victim, canary, monkeypatch, tmp_path):
    """After the test nothing has happened outside of the scratch database."""
    monkeypatch.chdir(tmp_path)

    def state():
        with server.admin() as admin, server.admin(victim) as inside:
            return [
                admin.execute(f"SELECT {what} ORDER BY 1").fetchall()
                for what in (
                    "datname FROM pg_database",
                    "rolname FROM pg_roles",
                    "rolname FROM pg_roles WHERE rolsuper",
                    "spcname FROM pg_tablespace",
                )
            ] + [inside.execute("SELECT a FROM precious ORDER BY 1").fetchall()]

    before = state()
    yield
    assert not canary.exists()
    assert list(tmp_path.iterdir()) == []
    assert state() == before


COMMANDS = [
    "\\! touch {canary}",
    "\\connect {victim}\nINSERT INTO precious VALUES (3);",
    "\\c {victim}",
    "\\copy public.t to '{canary}'",
    "\\copy public.t from program 'touch {canary}'",
    "\\i {canary}",
    "\\ir {canary}",
    "\\o {canary}\nSELECT pg_catalog.set_config('search_path', '', false);",
    "\\g {canary}",
    "SELECT 'drop table precious'\n\\gexec",
    "SELECT 1 \\g | touch {canary}",
    "\\set x `touch {canary}`",
    "\\restrict `touch {canary}`",
    "\\unrestrict `touch {canary}`",
    "\\restrict a b",
    "\\unrestrict other",
    "\\restrict abc \\! touch {canary}",
    "\\if true",
    "\\setenv PAGER 'touch {canary}'",
    "\\w {canary}",
    "\\lo_export 1 {canary}",
    "/* a comment */ \\! touch {canary}",
    "CREATE TABLE public.u (a integer); \\! touch {canary}",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_of_psql_are_refused(scratch, victim, canary, unharmed, command):
    loaded = scratch.load((GOOD + command.format(canary=canary, victim=victim) + "\n").encode())

    assert [refused.line for refused in loaded.refused] == [LINES + 1]
    assert "\\" in loaded.refused[0].statement or "comment" not in str(loaded.refused[0])
    assert str(canary) not in str(loaded.refused[0])
    assert not loaded.errors
    assert not loaded.whole
    assert loaded.tables == {"public.t": 2}


STATEMENTS = {
    "COPY public.t FROM PROGRAM 'touch {canary}'": "run a program",
    "COPY public.t TO PROGRAM 'touch {canary}'": "run a program",
    "copy public.t to program $$touch {canary}$$": "run a program",
    "COPY (SELECT 1) TO '{canary}'": "files of the server",
    "COPY public.t FROM '/etc/passwd'": "files of the server",
    "COPY public.t (a) FROM stdin WITH (FORMAT csv)": "files of the server",
    "DROP DATABASE {victim}": "beyond the scratch database",
    "CREATE DATABASE {victim}_2 TEMPLATE template0": "beyond the scratch database",
    "ALTER DATABASE {victim} SET search_path TO x": "beyond the scratch database",
    "ALTER DATABASE {victim} OWNER TO CURRENT_USER": "beyond the scratch database",
    "GRANT ALL ON DATABASE {victim} TO PUBLIC": "beyond the scratch database",
    "CREATE ROLE evil SUPERUSER LOGIN PASSWORD 'a-secret'": "declare them",
    "CREATE USER evil": "declare them",
    "ALTER ROLE postgres PASSWORD 'a-secret'": "declare them",
    "ALTER USER postgres NOLOGIN": "declare them",
    "DROP ROLE application": "declare them",
    "CREATE GROUP evil": "declare them",
    "GRANT postgres TO CURRENT_USER": "no such statement",
    "ALTER SYSTEM SET archive_command TO 'touch {canary}'": "whole server",
    "SET ROLE postgres": "never changes its role",
    "SET session_preload_libraries = 'evil'": "no such statement",
    "SET search_path = evil": "no such statement",
    "LOAD '{canary}'": "library",
    "DO $$ BEGIN RAISE EXCEPTION 'x'; END $$": "run code",
    "CALL public.p()": "run code",
    "EXECUTE p": "run code",
    "CREATE SUBSCRIPTION s CONNECTION 'host=10.0.0.1' PUBLICATION p": "connect to others",
    "CREATE SERVER s FOREIGN DATA WRAPPER w": "connect to others",
    "CREATE USER MAPPING FOR CURRENT_USER SERVER s": "connect to others",
    "CREATE FOREIGN DATA WRAPPER w": "connect to others",
    "CREATE FOREIGN TABLE f (a integer) SERVER s": "connect to others",
    "SELECT pg_catalog.lo_import('/etc/passwd')": "no restore calls",
    "SELECT pg_catalog.lo_export(1, '{canary}')": "no restore calls",
    "SELECT * FROM dblink('dbname={victim}', 'DELETE FROM precious') AS t(a text)": "no restore calls",
    "SELECT pg_catalog.set_config('session_preload_libraries', 'x', false)": "no restore calls",
    "SELECT pg_catalog.setval('x', (SELECT lo_import('/etc/passwd')), true)": "no restore calls",
    "SELECT pg_catalog.pg_terminate_backend(1)": "no restore calls",
    "INSERT INTO public.t VALUES (lo_import('/etc/passwd'))": "INSERTs of literals",
    "INSERT INTO public.t SELECT 1": "INSERTs of literals",
    "CREATE TABLE public.u AS SELECT lo_import('/etc/passwd')": "from a query",
    "CREATE EXTENSION dblink": "as pg_dump writes it",
    "CREATE EXTENSION IF NOT EXISTS dblink WITH SCHEMA public": "not declared",
    "CREATE TABLESPACE evil LOCATION '{canary}'": "whole server",
    "SET client_encoding = 'sjis'": "quotes and backslashes",
    "CREATE TABLE public.u (\0 a integer)": "zero byte",
    "UPDATE pg_catalog.pg_authid SET rolsuper = true": "no such statement",
    "create table public.u (a integer)": "",
    "LISTEN x": "no such statement",
    "/* x */ DROP DATABASE {victim}": "no such statement",
    "(SELECT 1)": "no such statement",
}


@pytest.mark.parametrize("statement", STATEMENTS)
def test_statements_that_no_restore_needs_are_refused(scratch, victim, canary, unharmed, statement):
    loaded = scratch.load(f"{GOOD}\n{statement.format(canary=canary, victim=victim)};\n\\.\n".encode())

    assert [refused.line for refused in loaded.refused] == [LINES + 2]
    assert STATEMENTS[statement] in loaded.refused[0].why
    assert not any(data in str(loaded.refused[0]) for data in ("a-secret", "/etc/passwd", str(canary)))
    assert loaded.statements == 3


def test_a_dump_that_creates_its_database_is_refused(server, scratch, victim, unharmed):
    loaded = scratch.load(server.dump(victim, "--create", "--clean"))

    assert "DROP DATABASE" in str(loaded.refused[0])
    assert "without -C" in str(loaded.refused[0])


def test_a_command_right_after_data_is_refused(scratch, canary, unharmed):
    loaded = scratch.load(f"{GOOD}\\! touch {canary}\n".encode())

    assert [refused.line for refused in loaded.refused] == [LINES + 1]


def test_names_with_lines_of_commands_are_names(server, scratch, canary, unharmed):
    name = f'"x\n\\! touch {canary}\n\\."'
    with server.database(
        f"CREATE TABLE {name} ({name} text)",
        f"INSERT INTO {name} VALUES (E'a\\n\\\\.\\n\\\\! touch {canary}')",
        f"COMMENT ON TABLE {name} IS E'a\\n\\\\! touch {canary}\\n'",
        f"CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$ SELECT '\n\\! touch {canary}\n'; $$",
        f"CREATE FUNCTION g() RETURNS text LANGUAGE sql BEGIN ATOMIC SELECT E'\n\\\\! touch {canary}\n;'; END",
    ) as source:
        dump = server.dump(source)
        loaded = scratch.load(dump, terms=Terms(owners=False))

        assert loaded.whole, (loaded.errors, loaded.refused)
        assert dump.count(b"\n\\! touch") >= 4
        assert scratch.rows(f"SELECT * FROM {name}") == [(f"a\n\\.\n\\! touch {canary}",)]
        assert scratch.rows("SELECT f()") == [(f"\n\\! touch {canary}\n",)]


def test_what_changes_how_strings_are_read_cannot_smuggle(server, scratch, victim, unharmed):
    dump = (
        "CREATE TABLE public.t (a text);\n"
        "CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN\n"
        " PERFORM set_config('standard_conforming_strings', 'off', false); RETURN NEW; END $$;\n"
        "CREATE TRIGGER x BEFORE INSERT ON public.t FOR EACH ROW EXECUTE FUNCTION public.f();\n"
        "INSERT INTO public.t VALUES ('1');\n"
        "SET lock_timeout = 0;\n"
        "INSERT INTO public.t VALUES ('\\');\n"
        "INSERT INTO public.t VALUES (')); DROP TABLE public.t; --');\n"
    )

    loaded = scratch.load(dump.encode())

    assert "how the server reads strings" in str(loaded.refused[0])
    assert scratch.rows("SELECT a FROM public.t") == [("1",)]


def test_the_role_is_the_wall_behind_the_guard(scratch, victim, canary, unharmed):
    """What a function of the dump tries when a trigger calls it fails for want of privilege."""
    dump = (
        "CREATE TABLE public.t (a integer);\n"
        "CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN\n"
        f" COPY public.t TO PROGRAM 'touch {canary}'; RETURN NEW; END $$;\n"
        "CREATE TRIGGER x BEFORE INSERT ON public.t FOR EACH ROW EXECUTE FUNCTION public.f();\n"
        "COPY public.t (a) FROM stdin;\n1\n\\.\n"
    )

    loaded = scratch.load(dump.encode())

    assert loaded.errors[0].sqlstate == "42501"
    assert str(loaded.errors[0]).startswith("line 5: COPY public.t: SQL error 42501: ")
    assert PASSWORD not in str(loaded)


def test_foreign_servers_are_for_who_declares_them(server, scratch):
    dump = b"CREATE SERVER s FOREIGN DATA WRAPPER w;\n"
    scratch.admin.execute("CREATE FOREIGN DATA WRAPPER w")
    scratch.admin.execute(f"GRANT USAGE ON FOREIGN DATA WRAPPER w TO {scratch.name}")

    refused = scratch.load(dump)
    loaded = scratch.load(dump, terms=Terms(foreign=frozenset({"SERVER"})))

    assert "connect to others" in refused.refused[0].why
    assert not loaded.refused
    assert not loaded.errors
    assert scratch.rows("SELECT srvname FROM pg_foreign_server") == [("s",)]
