"""Redis: servers looked at through a monitoring login, the logins of applications, and queues."""

from typing import ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from muster.connections import Redis
from muster.expectations import Expect, Limit, Severity, Wanted
from muster.kinds.base import Connected
from muster.kinds.earlier import Growth, HitRate
from muster.kinds.kubernetes import Within
from muster.units import Duration, Percent


class RedisLoginExpect(Expect):
    """What logging in to Redis as an application may take."""

    answers: Wanted[Limit[bool]] | None = (Limit[bool].model_construct(limit=True),)
    """The server takes the credentials and answers PING with PONG; LOADING, NOAUTH and NOPERM are no answers."""
    faster_than: Wanted[Limit[Duration]] | None = (Limit[Duration].model_construct(limit=Duration(1)),)
    """Login and PING together take no longer."""


class _AtRedis(Connected):
    """Behind a redis connection."""

    connects: ClassVar[tuple[str, ...]] = ("redis",)

    def where(self) -> str:
        """Host, port and database as written in the file: `env:` references stay references."""
        source = self.source()
        return f"{source.host}:{source.port}/{source.db}" if isinstance(source, Redis) else ""


class RedisLogin(_AtRedis):
    """A login of an application to Redis, tried with its own credentials.

    A refusal is violated; a time-out, or a name that does not resolve, is unknown.
    """

    section: ClassVar[str] = "redis_logins"
    fixture: ClassVar[str] = "redis_login"
    subject: ClassVar[bool] = True
    severities: ClassVar[dict[str, Severity]] = {"answers": "P0", "faster_than": "P1"}

    expect: RedisLoginExpect = RedisLoginExpect.model_construct()


class RedisServerExpect(Expect):
    """What a Redis server may be like."""

    serving: Wanted[Limit[bool]] | None = (Limit[bool].model_construct(limit=True),)
    """It is not loading its data set, and answers commands."""
    persistence_failures: Wanted[Limit[int]] | None = (Limit[int].model_construct(limit=0),)
    """Of the last RDB save, the last write and the last rewrite of the append-only file, how many failed."""
    memory: Wanted[Limit[Percent]] | None = (Limit[Percent].model_construct(limit=Percent(0.9)),)
    """Used memory as a share of maxmemory. Violated when no maxmemory is set: it then grows until the system kills it."""
    evictions: Wanted[Within] | None = (Within.model_construct(at_most=0),)
    """Keys that were thrown away for lack of memory, within a time."""
    rejected_connections: Wanted[Within] | None = (Within.model_construct(at_most=0),)
    """Connections that were turned away because maxclients was reached, within a time."""
    hit_rate: Wanted[HitRate] | None = None
    """Lookups that found their key, as a share of all since an earlier look."""
    saved_within: Wanted[Limit[Duration]] | None = None
    """Changes are saved within this: age of the last RDB save, zero when nothing has changed since."""
    append_only: Wanted[Limit[bool]] | None = None
    """The append-only file is switched on."""
    role: Wanted[Limit[Literal["primary", "replica"]]] | None = None
    """A replica that has lost its primary is none."""
    replicas: Wanted[Limit[int]] | None = None
    """At least this many replicas are connected and up to date enough to be online."""
    clients: Wanted[Limit[Percent]] | None = None
    """Connected clients as a share of maxclients."""


class RedisServer(_AtRedis):
    """A Redis server, through a login that may read statistics and nothing else."""

    section: ClassVar[str] = "redis_servers"
    fixture: ClassVar[str] = "redis_server"
    severities: ClassVar[dict[str, Severity]] = {"serving": "P0", "persistence_failures": "P1", "role": "P1", "replicas": "P1"}

    expect: RedisServerExpect = RedisServerExpect.model_construct()


class RedisQueueExpect(Expect):
    """What a queue, or another key that holds several things, may be like."""

    length: Wanted[Limit[int]] | None = None
    """At most this many entries wait."""
    at_least: Wanted[Limit[int]] | None = None
    """At least this many members or entries are there."""
    growth: Wanted[Growth] | None = None
    """The backlog does not grow from look to look."""
    consumers: Wanted[Limit[int]] | None = None
    """At least this many consumers of the stream's group are known. Streams only: a list does not know who reads it."""


class RedisQueue(_AtRedis):
    """A key that holds several things: a list, set, sorted set, hash or stream. A key that does not exist is violated."""

    section: ClassVar[str] = "redis_queues"
    fixture: ClassVar[str] = "redis_queue"
    severities: ClassVar[dict[str, Severity]] = {"growth": "P1", "consumers": "P1"}

    key_: str = Field(alias="key", min_length=1, max_length=1024)
    """The key, whole: patterns are not looked up, because that would go through every key of the server."""
    type: Literal["list", "set", "zset", "hash", "stream"] | None = None
    """What the key must hold; without it, whatever it holds is counted."""
    group: str | None = Field(default=None, min_length=1)
    """Consumer group of a stream: what it has not acknowledged and not read yet is its backlog."""
    expect: RedisQueueExpect

    @model_validator(mode="after")
    def _stream(self) -> "RedisQueue":
        if self.expect.consumers is not None and self.group is None:
            raise PydanticCustomError("group", "consumers are those of a stream's group: give group")
        if self.group is not None and self.type not in (None, "stream"):
            raise PydanticCustomError("group", "only a stream has groups")
        return self

    @property
    def length_fact(self) -> str:
        """The name under which the queue's length is remembered."""
        return f"length/{self.section}/{self.id}"
