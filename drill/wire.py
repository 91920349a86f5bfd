"""psycopg under a drill's deadline: no wait outlives it, also when the server or the way to it has come to a stop without a word."""

from math import inf
from time import monotonic
from typing import Any

import psycopg
from psycopg.errors import _WaitTimeout

GRACE = 2.0
"""Seconds in which the server, which has the same deadline, can still say so itself."""


class Timed(psycopg.Connection[Any]):
    """A connection that gives up at `ends` (monotonic seconds); it is closed then."""

    ends = inf

    def __exit__(self, *_: object) -> None:
        """Close it. Nothing is left to commit, and a server that does not answer is not waited for."""
        self.close()

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Raises OperationalError beside what psycopg raises."""
        patience = min(self.ends + GRACE - monotonic(), 86400.0)
        try:
            if patience <= 0:
                raise _WaitTimeout
            return super().wait(gen, interval, patience if timeout is None else min(timeout, patience))
        except _WaitTimeout:
            self.pgconn.finish()
            raise psycopg.OperationalError("no answer before the deadline") from None
