"""The sandbox's Redis: a real server becomes what its world says, and what it says next."""

import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import redis

from sandbox.processes import ServiceFailed
from sandbox.services import unprivileged
from sandbox.services.certificates import Authority
from sandbox.services.redis import RedisServer
from sandbox.world import Redis, Served


def make_server(folder: Path) -> tuple[RedisServer, Authority, list[Path]]:
    authority, outside = Authority(folder), list[Path]()

    def issue(served: Served) -> tuple[bytes, bytes]:
        issued = authority.issue("redis", served)
        return issued.chain.read_bytes(), issued.key.read_bytes()

    return RedisServer(folder / "server", issue, outside.append), authority, outside


HEALTHY = Redis(passwords={"tiny": "secret", "watcher": "other"}, rules={"watcher": "on -@all +ping"}, commands=[["SET", "a", "1"]])


@pytest.fixture(scope="module")
def booted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RedisServer, Authority]]:
    server, authority, _ = make_server(tmp_path_factory.mktemp("redis"))
    yield server, authority
    server.stop()


@pytest.fixture
def server(booted: tuple[RedisServer, Authority]) -> RedisServer:
    booted[0].apply(HEALTHY)
    return booted[0]


def login(server: RedisServer, user: str, password: str, **options: Any) -> redis.Redis:
    return redis.Redis("127.0.0.1", server.port, username=user, password=password, socket_timeout=60, **options)


def test_every_user_logs_in_and_may_do_what_its_rules_say(server: RedisServer) -> None:
    with login(server, "tiny", "secret") as client:
        assert client.get("a") == b"1"
    with login(server, "watcher", "other") as client:
        assert client.ping()
        with pytest.raises(redis.exceptions.NoPermissionError):
            client.get("a")


def test_nobody_else_does(server: RedisServer) -> None:
    with pytest.raises(redis.AuthenticationError), login(server, "tiny", "wrong") as client:
        client.ping()
    with pytest.raises(redis.AuthenticationError), redis.Redis("127.0.0.1", server.port) as client:
        client.ping()


def test_healing_leaves_nothing_of_a_fault(server: RedisServer) -> None:
    port = server.port
    server.apply(
        replace(HEALTHY, commands=[["SET", "b", "1"], ["GET", "none"], ["ACL", "SETUSER", "stray", "on"]], settings={"save": '""'})
    )
    server.apply(HEALTHY)
    with server.connect() as client:
        assert client.keys() == [b"a"]
        assert client.info()["keyspace_misses"] == 0
        assert not [line for line in client.acl_list() if "stray" in line]
    assert server.port == port


def test_what_does_not_change_is_left_alone(server: RedisServer) -> None:
    before = server.pid
    server.apply(replace(HEALTHY))
    assert server.pid == before


def test_a_refused_command_is_named(server: RedisServer) -> None:
    with pytest.raises(ServiceFailed, match="redis refuses 'NONSENSE x'"):
        server.apply(replace(HEALTHY, commands=[["NONSENSE", "x"]]))


def test_a_stopped_server_refuses_connections_and_comes_back_on_its_port(server: RedisServer) -> None:
    server.apply(replace(HEALTHY, stopped=True))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port), timeout=10)
    server.apply(HEALTHY)
    login(server, "tiny", "secret").close()


def test_a_certificate_turns_tls_on(booted: tuple[RedisServer, Authority], server: RedisServer) -> None:
    server.apply(replace(HEALTHY, certificate=Served()))
    with login(server, "tiny", "secret", ssl=True, ssl_ca_certs=str(booted[1].ca_file)) as client:
        assert client.get("a") == b"1"


def test_a_server_that_loads_still_loads_when_it_is_asked(server: RedisServer) -> None:
    server.apply(replace(HEALTHY, loading=True))
    with login(server, "tiny", "secret") as client, pytest.raises(redis.BusyLoadingError):
        client.get("a")


def test_a_failed_save_is_remembered_by_the_server(server: RedisServer) -> None:
    server.apply(replace(HEALTHY, settings={"dbfilename": "a-folder"}))
    with server.connect() as client:
        assert client.info()["rdb_last_bgsave_status"] == "err"


def test_connections_are_turned_away_as_often_as_wanted(server: RedisServer) -> None:
    server.apply(replace(HEALTHY, turned_away=2))
    with server.connect() as client:
        assert client.info()["rejected_connections"] == 2


def test_what_came_after_the_save_is_not_saved(server: RedisServer) -> None:
    server.apply(replace(HEALTHY, unsaved=[["SET", "b", "1"]]))
    with server.connect() as client:
        assert (client.get("b"), client.info()["rdb_changes_since_last_save"]) == (b"1", 1)


def test_held_connections_stay_until_the_world_changes(server: RedisServer) -> None:
    server.apply(replace(HEALTHY, held=3))
    with server.connect() as client:
        assert client.info()["connected_clients"] == 4
    server.apply(HEALTHY)
    with server.connect() as client:
        assert client.info()["connected_clients"] == 1


def test_a_replica_follows_its_primary_through_a_restart(server: RedisServer, tmp_path: Path) -> None:
    replica, _, _ = make_server(tmp_path)
    wanted = Redis(replica_of="it")
    try:
        for healthy in (HEALTHY, replace(HEALTHY, commands=[["SET", "a", "2"]])):
            server.apply(healthy)
            replica.apply(wanted, server)
            with replica.connect() as client, server.connect() as primary:
                assert client.get("a") == healthy.commands[0][2].encode()
                assert primary.info()["slave0"]["port"] == replica.port
        replica.apply(replace(wanted, stopped=True), server)
        with server.connect() as primary:
            assert primary.info()["connected_slaves"] == 0
    finally:
        replica.stop()


def test_the_server_never_runs_as_root(server: RedisServer) -> None:
    status = Path(f"/proc/{server.pid}/status").read_text()
    real = next(line for line in status.splitlines() if line.startswith("Uid:")).split()[1]
    assert real == (str(os.getuid()) if os.getuid() else str(unprivileged._way_down()[0].uid))  # type: ignore[union-attr]


def test_stopping_leaves_no_process_and_no_files(tmp_path: Path) -> None:
    server, _, outside = make_server(tmp_path)
    server.apply(HEALTHY)
    pid = server.pid
    server.stop()
    assert not Path(f"/proc/{pid}").exists()
    assert not [folder for folder in outside if folder.exists()]
