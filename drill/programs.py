"""One of PostgreSQL's programs as a child: argument vector, empty environment, process group, deadline."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from muster.probes import CouldNotLook

ENVIRONMENT = {"LC_ALL": "C"}


class Program:
    """A running program; its process group is killed at the deadline and at the end."""

    def __init__(self, command: Sequence[str], ends: float, complaints: IO[bytes] | int) -> None:
        self.late = False
        self.name = Path(command[0]).name
        try:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=complaints,
                env=ENVIRONMENT,
                start_new_session=True,
            )
        except OSError as error:
            raise CouldNotLook(
                f"{self.name} does not start: {error.strerror}", cause=self.name, hint="install the client programs"
            ) from None
        self._timer = threading.Timer(min(max(0.0, ends - time.monotonic()), threading.TIMEOUT_MAX / 2), self._expire)
        self._timer.daemon = True
        self._timer.start()

    def output(self) -> IO[bytes]:
        """What it writes; to be read while it runs."""
        assert self.process.stdout is not None
        return self.process.stdout

    def complaints(self) -> IO[bytes]:
        """What it complains of, where that goes to no file."""
        assert self.process.stderr is not None
        return self.process.stderr

    def _expire(self) -> None:
        self.late = True
        self._kill()

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def end(self) -> None:
        """Whatever is left of it; nothing of the group outlives this."""
        self._timer.cancel()
        self._kill()
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()
        self.process.wait()

    def code(self) -> int:
        """Its exit code, once it has ended. Raises CouldNotLook when the deadline came first."""
        code = self.process.wait()
        if self.late:
            raise CouldNotLook(
                f"{self.name} did not end before the deadline", cause=self.name, hint="give the drill more time, or more jobs"
            )
        return code


@contextlib.contextmanager
def running(command: Sequence[str], ends: float, complaints: IO[bytes] | int = subprocess.PIPE) -> Iterator[Program]:
    """The program, until the end of this block. Raises CouldNotLook when it does not start."""
    program = Program(command, ends, complaints)
    try:
        yield program
    finally:
        program.end()
