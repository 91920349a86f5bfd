"""Ends a conversation with the scratch server that outlives its deadline: asks the server to stop, then closes the way to it."""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

from muster.probes import CouldNotLook

_PATIENCE = 3.0
"""Seconds in which the server is asked to stop."""
_AGAIN = 0.2
"""Seconds between looks for a statement that began just when the deadline came."""


class Watchdog:
    """Watches one connection. After the deadline no statement of it lives on; a connection that is idle then stays open."""

    def __init__(self, connection: Any, ends: float, cause: str) -> None:
        self._connection = connection
        self._ends = ends
        self._cause = cause
        self._over = threading.Event()

    @contextlib.contextmanager
    def watching(self) -> Iterator["Watchdog"]:
        """Until the end of this block."""
        thread = threading.Thread(target=self._watch, name="drill-watchdog", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._over.set()
            thread.join()

    def expired(self) -> bool:
        """Whether the deadline has passed; whoever catches an error of the connection asks first."""
        return time.monotonic() >= self._ends

    def late(self, doing: str) -> CouldNotLook:
        """What is to be said then."""
        return CouldNotLook(
            f"no end of the restore before the deadline: {doing}",
            cause=self._cause,
            hint="select pid, state, wait_event, query_start from pg_stat_activity on the scratch server",
        )

    def check(self, doing: str) -> None:
        """Raises CouldNotLook after the deadline."""
        if self.expired():
            raise self.late(doing)

    def _watch(self) -> None:
        from psycopg.pq import TransactionStatus

        patience = min(max(0.0, self._ends - time.monotonic()), threading.TIMEOUT_MAX / 2)
        while not self._over.wait(patience):
            if self._connection.pgconn.transaction_status == TransactionStatus.ACTIVE:
                self._bite()
                return
            patience = _AGAIN

    def _bite(self) -> None:
        import psycopg

        # A server that cannot be asked any more is left to its fate; closing the way wakes us in any case.
        with contextlib.suppress(psycopg.Error):
            self._connection.cancel_safe(timeout=_PATIENCE)
        with contextlib.suppress(psycopg.Error, OSError), socket.socket(fileno=os.dup(self._connection.fileno())) as way:
            way.shutdown(socket.SHUT_RDWR)
