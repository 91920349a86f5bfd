"""The sandbox's standby: a real one, which streams what its primary writes, or does not."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from sandbox.services.postgres import PostgresServer
from sandbox.world import Database, Session, Standby
from tests.sandbox.test_postgres import login, make_server
from tests.sandbox.tiny_world import database as tiny_database

STREAMING = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"
NUMBERS = "SELECT count(*) FROM numbers"
BEHIND = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)::bigint FROM pg_stat_replication"
ADD = Session("INSERT INTO numbers SELECT generate_series(1, 10000)")


@pytest.fixture(scope="module")
def booted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    server, _, _ = make_server(tmp_path_factory.mktemp("postgres"))
    yield server
    server.stop()


@pytest.fixture
def healthy() -> Database:
    return replace(tiny_database(), sql=[*tiny_database().sql, "GRANT SELECT ON numbers TO watcher"], standby=Standby())


@pytest.fixture
def server(booted: PostgresServer, healthy: Database) -> PostgresServer:
    booted.apply(healthy)
    return booted


def ask(server: PostgresServer, query: str) -> Any:
    with server.connect("tiny_db") as session:
        return session.execute(query).fetchone()[0]


def ask_standby(server: PostgresServer, healthy: Database, query: str) -> Any:
    assert server.standby_port is not None
    with login(server, "watcher", healthy.passwords["watcher"], port=server.standby_port) as session:
        return session.execute(query).fetchone()[0]  # type: ignore[index]


def test_it_has_what_its_primary_has_and_streams(server: PostgresServer, healthy: Database) -> None:
    assert ask_standby(server, healthy, "SELECT pg_is_in_recovery()") is True
    assert ask_standby(server, healthy, NUMBERS) == 3
    assert ask(server, STREAMING) == 1
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        login(server, "watcher", "wrong", port=server.standby_port)


def test_what_is_written_while_it_is_paused_is_seen_when_it_goes_on(server: PostgresServer, healthy: Database) -> None:
    before = server.pid
    server.apply(replace(healthy, standby=Standby(paused=True), sessions=[ADD]))
    assert ask_standby(server, healthy, NUMBERS) == 3
    assert ask(server, BEHIND) > 100_000
    assert ask(server, STREAMING) == 1
    server.apply(healthy)
    assert ask_standby(server, healthy, NUMBERS) == 10003
    assert server.pid == before


def test_one_that_is_stopped_goes_on_where_it_was(server: PostgresServer, healthy: Database) -> None:
    before, port = server.pid, server.standby_port
    server.apply(replace(healthy, standby=Standby(stopped=True), sessions=[ADD]))
    assert ask(server, STREAMING) == 0
    with pytest.raises(psycopg.OperationalError):
        login(server, "watcher", healthy.passwords["watcher"], port=port)
    server.apply(replace(healthy, sessions=[ADD]))
    assert ask_standby(server, healthy, NUMBERS) == ask(server, NUMBERS)
    assert (server.pid, server.standby_port) == (before, port)


def test_a_fresh_primary_has_a_fresh_standby_of_the_kind_that_is_wanted(server: PostgresServer, healthy: Database) -> None:
    server.apply(replace(healthy, sql=[*healthy.sql, "DELETE FROM numbers"], standby=Standby(paused=True), sessions=[ADD]))
    assert (ask_standby(server, healthy, NUMBERS), ask(server, NUMBERS)) == (0, 10000)


def test_without_a_word_of_it_there_is_none(server: PostgresServer, healthy: Database) -> None:
    server.apply(replace(healthy, standby=None))
    assert ask(server, STREAMING) == 0
    assert ask(server, "SELECT count(*) FROM pg_replication_slots") == 0


def test_stopping_leaves_neither_of_them(tmp_path: Path, healthy: Database) -> None:
    server, _, outside = make_server(tmp_path)
    server.apply(healthy)
    server.stop()
    for port in (server.port, server.standby_port):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port or 0), timeout=10)
    assert not [folder for folder in outside if folder.exists()]


def test_the_wheel_has_all_that_it_needs(tmp_path: Path, healthy: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSTER_SANDBOX_POSTGRESQL", "wheel")
    server, _, _ = make_server(tmp_path)
    try:
        server.apply(replace(healthy, standby=Standby(paused=True), sessions=[ADD]))
        assert (ask_standby(server, healthy, NUMBERS), ask(server, NUMBERS)) == (3, 10003)
    finally:
        server.stop()
