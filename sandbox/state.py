"""The state folder of one boot, and what becomes of those whose supervisor died without cleaning up."""

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from sandbox.cache import cache_folder, locked

RUNNING = "SANDBOX_RUNNING"  # environment variable: the state folder of a sandbox that somebody keeps running
ALIVE = "alive"  # locked by the supervisor for as long as it lives
ELSEWHERE = "elsewhere"  # folders that had to be made outside, one path a line
PREFIX = "muster-"  # of every folder made outside; nothing else is ever removed there
MEMORY = Path("/dev/shm")  # noqa: S108 - where many files are written ten times as fast, in folders of unguessable names
PAST = "past.json"  # what earlier looks at the world would remember
Past = dict[str, list[tuple[float, float]]]
"""Fact -> (Unix seconds, value), oldest first."""
MEMORY_NEEDED = 512 * 2**20  # bytes that have to be free there


class State:
    """A folder of this boot's own below the cache folder's `run/`; whatever dead boots left is removed first."""

    def __init__(self, runs: Path | None = None) -> None:
        """`runs`: where the folders of all boots are, if not in the cache folder."""
        runs = runs or cache_folder() / "run"
        runs.mkdir(parents=True, exist_ok=True, mode=0o700)
        with locked("run"):
            sweep(runs)
            self.folder = runs / f"{time.strftime('%H%M%S')}-{os.getpid()}-{secrets.token_hex(2)}"
            self.folder.mkdir(mode=0o700)
            self._alive = _hold(self.folder)

    def remember(self, folder: Path) -> None:
        """A folder outside that belongs to this boot."""
        with (self.folder / ELSEWHERE).open("a") as file:
            file.write(f"{folder}\n")

    def remove(self) -> None:
        """Delete the folder and everything that was remembered."""
        _remove(self.folder)
        self._alive.close()


def write_past(folder: Path, earlier: dict[str, dict[int, float]], epoch: float) -> None:
    """Keep what earlier looks saw, given in seconds before `epoch`, where `read_past` finds it; replaced whole."""
    past = {fact: sorted((epoch - ago, value) for ago, value in looks.items()) for fact, looks in earlier.items()}
    fresh = folder / f"{PAST}.new"
    fresh.write_text(json.dumps(past))
    fresh.replace(folder / PAST)


def read_past(folder: Path) -> Past:
    """What earlier looks at the world of a running platform saw; nothing when the folder holds none."""
    known = json.loads((folder / PAST).read_text()) if (folder / PAST).exists() else {}
    return {fact: [(at, value) for at, value in looks] for fact, looks in known.items()}


def outside(remember: Callable[[Path], None]) -> Path:
    """A new folder that every user can reach, in memory when there is plenty; `remember` is told of it."""
    usable = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and not os.statvfs(MEMORY).f_flag & os.ST_NOEXEC  # programs run in it
    roomy = usable and shutil.disk_usage(MEMORY).free > MEMORY_NEEDED
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=MEMORY if roomy else None))
    remember(folder)
    return folder


def sweep(runs: Path) -> list[Path]:
    """Remove the boots below `runs` whose supervisor is dead, with the processes and folders they left; returns their folders."""
    swept = []
    for folder in sorted(runs.iterdir()):
        if folder.is_dir() and _dead(folder):
            for file in folder.glob("**/*.pid"):
                _end_leftover(file)
            # What cannot be removed now must not keep a new boot from starting; the next one tries again.
            with contextlib.suppress(OSError):
                _remove(folder)
                swept.append(folder)
    return swept


def remove_tree(folder: Path, seconds: float = 5.0) -> None:
    """Delete a folder in which a dying server may still write; raises OSError when it is not gone after `seconds`."""
    deadline = time.monotonic() + seconds
    while folder.exists():
        try:
            shutil.rmtree(folder)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def write_pid(file: Path, pid: int) -> None:
    """Note a child so that it can be recognised later: its id alone could by then be somebody else's."""
    file.write_text(f"{pid} {_identity(pid)}\n")


def _hold(folder: Path) -> IO[str]:
    file = (folder / ALIVE).open("w")
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


def _dead(folder: Path) -> bool:
    """Whether nobody holds the folder's lock; the kernel releases it however its holder dies."""
    with (folder / ALIVE).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def _identity(pid: int) -> str:
    """What tells this process from all others that had or will have its id: the machine's boot, its start time; "" when it ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    # The program's name, the second field, may hold blanks and parentheses; the fields after it are counted.
    state, *_ = fields = stat.rpartition(")")[2].split()
    if state in "ZX":
        return ""
    started = fields[19]
    return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()} {started}"


def _end_leftover(file: Path) -> None:
    pid, _, identity = file.read_text().strip().partition(" ")
    deadline = time.monotonic() + 5.0
    while identity and _identity(int(pid)) == identity and time.monotonic() < deadline:
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
        time.sleep(0.01)


def _remove(folder: Path) -> None:
    remembered = folder / ELSEWHERE
    for line in remembered.read_text().splitlines() if remembered.exists() else []:
        other = Path(line)
        if other.parent in (MEMORY, Path(tempfile.gettempdir())) and other.name.startswith(PREFIX):
            remove_tree(other)
    remove_tree(folder)
