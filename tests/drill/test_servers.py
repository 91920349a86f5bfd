"""Private folders and what runs in them: gone at the end, swept when the drill was killed, and nothing else is touched."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from drill import recovery_settings
from drill.children import Child, User, end_all, run, user_named
from drill.servers import LEASE, leftovers, no_room, private_folder, room, sweep
from muster.probes import CouldNotLook
from tests.drill.production import drill_user, recovery

ROOT = Path(__file__).parents[2]
DEAD = {"pid": 2**22 - 3, "started": "no-such-boot 1"}
PREFIX = "muster-drill-"


def lease(folder, **changes):
    """A folder as a killed drill leaves it, with these fields of its lease changed."""
    folder.mkdir(mode=0o700)
    said = {"drill": folder.name, "created": 1000.0, "expires": 2000.0, **DEAD} | changes
    (folder / LEASE).write_text(json.dumps(said))
    (folder / LEASE).chmod(0o600)
    (folder / "pg").mkdir()
    (folder / "pg" / "rows").write_text("of production")
    return folder


def inside(folder):
    """The processes that work in a folder, by the kernel's word."""
    found = []
    for each in Path("/proc").iterdir():
        try:
            if each.name.isdigit() and (each / "cwd").readlink().is_relative_to(folder):
                found.append(int(each.name))
        except OSError:
            continue
    return found


def wait_for(what, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_private_folder_is_ours_alone_and_leased(parent):
    with private_folder(parent, "muster-drill-a", lives=60) as folder:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((folder / LEASE).stat().st_mode) == 0o600
        said = json.loads((folder / LEASE).read_text())
        assert (said["drill"], said["pid"]) == ("muster-drill-a", os.getpid())
        assert said["expires"] - said["created"] == 60
        assert leftovers(parent, PREFIX) == []
        (folder / "deep" / "deeper").mkdir(parents=True)
    assert list(parent.iterdir()) == []


def test_the_servers_user_walks_through_and_no_more(parent):
    with private_folder(parent, "muster-drill-a", user=User(os.getuid(), os.getgid())) as folder:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o710


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit, RuntimeError])
def test_it_is_gone_however_it_ends(parent, end):
    def fail():
        with private_folder(parent, "muster-drill-a") as folder:
            (folder / "file").write_text("")
            raise end

    with pytest.raises(end):
        fail()
    assert list(parent.iterdir()) == []


def test_what_has_the_name_already_is_left_alone(parent):
    (parent / "muster-drill-a").mkdir()
    with pytest.raises(CouldNotLook, match="there is one of this name"), private_folder(parent, "muster-drill-a"):
        pass
    assert [each.name for each in parent.iterdir()] == ["muster-drill-a"]
    (parent / "muster-drill-a").rmdir()


@pytest.mark.parametrize("name", ["", "../x", "a/b", "A", "-a-b", "a b c", "x" * 64, ".hidden"])
def test_a_name_that_could_be_anything_is_refused(parent, name):
    with pytest.raises(ValueError, match="no name of a drill"), private_folder(parent, name):
        pass


def test_a_folder_that_the_servers_user_cannot_reach_is_refused(parent):
    closed = parent / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(CouldNotLook, match="is closed to nobody"), private_folder(closed, "muster-drill-a", user=user_named("nobody")):
        pass
    closed.rmdir()


@pytest.mark.parametrize(("name", "why"), [("no-such-user-here", "has no user"), ("root", "is root")])
def test_a_user_that_does_not_do_is_refused(name, why):
    with pytest.raises(CouldNotLook, match=why):
        user_named(name)


def linked(folder):
    lease(folder)
    shutil.move(folder / LEASE, folder / "real")
    (folder / LEASE).symlink_to("real")


LOOK_ALIKES = {
    "no lease": lambda folder: folder.mkdir(mode=0o700),
    "an empty lease": lambda folder: (lease(folder) / LEASE).write_text(""),
    "another name": lambda folder: lease(folder, drill="muster-drill-other"),
    "not expired": lambda folder: lease(folder, expires=9e9),
    "held": lambda folder: lease(folder, pid=os.getpid(), started=started_of_us()),
    "a file": lambda folder: folder.write_text(""),
    "a link": lambda folder: folder.symlink_to(folder.parent),
    "a lease that is a link": linked,
    "a lease that others may write": lambda folder: (lease(folder) / LEASE).chmod(0o666),
    "a folder that others may enter": lambda folder: lease(folder).chmod(0o755),
    "a field too many": lambda folder: lease(folder, more=1),
    "numbers as text": lambda folder: lease(folder, expires="2000"),
    "a large lease": lambda folder: (lease(folder) / LEASE).write_text(" " * 5000),
    "a list": lambda folder: (lease(folder) / LEASE).write_text("[1, 2, 3, 4, 5]"),
    "deeply nested": lambda folder: (lease(folder) / LEASE).write_text("[" * 4000),
}


def started_of_us():
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()} {fields[19]}"


def test_of_50_look_alikes_and_3_leftovers_exactly_3_are_removed(tmp_path):
    for number in range(45):
        [*LOOK_ALIKES.values()][number % len(LOOK_ALIKES)](tmp_path / f"{PREFIX}{number}")
    for name in ("muster-dril-1", "other-drill-1", "Muster-drill-1", "xmuster-drill-1"):
        lease(tmp_path / name)
    half = tmp_path / f".{PREFIX}half.{DEAD['pid']}.1"
    half.mkdir()
    (half / "somebody's").write_text("")
    before = {each.name for each in tmp_path.iterdir()}
    assert len(before) == 50
    real = [lease(tmp_path / f"{PREFIX}real-{letter}") for letter in "abc"]

    lines = sweep(tmp_path, PREFIX, now=3000.0)

    assert len(lines) == 3
    assert all(f"removed {folder} of drill {folder.name}" in line for folder, line in zip(real, lines, strict=True))
    assert "leased until 1970-01-01 00:33 UTC" in lines[0]
    assert {each.name for each in tmp_path.iterdir()} == before
    assert sweep(tmp_path, PREFIX, now=3000.0) == []


@pytest.mark.parametrize("look_alike", LOOK_ALIKES)
def test_each_look_alike_is_left_alone(tmp_path, look_alike):
    LOOK_ALIKES[look_alike](tmp_path / "muster-drill-a")

    assert sweep(tmp_path, PREFIX, now=3000.0) == []
    assert os.path.lexists(tmp_path / "muster-drill-a")


def test_a_process_id_that_is_somebody_elses_by_now_holds_nothing(tmp_path):
    lease(tmp_path / "muster-drill-a", pid=os.getpid(), started=started_of_us().replace(" ", " 1"))

    assert len(sweep(tmp_path, PREFIX, now=3000.0)) == 1


@pytest.mark.parametrize("with_lease", [False, True])
def test_a_folder_of_a_drill_that_was_killed_before_or_after_its_lease_is_swept(tmp_path, with_lease):
    half = tmp_path / f".{PREFIX}a.{DEAD['pid']}.1"
    half.mkdir(mode=0o700)
    if with_lease:
        (half / LEASE).write_text("")

    assert len(sweep(tmp_path, PREFIX, now=time.time() + 1)) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_sweep_of_nothing_is_nothing(tmp_path):
    assert sweep(tmp_path / "missing", PREFIX, 0.0) == []


def test_only_what_a_drill_started_for_a_folder_is_ended(parent):
    with private_folder(parent, "muster-drill-a") as folder:
        bystander = subprocess.Popen(["sleep", "600"], cwd=folder)  # an operator's shell, say
        (folder / "postmaster.pid").write_text(f"{os.getpid()}\n{bystander.pid}\n")
        child = Child([shutil.which("sleep"), "600"], folder, folder)
        try:
            wait_for(lambda: "sleep" in Path(f"/proc/{child.pid}/comm").read_text())
            assert end_all(folder) == [f"sleep (process {child.pid})"]
            assert bystander.poll() is None
        finally:
            bystander.kill()
            bystander.wait()
            child.stop()


def test_what_is_left_running_is_ended_with_the_folder(parent):
    with private_folder(parent, "muster-drill-a") as folder:
        child = Child([shutil.which("sleep"), "600"], folder, folder)
        wait_for(lambda: "sleep" in Path(f"/proc/{child.pid}/comm").read_text())

    assert child.process.wait(60) == -signal.SIGKILL


def test_a_child_has_nothing_of_our_environment(parent, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary")
    with private_folder(parent, "muster-drill-a", user=drill_user()) as folder:
        said = run([shutil.which("env")], folder, drill_user(), time.monotonic() + 30).stdout

    assert sorted(line.partition("=")[0] for line in said.splitlines()) == ["HOME", "LC_ALL", "MUSTER_DRILL_FOLDER", "PATH", "TZ"]


def test_a_program_that_does_not_end_is_given_up(parent):
    with (
        private_folder(parent, "muster-drill-a") as folder,
        pytest.raises(CouldNotLook, match="gave up at the deadline: sleep had not ended"),
    ):
        run([shutil.which("sleep"), "600"], folder, None, time.monotonic() + 0.2)


def test_room_is_what_is_free(tmp_path):
    assert abs(room(tmp_path) - shutil.disk_usage(tmp_path).free) < 2**30
    assert no_room(tmp_path, 1) is None
    assert no_room(tmp_path, 2**60).startswith(f"the restore needs 1.049e+06TiB in {tmp_path}, where ")


def test_a_recovery_that_hangs_is_given_up_and_cleaned_up(whole, parent, monkeypatch):
    monkeypatch.setattr(recovery_settings, "COPY", "sleep 600; cp --")
    why = "gave up at the deadline: postgres was not through with its recovery"
    with pytest.raises(CouldNotLook, match=why), recovery(whole, parent, seconds=8):
        pass
    assert inside(parent) == []


@contextmanager
def drill_at(phase, whole, parent, copy="cp --"):
    """A drill in another process, standing still at a phase."""
    command = [sys.executable, "-m", "tests.drill.victim", phase, whole.base, whole.archive, whole.binaries, parent, copy]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline().strip() == phase
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("phase", ["unpack", "check", "replay", "done"])
def test_a_drill_that_was_killed_is_swept(whole, parent, phase):
    folder = parent / "muster-drill-test"
    alike = parent / "muster-drill-alike"
    alike.mkdir()
    with drill_at(phase, whole, parent) as process:
        assert sweep(parent, PREFIX, now=time.time() + 1e6) == []  # it runs
        assert bool(inside(folder)) == (phase in ("replay", "done"))
        process.kill()
        process.wait()
    wait_for(lambda: inside(folder) == [])  # its servers die with it

    assert sweep(parent, PREFIX, now=time.time()) == []  # its lease has not expired
    assert [each.folder for each in leftovers(parent, PREFIX)] == [folder]
    lines = sweep(parent, PREFIX, now=time.time() + 1e6)

    assert [line.startswith(f"removed {folder} of drill muster-drill-test") for line in lines] == [True]
    assert [each.name for each in parent.iterdir()] == [alike.name]
    assert inside(parent) == []
    assert sweep(parent, PREFIX, now=time.time() + 1e6) == []
    alike.rmdir()


def test_what_a_killed_server_had_started_is_ended_by_the_sweep(whole, parent):
    folder = parent / "muster-drill-test"
    with drill_at("hang", whole, parent, "sleep 600; cp --") as process:
        wait_for(lambda: any(Path(f"/proc/{pid}/comm").read_text() == "sleep\n" for pid in inside(folder)))
        processes = inside(folder)
        postmaster = int((folder / "pg" / "data" / "postmaster.pid").read_text().splitlines()[0])
        process.send_signal(signal.SIGSTOP)  # so that it does not clean up
        os.kill(postmaster, signal.SIGKILL)  # without any chance to end what it had started
        process.kill()
        process.wait()
    assert postmaster in processes

    lines = sweep(parent, PREFIX, now=time.time() + 1e6)

    assert len(lines) == 1
    assert "sleep (process" in lines[0]
    assert inside(parent) == []
    assert list(parent.iterdir()) == []


def test_ctrl_c_leaves_nothing(whole, parent):
    with drill_at("replay", whole, parent) as process:
        process.send_signal(signal.SIGINT)
        assert process.wait(60) != 0
    assert list(parent.iterdir()) == []
    assert inside(parent) == []
