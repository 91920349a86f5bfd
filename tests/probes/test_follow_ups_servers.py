"""Around databases and Redis: who holds what, since when; never a statement's text, never a value."""

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import fixtures.follow_ups.servers
from fixtures.redis import client
from muster.kinds.redis import RedisQueue, RedisServer
from muster.probes import CouldNotLook
from sandbox.world import Session
from tests.probes import database_servers, redis_servers
from tests.probes.second_looks import around

pytestmark = pytest.mark.usefixtures("new_look")
assert fixtures.follow_ups.servers
CANARY = "canary-4711"
HOLDS = f"UPDATE orders SET status = '{CANARY}' WHERE id = 1"
LONG = f"SELECT pg_sleep(600), '{CANARY}'"
EVERYTHING = {"log_lines": 20, "values": True, "events": True}
BUSY = (
    Session(sql=HOLDS, transaction=True, user="platform"),
    Session(sql=HOLDS, user="platform", waits=True),
    Session(sql=LONG, user="platform", waits=True),
    Session(sql="", user="platform", count=3),
)


def sessions(server: database_servers.Server, **shows: Any) -> list[str]:
    """The lines around the database."""
    return around(database_servers.database(server.connection()), **shows)


def test_the_longest_sessions_are_told_with_who_holds_them_up(healthy: database_servers.Server) -> None:
    healthy.become(sessions=list(BUSY))
    said = sessions(healthy)
    found = set(re.findall(r"(\d \w[\w ]*) of platform \(longest", said[0]))
    assert found == {"3 idle", "2 active", "1 idle in transaction"}
    idle = next(line for line in said if "idle in transaction for" in line)
    holder = re.match(r"pid (\d+), role platform: ", idle)
    assert holder
    (waiting,) = [line for line in said if "waits" in line]
    assert waiting.endswith(f" for a lock held by {holder[1]}")
    assert len(said) == 4


@pytest.mark.parametrize("shows", [{}, EVERYTHING], ids=["no samples", "all samples"])
def test_no_statement_leaves_the_server(healthy: database_servers.Server, shows: dict[str, Any]) -> None:
    healthy.become(sessions=list(BUSY))
    with healthy.superuser() as administrator:
        running = administrator.execute("SELECT count(*) FROM pg_stat_activity WHERE strpos(query, %s) > 0", [CANARY]).fetchone()
        assert running[0] == 3
    said = "\n".join(sessions(healthy, **shows))
    assert CANARY not in said
    assert "UPDATE" not in said
    assert "pg_sleep" not in said


def test_a_few_of_many_sessions_are_told(healthy: database_servers.Server) -> None:
    healthy.become(sessions=[Session(sql=LONG, user="platform", waits=True, count=9)])
    said = sessions(healthy)
    assert said[0].startswith("sessions: 9 active of platform (longest ")
    assert len(said) == 1 + fixtures.follow_ups.servers.LONGEST


def test_a_quiet_database_has_no_session(healthy: database_servers.Server) -> None:
    assert sessions(healthy) == ["sessions: none"]


def test_a_login_that_may_not_see_sessions_says_so(healthy: database_servers.Server) -> None:
    healthy.become(sql=["REVOKE pg_read_all_stats FROM muster"])
    with pytest.raises(CouldNotLook, match="pg_read_all_stats"):
        sessions(healthy)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[redis_servers.Server]:
    with redis_servers.running_redis(Path(tmp_path_factory.mktemp("redis"))) as made:
        yield made


@pytest.fixture
def filled(cache: redis_servers.Server) -> Iterator[redis_servers.Server]:
    client.close_all()
    cache.become(
        ["RPUSH", "jobs", *[f"{CANARY}-{number}" for number in range(7)]],
        ["SET", "text", CANARY],
        *(["XADD", "events", f"{number}-1", "field", CANARY] for number in (1, 2, 3)),
        ["XGROUP", "CREATE", "events", "mailer", "0"],
        ["XREADGROUP", "GROUP", "mailer", "first", "COUNT", "1", "STREAMS", "events", ">"],
    )
    yield cache
    client.close_all()


def queue(server: redis_servers.Server, key: str) -> list[str]:
    """The lines around a queue."""
    entity = redis_servers.queue_entity(server.connection(), key)
    assert isinstance(entity, RedisQueue)
    return around(entity, **EVERYTHING)


def test_around_a_server_info_speaks(filled: redis_servers.Server) -> None:
    entity = redis_servers.server_entity(filled.connection())
    assert isinstance(entity, RedisServer)
    said = around(entity)
    assert [line.partition(":")[0] for line in said] == ["memory", "clients", "persistence", "replication", "stats"]
    assert re.match(r"memory: \S+ of \S+, policy \w+", said[0])
    assert "role master, connected_slaves 0" in said[3]
    assert all(re.search(r"\w+ \w+", line) for line in said)


def test_a_list_is_counted_with_whoever_waits_for_it(filled: redis_servers.Server) -> None:
    asked = threading.Thread(target=filled.run, args=("BLPOP", "nothing-here", "20"), daemon=True)
    asked.start()
    while filled.run("INFO", "clients")["blocked_clients"] != 1:
        assert asked.is_alive()
    said = queue(filled, "jobs")
    filled.run("RPUSH", "nothing-here", "x")
    asked.join(20)
    assert said[0] == "jobs: 7 entries now, a list"
    assert re.fullmatch(r"clients that wait for an entry of some list or stream: 1 of \d+", said[-1])


def test_the_groups_of_a_stream_are_told(filled: redis_servers.Server) -> None:
    said = queue(filled, "events")
    assert said[:2] == ["events: 3 entries now, a stream", "group mailer: 1 consumer, 1 not acknowledged, 2 not read yet"]


def test_no_value_of_a_key_is_shown(filled: redis_servers.Server) -> None:
    assert CANARY not in "\n".join([*queue(filled, "jobs"), *queue(filled, "events"), *queue(filled, "text")])


@pytest.mark.parametrize(("key", "first"), [("jobbs", "jobbs: no such key"), ("text", "text: a string")])
def test_a_key_that_is_no_queue_is_said(filled: redis_servers.Server, key: str, first: str) -> None:
    assert queue(filled, key)[0] == first
