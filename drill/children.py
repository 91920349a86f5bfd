"""Processes that the drill starts: they die with it, run as somebody who may do little, and are found again by their folder."""

import contextlib
import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from muster.probes import CouldNotLook
from muster.text import cut

LAUNCHER = Path(__file__).with_name("launch.py")
MARK = "MUSTER_DRILL_FOLDER"
"""Environment variable of all that we start: the folder it belongs to."""
PROGRAMS = ("postgres", "redis-server", "redis-check-rdb")
"""What writes its title over its environment, and is known by its program instead."""
PATIENCE = 5.0
"""Seconds in which a server may end by itself before it is killed."""
# The kernel's parent-death signal follows the *thread* that started the child, so one thread that lives on starts them all.
_starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="muster-drill-starter")


@dataclass(frozen=True)
class User:
    """The account that a server runs as."""

    uid: int
    gid: int
    name: str = ""


def user_named(name: str) -> User:
    """The account of this name. Raises CouldNotLook when there is none, or when it is root's."""
    try:
        found = pwd.getpwnam(name)
    except KeyError:
        raise CouldNotLook(f"this machine has no user {name}, as whom the drill's servers should run", cause="drill user") from None
    if found.pw_uid == 0:
        raise CouldNotLook(f"the drill's servers do not run as root, and {name} is root", cause="drill user", hint="user: nobody")
    return User(found.pw_uid, found.pw_gid, name)


def give(path: Path, user: User | None) -> None:
    """Make `path`, never what a link points to, the user's."""
    if user is not None:
        os.chown(path, user.uid, user.gid, follow_symlinks=False)


@contextlib.contextmanager
def new_file(place: Path, user: User | None) -> Iterator[IO[bytes]]:
    """A file that nobody else can read, made anew, for the user. Raises FileExistsError when something has its name."""
    with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as file:
        if user is not None:
            os.fchown(file.fileno(), user.uid, user.gid)
        yield file


class Child:
    """A server that runs: its process, its log, how to wait for it and how to end it."""

    def __init__(
        self, command: list[str], folder: Path, cwd: Path, user: User | None = None, death: signal.Signals = signal.SIGKILL
    ) -> None:
        """Start `command` in `cwd` for the private `folder`, which takes its log; it gets `death` when this process dies."""
        self.name = Path(command[0]).name
        self.log = folder / f"{self.name}.log"
        self.process = _starter.submit(_start, _launched(command, user, death), folder, cwd, self.log).result()

    @property
    def pid(self) -> int:
        """The process id; the program itself, as every step before it is an exec."""
        return self.process.pid

    @property
    def alone(self) -> bool:
        """Whether it has a network of its own, from which nothing can be reached."""
        return Path(f"/proc/{self.pid}/ns/net").readlink() != Path("/proc/self/ns/net").readlink()

    def wait_until(self, ready: Callable[[], bool], ends: float, what: str) -> bool:
        """Ask `ready` until it says so: True. False when the process has ended. Raises CouldNotLook at `ends` (monotonic)."""
        pause = 0.005
        while self.process.poll() is None:
            if ready():
                return True
            if time.monotonic() >= ends:
                raise CouldNotLook(f"gave up at the deadline: {self.name} was not {what}: {self.last_words()}", cause="drill deadline")
            time.sleep(max(0.0, min(pause, ends - time.monotonic())))
            pause = min(pause * 1.5, 0.2)
        return False

    def stop(self, how: signal.Signals = signal.SIGTERM, seconds: float = PATIENCE) -> None:
        """End the process: with `how`, after `seconds` without mercy. Nothing happens when it has ended."""
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def text(self) -> str:
        """The last 64 KiB of its log."""
        with self.log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 65536))
            return file.read().decode(errors="replace")

    def last_words(self) -> str:
        """The end of its log, on one line."""
        return cut(" | ".join(self.text().strip().splitlines()[-3:])[-500:], 500) or "(it said nothing)"


def run(command: list[str], folder: Path, user: User | None, ends: float) -> "subprocess.CompletedProcess[str]":
    """Run one program to its end in `folder` as `user`. Raises CouldNotLook when it takes longer than until `ends`."""
    with subprocess.Popen(
        _launched(command, user, signal.SIGKILL),
        cwd=folder,
        env=_environment(folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            said, complained = process.communicate(timeout=max(0.0, ends - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            raise CouldNotLook(f"gave up at the deadline: {Path(command[0]).name} had not ended", cause="drill deadline") from None
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(command, process.returncode, said, complained)


def end_all(folder: Path) -> list[str]:
    """Kill whatever still runs out of the private `folder`; a line for each. An id alone is never trusted."""
    ended = []
    for _ in range(20):  # a dying server may start one more
        found = list(_running(folder))
        for pid, program in found:
            ended.append(f"{program} (process {pid})")
        if not found:
            break
        time.sleep(0.02)
    return list(dict.fromkeys(ended))


def _running(folder: Path) -> Iterator[tuple[int, str]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid() and (program := _kill(int(entry.name), folder)):
            yield int(entry.name), program


def _kill(pid: int, folder: Path) -> str:
    """Kill this process when it is `folder`'s; the handle makes sure that what was looked at is what is killed."""
    with contextlib.suppress(OSError):
        handle = os.pidfd_open(pid)
        try:
            if program := _program_of(pid, folder):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
                return program
        finally:
            os.close(handle)
    return ""


def _program_of(pid: int, folder: Path) -> str:
    """The name of the program, "" unless the process works inside `folder` and was started by a drill for it."""
    process = Path("/proc") / str(pid)
    place = Path((process / "cwd").readlink())
    if not place.is_relative_to(folder):
        return ""
    program = Path(str((process / "exe").readlink()).removesuffix(" (deleted)")).name
    marked = f"{MARK}={folder}".encode() in (process / "environ").read_bytes().split(b"\0")
    return program if marked or program in PROGRAMS else ""


def _launched(command: list[str], user: User | None, death: signal.Signals) -> list[str]:
    uid, gid = (str(user.uid), str(user.gid)) if user else ("-", "-")
    return [sys.executable, "-I", "-S", str(LAUNCHER), str(os.getpid()), str(int(death)), uid, gid, *command]


def _environment(folder: Path) -> dict[str, str]:
    """Nothing of ours: no credentials, no library paths, no language."""
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(folder), "LC_ALL": "C", "TZ": "UTC", MARK: str(folder)}


def _start(command: list[str], folder: Path, cwd: Path, log: Path) -> subprocess.Popen[bytes]:
    with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600), "ab") as output:
        # A session of its own: Ctrl-C on the terminal reaches the drill only, which then ends its servers in order.
        return subprocess.Popen(
            command,
            cwd=cwd,
            env=_environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
