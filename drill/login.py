"""A session that may write: only on a scratch server, and only for a drill."""

import os
import time
from typing import Any

from fixtures.postgresql import client
from fixtures.postgresql.errors import why_refused
from muster.importing import importing
from muster.probes import CouldNotLook
from muster.scratch import ScratchServer

KEEPALIVE = {"keepalives": 1, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 30000}
"""A server that vanishes is noticed within half a minute, however long a statement may take."""
HINT = "see docs/restore-drill.md: the rights that a drill needs"


def log_in(server: ScratchServer, ends: float, *, of: str = "", dbname: str = "", user: str = "", password: str = "") -> Any:
    """A psycopg connection in autocommit mode, as the drill's administrator or as the `user` that it made.

    `ends` is the monotonic time after which a statement is given up, by the server and by us; `of` is the drill whose session
    this is. Raises CouldNotLook.
    """
    with importing:
        import psycopg  # noqa: F401

        from drill.wire import Timed  # noqa: F401
    os.environ.pop("PGSERVICE", None)  # the one variable that no parameter overrides
    name = client.address(server)
    trouble: Exception = CouldNotLook(f"{server.host.resolve()} has no address", cause=name)
    for numeric in client.addresses(server.host.resolve(), server.port_number()):
        made = _attempt(server, arguments(server, numeric, ends, of, dbname, user), password, ends)
        if not isinstance(made, Exception):
            return made
        trouble = made
    raise CouldNotLook(f"the scratch server does not let the drill in: {trouble}", cause=name, hint=getattr(trouble, "hint", "") or HINT)


def _attempt(server: ScratchServer, given: dict[str, Any], password: str, ends: float) -> Any:
    """A connection, or why there is none. Returns instead of raising: no traceback may hold the frame that knows the password."""
    import psycopg

    from drill.wire import Timed

    secret = password or (server.password.resolve().reveal() if server.password else "")
    try:
        made = Timed.connect(**given | {"password": secret}, autocommit=True)
    except psycopg.Error as error:
        return why_refused(error, client.address(server), server.sslmode)
    made.ends = ends
    return made


def arguments(server: ScratchServer, numeric: str, ends: float, of: str, dbname: str, user: str) -> dict[str, Any]:
    """The parameters of libpq for a session at one numeric address, the password aside."""
    given = client.parameters(server, numeric) | KEEPALIVE | {"options": options(ends), "application_name": of or "muster-drill"}
    del given["password"]
    return given | {"dbname": dbname or given["dbname"], "user": user or given["user"]}


def options(ends: float) -> str:
    """Settings of a session: nothing waits for ever, and no name is looked up where somebody could have put another thing."""
    patience = max(1, int((ends - time.monotonic()) * 1000))
    settings = {"statement_timeout": patience, "lock_timeout": 30000, "idle_in_transaction_session_timeout": patience, "search_path": ""}
    settings |= {
        f"tcp_{name}": value for name, value in KEEPALIVE.items() if name.startswith("keepalives_")
    }  # the lock of a dead machine goes
    return " ".join(f"-c {name}={value}" for name, value in settings.items())
