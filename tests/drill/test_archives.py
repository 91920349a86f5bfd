"""Archives in custom and directory format through pg_restore: whole, damaged, hostile, too new."""

import contextlib
import gzip
import io
import signal
import tarfile
import threading
import time
from pathlib import Path

import pytest

from drill.archive import Archive, Target, Tools, restore
from drill.archive_head import archive_head
from drill.errors import Damaged
from drill.results import Terms
from drill.streams import Stream
from muster.probes import CouldNotLook
from tests.drill.rich import EXTENSIONS, comparable
from tests.drill.servers import PASSWORD

TERMS = Terms(extensions=EXTENSIONS)
OWNERLESS = Terms(owners=False)


@pytest.fixture
def folder(tmp_path):
    """Where the drill has room; nothing may be left there."""
    made = tmp_path / "room"
    made.mkdir()
    yield made
    assert list(made.iterdir()) == []


@pytest.fixture
def tools(server, folder):
    return Tools(folder=folder, name="muster_drill_x1", program=str(server.binaries / "pg_restore"))


def bring(scratch, archive, tools, *, ends=60.0, terms=TERMS, **more):
    archive = archive if isinstance(archive, Archive) else Archive(content=Stream([archive], None))
    to = Target(parameters=scratch.parameters(), password=PASSWORD, admin=scratch.admin)
    return restore(archive, to, tools, terms=terms, ends=time.monotonic() + ends, **more)


def tarred(folder, prefix="dump/"):
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for path in folder.iterdir():
            tar.add(path, f"{prefix}{path.name}")
    return made.getvalue()


@pytest.mark.parametrize("form", ["custom", "custom, inserts", "gzipped custom", "file", "directory", "tar of the directory"])
def test_a_copy_equals_its_original(server, source, target, tools, tmp_path, form):
    options = ("--inserts",) if "inserts" in form else ()
    if "directory" in form:
        server.dump(source, "-Fd", "-f", str(tmp_path / "dump"))
        content = (
            Archive(content=Stream([tarred(tmp_path / "dump")], None), tar=True) if "tar" in form else Archive(content=tmp_path / "dump")
        )
    else:
        dumped = server.dump(source, "-Fc", *options)
        content = Archive(content=Stream([dumped], None))
        if form == "gzipped custom":
            content = Archive(content=Stream([gzip.compress(dumped)], "gzip"), size=len(dumped))
        if form == "file":
            (tmp_path / "a.dump").write_bytes(dumped)
            content = Archive(content=tmp_path / "a.dump")
    steps = []

    restored = bring(target, content, tools, on_progress=steps.append)

    assert restored.whole, (restored.errors, restored.refused)
    assert restored.copies == 6
    assert restored.dumped_by == restored.dumped_from != ""
    assert steps[-1].done <= steps[-1].of
    assert {step.phase for step in steps} == {"tables", "data", "indexes and constraints"}
    assert comparable(server.dump(target.name)) == comparable(server.dump(source))


def test_an_sql_error_is_told_without_its_data(server, scratch, tools):
    with server.database(
        "CREATE TABLE parent (id text PRIMARY KEY)",
        "CREATE TABLE child (id text REFERENCES parent)",
        "INSERT INTO parent VALUES ('a')",
        "ALTER TABLE child DISABLE TRIGGER ALL",
        "INSERT INTO child VALUES ('canary-secret')",
    ) as name:
        dumped = server.dump(name, "-Fc")

    restored = bring(scratch, dumped, tools, terms=OWNERLESS)

    assert not restored.whole
    [error] = restored.errors
    assert error.statement == "ALTER TABLE ONLY public.child ADD CONSTRAINT child_id_fkey FOREIGN KEY"
    assert error.message == 'insert or update on table "child" violates foreign key constraint "child_id_fkey"'
    assert "canary" not in str(restored)


def test_what_a_value_does_to_a_type_is_told_without_the_value(server, scratch, tools):
    with server.database("CREATE TABLE t (a text)", "INSERT INTO t VALUES ('canary\"secret')") as name:
        dumped = server.dump(name, "-Fc", "-Z0").replace(b"a text", b"a json", 1)

    restored = bring(scratch, dumped, tools, terms=OWNERLESS)

    assert restored.errors[0].statement == "COPY t"
    assert restored.errors[0].message.startswith("invalid input syntax for type")
    assert "canary" not in str(restored)
    assert "secret" not in str(restored)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.8, 0.99])
def test_an_archive_that_is_cut_off_is_damaged(server, source, target, tools, share):
    dumped = server.dump(source, "-Fc")

    with pytest.raises(Damaged):
        bring(target, dumped[: int(len(dumped) * share)], tools)


def test_a_directory_without_one_of_its_files_is_damaged(server, source, target, tools, tmp_path):
    server.dump(source, "-Fd", "-f", str(tmp_path / "dump"))
    max((tmp_path / "dump").glob("*.dat.gz"), key=lambda path: path.stat().st_size).unlink()

    with pytest.raises(Damaged, match="pg_restore cannot read the archive"):
        bring(target, Archive(content=tmp_path / "dump"), tools)


def test_a_tar_that_leads_out_of_its_folder_stays_inside(scratch, tools, tmp_path):
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name in ("../../../outside", str(tmp_path / "absolute")):
            tar.addfile(tarfile.TarInfo(name))
        link = tarfile.TarInfo("toc.dat")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)

    with pytest.raises(Damaged, match=r"no toc\.dat"):
        bring(scratch, Archive(content=Stream([made.getvalue()], None), tar=True), tools)
    assert not (tmp_path / "absolute").exists()


def test_a_tar_that_is_cut_off_is_damaged(server, source, target, tools, tmp_path):
    server.dump(source, "-Fd", "-f", str(tmp_path / "dump"))
    whole = tarred(tmp_path / "dump")

    with pytest.raises(Damaged):
        bring(target, Archive(content=Stream([whole[: len(whole) // 2]], None), tar=True), tools)


def test_a_newer_archive_says_which_client_it_needs(server, source, target, tools):
    dumped = bytearray(server.dump(source, "-Fc"))
    dumped[6] = 99

    restored = bring(target, bytes(dumped), tools)

    assert restored.client_too_old is not None
    assert restored.client_too_old.archive == "1.99"
    assert restored.client_too_old.client.split(".")[0] == server.program("pg_restore", "--version").decode().split(") ")[1].split(".")[0]
    assert str(restored.client_too_old).startswith("pg_restore ")
    assert not restored.whole


def test_an_extension_that_is_not_declared_is_refused(server, source, target, tools):
    restored = bring(target, server.dump(source, "-Fc"), tools, terms=Terms())

    assert "not declared" in str(restored.refused[0])
    assert target.rows("SELECT count(*) FROM pg_namespace WHERE nspname = 'shop'") == [(0,)]


def test_a_foreign_server_in_an_archive_is_refused(server, scratch, tools):
    with server.database("CREATE FOREIGN DATA WRAPPER w", "CREATE SERVER s FOREIGN DATA WRAPPER w") as name:
        restored = bring(scratch, server.dump(name, "-Fc"), tools)

    assert "CREATE FOREIGN DATA WRAPPER" in str(restored.refused[0])


def test_sql_that_was_put_into_an_archive_is_refused(server, scratch, tools, tmp_path):
    with server.database("CREATE TABLE t (a integer)") as name:
        dumped = server.dump(name, "-Fc")
    begin = dumped.index(b"CREATE TABLE public.t (\n    a integer\n);\n")
    length = len(b"CREATE TABLE public.t (\n    a integer\n);\n")
    evil = b"COPY x TO PROGRAM 'touch /tmp/x';"
    dumped = dumped[:begin] + evil.ljust(length) + dumped[begin + length :]

    restored = bring(scratch, dumped, tools)

    assert "run a program" in restored.refused[0].why


@pytest.mark.parametrize("blocking", ["CREATE TABLE public.t (a integer)", "LOCK TABLE pg_catalog.pg_class IN ACCESS EXCLUSIVE MODE"])
def test_a_restore_that_hangs_is_given_up(server, scratch, tools, blocking):
    with server.database("CREATE TABLE t (a integer)") as name:
        dumped = server.dump(name, "-Fc")
    with server.admin(scratch.name) as other:
        other.execute("BEGIN")
        other.execute(blocking)
        with pytest.raises(CouldNotLook, match="before the deadline"):
            bring(scratch, dumped, tools, ends=1.5, terms=OWNERLESS)


def test_a_lost_server_is_not_the_archive_s_fault(server, scratch, tools):
    with server.database("CREATE TABLE t (a integer)") as name:
        dumped = server.dump(name, "-Fc")
    with server.admin(scratch.name) as other:
        other.execute("BEGIN")
        other.execute("CREATE TABLE public.t (a integer)")  # the restore waits for it
        killer = threading.Thread(target=kill_waiting, args=(server, scratch.name))
        killer.start()
        with pytest.raises(CouldNotLook, match=r"terminating connection|closed the connection"):
            bring(scratch, dumped, tools)
        killer.join()


def kill_waiting(server, user):
    ends = time.monotonic() + 30
    with server.admin() as admin:
        while time.monotonic() < ends:
            if admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s AND wait_event_type = 'Lock'", [user]
            ).fetchall():
                return


def test_there_must_be_room(scratch, tools):
    with pytest.raises(CouldNotLook, match="does not fit"):
        bring(scratch, Archive(content=Stream([b"x"], None), size=2**60), tools)


def test_there_must_be_a_pg_restore(scratch, folder):
    with pytest.raises(CouldNotLook, match="there is no"):
        bring(scratch, b"PGDMP", Tools(folder=folder, name="x", program="pg_restore_of_nobody"))


def test_what_is_no_archive_is_damaged(scratch, tools):
    with pytest.raises(Damaged, match="no archive of pg_dump"):
        bring(scratch, b"SELECT 1;", tools)
    with pytest.raises(Damaged, match="empty"):
        bring(scratch, b"", tools)


def test_the_head_is_read_without_pg_restore(server, source):
    head = archive_head(server.dump(source, "-Fc"))

    version = server.program("pg_dump", "--version").decode().split(") ", 1)[1].split()[0]
    assert head.dumped_by.split()[0] == head.dumped_from.split()[0] == version
    assert head.form == "custom"


def test_the_password_is_in_no_argument_and_no_variable(server, scratch, tools, folder, monkeypatch):
    monkeypatch.setenv("CANARY", "variable")
    with server.database("CREATE TABLE t (a integer)") as name:
        dumped = server.dump(name, "-Fc")
    seen = []
    with server.admin(scratch.name) as other:
        other.execute("BEGIN")
        other.execute("CREATE TABLE public.t (a integer)")  # the restore waits for it
        spy = threading.Thread(target=look_at_programs, args=(folder / tools.name, seen, other))
        spy.start()
        bring(scratch, dumped, tools, terms=OWNERLESS)
        spy.join()

    modes, programs = seen
    assert modes == 0o600
    assert any(b"--use-list" in arguments for arguments, _ in programs)
    assert all(environment == b"LC_ALL=C\0" for _, environment in programs)
    assert not any(PASSWORD.encode() in arguments for arguments, _ in programs)


def look_at_programs(folder, seen, other):
    """Arguments and variables of every process that names the folder while the restore waits."""
    found = []
    ends = time.monotonic() + 30
    while not found and time.monotonic() < ends:
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # it has ended meanwhile
                if f"--use-list={folder}".encode() in (arguments := (process / "cmdline").read_bytes()):
                    found.append((arguments, (process / "environ").read_bytes()))
    seen += [(folder / "password").stat().st_mode & 0o777, found]
    other.execute("ROLLBACK")


def test_ctrl_c_leaves_nothing(server, scratch, tools):
    with server.database("CREATE TABLE t (a integer)") as name:
        dumped = server.dump(name, "-Fc")

    def interrupt(_):
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        bring(scratch, dumped, tools, on_progress=interrupt)
