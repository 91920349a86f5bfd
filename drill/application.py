"""The application on the copy: started by its own command, asked at its health route, ended."""

import http.client
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import urlsplit

from muster.kinds.drills import Application
from muster.probes import CouldNotLook
from muster.scrubber import scrub
from muster.text import plain

KEPT = ("PATH", "HOME", "LANG", "TMPDIR")
"""Variables that it is given beside those that lead to the copy: none of those that lead to production."""
PAUSE = 0.2
PATIENCE = 10.0
"""Seconds for one answer."""
READ = 1 << 16
KEPT_WORDS = 400
"""Bytes of its output that are read, and characters of their end that are told: a secret is known only as a whole."""


def answer(wanted: Application, variables: Mapping[str, str], ends: float) -> tuple[int, str]:
    """The status of its health route, and the end of what it printed; 0 when it did not answer in time.

    Raises CouldNotLook when it cannot be started at all.
    """
    environment = {name: os.environ[name] for name in KEPT if name in os.environ} | dict(variables)
    if _listens(wanted.url):
        raise CouldNotLook(f"something else listens at {wanted.url}", cause="this machine", hint="another url, or end what listens there")
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(
                wanted.command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=environment, start_new_session=True
            )
        except OSError as error:
            raise CouldNotLook(f"cannot start {wanted.command[0]}: {error.strerror}", cause="this machine") from error
        try:
            status = _asked(wanted.url, process, min(ends, time.monotonic() + wanted.within))
        finally:
            _end(process)
        output.seek(max(0, output.seek(0, os.SEEK_END) - READ))
        said = scrub(output.read().decode(errors="replace")).strip()
    return status, plain(said[-KEPT_WORDS:]) if status != 200 else ""


def _listens(url: str) -> bool:
    """Whether somebody takes connections there, who would be asked in the application's place."""
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 80), timeout=PATIENCE).close()
    except OSError:
        return False
    return True


def _asked(url: str, process: "subprocess.Popen[bytes]", ends: float) -> int:
    """The first answer that is no refusal to connect, or the last one before the time is over."""
    status = 0
    while time.monotonic() < ends and process.poll() is None:
        status = _once(url, max(0.1, ends - time.monotonic()))
        if 200 <= status < 500:
            return status
        time.sleep(PAUSE)  # it starts: nothing tells when it will be there
    return status


def _once(url: str, patience: float) -> int:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port or 80, timeout=min(patience, PATIENCE))
    try:
        connection.request("GET", (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End it with all that it started."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        with suppress(subprocess.TimeoutExpired):
            process.wait(5.0)
