"""A real PostgreSQL server for the tests of probes, and how they reach it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from muster.connections import Postgresql
from muster.kinds.base import bind
from muster.kinds.postgresql import Database as DatabaseEntity
from muster.kinds.postgresql import Login
from muster.probes import PROBES
from sandbox.services.certificates import Authority
from sandbox.services.postgres import PostgresServer
from sandbox.world import Database, Served, World
from sandbox.worlds.platform_service import database as part

PROBES_OF_DATABASES = (
    "database_sessions",
    "database_tables",
    "database_server",
    "database_replication",
    "database_extensions",
    "database_statements",
)


class Server:
    """The database of platform-service, and connections to it."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder)
        self.real = PostgresServer(folder / "server", self._issue, lambda _: None)

    def _issue(self, served: Served) -> tuple[bytes, bytes]:
        issued = self.authority.issue("database", served)
        return issued.chain.read_bytes(), issued.key.read_bytes()

    def become(self, **changes: Any) -> None:
        """Healthy, with these fields of the world's database replaced; lists and settings are added to."""
        healthy = make_database()
        for name, value in changes.items():
            before = getattr(healthy, name)
            changes[name] = before + value if isinstance(before, list) else before | value if isinstance(before, dict) else value
        self.real.apply(replace(healthy, **changes))

    def connection(self, user: str = "muster", **changes: Any) -> Postgresql:
        """A connection as a user, whose password stands in a variable that `passwords` sets."""
        given: dict[str, Any] = {
            "host": "127.0.0.1",
            "port": self.real.port,
            "dbname": "platform_db",
            "user": user,
            "password": f"env:TEST_PASSWORD_{user.upper()}",
            "sslrootcert": str(self.authority.ca_file),
        }
        return Postgresql.model_validate({**given, **changes})

    def superuser(self, dbname: str = "platform_db") -> Any:
        """A psycopg connection that may do everything."""
        return self.real.connect(dbname)


def make_database() -> Database:
    """The healthy database of the world."""
    world = World()
    part.build(world, 0.0)
    return world.databases["database"]


@contextmanager
def running_server(folder: Path, **changes: Any) -> Iterator[Server]:
    """A server that differs from a healthy one in these fields, and the passwords of its users, until the end."""
    made = Server(folder)
    try:
        made.become(**changes)
        with passwords():
            yield made
    finally:
        made.real.stop()


@contextmanager
def passwords() -> Iterator[None]:
    """The variables that the connections name."""
    with pytest.MonkeyPatch.context() as patch:
        for role, password in make_database().passwords.items():
            patch.setenv(f"TEST_PASSWORD_{role.upper()}", password)
        yield


def database(connection: Postgresql, **expect: Any) -> Any:
    """A bound entity of the section databases."""
    made = DatabaseEntity.model_validate({"name": "platform-db", "connection": "database", "expect": expect})
    return bind(made, "platform-service/test", {"database": connection})


def login(connection: Postgresql) -> Any:
    """A bound entity of the section logins."""
    return bind(Login.model_validate({"name": "application", "connection": "database"}), "platform-service/test", {"database": connection})


def look(probe: str, entity: Any) -> Any:
    """What a probe says about an entity, asked directly."""
    return PROBES[probe].function(entity)


def pick(fixture: Any, *arguments: Any) -> Any:
    """What an ordinary fixture makes of observations."""
    function: Callable[..., Any] = fixture.__wrapped__
    return function(*arguments)
