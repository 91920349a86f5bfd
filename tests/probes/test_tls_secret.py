"""The certificate in a secret beside those that are served, with a cluster and a server that both are there."""

from copy import deepcopy
from typing import Any

import pytest

from fixtures.web.tls_secret import SecretComparison, compared
from muster.connections import Reach
from muster.kinds.base import bind
from muster.kinds.web import ServedCertificate
from muster.probes import PROBES, RESETS, CouldNotLook, Nothing, begin
from sandbox.services.running import Running
from sandbox.world import Cluster, Served, Site, World

METADATA = {"name": "tls-cert", "namespace": "platform", "uid": "uid-1", "creationTimestamp": "2026-01-01T00:00:00Z"}
SECRET = {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "metadata": METADATA}
READER = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list"]}


def world(*objects: dict[str, Any], kept: str = "api") -> World:
    """Two servers, one of which presents what the secret holds."""
    sites = {name: Site(certificate=Served(secret="platform/tls-cert" if name == kept else None)) for name in ("api", "other")}
    return World(cluster=Cluster(objects=deepcopy(list(objects)), tokens={"reader": [READER]}), sites=sites)


def look(facade: Running, made: World, allowed: tuple[str, ...] = ("tls-cert",)) -> SecretComparison | Nothing:
    facade.put_world(made)
    connections = {
        "api": Reach.model_validate({"http": {"url": facade.addresses["sites"]["api"], "ca": facade.addresses["ca_file"]}}).connection,
        "cluster": Reach.model_validate(
            {"kubernetes": {"kubeconfig": facade.addresses["kubeconfig"], "namespace": "platform", "allow": {"secrets": allowed}}}
        ).connection,
    }
    entity = ServedCertificate.model_validate(
        {"name": "ingress", "connection": "api", "secret": {"connection": "cluster", "name": "tls-cert"}}
    )
    bound = bind(entity, "system/environment", connections)
    for reset in RESETS:
        reset()
    begin(60.0)
    return compared(PROBES["served_certificate"].function(bound), PROBES["kept_certificate"].function(bound))


def test_the_certificate_of_the_secret_is_the_one_that_is_served(facade: Running) -> None:
    got = look(facade, world(SECRET))

    assert isinstance(got, SecretComparison)
    assert (got.looked_at, got.unlike) == (1, 0)
    assert "secret tls-cert (uid uid-1)" in got.seen


def test_another_certificate_is_served_than_the_secret_holds(facade: Running) -> None:
    got = look(facade, world(SECRET, kept="other"))

    assert isinstance(got, SecretComparison)
    assert got.unlike == 1
    assert "127.0.0.1" in str(got.unlike)
    assert "the secret holds serial" in got.note


def test_a_secret_that_does_not_exist_is_nothing(facade: Running) -> None:
    assert look(facade, world()) == Nothing(of="secrets", note="there is no secret tls-cert")


@pytest.mark.parametrize("change", [{"data": {"tls.crt": "bm90IGEgY2VydGlmaWNhdGU="}}, {"type": "Opaque", "data": {"a": "Yg=="}}])
def test_a_secret_without_a_certificate_is_nothing(facade: Running, change: dict[str, Any]) -> None:
    got = look(facade, world({**SECRET, **change}))

    assert isinstance(got, Nothing)
    assert got.note.startswith("secret tls-cert: ")


def test_a_secret_that_is_not_named_is_not_read(facade: Running) -> None:
    facade.clear_requests()

    with pytest.raises(CouldNotLook, match="does not allow a look at secret tls-cert"):
        look(facade, world(SECRET), allowed=())

    assert facade.requests("kubernetes") == []


def test_nothing_that_is_served_is_nothing_to_compare(facade: Running) -> None:
    stopped = world(SECRET)
    stopped.sites["api"].stopped = True

    got = look(facade, stopped)

    assert isinstance(got, Nothing)
    assert "connection refused" in got.note


def test_the_private_key_is_not_in_what_is_seen(facade: Running) -> None:
    assert "PRIVATE" not in repr(look(facade, world(SECRET)))
