"""The monitoring user of deploy/redis-readonly.acl: it sees all that the probes ask, and the server refuses it all else."""

from collections.abc import Iterator
from typing import Any

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from fixtures.once import forget
from fixtures.redis import client
from muster.probes import begin
from sandbox.worlds.platform_service.redis import ACL, QUEUE
from tests.probes.redis_servers import Server, login_entity, look, make_redis, queue_entity, running_redis, server_entity

ALLOWED = {"ping", "info", "time", "type", "llen", "scard", "zcard", "hlen", "xlen", "xinfo|groups", "select"}
"""What the file grants, command by command; `info` is thought dangerous for what it tells, `select` changes only the session."""
ALWAYS = {"auth", "hello", "quit", "reset"}
"""What no ACL can take away: logging in and leaving."""
REFUSED_TO_ALL = {"debug", "exec", "module|load", "module|loadex", "module|unload"}
"""Without a setting of the server, or without MULTI before."""
HARMLESS = {"read", "fast", "slow", "keyspace", "connection", "list", "set", "sortedset", "hash", "stream", "dangerous"}
"""Categories of what is granted; none of them is write, admin, scripting, blocking, pubsub or transaction."""


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    with running_redis(tmp_path_factory.mktemp("redis")) as made:
        made.become(
            ["XADD", "events", "*", "kind", "a"],
            ["XGROUP", "CREATE", "events", "readers", "0"],
            ["SADD", "set", "a"],
            ["HSET", "hash", "a", "b"],
            ["ZADD", "zset", "1", "a"],
        )
        yield made


def words(answer: list[Any]) -> list[str]:
    """A list of names, as text."""
    return [each.decode() if isinstance(each, bytes) else str(each) for each in answer]


def raw(client_: redis.Redis, *words: str) -> Any:
    """The answer to a command as it comes, error replies included."""
    connection = client_.connection_pool.get_connection()
    try:
        connection.send_command(*words, check_health=False)
        return connection.read_response()
    except redis.RedisError as refusal:
        return refusal
    finally:
        client_.connection_pool.release(connection)


def arities(entries: list[Any]) -> dict[str, int]:
    """Every command and subcommand of an answer to COMMAND, with the number of words it takes at least."""
    found = {}
    for name, arity, *rest in entries:
        subcommands = arities(rest[7]) if len(rest) > 7 else {}
        found |= subcommands or {name.decode(): abs(arity)}
    return found


@pytest.fixture(scope="module")
def commands(server) -> dict[str, int]:
    """All that the server knows."""
    with server.real.connect() as administrator:
        return arities(raw(administrator, "COMMAND"))


@pytest.fixture(scope="module")
def as_muster(server) -> Iterator[redis.Redis]:
    """A client of the user as an attacker has it: none of our own fences."""
    login = {"username": "muster", "password": make_redis().passwords["muster"], "ssl": True, "ssl_ca_certs": str(server.authority.ca_file)}
    made = redis.Redis("127.0.0.1", server.real.port, retry=Retry(NoBackoff(), 0), driver_info=None, protocol=2, socket_timeout=60, **login)
    with made:
        yield made


def test_the_user_sees_all_that_the_probes_ask(server):
    begin(60)
    forget()
    client.close_all()

    assert look("redis_state", server_entity(server.connection())).serving
    assert look("redis_answer", login_entity(server.connection("muster", db=1))).answered
    for key in (QUEUE, "events", "set", "hash", "zset"):
        assert look("queue_length", queue_entity(server.connection(), key)).length >= 1
    assert look("queue_length", queue_entity(server.connection(), "events", group="readers")).length == 1
    client.close_all()


def test_the_file_grants_what_is_asked_and_no_more(server):
    (line,) = (each.split() for each in words(server.run("ACL", "LIST")) if each.startswith("user muster "))

    assert "%R~*" in line
    assert {each for each in line if each.startswith(("-", "+"))} == {"-@all"} | {f"+{each}" for each in ALLOWED}
    assert {each.partition("|")[0].upper() for each in ALLOWED} - {"SELECT"} == client.ASKED


def test_nothing_that_is_granted_changes_anything(server):
    categories = {name: set(words(server.run("ACL", "CAT", name))) for name in words(server.run("ACL", "CAT"))}

    assert {name for name, members in categories.items() if members & ALLOWED} <= HARMLESS
    assert categories["dangerous"] & ALLOWED == {"info"}


def test_the_server_refuses_every_other_command(server, as_muster, commands):
    before = {name: server.run(*name.split()) for name in ("DBSIZE", "LASTSAVE", "ACL LIST")}
    assert len(commands) > 200
    assert set(commands) >= ALLOWED | {"set", "flushall", "config|set", "debug", "acl|setuser", "shutdown", "eval", "keys", "get"}

    answers = {
        name: raw(as_muster, *name.split("|"), *["x"] * (least - len(name.split("|"))))
        for name, least in commands.items()
        if name not in ALLOWED | ALWAYS
    }

    assert [name for name, answer in answers.items() if not isinstance(answer, redis.RedisError)] == []
    otherwise = {name for name, answer in answers.items() if not isinstance(answer, redis.exceptions.NoPermissionError)}
    assert otherwise <= REFUSED_TO_ALL
    assert {name: server.run(*name.split()) for name in before} == before


def test_the_user_does_not_become_another(server, as_muster):
    assert "invalid username-password" in str(raw(as_muster, "AUTH", "platform", "guess"))
    assert isinstance(raw(as_muster, "ACL", "WHOAMI"), redis.exceptions.NoPermissionError)


def test_the_user_has_no_password_of_its_own():
    assert "nopass" not in ACL.read_text()
    assert ">" not in ACL.read_text()
