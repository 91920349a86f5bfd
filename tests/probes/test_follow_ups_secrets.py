"""Around certificates in secrets: their chain, beside the one that is served; of values nothing but how long they are."""

import re
from typing import Any

import pytest

import fixtures.follow_ups.web
from fixtures import once
from muster.connections import Connection, Reach
from muster.kinds.base import bind
from muster.kinds.config import StoredSecret
from muster.kinds.web import ServedCertificate
from muster.probes import CouldNotLook
from sandbox.services.running import Running
from tests.probes.second_looks import around
from tests.probes.test_tls_secret import SECRET, world

pytestmark = pytest.mark.usefixtures("new_look")
assert fixtures.follow_ups.web
LEAF = r"leaf CN=\S+: 89d\w* left, until \S+Z, signed by CN=.*intermediate.*"


def connections(facade: Running, *allowed: str) -> dict[str, Connection]:
    """The cluster and the server."""
    given: dict[str, Any] = {"kubeconfig": facade.addresses["kubeconfig"], "namespace": "platform", "allow": {"secrets": allowed}}
    http = {"url": facade.addresses["sites"]["api"], "ca": facade.addresses["ca_file"]}
    return {"cluster": Reach.model_validate({"kubernetes": given}).connection, "api": Reach.model_validate({"http": http}).connection}


def stored(facade: Running, *allowed: str) -> list[str]:
    """The lines around the secret itself."""
    entity = StoredSecret.model_validate({"name": "tls-cert", "connection": "cluster"})
    return around(bind(entity, "system/environment", connections(facade, *allowed)), log_lines=20, values=True, events=True)


def served(facade: Running, *allowed: str) -> list[str]:
    """The lines around the place where it is served."""
    given = {"name": "ingress", "connection": "api", "secret": {"connection": "cluster", "name": "tls-cert"}}
    return around(bind(ServedCertificate.model_validate(given), "system/environment", connections(facade, *allowed)))


@pytest.fixture
def kept(facade: Running) -> Running:
    facade.put_world(world(SECRET, kept="other"))
    once.forget()
    return facade


def test_the_chain_in_a_secret_is_told_and_no_value(kept: Running) -> None:
    said = stored(kept, "tls-cert")
    assert re.fullmatch(
        r"secret tls-cert of type kubernetes.io/tls, created 2026-01-01T00:00:00Z: tls.crt \(\S+\), tls.key \(\S+\)", said[0]
    )
    assert re.fullmatch(LEAF, said[1])
    assert re.match(r"issuer 1 CN=.*intermediate.*: \d+d", said[2])
    assert "PRIVATE" not in "".join(said)
    assert "BEGIN" not in "".join(said)


def test_what_is_served_and_what_should_be_stand_side_by_side(kept: Running) -> None:
    said = served(kept, "tls-cert")
    assert [line.partition(" ")[0] for line in said] == [said[0].partition(" ")[0], "leaf", "issuer", "secret", "leaf", "issuer"]
    assert said[0].startswith("127.0.0.1:")


def test_a_secret_that_may_not_be_read_takes_nothing_of_what_is_served(kept: Running) -> None:
    said = served(kept)
    assert re.fullmatch(LEAF, said[1])
    assert said[-1] == "could not look: this environment does not allow a look at secret tls-cert"
    with pytest.raises(CouldNotLook, match="does not allow a look"):
        stored(kept)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"data": {"tls.crt": "bm90IGEgY2VydGlmaWNhdGU=", "tls.key": "eA=="}}, "its certificate: "),
        (
            {"type": "Opaque", "data": {"password": "Y2FuYXJ5"}},
            "secret tls-cert of type Opaque, created 2026-01-01T00:00:00Z: password (6B)",
        ),
    ],
    ids=["no certificate", "another type"],
)
def test_a_secret_without_a_chain_says_what_it_is(facade: Running, change: dict[str, Any], says: str) -> None:
    facade.put_world(world({**SECRET, **change}))
    once.forget()
    said = stored(facade, "tls-cert")
    assert said[-1].startswith(says)
    assert "canary" not in "".join(said)


def test_a_secret_that_is_gone_is_said(facade: Running) -> None:
    facade.put_world(world())
    once.forget()
    assert stored(facade, "tls-cert") == ["there is no secret tls-cert"]
