"""Database sessions that the sandbox holds open for as long as the world says so."""

import select
import time
from collections.abc import Callable
from typing import Any

from sandbox.processes import ServiceFailed
from sandbox.world import Session

TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = ANY(%s)"
LEFT = "SELECT count(*) FROM pg_stat_activity WHERE pid = ANY(%s)"
END_SECONDS = 5.0


class Sessions:
    """The connections behind a list of `Session`."""

    def __init__(self) -> None:
        """Nothing is open yet."""
        self._open: list[Any] = []

    def replace(self, sessions: list[Session], connect: Callable[..., Any], dbname: str) -> None:
        """End what is open and open `sessions` instead. Raises ServiceFailed when the server refuses one."""
        import psycopg

        if self._open:
            pids = [connection.info.backend_pid for connection in self._open]
            with connect() as administrator:
                # Closing alone would leave a statement running until it wants to answer.
                administrator.execute(TERMINATE, [pids])
                _wait_for_end(administrator, pids)
            self.forget()
        for session in sessions:
            for _ in range(session.count):
                try:
                    self._open.append(_opened(session, connect(dbname, session.user or "postgres")))
                except psycopg.Error as error:
                    raise ServiceFailed(f"postgresql refuses the session {session.sql[:120]!r}: {str(error).strip()}") from error

    def forget(self) -> None:
        """Close our ends only: for a server that is going away."""
        for connection in self._open:
            connection.close()
        self._open.clear()


def _opened(session: Session, connection: Any) -> Any:
    if session.transaction:
        connection.execute("BEGIN")
    if session.waits:
        _send(connection, session.sql)
    elif session.sql:
        connection.execute(session.sql)
    return connection


def _wait_for_end(administrator: Any, pids: list[int]) -> None:
    deadline = time.monotonic() + END_SECONDS
    while administrator.execute(LEFT, [pids]).fetchone()[0]:
        if time.monotonic() > deadline:
            raise ServiceFailed("postgresql does not end the sessions of the world before")
        time.sleep(0.005)


def _send(connection: Any, statement: str) -> None:
    """Hand over a statement without waiting for its result, which may never come."""
    connection.pgconn.nonblocking = 1
    connection.pgconn.send_query(statement.encode())
    while connection.pgconn.flush():
        select.select([], [connection.fileno()], [], 1.0)
