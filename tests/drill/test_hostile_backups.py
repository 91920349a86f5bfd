"""Base backups made by somebody who wants more than to be restored: nothing of theirs is run, obeyed or written elsewhere."""

import gzip
import io
import os
import resource
import shutil
import socket
import subprocess
import tarfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from drill.base_backup import unpack
from drill.errors import Damaged
from drill.point_in_time import _Recovery
from muster.probes import CouldNotLook
from tests.drill.production import ROOM, marks, recovery, running_production, scratch, take_all


def member(name, kind=tarfile.REGTYPE, content=b"", **more):
    made = tarfile.TarInfo(name)
    made.type, made.size = kind, len(content)
    for field, value in more.items():
        setattr(made, field, value)
    return made, content


def tar_of(*members, form=tarfile.PAX_FORMAT):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as tar:
        for made, content in members:
            tar.addfile(made, io.BytesIO(content))
    return out.getvalue()


def chunks(content, size=1000):
    return [content[start : start + size] for start in range(0, len(content), size)]


def refused(content, folder, kind=Damaged, at_most=ROOM):
    with pytest.raises(kind) as raised:
        unpack(chunks(content), folder, at_most)
    return str(raised.value)


NETWORKED = Path(__file__).with_name("networked.py")
GOOD = (member("PG_VERSION", content=b"15\n"), member("global/pg_control", content=b"x" * 8192))


def test_a_plain_tar_is_unpacked(tmp_path):
    assert unpack(chunks(tar_of(*GOOD)), tmp_path, ROOM) == tmp_path
    assert (tmp_path / "PG_VERSION").read_text() == "15\n"
    assert {each.stat().st_mode & 0o777 for each in tmp_path.rglob("*")} == {0o700, 0o600}


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_long_names_are_unpacked(tmp_path, form):
    name = "/".join(["base", "1" * 90, "2" * 90])
    unpack(chunks(tar_of(*GOOD, member(name, content=b"here"), form=form)), tmp_path, ROOM)

    assert (tmp_path / name).read_bytes() == b"here"


@pytest.mark.parametrize("name", ["/tmp/muster-hostile", "../outside", "base/../../outside", "./../outside", "base/.."])
def test_names_that_lead_out_are_refused(tmp_path, name):
    inside = tmp_path / "inside"
    inside.mkdir()
    made, content = member(name, content=b"x")

    assert "hostile" in refused(tar_of(*GOOD, (made, content)), inside)
    assert [each.name for each in tmp_path.iterdir()] == ["inside"]
    assert not Path("/tmp/muster-hostile").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_links_are_refused(tmp_path, kind):
    said = refused(tar_of(*GOOD, member("pg_wal", kind, linkname="/etc"), member("pg_wal/passwd", content=b"x")), tmp_path)

    assert said == "the base backup is hostile: member 'pg_wal' is a link"


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.GNUTYPE_SPARSE])
def test_devices_and_other_kinds_are_refused(tmp_path, kind):
    said = refused(tar_of(*GOOD, member("base/1", kind, devmajor=1, devminor=3)), tmp_path)

    assert "hostile" in said or "no whole tar" in said
    assert not (tmp_path / "base" / "1").exists()


def test_a_name_that_is_there_twice_is_refused(tmp_path):
    assert "is there twice" in refused(tar_of(*GOOD, member("PG_VERSION", content=b"16\n")), tmp_path)
    assert (tmp_path / "PG_VERSION").read_text() == "15\n"


def test_a_file_that_is_a_folder_too_is_refused(tmp_path):
    assert "a file and a folder" in refused(tar_of(*GOOD, member("PG_VERSION/x", content=b"")), tmp_path)


def test_a_bomb_stops_at_the_estimate(tmp_path):
    said = refused(tar_of(*GOOD, *(member(f"base/{n}", content=bytes(2**20)) for n in range(8))), tmp_path, CouldNotLook, 4 * 2**20)

    assert "unpacks to more than 4MiB, its estimate" in said
    assert sum(each.stat().st_size for each in tmp_path.rglob("*") if each.is_file()) <= 4 * 2**20


def test_a_bomb_of_empty_files_stops_at_the_estimate(tmp_path):
    said = refused(tar_of(*GOOD, *(member(f"base/{n}") for n in range(2000))), tmp_path, CouldNotLook, 2**20)

    assert "more than 1MiB" in said


def test_a_size_that_is_claimed_and_not_there_is_told(tmp_path):
    content = bytearray(tar_of(*GOOD, member("base/1", content=b"x")))
    made = tarfile.TarInfo("base/1")
    made.size = 2**20
    content[-len(content) % 512 - 10240 :] = made.tobuf() + bytes(512)

    assert "the base backup is no whole tar" in refused(bytes(content), tmp_path)


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_header_that_would_fill_the_memory_is_refused(tmp_path, kind):
    made = tarfile.TarInfo("huge")
    made.type, made.size = kind, 2**40

    assert "a header of impossible size" in refused(made.tobuf(tarfile.GNU_FORMAT) + bytes(4096), tmp_path)


@pytest.mark.parametrize("cut", [512, 1536, 1024 + 512 * 3])
def test_a_tar_cut_between_or_in_members_is_told(tmp_path, cut):
    assert "the base backup is no whole tar" in refused(tar_of(*GOOD)[:cut], tmp_path)


def test_a_tar_cut_right_before_its_end_marker_is_told(tmp_path):
    content = tar_of(*GOOD)

    assert "there is no end marker" in refused(content[: content.rindex(b"x") + 1], tmp_path)


def test_a_broken_header_in_the_middle_does_not_pass_for_the_end(tmp_path):
    content = bytearray(tar_of(*GOOD, member("base/1", content=b"y" * 4096), member("base/2", content=b"z")))
    at = content.index(b"base/1")
    content[at + 20] = 0x41

    assert "a broken header at byte" in refused(bytes(content), tmp_path)


def test_what_is_no_data_directory_is_told(tmp_path):
    assert "PG_VERSION or global/pg_control is missing" in refused(tar_of(member("a", content=b"")), tmp_path)


def test_garbage_is_told(tmp_path):
    assert "the base backup is no whole tar" in refused(os.urandom(100_000), tmp_path)


def test_a_full_disk_is_no_fault_of_the_backup(tmp_path):
    with small_disk(tmp_path, 2**20) as folder:
        said = refused(tar_of(*GOOD, member("base/1", content=os.urandom(4 * 2**20))), folder, CouldNotLook)

    assert "the disk is full" in said


@contextmanager
def small_disk(folder, size):
    """A folder that takes no more than `size` bytes, by whatever means this user has: its file system, or a limit on files."""
    place = folder / "small"
    place.mkdir()
    if os.geteuid() == 0:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0711", "none", place], check=True)
        try:
            yield place
        finally:
            subprocess.run(["umount", place], check=True)
            place.rmdir()
    else:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        try:
            yield place
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            shutil.rmtree(place)


def test_a_disk_that_is_too_small_is_refused_before_anything_is_unpacked(whole, parent):
    with pytest.raises(CouldNotLook, match=r"the restore needs 1024TiB in .*, where .* are free"), recovery(whole, parent, at_most=2**50):
        pass


def test_a_disk_that_fills_up_while_the_server_runs_is_no_fault_of_the_backup(whole, parent, monkeypatch):
    configure = _Recovery.configure

    with small_disk(parent, 2**28) as folder:

        def then_fill_up(self):
            configure(self)
            if os.geteuid() == 0:
                (self.folder / "ballast").write_bytes(bytes(shutil.disk_usage(folder).free - 65536))
            else:
                resource.setrlimit(resource.RLIMIT_FSIZE, (65536, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))

        monkeypatch.setattr(_Recovery, "configure", then_fill_up)
        with pytest.raises(CouldNotLook, match=r"the disk is full: (No space left|File too large)"), recovery(whole, folder, at_most=2**27):
            pass
        assert list(folder.iterdir()) == []


@pytest.fixture
def listener():
    """A server that writes down who connects to it."""
    seen = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        over = threading.Event()

        def listen():
            while not over.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                seen.append(connection.recv(1000))
                connection.close()

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            yield server.getsockname()[1], seen
        finally:
            over.set()
            thread.join()


@pytest.fixture
def networked(monkeypatch):
    """The drill's servers keep our network, so that our settings alone are what keeps them from using it."""
    monkeypatch.setattr("drill.children.LAUNCHER", NETWORKED)


def spoil(taken, **files):
    """The base backup with these files added to it, or put in the place of its own."""
    out = io.BytesIO()
    with tarfile.open(taken.base) as old, tarfile.open(fileobj=out, mode="w") as new:
        for each in old:
            if each.name not in files:
                new.addfile(each, old.extractfile(each) if each.isreg() else None)
        for name, content in files.items():
            new.addfile(member(name, content=content.encode())[0], io.BytesIO(content.encode()))
    taken.base.write_bytes(gzip.compress(out.getvalue(), 1))
    taken.manifest = None


def hostile_settings(canary, port):
    touch = f"touch {canary}"
    return f"""
archive_mode = 'always'
archive_command = '{touch}'
restore_command = '{touch}'
recovery_end_command = '{touch}'
archive_cleanup_command = '{touch}'
primary_conninfo = 'host=127.0.0.1 port={port} user=postgres connect_timeout=1'
listen_addresses = '*'
shared_preload_libraries = '{canary}.so'
session_preload_libraries = '{canary}.so'
include_if_exists = '{canary}.conf'
logging_collector = 'on'
log_directory = '{canary}.d'
ssl = 'on'
recovery_target_action = 'shutdown'
recovery_target_timeline = '99'
"""


def test_no_setting_of_the_backup_is_obeyed(taken, parent, tmp_path, listener, networked):
    port, seen = listener
    with scratch() as open_to_all:
        open_to_all.chmod(0o777)
        canary = open_to_all / "canary"
        spoil(
            taken,
            **{
                "postgresql.auto.conf": hostile_settings(canary, port),
                "postgresql.conf": hostile_settings(canary, port),
                "pg_hba.conf": "host all all 0.0.0.0/0 trust\n",
                "standby.signal": "",
                "postmaster.pid": "1\n",
            },
        )
        with recovery(taken, parent) as made:
            assert marks(made) == [1, 2, 3, 4, 5, 6]
            assert made.result.writable
            with made.connect("shop") as connection:
                connection.execute("select pg_switch_wal()")
                connection.execute("checkpoint")
                shown = {
                    name: connection.execute("select current_setting(%s)", [name]).fetchone()[0]
                    for name in ("archive_mode", "archive_command", "primary_conninfo", "listen_addresses", "session_preload_libraries")
                }
            assert shown == {
                "archive_mode": "off",
                "archive_command": "(disabled)",
                "primary_conninfo": "",
                "listen_addresses": "",
                "session_preload_libraries": "",
            }
        assert list(open_to_all.iterdir()) == []
    assert seen == []


def test_a_restored_subscription_does_not_connect_to_its_publisher(parent, tmp_path, listener, networked):
    port, seen = listener
    with running_production(tmp_path / "server") as production:
        production.run(
            f"create subscription s connection 'host=127.0.0.1 port={port} dbname=x' publication p with (connect = false)",
            "alter subscription s enable",
        )
        # That the sample can be seen to connect at all: the subscriber itself does.
        deadline = time.monotonic() + 60
        while not seen:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        taken = take_all(production, tmp_path / "taken")
    seen.clear()

    with recovery(taken, parent) as made, made.connect("shop") as connection:
        assert connection.execute("select subenabled from pg_subscription").fetchall() == [(True,)]
        assert connection.execute("select count(*) from pg_stat_activity where backend_type like 'logical%'").fetchone() == (0,)
    assert seen == []


def test_libraries_that_the_catalog_wants_at_login_are_not_loaded(parent, tmp_path):
    with running_production(tmp_path / "server") as production:
        production.run("alter database shop set session_preload_libraries = 'auto_explain'")
        taken = take_all(production, tmp_path / "taken")

    with recovery(taken, parent) as made, made.connect("shop") as connection:
        assert connection.execute("show session_preload_libraries").fetchone() == ("",)
        assert connection.execute("select count(*) from pg_settings where name like 'auto_explain%'").fetchone() == (0,)


def test_tablespaces_are_refused_with_the_reason(taken, parent):
    spoil(taken, tablespace_map="16385 /srv/fast\n")

    with pytest.raises(CouldNotLook, match="has tablespaces, which the drill does not restore"), recovery(taken, parent):
        pass


def test_settings_of_a_larger_primary_are_taken_over(parent, tmp_path):
    with running_production(tmp_path / "server") as production:
        production.start(max_connections="321", max_locks_per_transaction="222")
        taken = take_all(production, tmp_path / "taken")

    with recovery(taken, parent) as made, made.connect() as connection:
        assert connection.execute("show max_connections").fetchone() == ("321",)
        assert connection.execute("show max_locks_per_transaction").fetchone() == ("222",)
