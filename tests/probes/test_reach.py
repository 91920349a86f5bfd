"""What a name or a redirect turns out to be is judged after resolution, and the address that was judged is connected to."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from fixtures.postgresql.client import log_in
from fixtures.redis.client import Session as RedisSession
from fixtures.web.http import get
from muster import fence
from muster.connections import Connection, Http, Kubernetes, Postgresql, Reach, Redis
from muster.probes import CouldNotLook
from tests.probes.web_servers import Listening, answer, answering, json_answer

pytestmark = pytest.mark.usefixtures("new_look")


@pytest.fixture(autouse=True)
def reset() -> Iterator[None]:
    yield
    fence.enter(())


@pytest.fixture
def server() -> Iterator[Listening]:
    with answering(json_answer("{}")) as made:
        yield made


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("REACH_TOKEN", "canary-of-reach")
    return "env:REACH_TOKEN"


def made(kind: str, **settings: Any) -> Connection:
    return Reach.model_validate({kind: settings}).connection


def name(monkeypatch: pytest.MonkeyPatch, *answers: str) -> list[str]:
    """Let `target.example` be these addresses, one after the other; what was asked is noted."""
    asked: list[str] = []
    plain = socket.getaddrinfo

    def resolve(host: Any, port: Any, *args: Any, **options: Any) -> Any:
        if host != "target.example":
            return plain(host, port, *args, **options)
        asked.append(host)
        return plain(answers[min(len(asked), len(answers)) - 1], port, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return asked


def ask(kind: str, host: str, port: int, token: str) -> None:
    """Look through a connection of each kind."""
    if kind == "http":
        connection = made("http", url=f"http://{host}:{port}", bearer=token)
        assert isinstance(connection, Http)
        get(connection, connection.address())
    elif kind == "kubernetes":
        from fixtures.kubernetes.client import listing

        cluster = made("kubernetes", server=f"https://{host}:{port}", token=token)
        assert isinstance(cluster, Kubernetes)
        listing(cluster, "pods")
    elif kind == "postgresql":
        database = made("postgresql", host=host, port=port, dbname="app", user="muster", password=token, sslmode="disable")
        assert isinstance(database, Postgresql)
        log_in(database)
    elif kind == "ssh":
        from fixtures.hosts.client import ask as ask_host

        ask_host(made("ssh", host=host, port=port, user="muster"), "true")  # type: ignore[arg-type]
    else:
        cache = made("redis", host=host, port=port, password=token, tls=False)
        assert isinstance(cache, Redis)
        RedisSession(cache).ask("PING")


KINDS = ("http", "kubernetes", "postgresql", "redis", "ssh")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("address", ["169.254.169.254", "::ffff:169.254.169.254", "100.100.100.200"])
def test_a_name_that_is_a_metadata_address_is_not_connected_to(
    monkeypatch: pytest.MonkeyPatch, token: str, kind: str, address: str
) -> None:
    name(monkeypatch, address)
    connected: list[Any] = []
    monkeypatch.setattr("fixtures.web.net._opened", lambda *args: connected.append(args))

    with pytest.raises(CouldNotLook, match="never talked to") as raised:
        ask(kind, "target.example", 80, token)

    assert connected == []
    assert "canary" not in str(raised.value)


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_outside_of_reach_is_not_connected_to(monkeypatch: pytest.MonkeyPatch, server: Listening, token: str, kind: str) -> None:
    name(monkeypatch, "127.0.0.1")
    fence.enter(("10.0.0.0/8",))

    with pytest.raises(CouldNotLook, match=r"target.example is 127.0.0.1, outside what `reach` allows"):
        ask(kind, "target.example", server.port, token)

    assert server.requests == []


def test_a_name_is_resolved_once_so_that_it_cannot_change_between_judging_and_connecting(
    monkeypatch: pytest.MonkeyPatch, server: Listening, token: str
) -> None:
    asked = name(monkeypatch, "127.0.0.1", "169.254.169.254")

    ask("http", "target.example", server.port, token)

    assert (len(asked), len(server.requests)) == (1, 1)
    with pytest.raises(CouldNotLook, match="never talked to"):
        ask("http", "target.example", server.port, token)


@pytest.mark.parametrize("target", ["http://169.254.169.254/latest/meta-data/", "http://2852039166/", "http://[::ffff:a9fe:a9fe]/"])
def test_a_redirect_to_a_metadata_address_is_not_followed(monkeypatch: pytest.MonkeyPatch, token: str, target: str) -> None:
    with answering(answer("302 Found", b"", f"Location: {target}")) as server, pytest.raises(CouldNotLook, match="never talked to"):
        ask("http", "127.0.0.1", server.port, token)


def test_a_redirect_out_of_reach_is_not_followed(server: Listening, token: str) -> None:
    fence.enter(("127.0.0.1/32",))
    with (
        answering(answer("302 Found", b"", f"Location: http://127.0.0.2:{server.port}/")) as first,
        pytest.raises(CouldNotLook, match="outside what `reach` allows"),
    ):
        ask("http", "127.0.0.1", first.port, token)

    assert server.requests == []


def test_a_cluster_that_redirects_is_not_followed(server: Listening, token: str) -> None:
    from fixtures.kubernetes.client import listing

    with answering(answer("307 Temporary Redirect", b"", f"Location: {server.url}/api/v1/pods")) as first:
        cluster = made("kubernetes", server=first.url, token=token)
        assert isinstance(cluster, Kubernetes)
        with pytest.raises(CouldNotLook, match="307"):
            listing(cluster, "pods")

    assert server.requests == []
