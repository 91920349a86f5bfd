"""Base backups made by somebody who wants more than to be restored: nothing of theirs is obeyed, and a full disk is no fault of theirs."""

import gzip
import io
import resource
import shutil
import socket
import tarfile
import threading
import time
from pathlib import Path

import pytest

from drill.point_in_time import _Recovery
from muster.probes import CouldNotLook
from tests.drill.production import marks, member, recovery, running_production, scratch, small_disk, take_all

NETWORKED = Path(__file__).with_name("networked.py")


def test_a_disk_that_is_too_small_is_refused_before_anything_is_unpacked(whole, parent):
    with pytest.raises(CouldNotLook, match=r"the restore needs 1024TiB in .*, where .* are free"), recovery(whole, parent, at_most=2**50):
        pass


def test_a_disk_that_fills_up_while_the_server_runs_is_no_fault_of_the_backup(whole, parent, monkeypatch):
    configure = _Recovery.configure

    with small_disk(parent, 2**28) as folder:

        def then_fill_up(self):
            configure(self)
            if folder.is_mount():
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


HOSTILE = {
    "commands": """
archive_mode = 'always'
archive_command = 'touch {canary}'
restore_command = 'touch {canary}'
recovery_end_command = 'touch {canary}'
archive_cleanup_command = 'touch {canary}'
""",
    "connections": """
primary_conninfo = 'host=127.0.0.1 port={port} user=postgres connect_timeout=1'
listen_addresses = '*'
ssl = 'on'
""",
    "libraries": """
shared_preload_libraries = '{canary}.so'
session_preload_libraries = '{canary}.so'
include_if_exists = '{canary}.conf'
""",
    "files and targets": """
logging_collector = 'on'
log_directory = '{canary}.d'
recovery_target_action = 'shutdown'
recovery_target_timeline = '99'
""",
}


@pytest.mark.parametrize("what", HOSTILE)
def test_no_setting_of_the_backup_is_obeyed(what, taken, parent, listener, networked):
    port, seen = listener
    with scratch() as open_to_all:
        open_to_all.chmod(0o777)
        settings = HOSTILE[what].format(canary=open_to_all / "canary", port=port)
        spoil(
            taken,
            **{
                "postgresql.auto.conf": settings,
                "postgresql.conf": settings,
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
            f"create subscription s connection 'host=127.0.0.1 port={port} user=x dbname=x' publication p with (connect = false)",
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
