"""Child processes that never outlive their supervisor, even one that is killed with SIGKILL."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from sandbox.state import write_pid

LAUNCHER = Path(__file__).with_name("launch.py")
# The kernel's parent-death signal follows the *thread* that started the child, so one thread that lives on starts them all.
_starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="muster-starter")


class ServiceFailed(Exception):
    """A server did not start, ended early, or did not become ready in time; the text carries the end of its log."""


@dataclass(frozen=True)
class Account:
    """The user a server runs as; None: the user that we are."""

    uid: int
    gid: int


class Port:
    """A TCP port on a loopback address, chosen by the kernel and kept until it is released.

    It is bound with SO_REUSEADDR and never listens: connections are refused, nobody else is given it, and a server that sets
    the same option (all do) can still listen on it.
    """

    def __init__(self, address: str = "127.0.0.1") -> None:
        """Bind; the number is in `number`."""
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((address, 0))
        self.number: int = self._socket.getsockname()[1]

    def release(self) -> None:
        """Give the port back."""
        self._socket.close()


def child_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Our environment for a child: bytecode is written (imports are twice as fast then), output is not held back."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "PYTHONDONTWRITEBYTECODE"))}
    return environment | {"PYTHONUNBUFFERED": "1"} | dict(extra or {})


class Child:
    """A running server: its process, its log, how to stop it."""

    def __init__(
        self,
        command: list[str],
        log: Path,
        account: Account | None = None,
        prefix: tuple[str, ...] = (),
        death_signal: signal.Signals = signal.SIGKILL,
        cwd: Path | None = None,
    ) -> None:
        """Start `command` with its output appended to `log`; it gets `death_signal` when this process dies."""
        uid, gid = (str(account.uid), str(account.gid)) if account else ("-", "-")
        launcher = [sys.executable, "-I", "-S", str(LAUNCHER), str(os.getpid()), str(int(death_signal)), uid, gid]
        self.name = Path(command[0]).name
        self.log = log
        self.process = _starter.submit(_start, [*prefix, *launcher, *command], log, cwd).result()
        write_pid(log.with_suffix(".pid"), self.pid)

    @property
    def pid(self) -> int:
        """The process id; the program itself, as every step before it is an exec."""
        return self.process.pid

    def running(self) -> bool:
        """Whether the process lives."""
        return self.process.poll() is None

    def wait_until(self, ready: Callable[[], bool], seconds: float, what: str = "ready") -> None:
        """Ask `ready` until it says so. Raises ServiceFailed when the process ends first or `seconds` are over."""
        deadline = time.monotonic() + seconds
        pause = 0.005
        while not ready():
            if not self.running():
                raise ServiceFailed(f"{self.name} ended with code {self.process.returncode}: {self.last_words()}")
            if time.monotonic() > deadline:
                raise ServiceFailed(f"{self.name} was not {what} after {seconds:g} s: {self.last_words()}")
            time.sleep(pause)
            pause = min(pause * 1.5, 0.05)

    def stop(self, how: signal.Signals = signal.SIGTERM, seconds: float = 5.0) -> None:
        """End the process: politely with `how`, after `seconds` without mercy. Nothing happens when it has ended."""
        if not self.running():
            return
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(how)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def kill(self) -> None:
        """End the process without giving it a chance to write anything."""
        if self.running():
            self.process.kill()
            self.process.wait()

    def last_words(self) -> str:
        """The end of its log, on one line."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return " | ".join(text.strip().splitlines()[-5:])[-800:] or "(it said nothing)"


class Server:
    """A service of one child, which may be replaced while the port stays the same."""

    def __init__(self, address: str = "127.0.0.1") -> None:
        """Take a port of a loopback address; nothing runs yet."""
        self._child: Child | None = None
        self._port = Port(address)

    @property
    def port(self) -> int:
        """The port on the loopback address."""
        return self._port.number

    @property
    def pid(self) -> int | None:
        """The process id (PostgreSQL: the postmaster's), None while stopped."""
        return self._child.pid if self._child else None

    def _alive(self) -> bool:
        return self._child is not None and self._child.running()


def _start(command: list[str], log: Path, cwd: Path | None) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        # A session of its own: Ctrl-C on the terminal reaches the supervisor only, which then stops its children in order.
        return subprocess.Popen(
            command,
            cwd=cwd,
            env=child_environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
