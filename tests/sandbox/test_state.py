"""State folders: what a dead boot left is swept, what lives is left alone."""

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.processes import Child
from sandbox.state import State, outside, sweep, write_pid

ABANDON = """
import os, signal, sys
from pathlib import Path
from sandbox.state import State, outside
state = State(Path(sys.argv[1]))
print(state.folder, outside(state.remember), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def sleeper() -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(["sleep", "600"])
    yield process
    process.kill()
    process.wait()


def abandoned(runs: Path) -> tuple[Path, Path]:
    """The folders of a boot whose supervisor was killed."""
    said = subprocess.run([sys.executable, "-c", ABANDON, str(runs)], capture_output=True, text=True, timeout=60, check=False)
    folder, other = said.stdout.split()
    return Path(folder), Path(other)


def test_a_dead_boot_is_swept_with_what_it_made_outside(tmp_path: Path) -> None:
    folder, other = abandoned(tmp_path)
    assert folder.is_dir()
    assert other.is_dir()
    state = State(tmp_path)
    assert list(tmp_path.iterdir()) == [state.folder]
    assert not other.exists()
    state.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_living_boot_is_left_alone(tmp_path: Path) -> None:
    living = State(tmp_path)
    other = outside(living.remember)
    assert sweep(tmp_path) == []
    assert other.is_dir()
    living.remove()
    assert not other.exists()


def test_a_leftover_process_is_ended(tmp_path: Path, sleeper: "subprocess.Popen[bytes]") -> None:
    folder, _ = abandoned(tmp_path)
    write_pid(folder / "server.pid", sleeper.pid)
    assert sweep(tmp_path) == [folder]
    assert sleeper.wait(10) == -9


def test_a_process_that_got_the_same_id_later_is_not_ended(tmp_path: Path, sleeper: "subprocess.Popen[bytes]") -> None:
    folder, _ = abandoned(tmp_path)
    write_pid(folder / "server.pid", sleeper.pid)
    boot, started = (folder / "server.pid").read_text().split()[1:]
    (folder / "server.pid").write_text(f"{sleeper.pid} {boot} {int(started) - 1}\n")
    (folder / "other.pid").write_text(f"{sleeper.pid} {'0' * len(boot)} {started}\n")
    (folder / "gone.pid").write_text(f"{sleeper.pid} \n")
    assert sweep(tmp_path) == [folder]
    assert sleeper.poll() is None


def test_only_our_own_folders_outside_are_removed(tmp_path: Path) -> None:
    folder, other = abandoned(tmp_path / "runs")
    with tempfile.TemporaryDirectory(prefix="precious-") as precious:
        with (folder / "elsewhere").open("a") as file:
            file.write(f"{precious}\n{tmp_path}\n/\n")
        sweep(tmp_path / "runs")
        assert Path(precious).is_dir()
    assert tmp_path.is_dir()
    assert not other.exists()


def test_a_child_outlives_the_thread_that_asked_for_it(tmp_path: Path) -> None:
    started: list[Child] = []
    thread = threading.Thread(target=lambda: started.append(Child(["sleep", "600"], tmp_path / "sleep.log")))
    thread.start()
    thread.join()
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            started[0].process.wait(0.3)
    finally:
        started[0].kill()
    assert not Path(f"/proc/{started[0].pid}").exists()


def test_a_child_dies_with_its_supervisor(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom sandbox.processes import Child\n"
        "print(Child(['sleep', '600'], Path(sys.argv[1])).pid, flush=True)\nsys.stdin.read()\nos.kill(os.getpid(), signal.SIGKILL)\n"
    )
    log = str(tmp_path / "sleep.log")
    with subprocess.Popen([sys.executable, "-c", script, log], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout is not None
        pid = int(supervisor.stdout.readline())
        watched = os.pidfd_open(pid)
        supervisor.communicate("")
    try:
        import select

        assert select.select([watched], [], [], 30)[0] == [watched]
    finally:
        os.close(watched)
