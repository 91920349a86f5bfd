"""Loading a plain dump: what is told of errors, whose fault they are, deadlines, progress, memory."""

import gzip
import signal
import threading
import time

import pytest

from drill.errors import Damaged
from drill.results import Terms
from drill.streams import Stream
from muster.probes import CouldNotLook

ROWS = b"".join(b"%d\n" % n for n in range(1000))
GOOD = b"CREATE TABLE public.t (\n    a integer\n);\nCOPY public.t (a) FROM stdin;\n" + ROWS + b"\\.\n"
END = b"\n--\n-- PostgreSQL database dump complete\n--\n\n"


def test_a_good_dump_is_whole(scratch):
    told = []

    loaded = scratch.load(GOOD + b"CREATE INDEX i ON public.t USING btree (a);\n" + END, on_progress=told.append)

    assert loaded.whole
    assert (loaded.statements, loaded.copies, loaded.rows, loaded.tables) == (3, 1, 1000, {"public.t": 1000})
    assert [step.phase for step in told] == ["tables", "data", "indexes and constraints"]
    assert sum(loaded.seconds.values()) > 0
    assert len(loaded.sha256) == 64


def test_without_its_end_mark_a_dump_is_not_whole(scratch):
    loaded = scratch.load(GOOD)

    assert not loaded.errors
    assert not loaded.whole


def test_a_dump_of_nothing_loads_nothing(scratch):
    loaded = scratch.load(Stream([gzip.compress(b"")], "gzip"))

    assert (loaded.statements, loaded.rows, loaded.whole) == (0, 0, False)


ERRORS = {
    "COPY public.t (a) FROM stdin;\n1\nsecret\n\\.\n": (1008, "22P02", "invalid text representation"),
    "COPY public.t (a) FROM stdin;\n1\t2\n\\.\n": (1007, "22P04", "bad copy file format"),
    "COPY public.missing (a) FROM stdin;\n1\n\\.\n": (1006, "42P01", 'relation "public.missing" does not exist'),
    "INSERT INTO public.t VALUES (1);\nINSERT INTO public.t VALUES ('secret');\nINSERT INTO public.t VALUES (2);\n": (
        1007,
        "22P02",
        "invalid",
    ),
    "ALTER TABLE public.t ADD CONSTRAINT positive CHECK (a > 5);\n": (1006, "23514", 'check constraint "positive" of relation "t"'),
    "ALTER TABLE ONLY public.t\n    ADD CONSTRAINT one UNIQUE (b);\n": (1006, "42703", 'column "b"'),
    "CREATE TABLE public.t (a integer);\n": (1006, "42P07", 'relation "t" already exists'),
    "CREATE VIEW public.v AS SELECT 'secret;\n' secret secret;\n": (1006, "42601", "syntax error"),
    "CREATE UNIQUE INDEX u ON public.t USING btree ((a / 2));\n": (1006, "23505", 'unique index "u"'),
    "CREATE FUNCTION public.f(integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE EXCEPTION 'secret %', $1"
    " USING ERRCODE = '23505'; END $$;\nCREATE INDEX i ON public.t USING btree (public.f(a));\n": (1007, "23505", "unique violation"),
    "ALTER TABLE public.t OWNER TO nobody_at_all;\n": (1006, "42704", 'role "nobody_at_all" does not exist'),
}


@pytest.mark.parametrize("statement", ERRORS)
def test_the_first_error_ends_it_and_is_told_without_data(scratch, statement):
    line, state, words = ERRORS[statement]

    loaded = scratch.load(GOOD + statement.encode() + b"CREATE TABLE public.after (a integer);\n" + END)

    [error] = loaded.errors
    assert (error.line, error.sqlstate) == (line, state)
    assert words in error.message
    assert "secret" not in str(loaded)
    assert str(error).startswith(f"line {line}: ")
    assert loaded.tables["public.t"] == (1001 if "INSERT" in statement else 1000)
    assert not loaded.whole
    assert scratch.rows("SELECT to_regclass('public.after')") == [(None,)]


@pytest.mark.parametrize(
    ("dump", "words"),
    [
        (b"PGDMP\1\2", "custom format"),
        (gzip.compress(b"SELECT 1;"), "compressed by gzip"),
        (GOOD[:-500], "in the middle of the data of COPY in line 4"),
    ],
)
def test_what_is_no_whole_plain_dump_is_damaged(scratch, dump, words):
    with pytest.raises(Damaged, match=words):
        scratch.load(dump)


def test_an_archive_that_breaks_off_in_the_middle_of_data_is_damaged(scratch):
    packed = gzip.compress(GOOD + END)

    with pytest.raises(Damaged, match="cut off"):
        scratch.load(Stream([packed[:-30]], "gzip"))


def test_an_extension_that_this_server_lacks_is_our_fault(scratch):
    dump = b"CREATE EXTENSION IF NOT EXISTS no_such WITH SCHEMA public;\n"

    with pytest.raises(CouldNotLook, match="no_such") as caught:
        scratch.load(dump, terms=Terms(extensions=frozenset({"no_such"})))
    assert "installed" in caught.value.hint


def blocked(server, scratch):
    """A transaction that has public.t; whoever reads or writes it waits."""
    other = server.admin(scratch.name)
    other.execute("CREATE TABLE public.t (a integer)")
    other.execute(f"ALTER TABLE public.t OWNER TO {scratch.name}")
    other.execute("BEGIN")
    other.execute("LOCK TABLE public.t IN ACCESS EXCLUSIVE MODE")
    return other


HANGING = [b"COPY public.t (a) FROM stdin;\n" + ROWS * 5000 + b"\\.\n", b"CREATE INDEX i ON public.t USING btree (a);\n"]


@pytest.mark.parametrize("statement", HANGING)
def test_a_statement_that_hangs_is_ended_at_the_deadline(server, scratch, statement):
    with blocked(server, scratch), server.admin() as other:
        with pytest.raises(CouldNotLook, match="before the deadline: line 1"):
            scratch.load(statement, ends=1.0)
        gone = "SELECT count(*) FROM pg_stat_activity WHERE usename = %s"
        wait_until(lambda: other.execute(gone, [scratch.name]).fetchone() == (0,))


def test_a_server_that_is_stopped_cannot_hold_us(server, scratch):
    with scratch.connect() as connection:
        pid = connection.info.backend_pid

        def chunks():
            yield GOOD + b"COPY public.t (a) FROM stdin;\n"
            server.signal(pid, signal.SIGSTOP)
            for _ in range(200):
                yield ROWS * 100

        from drill.plain import load

        try:
            with pytest.raises(CouldNotLook, match="before the deadline"):
                load(connection, Stream(chunks(), None), admin=scratch.admin, terms=Terms(), ends=time.monotonic() + 1.0)
        finally:
            server.signal(pid, signal.SIGCONT)


def test_a_connection_that_is_cut_is_not_the_dump_s_fault(server, scratch):
    with blocked(server, scratch), server.admin() as other:
        cutter = threading.Thread(target=cut, args=(other, scratch.name))
        cutter.start()
        with pytest.raises(CouldNotLook, match=r"57P01|terminat|closed") as caught:
            scratch.load(HANGING[0])
        cutter.join()
    assert caught.value.cause.startswith("scratch server 127.0.0.1:")


def cut(other, user):
    wait_until(
        lambda: other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s AND wait_event_type = 'Lock'", [user]
        ).fetchall()
    )


def wait_until(true):
    ends = time.monotonic() + 30
    while not true():
        assert time.monotonic() < ends


@pytest.mark.parametrize("state", ["53100", "53200", "57P02", "58030", "08006"])
def test_what_only_the_server_can_be_blamed_for_is_unknown(scratch, state):
    dump = (
        "CREATE TABLE public.t (a integer);\nCREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" RAISE EXCEPTION 'secret' USING ERRCODE = '{state}'; END $$;\n"
        "CREATE TRIGGER x BEFORE INSERT ON public.t FOR EACH ROW EXECUTE FUNCTION public.f();\nCOPY public.t (a) FROM stdin;\n1\n\\.\n"
    )

    with pytest.raises(CouldNotLook, match=state) as caught:
        scratch.load(dump.encode())
    assert "secret" not in str(caught.value)


def test_ctrl_c_ends_it(scratch):
    def interrupt(step):
        if step.phase == "data":
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        scratch.load(GOOD + END, on_progress=interrupt)
    assert scratch.rows("SELECT count(*) FROM public.t") == [(0,)]
    wait_until(lambda: scratch.rows(f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{scratch.name}'") == [(0,)])
