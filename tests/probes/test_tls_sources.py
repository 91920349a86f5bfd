"""No source is talked to behind a certificate that is not right, whatever the environment of the process says."""

import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fixtures.kubernetes.client import listing
from fixtures.postgresql.client import session
from fixtures.prometheus.client import query
from fixtures.redis.client import session as redis_session
from fixtures.web import trust
from fixtures.web.tls import VERIFIED, Certificate, Place, look
from muster.connections import Reach
from muster.kinds.base import bind
from muster.kinds.web import Endpoint
from muster.probes import PROBES, CouldNotLook, Nothing
from sandbox.services.certificates import Authority
from tests.probes.certificate_zoo import ANIMALS, GOOD, animal
from tests.probes.web_servers import Listening, serving, tls

pytestmark = [
    pytest.mark.usefixtures("new_look"),
    pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1:DeprecationWarning"),
]
LOCALHOST = "localhost"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("zoo"))


def wants_tls(connection: socket.socket) -> None:
    assert connection.recv(8) == bytes.fromhex("0000000804d2162f")
    connection.sendall(b"S")


def made(kind: str, **settings: Any) -> Any:
    return Reach.model_validate({kind: settings}).connection


def kubernetes(port: int, ca: str) -> None:
    listing(made("kubernetes", server=f"https://{LOCALHOST}:{port}", token="env:ZOO_TOKEN", ca=ca), "pods")


def prometheus(port: int, ca: str) -> None:
    query(made("prometheus", url=f"https://{LOCALHOST}:{port}", bearer="env:ZOO_TOKEN", ca=ca), "up")


def postgresql(port: int, ca: str) -> None:
    with session(made("postgresql", host=LOCALHOST, port=port, dbname="app", user="muster", password="env:ZOO_TOKEN", sslrootcert=ca)):
        pass


def redis(port: int, ca: str) -> None:
    redis_session(made("redis", host=LOCALHOST, port=port, password="env:ZOO_TOKEN", ca=ca)).ask(bytes, "PING")


SOURCES: dict[str, Callable[[int, str], None]] = {
    "kubernetes": kubernetes,
    "prometheus": prometheus,
    "postgresql": postgresql,
    "redis": redis,
}


@pytest.fixture
def tempted(authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Every variable and file that talks some client out of verifying."""
    monkeypatch.setenv("ZOO_TOKEN", "canary-of-the-zoo")
    everybody = tmp_path / "everybody.pem"
    everybody.write_bytes(authority.ca_file.read_bytes() + authority.foreign_ca_file.read_bytes())
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "PGSSLROOTCERT", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"):
        monkeypatch.setenv(name, str(everybody))
    netrc = tmp_path / "netrc"
    netrc.write_text("machine localhost login canary password canary-netrc\n")
    netrc.chmod(0o600)
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(
        "{apiVersion: v1, kind: Config, current-context: a, contexts: [{name: a, context: {cluster: a, user: a}}],"
        " clusters: [{name: a, cluster: {server: 'https://localhost:1', insecure-skip-tls-verify: true}}], users: [{name: a, user: {}}]}"
    )
    settings = {
        "SSL_CERT_DIR": str(tmp_path), "PYTHONHTTPSVERIFY": "0", "HTTPS_PROXY": "http://127.0.0.1:1", "https_proxy": "http://127.0.0.1:1",
        "ALL_PROXY": "http://127.0.0.1:1", "NETRC": str(netrc), "HOME": str(tmp_path), "KUBECONFIG": str(kubeconfig),
        "PGSSLMODE": "disable", "PGREQUIRESSL": "0", "PGSSLMINPROTOCOLVERSION": "TLSv1", "NODE_TLS_REJECT_UNAUTHORIZED": "0",
    }  # fmt: skip
    for name, value in settings.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("name", ANIMALS)
def test_a_source_behind_it_is_unknown_and_learns_no_credential(
    authority: Authority, tmp_path: Path, tempted: None, name: str, source: str
) -> None:
    context, ca = animal(name, authority, tmp_path)
    heard = Heard(context, wants_tls if source == "postgresql" else None)

    with serving(heard.speak) as server, pytest.raises(CouldNotLook) as raised:
        SOURCES[source](server.port, ca)

    assert heard.bytes == b""
    assert any(word in raised.value.reason.lower() for word in ("certificate", "tls", "ssl", "protocol", "mismatch", "key", "host name"))


class Heard:
    """A TLS server that keeps what comes through, and says nothing."""

    def __init__(self, context: ssl.SSLContext, before: Callable[[socket.socket], None] | None) -> None:
        self.context, self.before, self.bytes = context, before, b""

    def speak(self, _: Listening, connection: socket.socket) -> None:
        if self.before:
            self.before(connection)
        with self.context.wrap_socket(connection, server_side=True) as secured:
            while piece := secured.recv(4096):
                self.bytes += piece
                if b"\r\n\r\n" in self.bytes or not self.before:
                    secured.sendall(b"-ERR no\r\n")
                    return


@pytest.mark.parametrize("source", SOURCES)
def test_behind_a_good_one_the_same_server_is_talked_to(authority: Authority, tempted: None, source: str) -> None:
    heard = Heard(authority.context("good", GOOD), wants_tls if source == "postgresql" else None)

    with serving(heard.speak) as server, pytest.raises(CouldNotLook):
        SOURCES[source](server.port, str(authority.ca_file))

    assert heard.bytes != b""


@pytest.mark.parametrize("name", ANIMALS)
def test_an_endpoint_behind_it_gives_no_answer_and_its_certificate_is_not_trusted(
    authority: Authority, tmp_path: Path, tempted: None, name: str
) -> None:
    context, ca = animal(name, authority, tmp_path)
    with tls(context) as server:
        settings = {"url": f"https://{LOCALHOST}:{server.port}", "ca": ca, "bearer": "env:ZOO_TOKEN"}
        entity = bind(Endpoint.model_validate({"name": "health", "url": "${api}/"}), "shop/zoo", {"api": made("http", **settings)})
        page = PROBES["page"].function(entity)
        certificate = look(Place(LOCALHOST, server.port, LOCALHOST, "", ca))

    assert isinstance(page, Nothing)
    assert page.note.startswith("no answer: ")
    assert isinstance(certificate, Certificate)
    assert certificate.verification != VERIFIED
    assert server.requests == []


@pytest.mark.parametrize("source", SOURCES)
def test_without_a_named_authority_the_variables_name_none(authority: Authority, tempted: None, source: str) -> None:
    """SSL_CERT_FILE trusts this certificate; we do not."""
    heard = Heard(authority.context("good", GOOD), wants_tls if source == "postgresql" else None)
    settings = {
        "kubernetes": lambda port: listing(made("kubernetes", server=f"https://{LOCALHOST}:{port}", token="env:ZOO_TOKEN"), "pods"),
        "prometheus": lambda port: query(made("prometheus", url=f"https://{LOCALHOST}:{port}"), "up"),
        "postgresql": lambda port: session(made("postgresql", host=LOCALHOST, port=port, dbname="app", user="muster")).__enter__(),
        "redis": lambda port: redis_session(made("redis", host=LOCALHOST, port=port)).ask(bytes, "PING"),
    }

    with serving(heard.speak) as server, pytest.raises(CouldNotLook, match="certificate"):
        settings[source](server.port)

    assert heard.bytes == b""


def test_the_protocol_of_the_clusters_client_is_told_to_no_other_server(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """A PostgreSQL of these days turns away who speaks of HTTP, whichever source was looked at before it."""
    monkeypatch.setenv("ZOO_TOKEN", "of-nobody")
    with tls(authority.context("good", GOOD)) as server:
        listing(made("kubernetes", server=f"https://{LOCALHOST}:{server.port}", token="env:ZOO_TOKEN", ca=str(authority.ca_file)), "pods")

    assert b"http/1.1" not in hello(trust.files(str(authority.ca_file), None))
    assert b"http/1.1" in hello(trust.files(str(authority.ca_file), None, "http/1.1"))


def hello(context: ssl.SSLContext) -> bytes:
    """What a client says first, in the clear."""
    said = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), said, server_hostname=LOCALHOST).do_handshake()
    return said.read()
