"""A real Redis server for the tests of probes, and how they reach it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from muster.connections import Redis as Connection
from muster.kinds.base import bind
from muster.kinds.redis import RedisLogin, RedisQueue, RedisServer
from muster.probes import PROBES
from sandbox.services.certificates import Authority
from sandbox.services.redis import RedisServer as Real
from sandbox.world import Redis, Served, World
from sandbox.worlds.platform_service import redis as part


class Server:
    """The cache of platform-service, and connections to it."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder)
        self.real = Real(folder / "server", self._issue, lambda _: None)

    def _issue(self, served: Served) -> tuple[bytes, bytes]:
        issued = self.authority.issue("redis", served)
        return issued.chain.read_bytes(), issued.key.read_bytes()

    def become(self, *commands: list[str], **changes: Any) -> None:
        """Healthy, with these commands run as well and these fields replaced."""
        healthy = make_redis()
        self.real.apply(replace(healthy, **{"commands": [*healthy.commands, *commands], **changes}))

    def run(self, *words: str) -> Any:
        """What the server answers an administrator."""
        with self.real.connect() as client:
            return client.execute_command(*words)

    def connection(self, user: str | None = "muster", **changes: Any) -> Connection:
        """A connection as a user, whose password stands in a variable that `running_redis` sets."""
        given: dict[str, Any] = {"host": "127.0.0.1", "port": self.real.port, "ca": str(self.authority.ca_file)}
        if user is not None:
            given |= {"user": user, "password": f"env:TEST_REDIS_{user.upper()}"}
        return Connection.model_validate({**given, **changes})


def make_redis() -> Redis:
    """The healthy cache of the world."""
    world = World()
    part.build(world, 0.0)
    return world.caches["cache"]


@contextmanager
def running_redis(folder: Path) -> Iterator[Server]:
    """A healthy server, and the passwords of its users, until the end."""
    made = Server(folder)
    try:
        made.become()
        with pytest.MonkeyPatch.context() as patch:
            for user, password in make_redis().passwords.items():
                patch.setenv(f"TEST_REDIS_{user.upper()}", password)
            yield made
    finally:
        made.real.stop()


def server_entity(connection: Connection, **expect: Any) -> RedisServer:
    """A bound entity of the section redis_servers."""
    return _bound(RedisServer, {"name": "cache", "expect": expect}, connection)


def login_entity(connection: Connection) -> RedisLogin:
    """A bound entity of the section redis_logins."""
    return _bound(RedisLogin, {"name": "application"}, connection)


def queue_entity(connection: Connection, key: str = part.QUEUE, **given: Any) -> RedisQueue:
    """A bound entity of the section redis_queues."""
    return _bound(RedisQueue, {"name": "emails", "key": key, "expect": {}, **given}, connection)


def _bound(kind: Any, given: dict[str, Any], connection: Connection) -> Any:
    made = kind.model_validate({**given, "connection": "cache"})
    return bind(made, "platform-service/test", {"cache": connection})


def look(probe: str, entity: Any) -> Any:
    """What a probe says about an entity, asked directly."""
    return PROBES[probe].function(entity)
