"""The sandbox's PostgreSQL: a real server becomes what its world says, and what it says next."""

import os
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from sandbox.processes import ServiceFailed
from sandbox.services import unprivileged
from sandbox.services.certificates import Authority
from sandbox.services.postgres import PostgresServer
from sandbox.world import Database, Served, Session
from tests.sandbox.tiny_world import database as tiny_database


def make_server(folder: Path) -> tuple[PostgresServer, Authority, list[Path]]:
    authority, outside = Authority(folder), list[Path]()

    def issue(served: Served) -> tuple[bytes, bytes]:
        issued = authority.issue("database", served)
        return issued.chain.read_bytes(), issued.key.read_bytes()

    return PostgresServer(folder / "server", issue, outside.append), authority, outside


@pytest.fixture(scope="module")
def booted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[PostgresServer, Authority]]:
    server, authority, _ = make_server(tmp_path_factory.mktemp("postgres"))
    yield server, authority
    server.stop()


@pytest.fixture
def healthy() -> Database:
    return tiny_database()


@pytest.fixture
def server(booted: tuple[PostgresServer, Authority], healthy: Database) -> PostgresServer:
    booted[0].apply(healthy)
    return booted[0]


def login(server: PostgresServer, user: str, password: str, **options: Any) -> "psycopg.Connection[Any]":
    defaults: dict[str, Any] = {"host": "127.0.0.1", "port": server.port, "dbname": "tiny_db", "connect_timeout": 10}
    return psycopg.connect(user=user, password=password, autocommit=True, **defaults | options)


def ask(server: PostgresServer, query: str, dbname: str = "tiny_db") -> list[tuple[Any, ...]]:
    with server.connect(dbname) as connection:
        rows: list[tuple[Any, ...]] = connection.execute(query).fetchall()
        return rows


def test_every_role_logs_in_with_its_password(server: PostgresServer, healthy: Database) -> None:
    for user, password in healthy.passwords.items():
        with login(server, user, password) as connection:
            assert connection.execute("SELECT current_user").fetchone() == (user,)


def test_a_wrong_password_is_refused(server: PostgresServer) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        login(server, "tiny", "wrong")


def test_roles_are_not_superusers_and_the_owner_owns(server: PostgresServer) -> None:
    assert ask(server, "SELECT bool_or(rolsuper) FROM pg_roles WHERE rolname IN ('tiny', 'watcher')") == [(False,)]
    assert ask(server, "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'tiny_db'") == [("tiny",)]


def test_statements_run_in_the_database(server: PostgresServer) -> None:
    assert ask(server, "SELECT count(*) FROM numbers") == [(3,)]
    assert ask(server, "SELECT count(*) > 0 FROM pg_stat_statements") == [(True,)]


def test_a_refused_statement_is_named(server: PostgresServer, healthy: Database) -> None:
    with pytest.raises(ServiceFailed, match="SELECT nonsense"):
        server.apply(replace(healthy, sql=["SELECT nonsense"]))


def test_sessions_are_held_and_replaced_without_a_restart(server: PostgresServer, healthy: Database) -> None:
    before = server.pid
    sessions = [
        Session("SELECT count(*) FROM numbers", transaction=True, user="watcher", count=2),
        Session("SELECT pg_sleep(3600)", waits=True),
    ]
    server.apply(replace(healthy, sql=[*healthy.sql, "GRANT SELECT ON numbers TO watcher"], sessions=sessions))
    held = "SELECT state, count(*) FROM pg_stat_activity WHERE datname = 'tiny_db' AND pid <> pg_backend_pid() GROUP BY 1 ORDER BY 1"
    assert ask(server, held) == [("active", 1), ("idle in transaction", 2)]
    assert server.pid != before  # a statement more means a fresh copy
    before = server.pid
    server.apply(replace(healthy, sql=[*healthy.sql, "GRANT SELECT ON numbers TO watcher"], sessions=[Session("", count=3)]))
    assert ask(server, held) == [("idle", 3)]
    assert server.pid == before


def test_a_session_may_wait_for_a_lock(server: PostgresServer, healthy: Database) -> None:
    sessions = [
        Session("LOCK TABLE numbers", transaction=True),
        Session("LOCK TABLE numbers", transaction=True, waits=True),
    ]
    server.apply(replace(healthy, sessions=sessions))
    assert ask(server, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LOCK%'") == [(2,)]
    # The second statement was handed over without waiting, so the server may need a moment to reach the lock.
    with server.connect("tiny_db") as connection:
        blocked = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        for _ in range(500):
            if connection.execute(blocked).fetchone() == (1,):
                break
            connection.execute("SELECT pg_sleep(0.01)")
        assert connection.execute(blocked).fetchone() == (1,)


def test_a_changed_password_needs_no_restart(server: PostgresServer, healthy: Database) -> None:
    before = server.pid
    server.apply(replace(healthy, passwords={"tiny": "another"}))
    login(server, "tiny", "another").close()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        login(server, "tiny", healthy.passwords["tiny"])
    with pytest.raises(psycopg.OperationalError, match="not permitted to log in"):
        login(server, "watcher", healthy.passwords["watcher"])
    server.apply(healthy)
    login(server, "watcher", healthy.passwords["watcher"]).close()
    assert server.pid == before


def test_healing_leaves_nothing_of_a_fault(server: PostgresServer, healthy: Database) -> None:
    port = server.port
    server.apply(replace(healthy, sql=[*healthy.sql, "DELETE FROM numbers", "CREATE ROLE stray", "ALTER SYSTEM SET work_mem = '1MB'"]))
    assert ask(server, "SELECT count(*) FROM numbers") == [(0,)]
    server.apply(healthy)
    assert ask(server, "SELECT count(*) FROM numbers") == [(3,)]
    assert ask(server, "SELECT count(*) FROM pg_roles WHERE rolname = 'stray'") == [(0,)]
    assert server.port == port


def test_settings_reach_the_server(server: PostgresServer, healthy: Database) -> None:
    server.apply(replace(healthy, settings={"max_connections": "17", "application_name": "it's quoted"}))
    assert ask(server, "SHOW max_connections") == [("17",)]
    assert ask(server, "SELECT reset_val FROM pg_settings WHERE name = 'application_name'") == [("it's quoted",)]


def test_access_lines_come_first(server: PostgresServer, healthy: Database) -> None:
    server.apply(replace(healthy, access=["host all watcher all reject"]))
    login(server, "tiny", healthy.passwords["tiny"]).close()
    with pytest.raises(psycopg.OperationalError, match="rejects connection"):
        login(server, "watcher", healthy.passwords["watcher"])


def test_a_stopped_server_refuses_connections_and_comes_back_on_its_port(server: PostgresServer, healthy: Database) -> None:
    port = server.port
    server.apply(replace(healthy, stopped=True))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=10)
    server.apply(healthy)
    assert server.port == port
    login(server, "tiny", healthy.passwords["tiny"]).close()


def test_a_certificate_turns_tls_on(booted: tuple[PostgresServer, Authority], server: PostgresServer, healthy: Database) -> None:
    verified = {"sslmode": "verify-full", "sslrootcert": str(booted[1].ca_file)}
    with pytest.raises(psycopg.OperationalError, match="does not support SSL"):
        login(server, "tiny", healthy.passwords["tiny"], **verified)
    server.apply(replace(healthy, certificate=Served()))
    with login(server, "tiny", healthy.passwords["tiny"], **verified) as connection:
        assert connection.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetchone() == (True,)
    server.apply(replace(healthy, certificate=Served(valid_for=-3600)))
    with pytest.raises(psycopg.OperationalError, match="certificate"):
        login(server, "tiny", healthy.passwords["tiny"], **verified)


def test_the_server_never_runs_as_root(server: PostgresServer) -> None:
    status = Path(f"/proc/{server.pid}/status").read_text()
    real = next(line for line in status.splitlines() if line.startswith("Uid:")).split()[1]
    assert real == (str(os.getuid()) if os.getuid() else str(unprivileged._way_down()[0].uid))  # type: ignore[union-attr]


def test_stopping_leaves_no_process_and_no_files(tmp_path: Path, healthy: Database) -> None:
    server, _, outside = make_server(tmp_path)
    server.apply(healthy)
    pid = server.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    assert children
    server.stop()
    assert not [one for one in (str(pid), *children) if Path(f"/proc/{one}").exists()]
    assert not [folder for folder in outside if folder.exists()]
    assert not (tmp_path / "server" / "postgres").exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root has to become somebody else")
def test_root_without_nobody_uses_a_user_namespace(tmp_path: Path, healthy: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    if subprocess.run([*unprivileged.UNSHARE, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine forbids user namespaces")
    monkeypatch.setattr(unprivileged, "_way_down", lambda: (None, unprivileged.UNSHARE))
    server, _, _ = make_server(tmp_path)
    try:
        server.apply(healthy)
        assert ask(server, "SELECT count(*) FROM numbers") == [(3,)]
    finally:
        server.stop()


def test_the_wheel_serves_where_the_machine_has_no_server(tmp_path: Path, healthy: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSTER_SANDBOX_POSTGRESQL", "wheel")
    server, authority, _ = make_server(tmp_path)
    try:
        server.apply(replace(healthy, certificate=Served()))
        verified = {"sslmode": "verify-full", "sslrootcert": str(authority.ca_file)}
        with login(server, "tiny", healthy.passwords["tiny"], **verified) as connection:
            assert connection.info.server_version >= 180000
    finally:
        server.stop()
