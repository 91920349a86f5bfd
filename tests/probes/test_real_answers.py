"""Answers of an API server itself: pages, rights that lack, credentials it does not take, what is absent. Both clusters say the same."""

import json
from pathlib import Path
from typing import Any

import pytest

from fixtures import once
from fixtures.kubernetes.client import ALL, listing, single
from fixtures.kubernetes.client import cluster as opened
from fixtures.kubernetes.errors import NotAnswered
from fixtures.kubernetes.resources import JSON, METADATA, Resource
from muster.connections import Kubernetes
from muster.kinds.logs import Log
from muster.probes import CouldNotLook, begin
from sandbox.world import Object
from tests.probes.real_cluster import AnyCluster, RealCluster
from tests.probes.small_cluster import lines, log, pod, thing

PODS_ONLY: list[Object] = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}]


@pytest.fixture(autouse=True)
def deadline() -> None:
    begin(30)


def refused(connection: Kubernetes, resource: Resource | str, namespace: str | None = None) -> NotAnswered:
    """What listing raises."""
    once.forget()
    with pytest.raises(NotAnswered) as caught:
        listing(connection, resource, namespace)
    return caught.value


def elsewise(cluster: AnyCluster, folder: Path, **changed: Any) -> Kubernetes:
    """A connection to the same server, with something changed; None takes it away."""
    if isinstance(cluster, RealCluster):
        here = cluster.api.api_client.configuration
        server, ca = here.host, here.ssl_ca_cert
    else:
        server, ca = cluster.running.addresses["kubernetes"], cluster.running.addresses["ca_file"]
    (folder / "token").write_text("nobody-knows-this-one")
    given = {"server": server, "ca": ca, "token": f"file:{folder / 'token'}", "namespace": cluster.namespace} | changed
    return Kubernetes.model_validate({name: value for name, value in given.items() if value is not None})


def test_every_page_is_read_and_in_order(any_cluster: AnyCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fixtures.kubernetes.client.PAGE", 2)
    any_cluster.put([pod(f"web-{place}") for place in (3, 0, 4, 1, 2)])

    names = [each["metadata"]["name"] for each in listing(any_cluster.connection, "pods").items]

    assert names == [f"web-{place}" for place in range(5)]


def test_a_right_that_lacks_is_named_with_the_way_to_see_it(any_cluster: AnyCluster) -> None:
    any_cluster.put([pod("web-a")], rules=PODS_ONLY)

    assert len(listing(any_cluster.connection, "pods").items) == 1
    lacks = refused(any_cluster.connection, "deployments")
    assert lacks.reason == f"Kubernetes API: we are not allowed to list deployments.apps in namespace {any_cluster.namespace} (403)"
    assert f"`kubectl auth can-i list deployments.apps -n {any_cluster.namespace}`" in lacks.hint
    assert refused(any_cluster.connection, "nodes").reason == "Kubernetes API: we are not allowed to list nodes (403)"


def test_logs_need_a_right_of_their_own(any_cluster: AnyCluster) -> None:
    logs = {} if isinstance(any_cluster, RealCluster) else {"logs": log("web-a", lines("INFO x"))}
    any_cluster.put([pod("web-a")], rules=PODS_ONLY, **logs)
    given = {"name": "errors", "connection": "cluster", "selector": "app=web", "level": "ERROR", "expect": {"records": 0}}

    with pytest.raises(CouldNotLook, match=r"not allowed to get pods/log in namespace \S+ \(403\)"):
        any_cluster.look("log_count", Log.model_validate(given))


def test_a_name_that_is_absent_is_told_from_a_kind_that_is(any_cluster: AnyCluster) -> None:
    any_cluster.put([thing("v1", "ConfigMap", "settings", data={"A": "1"})])

    found = single(any_cluster.connection, "configmaps", "settings")
    assert found is not None
    assert found["data"] == {"A": "1"}
    assert single(any_cluster.connection, "configmaps", "absent") is None
    for unknown in (Resource("", "v1", "gadgets"), Resource("apps", "v1", "gadgets"), Resource("gadgets.example", "v1", "gadgets")):
        error = refused(any_cluster.connection, unknown)
        assert (error.status, "it knows no such kind" in error.reason) == (404, True)


def test_a_namespace_that_does_not_exist_is_empty_and_no_error(any_cluster: AnyCluster) -> None:
    any_cluster.put([pod("web-a")])

    assert listing(any_cluster.connection, "pods", "muster-absent").items == ()
    assert "web-a" in [each["metadata"]["name"] for each in listing(any_cluster.connection, "pods", ALL).items]


def test_credentials_that_are_unknown_are_told_from_none_at_all(any_cluster: AnyCluster, tmp_path: Path) -> None:
    any_cluster.put([pod("web-a")])

    unknown = refused(elsewise(any_cluster, tmp_path), "pods")
    (tmp_path / "kubeconfig").write_text(nobody(elsewise(any_cluster, tmp_path)))
    none = refused(Kubernetes.model_validate({"kubeconfig": str(tmp_path / "kubeconfig"), "namespace": any_cluster.namespace}), "pods")

    assert unknown.reason == "Kubernetes API: our credentials were not accepted (401)"
    assert "takes us for system:anonymous (403)" in none.reason
    assert none.cause == unknown.cause  # not one headline for each list


def nobody(connection: Kubernetes) -> str:
    """A kubeconfig whose user has no credentials."""
    there = {"server": connection.server, "certificate-authority": str(connection.ca)}
    context = {"cluster": "here", "user": "nobody"}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "here",
            "clusters": [{"name": "here", "cluster": there}],
            "contexts": [{"name": "here", "context": context}],
            "users": [{"name": "nobody", "user": {}}],
        }
    )


def test_an_authority_that_did_not_sign_is_a_matter_of_tls(any_cluster: AnyCluster, tmp_path: Path) -> None:
    any_cluster.put([])
    once.forget()

    with pytest.raises(CouldNotLook, match="TLS with the Kubernetes API failed"):
        listing(elsewise(any_cluster, tmp_path, ca=None), "pods")


def test_ages_count_from_the_clock_of_the_server(any_cluster: AnyCluster) -> None:
    any_cluster.put([pod("web-a")])
    seen = listing(any_cluster.connection, "pods")

    assert -2 <= seen.age(seen.items[0]["metadata"]["creationTimestamp"]) <= 86400 + 120


THREE = (("web-a", {"app": "web"}), ("web-b", {"app": "web", "tier": "2"}), ("zoo", {"app": "api"}))


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("app=web", "web-a web-b"),
        ("app in (web, api),!tier", "web-a zoo"),
        ("app notin(web)", "zoo"),
        ("app!=api", "web-a web-b"),
        ("tier!=2", "web-a zoo"),
        ("tier>1", "web-b"),
        ("app=", ""),
        ("app,app=web,tier", "web-b"),
        ("metadata.name!=zoo", "web-a web-b"),
        ("metadata.name==zoo,status.phase=Running", "zoo"),
        ("status.phase=Pending", ""),
    ],
)
def test_selectors_choose_the_same_pods(any_cluster: AnyCluster, selector: str, names: str) -> None:
    any_cluster.put([pod(name, labels=labels) for name, labels in THREE])
    kind = "fieldSelector" if "." in selector else "labelSelector"

    answer = opened(any_cluster.connection).get(f"/api/v1/namespaces/{any_cluster.namespace}/pods", {kind: selector})

    assert " ".join(each["metadata"]["name"] for each in json.loads(answer.body)["items"]) == names


@pytest.mark.parametrize(
    ("path", "query", "accept", "status"),
    [
        ("/api/v1/namespaces/{}/pods", {"fieldSelector": "spec.foo=bar"}, JSON, 400),
        ("/api/v1/namespaces/{}/pods", {"fieldSelector": " metadata.name=web-a"}, JSON, 400),
        ("/apis/apps/v1/namespaces/{}/deployments", {"fieldSelector": "spec.replicas=1"}, JSON, 400),
        ("/apis/apps/v1/namespaces/{}/replicasets", {"fieldSelector": "status.replicas=1"}, JSON, 400),
        ("/api/v1/namespaces/{}/pods", {"labelSelector": "app in (web"}, JSON, 400),
        ("/api/v1/namespaces/{}/pods", {"labelSelector": "app=web,"}, JSON, 400),
        ("/api/v1/namespaces/{}/pods", {"continue": "nonsense"}, JSON, 400),
        ("/api/v1/namespaces/{}/pods", {}, METADATA.replace("v=v1", "v=v9"), 406),
        ("/api/v1/namespaces/{}/pods/web-a", {}, METADATA, 406),
        ("/api/v1/namespaces/{}/pods/absent", {}, JSON, 404),
        ("/apis/gadgets.example/v1", {}, JSON, 404),
    ],
)
def test_what_a_server_does_not_take_is_refused_with_the_same_status(
    any_cluster: AnyCluster, path: str, query: dict[str, str], accept: str, status: int
) -> None:
    any_cluster.put([pod("web-a")])

    with pytest.raises(NotAnswered) as caught:
        opened(any_cluster.connection).get(path.format(any_cluster.namespace), query, accept=accept)

    assert caught.value.status == status
