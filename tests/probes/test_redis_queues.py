"""Keys that hold several things, on a real server: their type is asked first, and what does not exist is not empty."""

from collections.abc import Iterator

import pytest

from fixtures.redis import client
from muster.kinds.redis import RedisQueue
from muster.probes import CouldNotLook, Nothing
from tests.probes.redis_servers import Server, look, queue_entity, running_redis

FILLED = (
    ["RPUSH", "a-list", "1", "2", "3"],
    ["SADD", "a-set", "1", "2"],
    ["ZADD", "a-zset", "1", "a", "2", "b"],
    ["HSET", "a-hash", "a", "1"],
    ["SET", "a-string", "123456"],
    ["XADD", "a-stream", "1-1", "n", "1"],
    ["XADD", "a-stream", "2-1", "n", "2"],
    ["XADD", "a-stream", "3-1", "n", "3"],
    ["XGROUP", "CREATE", "a-stream", "readers", "0"],
    ["XREADGROUP", "GROUP", "readers", "first", "COUNT", "1", "STREAMS", "a-stream", ">"],
    ["XGROUP", "CREATE", "a-stream", "done", "$"],
)


@pytest.fixture(scope="module")
def filled(tmp_path_factory) -> Iterator[Server]:
    with running_redis(tmp_path_factory.mktemp("redis")) as made:
        made.become(*FILLED)
        yield made


@pytest.fixture
def server(filled, new_look) -> Iterator[Server]:
    client.close_all()
    yield filled
    client.close_all()


def length(server, key, **given):
    return look("queue_length", queue_entity(server.connection(), key, **given))


@pytest.mark.parametrize(("kind", "wanted"), [("list", 3), ("set", 2), ("zset", 2), ("hash", 1), ("stream", 3)])
def test_each_type_is_counted_in_its_way(server, kind, wanted):
    seen = length(server, f"a-{kind}", type=kind)

    assert (seen.length, seen.looked_at) == (wanted, 1)
    assert f"{kind} a-{kind}" in seen.seen
    assert seen.facts() == {"length/redis_queues/emails": wanted}


def test_a_key_that_does_not_exist_is_nothing(server):
    seen = length(server, "queue:mails")

    assert isinstance(seen, Nothing)
    assert "there is no key queue:mails in this database" in seen.note


def test_an_empty_queue_is_all_right_where_the_file_says_so(server):
    seen = length(server, "queue:mails", allow_empty=True)

    assert (seen.length, seen.looked_at) == (0, 0)


def test_another_database_has_other_keys(server):
    assert isinstance(look("queue_length", queue_entity(server.connection(db=1), "a-list")), Nothing)


@pytest.mark.parametrize(("key", "given"), [("a-string", {}), ("a-list", {"type": "stream"})])
def test_a_key_of_another_type_is_nothing(server, key, given):
    seen = length(server, key, **given)

    assert isinstance(seen, Nothing)
    assert f"{key} is a {key[2:]}, not a" in seen.note


def test_the_backlog_of_a_group_is_what_it_has_not_read_and_not_acknowledged(server):
    seen = length(server, "a-stream", group="readers")

    assert (seen.length, seen.consumers) == (3, 1)
    assert "2 not read yet, 1 not acknowledged, 1 consumers" in seen.note


def test_a_group_without_backlog_and_without_consumers(server):
    seen = length(server, "a-stream", group="done")

    assert (seen.length, seen.consumers) == (0, 0)


def test_a_group_that_does_not_exist_is_nothing(server):
    seen = length(server, "a-stream", group="writers")

    assert isinstance(seen, Nothing)
    assert "no group writers" in seen.note
    assert "readers" in seen.note


def test_a_lag_that_the_server_has_lost_is_unknown(server):
    server.run("XDEL", "a-stream", "2-1")
    try:
        with pytest.raises(CouldNotLook, match="cannot say how far group readers is behind"):
            length(server, "a-stream", group="readers")
    finally:
        server.become()
        server.become(*FILLED)


@pytest.mark.parametrize("key", ["a key with blanks", "line\nbreak", "SET\r\nx\r\n", "*", "a-*", "ключ", "-x"])
def test_a_key_is_data_whatever_it_holds(server, key):
    assert isinstance(length(server, key), Nothing)
    server.run("RPUSH", key, "1")
    try:
        assert length(server, key).length == 1
    finally:
        server.run("DEL", key)


def test_consumers_need_a_group():
    with pytest.raises(ValueError, match="give group"):
        RedisQueue.model_validate({"name": "q", "connection": "c", "key": "k", "expect": {"consumers": 1}})
    with pytest.raises(ValueError, match="only a stream has groups"):
        RedisQueue.model_validate({"name": "q", "connection": "c", "key": "k", "type": "list", "group": "g", "expect": {}})
