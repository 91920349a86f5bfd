"""The certificate zoo: every way in which a certificate can be wrong is seen, and none keeps the facts from us."""

import re
import socket
import ssl
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from fixtures.web.tls import VERIFIED, Certificate, Place, look
from fixtures.web.tls_chain import parsed
from muster.connections import Reach
from muster.kinds.base import bind
from muster.kinds.web import Endpoint, ServedCertificate
from muster.probes import PROBES, CouldNotLook, Nothing, begin
from sandbox.services.certificates import Authority
from sandbox.world import Served
from tests.probes.web_servers import answer, closed_port, hanging, serving, tls

HERE = ["localhost", "127.0.0.1", "127.0.0.2"]
DAY = 86400.0


pytestmark = pytest.mark.usefixtures("unhurried")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("zoo"))


@pytest.fixture
def seen(authority: Authority) -> Callable[[Served], Certificate]:
    """What the probe sees when this is served."""

    def look_at(served: Served) -> Certificate:
        context = authority.context("zoo", served)
        # A server with an old version is what some animals are for; Python warns about setting it.
        with tls(context) as server:
            got = look(Place("127.0.0.1", server.port, "127.0.0.1", "", str(authority.ca_file)))
        assert isinstance(got, Certificate)
        assert server.requests == []
        return got

    return look_at


GOOD = Served(names=HERE)


def test_a_good_certificate_is_verified_and_its_facts_are_known(seen: Callable[[Served], Certificate]) -> None:
    got = seen(GOOD)

    leaf, intermediate = got.served[0].chain
    assert got.verification == VERIFIED
    assert 89 * DAY < got.valid_for < 91 * DAY
    assert (leaf.subject, leaf.names, leaf.key, leaf.signature) == ("CN=localhost", tuple(HERE), "secp256r1", "sha256")
    assert intermediate.ends > leaf.ends
    assert got.served[0].protocol == "TLSv1.3"
    assert got.note.startswith("first to end: the leaf")


ZOO = {
    "self-signed": (replace(GOOD, issuer="self"), "self-signed certificate \\(18\\)"),
    "unknown authority": (replace(GOOD, issuer="foreign"), "\\((19|20)\\)"),
    "wrong name": (replace(GOOD, names=["other.example"]), "mismatch"),
    "expired": (replace(GOOD, valid_for=-DAY), "certificate has expired \\(10\\)"),
    "not yet valid": (replace(GOOD, valid_since=-DAY, valid_for=90 * DAY), "not yet valid \\(9\\)"),
    "expired intermediate": (replace(GOOD, intermediate_valid_for=-DAY), "certificate has expired \\(10\\)"),
    "missing intermediate": (replace(GOOD, intermediate="missing"), "unable to get local issuer certificate \\(20\\)"),
    "RSA 1024": (replace(GOOD, key="rsa1024"), "key too (small|weak) \\(66\\)"),
    "SHA-1": (replace(GOOD, signature="sha1"), "too weak \\(68\\)"),
    "TLS 1.1": (replace(GOOD, minimum_version="TLSv1.1", maximum_version="TLSv1.1"), "version|protocol"),
}


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1:DeprecationWarning")
@pytest.mark.parametrize("animal", ZOO)
def test_what_is_wrong_is_not_verified_and_still_dated(seen: Callable[[Served], Certificate], animal: str) -> None:
    served, reason = ZOO[animal]

    got = seen(served)

    assert got.verification != VERIFIED
    assert got.verification.startswith(got.served[0].address)
    assert re.search(reason, got.verification)
    assert got.served[0].chain[0].serial


def test_a_certificate_without_alternative_names_is_not_verified(authority: Authority, tmp_path: Path) -> None:
    context = _without_names(authority, tmp_path)
    with tls(context) as server:
        got = look(Place("127.0.0.1", server.port, "localhost", "", str(authority.ca_file)))

    assert isinstance(got, Certificate)
    assert "mismatch" in got.verification
    assert got.served[0].chain[0].names == ()


def _without_names(authority: Authority, folder: Path) -> ssl.SSLContext:
    """A leaf that has its name in the subject alone, as certificates had twenty years ago."""
    import datetime as dt

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    signer = x509.load_pem_x509_certificate((authority.folder / "sandbox.pem").read_bytes())
    signer_key = serialization.load_pem_private_key((authority.folder / "sandbox.key").read_bytes(), None)
    key = ec.generate_private_key(ec.SECP256R1())
    now = dt.datetime.now(dt.UTC)
    leaf = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")]))
        .issuer_name(signer.subject).public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=90))
        .sign(signer_key, hashes.SHA256())  # type: ignore[arg-type]
    )  # fmt: skip
    encoding = serialization.Encoding.PEM
    pem = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()) + leaf.public_bytes(encoding)
    (folder / "leaf.pem").write_bytes(pem)
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(folder / "leaf.pem")
    return made


def test_the_certificate_that_ends_first_decides_even_when_it_is_an_intermediate(seen: Callable[[Served], Certificate]) -> None:
    got = seen(replace(GOOD, intermediate_valid_for=5 * DAY))

    assert got.verification == VERIFIED
    assert 4 * DAY < got.valid_for < 6 * DAY
    assert got.note.startswith("first to end: the intermediate")


@pytest.mark.parametrize("bad", [replace(GOOD, valid_for=DAY), replace(GOOD, issuer="foreign")], ids=["short", "foreign"])
def test_one_bad_address_of_two_is_seen(authority: Authority, monkeypatch: pytest.MonkeyPatch, bad: Served) -> None:
    with (
        tls(authority.context("first", GOOD), "127.0.0.1") as first,
        tls(authority.context("second", bad), "127.0.0.2", first.port) as second,
    ):
        both = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, first.port)) for host in ("127.0.0.1", "127.0.0.2")]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)
        got = look(Place("localhost", second.port, "localhost", "", str(authority.ca_file)))

    assert isinstance(got, Certificate)
    assert (got.looked_at, len(set(got.fingerprints.values()))) == (2, 2)
    assert got.valid_for < 30 * DAY or "127.0.0.2" in got.verification
    assert f"127.0.0.1:{first.port}" not in got.verification


def test_the_name_is_sent_so_that_the_right_certificate_is_served(authority: Authority) -> None:
    default = authority.context("default", replace(GOOD, names=["default.example"]))
    wanted = authority.context("wanted", GOOD)
    default.sni_callback = lambda connection, name, _: setattr(connection, "context", wanted) if name == "localhost" else None
    with tls(default) as server:
        named = look(Place("127.0.0.1", server.port, "localhost", "", str(authority.ca_file)))
        unnamed = look(Place("127.0.0.1", server.port, "other.example", "", str(authority.ca_file)))

    assert isinstance(named, Certificate)
    assert isinstance(unnamed, Certificate)
    assert named.verification == VERIFIED
    assert unnamed.served[0].chain[0].names == ("default.example",)


def postgresql(connection: socket.socket) -> None:
    assert connection.recv(8) == bytes.fromhex("0000000804d2162f")
    connection.sendall(b"S")


def smtp(connection: socket.socket) -> None:
    connection.sendall(b"220 mail.example ESMTP\r\n")
    assert connection.recv(100).startswith(b"EHLO ")
    connection.sendall(b"250-mail.example\r\n250-SIZE 1000\r\n250 STARTTLS\r\n")
    assert connection.recv(100) == b"STARTTLS\r\n"
    connection.sendall(b"220 go ahead\r\n")


@pytest.mark.parametrize("speaks", [postgresql, smtp])
def test_tls_that_begins_later_is_looked_at_too(authority: Authority, speaks: Callable[[socket.socket], None]) -> None:
    with tls(authority.context("zoo", GOOD), before=speaks) as server:
        got = look(Place("127.0.0.1", server.port, "127.0.0.1", speaks.__name__, str(authority.ca_file)))

    assert isinstance(got, Certificate)
    assert got.verification == VERIFIED


@pytest.mark.parametrize(
    ("protocol", "said", "reason"),
    [
        ("postgresql", b"N", "PostgreSQL offers no TLS"), ("postgresql", b"H", "not PostgreSQL"),
        ("smtp", b"554 go away\r\n", "554 go away"),
        ("smtp", b"220-" + b"x" * 9000, "without end"), ("postgresql", b"", "closed before TLS began"),
    ],
)  # fmt: skip
def test_a_server_without_tls_has_no_certificate(protocol: str, said: bytes, reason: str) -> None:
    with serving(lambda _, connection: (connection.recv(8) if protocol == "postgresql" else None, connection.sendall(said))[1]) as server:
        got = look(Place("127.0.0.1", server.port, "127.0.0.1", protocol, None))

    assert isinstance(got, Nothing)
    assert reason in got.note


def test_plain_http_on_the_port_has_no_certificate() -> None:
    with serving(lambda _, connection: connection.sendall(answer("400 Bad Request"))) as server:
        got = look(Place("127.0.0.1", server.port, "127.0.0.1", "", None))

    assert isinstance(got, Nothing)
    assert "TLS: wrong version number" in got.note


def test_a_refused_connection_has_no_certificate() -> None:
    port = closed_port()

    got = look(Place("127.0.0.1", port, "127.0.0.1", "", None))

    assert isinstance(got, Nothing)
    assert "connection refused" in got.note


def test_a_server_that_hangs_is_unknown_at_the_deadline() -> None:
    begin(1.0)
    with hanging() as server, pytest.raises(CouldNotLook, match="no complete answer") as raised:
        look(Place("127.0.0.1", server.port, "127.0.0.1", "", None))

    assert raised.value.cause == f"tls 127.0.0.1:{server.port}"


def test_without_a_ca_the_systems_bundle_decides_whatever_the_environment_says(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, str(authority.ca_file))
    with tls(authority.context("zoo", GOOD)) as server:
        got = look(Place("127.0.0.1", server.port, "127.0.0.1", "", None))

    assert isinstance(got, Certificate)
    assert "(19)" in got.verification or "(20)" in got.verification


def test_a_ca_that_cannot_be_read_is_our_trouble(tmp_path: Path) -> None:
    with pytest.raises(CouldNotLook, match=r"cannot read .*missing\.pem"):
        look(Place("127.0.0.1", 1, "127.0.0.1", "", str(tmp_path / "missing.pem")))


def test_a_ca_without_certificates_is_our_trouble(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("nothing\n")
    with pytest.raises(CouldNotLook, match="no usable certificates"):
        look(Place("127.0.0.1", 1, "127.0.0.1", "", str(tmp_path / "empty.pem")))


def test_a_saved_observation_is_the_same_when_it_is_read_again(seen: Callable[[Served], Certificate]) -> None:
    got = seen(GOOD)
    saved = TypeAdapter(Certificate)

    assert saved.validate_json(saved.dump_json(got), context="saved") == got


def test_an_address_that_turns_out_to_be_plain_http_is_violated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_URL", "http://127.0.0.1:1")
    connection = Reach.model_validate({"http": {"url": "env:API_URL"}}).connection
    entity = bind(Endpoint.model_validate({"name": "health", "url": "${api}/health"}), "system/environment", {"api": connection})

    got = PROBES["certificate"].function(entity)

    assert isinstance(got, Nothing)
    assert "is not https" in got.note


@pytest.fixture
def client_bundle(authority: Authority) -> dict[str, str]:
    issued = authority.issue("client", GOOD)
    return {"certificate": str(issued.chain), "key": str(issued.key)}


def test_a_client_certificate_is_shown_to_its_own_origin(authority: Authority, client_bundle: dict[str, str]) -> None:
    settings = {"ca": str(authority.ca_file), "client_certificate": client_bundle}
    with tls(authority.context("zoo", replace(GOOD, client_certificate=True))) as server:
        connection = Reach.model_validate({"http": {"url": f"https://127.0.0.1:{server.port}", **settings}}).connection
        entity = bind(Endpoint.model_validate({"name": "health", "url": "${api}/health"}), "system/environment", {"api": connection})
        got = PROBES["page"].function(entity)
        anonymous = PROBES["anonymous_page"].function(entity)

    assert got.status == 200
    assert isinstance(anonymous, Nothing)


def test_a_served_certificate_takes_address_and_authority_from_its_connection(authority: Authority) -> None:
    with tls(authority.context("zoo", GOOD), before=postgresql) as server:
        reach = {"host": "127.0.0.1", "port": server.port, "dbname": "app", "user": "muster", "sslrootcert": str(authority.ca_file)}
        connection = Reach.model_validate({"postgresql": reach}).connection
        entity = ServedCertificate.model_validate({"name": "database", "connection": "database"})
        got = PROBES["served_certificate"].function(bind(entity, "system/environment", {"database": connection}))

    assert got.verification == VERIFIED


def test_a_bundle_is_read_in_order(authority: Authority) -> None:
    issued = authority.issue("zoo", GOOD)

    assert parsed(issued.full_chain.encode())[0].subject == "CN=localhost"
