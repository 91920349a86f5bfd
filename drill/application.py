"""The application on the copy: started by its own command, asked at its health route, ended."""

import http.client
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import urlsplit

from muster.kinds.drills import Application
from muster.probes import CouldNotLook
from muster.scrubber import head

KEPT = ("PATH", "HOME", "LANG", "TMPDIR")
"""Variables that it is given beside those that lead to the copy: none of those that lead to production."""
PAUSE = 0.2


def answer(wanted: Application, variables: Mapping[str, str], ends: float) -> tuple[int, str]:
    """The status of its health route, and the end of what it printed; 0 when it did not answer in time.

    Raises CouldNotLook when it cannot be started at all.
    """
    environment = {name: os.environ[name] for name in KEPT if name in os.environ} | dict(variables)
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
        output.seek(max(0, output.tell() - 400))
        said = output.read().decode(errors="replace").strip()
    return status, head(said, 400) if status != 200 else ""


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
    connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port or 80, timeout=min(patience, 10.0))
    try:
        connection.request("GET", parts.path or "/")
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
