"""Ends a conversation with the scratch server that outlives its deadline: asks the server to stop, then closes the way to it."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

from muster.probes import CouldNotLook

_PATIENCE = 3.0
"""Seconds in which the server is asked to stop."""


class Watchdog:
    """Watches one connection. Whoever catches an error of it asks first whether it has `bitten`."""

    def __init__(self, connection: Any, ends: float, cause: str) -> None:
        self.bitten = False
        self._connection = connection
        self._ends = ends
        self._cause = cause

    @contextlib.contextmanager
    def watching(self) -> Iterator["Watchdog"]:
        """Until the end of this block."""
        timer = threading.Timer(min(max(0.0, self._ends - time.monotonic()), threading.TIMEOUT_MAX / 2), self._bite)
        timer.daemon = True
        timer.start()
        try:
            yield self
        finally:
            timer.cancel()
            timer.join()

    def late(self, doing: str) -> CouldNotLook:
        """What is to be said then."""
        return CouldNotLook(
            f"no end of the restore before the deadline: {doing}",
            cause=self._cause,
            hint="select pid, state, wait_event, query_start from pg_stat_activity on the scratch server",
        )

    def check(self, doing: str) -> None:
        """Raises CouldNotLook after the deadline."""
        if self.bitten or time.monotonic() >= self._ends:
            raise self.late(doing)

    def _bite(self) -> None:
        import psycopg

        self.bitten = True
        # A server that cannot be asked any more is left to its fate; closing the way wakes us in any case.
        with contextlib.suppress(psycopg.Error):
            self._connection.cancel_safe(timeout=_PATIENCE)
        with contextlib.suppress(psycopg.Error, OSError), socket.socket(fileno=_copy_of(self._connection)) as way:
            way.shutdown(socket.SHUT_RDWR)


def _copy_of(connection: Any) -> int:
    import os

    return os.dup(connection.fileno())
