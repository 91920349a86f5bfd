"""Around endpoints and certificates: the phases of one more request, and the chain with what is left of each certificate."""

import re
import ssl
from pathlib import Path
from typing import Any

import pytest

import fixtures.follow_ups.web
from muster.connections import Reach
from muster.kinds.base import bind
from muster.kinds.web import Endpoint, ServedCertificate
from muster.probes import begin
from sandbox.services.certificates import Authority
from sandbox.world import Served
from tests.probes.second_looks import around
from tests.probes.web_servers import Listening, answering, closed_port, hanging, json_answer, serving, tls

pytestmark = pytest.mark.usefixtures("new_look")
assert fixtures.follow_ups.web
CANARY = "canary-4711"
PHASE = r"(dns|connect|tls|first byte|body) [\d.]+m?s"
DAY = 86400.0


def endpoint(url: str, ca: Path | None = None, **settings: Any) -> Endpoint:
    """An endpoint below this address."""
    reach = {"url": url, **({"ca": str(ca)} if ca else {})}
    made = Endpoint.model_validate({"name": "health", "url": "${api}/health", "expect": {"status": 200}, **settings})
    bound = bind(made, "system/environment", {"api": Reach.model_validate({"http": reach}).connection})
    assert isinstance(bound, Endpoint)
    return bound


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("chain"))


def context(authority: Authority, **served: Any) -> ssl.SSLContext:
    """What a server needs that presents such a certificate."""
    return authority.context("chain", Served(**served))


def certificate(server: Listening, ca: Path) -> ServedCertificate:
    """The certificate that is served there."""
    reach = Reach.model_validate({"http": {"url": f"https://127.0.0.1:{server.port}", "ca": str(ca)}}).connection
    bound = bind(ServedCertificate.model_validate({"name": "ingress", "connection": "api"}), "system/environment", {"api": reach})
    assert isinstance(bound, ServedCertificate)
    return bound


def test_one_more_request_is_told_by_its_phases_and_never_by_its_body() -> None:
    with answering(json_answer(f'{{"who": "{CANARY}"}}')) as server:
        said = around(endpoint(server.url), log_lines=20, values=True)
        assert len(server.requests) == 1
        assert server.requests[0].startswith("GET ")
    assert re.fullmatch(r"asked again: status 200 after \S+ from 127.0.0.1:\d+, 22B of application/json", said[0])
    assert re.fullmatch(rf"phases: {PHASE}(, {PHASE}){{4}}", said[1])
    assert len(said) == 2
    assert CANARY not in "\n".join(said)


def test_no_answer_is_said_with_its_reason() -> None:
    (line,) = around(endpoint(f"http://127.0.0.1:{closed_port()}"))
    assert line.startswith("asked again: no answer: ")
    assert "refused" in line


def test_a_server_that_never_answers_ends_with_the_deadline() -> None:
    begin(1.0)
    with hanging() as server:
        (line,) = around(endpoint(server.url))
    assert line.startswith("asked again: no answer: ")


def test_over_https_the_chain_follows(authority: Authority) -> None:
    with tls(context(authority, names=["127.0.0.1"], valid_for=10 * DAY + 3600)) as server:
        said = around(endpoint(f"https://127.0.0.1:{server.port}", authority.ca_file))
    assert re.search(r"tls [1-9]\d*ms|tls [\d.]+s", said[1])
    assert re.fullmatch(r"127.0.0.1:\d+, TLSv1.3, 2 certificates: verified", said[2])
    assert re.fullmatch(r"leaf CN=127.0.0.1: 10d\w* left, until \S+Z, signed by CN=.*intermediate.*", said[3])
    assert re.fullmatch(r"issuer 1 CN=.*intermediate.*: \d{4}d\w* left, until \S+Z, signed by CN=.*", said[4])
    assert len(said) == 5


def test_a_chain_that_is_not_verified_is_told_with_its_names(authority: Authority) -> None:
    with tls(context(authority, names=["api.example", "www.example", "a.example", "b.example"])) as server:
        said = around(certificate(server, authority.ca_file))
        assert server.requests == []
    assert "verified" not in said[0]
    assert re.match(r"leaf CN=api.example: 89d\w* left", said[1])
    assert said[-1] == "the leaf is for api.example, www.example, a.example and 1 more; secp256r1, sha256"


@pytest.mark.parametrize(
    ("served", "words"),
    [({"valid_for": -2 * DAY - 60, "valid_since": 9 * DAY}, r"ended 2d\w* ago"), ({"valid_since": -5 * DAY + 60}, r"begins in 4d\w*")],
    ids=["expired", "not yet valid"],
)
def test_what_is_over_or_to_come_is_said(authority: Authority, served: dict[str, Any], words: str) -> None:
    with tls(context(authority, names=["127.0.0.1"], **served)) as server:
        said = around(certificate(server, authority.ca_file))
    assert re.match(rf"leaf CN=127.0.0.1: {words}, until ", said[1])


def test_where_no_certificate_is_served_that_is_said(authority: Authority) -> None:
    with serving(lambda _, connection: connection.sendall(b"220 not TLS\r\n")) as server:
        (line,) = around(certificate(server, authority.ca_file))
    assert line.startswith("no certificate: ")


def test_an_endpoint_that_refuses_is_said_once(authority: Authority) -> None:
    (line,) = around(endpoint(f"https://127.0.0.1:{closed_port()}", authority.ca_file))
    assert line.startswith("asked again: no answer: ")


def test_an_endpoint_whose_request_fails_shows_its_chain_all_the_same(authority: Authority) -> None:
    with tls(context(authority, names=["another"])) as server:
        said = around(endpoint(f"https://127.0.0.1:{server.port}", authority.ca_file))
    assert said[0].startswith("asked again: no answer: ")
    assert said[2].startswith("leaf CN=another: 89d")
