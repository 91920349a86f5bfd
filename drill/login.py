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


def log_in(server: ScratchServer, ends: float, *, dbname: str = "", user: str = "", password: str = "") -> Any:
    """A psycopg connection in autocommit mode, as the drill's administrator or as the `user` that it made.

    `ends` is the monotonic time after which the server gives a statement up. Raises CouldNotLook.
    """
    with importing:
        import psycopg
    os.environ.pop("PGSERVICE", None)  # the one variable that no parameter overrides
    trouble: Exception = CouldNotLook(f"{server.host.resolve()} has no address", cause=client.address(server))
    secret = password or (server.password.resolve().reveal() if server.password else "")
    for numeric in client.addresses(server.host.resolve(), server.port_number()):
        try:
            return psycopg.connect(**arguments(server, numeric, ends, dbname, user) | {"password": secret}, autocommit=True)
        except psycopg.Error as error:
            trouble = why_refused(error, client.address(server), server.sslmode)
    raise CouldNotLook(
        f"the scratch server does not let the drill in: {trouble}", cause=client.address(server), hint="see docs/restore-drill.md"
    ) from None


def arguments(server: ScratchServer, numeric: str, ends: float, dbname: str = "", user: str = "") -> dict[str, Any]:
    """The parameters of libpq for a session at one numeric address, the password aside."""
    given = client.parameters(server, numeric) | KEEPALIVE | {"options": options(ends), "application_name": "muster-drill"}
    del given["password"]
    return given | {"dbname": dbname or given["dbname"], "user": user or given["user"]}


def options(ends: float) -> str:
    """Settings of a session: nothing waits for ever, and no name is looked up where somebody could have put another thing."""
    patience = max(1, int((ends - time.monotonic()) * 1000))
    settings = {"statement_timeout": patience, "lock_timeout": 30000, "idle_in_transaction_session_timeout": patience, "search_path": ""}
    return " ".join(f"-c {name}={value}" for name, value in settings.items())
