"""One bad address of several behind a name: whoever meets it has an outage, although most looks would go well."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from fixtures.web.tls import Certificate, Place, look
from muster.probes import Nothing
from sandbox.services.certificates import Authority
from sandbox.world import Served
from tests.probes.web_servers import tls

pytestmark = pytest.mark.usefixtures("unhurried")
HOSTS = ("127.0.0.1", "127.0.0.2", "127.0.0.3")
GOOD = Served(names=["service.example"])


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(Path(tmp_path_factory.mktemp("addresses")))


@pytest.fixture(params=range(len(HOSTS)), ids=lambda place: f"{HOSTS[place]} is bad")
def bad(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def port(authority: Authority, bad: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Behind the name are three addresses; at all but one of them a good server listens."""
    with ExitStack() as stack:
        port = 0
        for place, host in enumerate(HOSTS):
            if place != bad:
                port = stack.enter_context(tls(authority.context("good", GOOD), host, port)).port
        every = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port)) for host in HOSTS]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: every)
        yield port


def place(authority: Authority, port: int) -> Place:
    return Place("service.example", port, "service.example", "", str(authority.ca_file))


def test_an_address_at_which_nobody_listens_is_violated_wherever_it_stands(authority: Authority, port: int, bad: int) -> None:
    seen = look(place(authority, port))
    assert isinstance(seen, Nothing)
    assert f"{HOSTS[bad]}:{port}" in seen.note


def test_an_address_with_another_certificate_is_violated_wherever_it_stands(authority: Authority, port: int, bad: int) -> None:
    with tls(authority.context("other", Served(names=["other.example"])), HOSTS[bad], port):
        seen = look(place(authority, port))
    assert isinstance(seen, Certificate)
    assert HOSTS[bad] in seen.verification
    assert [host for host in HOSTS if host in seen.verification] == [HOSTS[bad]]
