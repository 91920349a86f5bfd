"""Redis, against a real server: what its own words become."""

import socket
import threading
from collections.abc import Iterator

import pytest

from fixtures.once import forget
from fixtures.redis import client
from muster.probes import RESETS, CouldNotLook, Nothing, begin
from sandbox.world import Served
from tests.probes.redis_servers import Server, login_entity, look, queue_entity, running_redis, server_entity


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Iterator[Server]:
    with running_redis(tmp_path_factory.mktemp("redis")) as made:
        yield made


@pytest.fixture
def server(shared, new_look) -> Iterator[Server]:
    client.close_all()
    shared.become()
    yield shared
    client.close_all()


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that accepts and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def state(server, **expect):
    return look("redis_state", server_entity(server.connection(), **expect))


def test_the_healthy_server_is_described(server):
    seen = state(server)

    assert (seen.serving, seen.role, seen.failures, seen.append_only, seen.replicas) == (True, "primary", 0, False, 0)
    assert 0 < seen.memory < seen.maxmemory == 64 * 2**20
    assert seen.counters == {"keyspace_hits": 960, "keyspace_misses": 40, "evicted_keys": 0, "rejected_connections": 0}
    assert f"127.0.0.1:{server.real.port}, primary, run {seen.run[:12]}" in seen.seen
    assert set(seen.facts()) == {f"redis/{seen.run[:12]}/{name}" for name in seen.counters}


def test_a_restart_is_another_run(server):
    before = state(server)
    server.become(["SET", "more", "1"])
    forget()
    client.close_all()

    assert state(server).run != before.run


def test_an_application_is_answered(server):
    seen = look("redis_answer", login_entity(server.connection("platform")))

    assert seen.answered
    assert "as platform" in seen.seen


@pytest.mark.parametrize(
    ("commands", "user", "said"),
    [
        ([["ACL", "SETUSER", "platform", "resetpass", ">rotated"]], "platform", "WRONGPASS"),
        ([["ACL", "SETUSER", "platform", "off"]], "platform", "WRONGPASS"),
        ([["ACL", "SETUSER", "platform", "-ping"]], "platform", "NOPERM"),
        ([["ACL", "SETUSER", "default", "on", ">secret"]], None, "NOAUTH"),
    ],
)
def test_an_application_that_is_refused_is_not_answered(server, commands, user, said):
    server.become(*commands)

    seen = look("redis_answer", login_entity(server.connection(user)))

    assert isinstance(seen, Nothing)
    assert not seen.answered
    assert said in seen.note


def test_an_application_is_not_answered_by_a_server_that_loads(server):
    server.become(loading=True)

    seen = look("redis_answer", login_entity(server.connection("platform")))

    assert isinstance(seen, Nothing)
    assert "LOADING" in seen.note


def test_a_server_that_loads_says_so_itself(server):
    server.become(loading=True)

    seen = state(server)

    assert not seen.serving
    assert "% done" in seen.note


@pytest.mark.parametrize("stopped", [True, False])
def test_an_application_meets_no_server_or_one_with_the_wrong_certificate(server, stopped):
    server.become(stopped=stopped, certificate=Served(issuer="foreign"))

    seen = look("redis_answer", login_entity(server.connection("platform")))

    assert isinstance(seen, Nothing)
    assert ("connection refused" if stopped else "unable to get local issuer certificate") in seen.note


def test_no_password_is_sent_to_a_server_of_another_name(server):
    server.become(certificate=Served(names=["elsewhere"]))

    assert "certificate not accepted" in look("redis_answer", login_entity(server.connection("platform"))).note
    assert "cmdstat_auth" not in server.run("INFO", "commandstats")  # administrators say HELLO


def test_an_application_that_gets_no_answer_in_time_is_unknown(silent, server):
    begin(0.5)

    with pytest.raises(CouldNotLook, match="no complete answer within") as late:
        look("redis_answer", login_entity(server.connection("platform", port=silent, tls=False)))
    assert late.value.cause == f"redis 127.0.0.1:{silent}"


@pytest.mark.parametrize("probe", ["redis_state", "queue_length"])
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"commands": [["ACL", "SETUSER", "muster", "resetpass", ">rotated"]]}, "WRONGPASS"),
        ({"commands": [["ACL", "SETUSER", "muster", "-@all"]]}, "NOPERM"),
        ({"stopped": True}, "connection refused"),
    ],
)
def test_where_our_own_login_fails_all_is_unknown(server, probe, changes, said):
    server.become(**changes)
    entity = server_entity(server.connection()) if probe == "redis_state" else queue_entity(server.connection())

    with pytest.raises(CouldNotLook, match=said) as failure:
        look(probe, entity)
    assert failure.value.cause == f"redis 127.0.0.1:{server.real.port}"
    assert failure.value.hint


def test_all_probes_of_a_look_share_one_connection(server):
    before = server.run("INFO", "stats")["total_connections_received"]

    state(server)
    for _ in range(3):
        look("queue_length", queue_entity(server.connection()))
    assert server.run("INFO", "stats")["total_connections_received"] - before == 2  # that of this question among them

    for reset in RESETS:
        reset()
    state(server)
    assert server.run("INFO", "stats")["total_connections_received"] - before == 4


def test_many_threads_share_it_in_turn(server):
    seen = []

    def ask():
        begin(60)
        seen.append(look("queue_length", queue_entity(server.connection())).length)

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert seen == [12] * 16


def test_a_failed_save_is_a_failure_of_persistence(server):
    server.become(settings={"maxmemory": "64mb", "dbfilename": "a-folder"})

    assert state(server).failures.things == ("rdb_last_bgsave_status is err",)


def test_the_append_only_file_is_looked_at_when_there_is_one(server):
    server.become(settings={"maxmemory": "64mb", "appendonly": "yes"})

    seen = state(server)

    assert seen.append_only
    assert seen.failures == 0


def test_changes_age_until_they_are_saved(server):
    assert state(server).unsaved == 0

    server.run("SET", "more", "1")
    forget()
    assert state(server).unsaved > 0


def test_a_replica_without_its_primary_is_no_replica(server):
    server.become(["REPLICAOF", "127.0.0.1", "1"])

    assert state(server).role == "replica whose link to its primary is down"


def test_connections_that_were_turned_away_are_counted(server):
    server.become(turned_away=3)

    assert state(server).counters["rejected_connections"] == 3


def test_a_port_that_does_not_speak_tls_is_unknown_in_time(server):
    server.become(certificate=None)
    begin(1)

    with pytest.raises(CouldNotLook) as failure:
        state(server)
    assert "TLS" in failure.value.hint


def test_a_field_that_info_does_not_have_is_an_error(server):
    info = client.session(server.connection()).info()

    with pytest.raises(CouldNotLook, match="INFO has no field hit_rate"):
        info.number("hit_rate")
    with pytest.raises(CouldNotLook, match="INFO redis_version is no number"):
        info.number("redis_version")


@pytest.mark.parametrize("command", ["KEYS", "CONFIG", "DEBUG", "FLUSHALL", "SET", "GET", "EVAL"])
def test_nothing_else_is_sent(server, command):
    before = server.run("INFO", "stats")["total_commands_processed"]

    with pytest.raises(CouldNotLook, match="is not sent"):
        client.session(server.connection()).ask(bytes, command, "x")
    assert server.run("INFO", "stats")["total_commands_processed"] - before <= 2  # AUTH and INFO of these questions
