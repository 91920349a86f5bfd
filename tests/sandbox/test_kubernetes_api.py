"""The stand-in for the Kubernetes API, asked by the unchanged official client."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import urllib3
from kubernetes import client, config, dynamic
from kubernetes.client.exceptions import ApiException

from sandbox.services.kinds import KINDS
from sandbox.services.running import Running, copies
from sandbox.world import Cluster, Trouble, World

Object = dict[str, Any]
EVERYTHING: list[Object] = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
READER: list[Object] = [
    {"apiGroups": ["", "apps"], "resources": ["pods", "pods/log", "deployments"], "verbs": ["get", "list"]},
    {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["allowed"], "verbs": ["get"]},
    {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["list"], "namespaces": ["shop"]},
]


def pod(name: str, namespace: str = "shop", phase: str = "Running", **labels: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"nodeName": "node-1", "containers": [{"name": "main", "image": "shop:1"}]},
        "status": {"phase": phase},
    }


def secret(name: str) -> Object:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "shop"}, "type": "Opaque"}


PODS = [
    pod("web-1", app="web", tier="front"),
    pod("web-2", app="web", tier="back"),
    pod("db-1", app="db", phase="Pending"),
    pod("bare-1", namespace="other"),
]


class Asker:
    """The official client with a kubeconfig of the sandbox, and the world it looks at."""

    def __init__(self, facade: Running) -> None:
        self.facade = facade
        self.api: client.ApiClient
        self.render()

    def render(self, **parts: Any) -> None:
        """Replace the cluster."""
        cluster = Cluster(**{"objects": PODS, "tokens": {"admin-token": EVERYTHING, "reader-token": READER}, **parts})
        self.facade.put_world(World(cluster=cluster))
        self.become(None)

    def become(self, token: str | None) -> None:
        """Use another bearer token; none if empty, that of the kubeconfig if None."""
        settings = client.Configuration()
        config.load_kube_config(self.facade.addresses["kubeconfig"], client_configuration=settings)
        settings.retries = False
        if token is not None:
            settings.refresh_api_key_hook = None
            settings.api_key = {"BearerToken": f"Bearer {token}"} if token else {}
        self.api = client.ApiClient(settings)
        self.core = client.CoreV1Api(self.api)

    def raw(self, path: str, method: str = "GET", **query: str) -> Object:
        """The JSON answer to a request with the admin's token, error or not; `code` is its status."""
        pool = urllib3.PoolManager(ca_certs=self.facade.addresses["ca_file"], retries=False)
        url = self.facade.addresses["kubernetes"] + path
        answer = pool.request(method, url, fields=query or None, headers={"Authorization": "Bearer admin-token"})
        document: Object = {} if answer.headers["Content-Type"].startswith("text/plain") else answer.json()
        return {**document, "code": answer.status}

    def names(self, **query: Any) -> list[str]:
        """The names of the pods that a list in all namespaces finds."""
        return [one.metadata.name for one in self.core.list_pod_for_all_namespaces(**query).items]


@pytest.fixture
def cluster(facade: Running) -> Iterator[Asker]:
    asker = Asker(facade)
    yield asker
    asker.api.close()


def refusal(error: pytest.ExceptionInfo[ApiException]) -> Object:
    """The Status that came with a refused request."""
    status: Object = json.loads(error.value.body)
    assert status["kind"] == "Status"
    return status


def test_the_typed_client_lists_pods_of_one_namespace(cluster: Asker) -> None:
    found = cluster.core.list_namespaced_pod("shop")
    assert [one.metadata.name for one in found.items] == ["db-1", "web-1", "web-2"]
    assert found.items[0].status.phase == "Pending"


def test_a_list_of_a_known_kind_without_objects_is_empty(cluster: Asker) -> None:
    assert client.BatchV1Api(cluster.api).list_namespaced_job("shop").items == []


def test_an_unknown_group_is_not_found(cluster: Asker) -> None:
    with pytest.raises(ApiException) as error:
        client.CustomObjectsApi(cluster.api).list_cluster_custom_object("nowhere.io", "v1", "things")
    assert (error.value.status, error.value.body) == (404, "404 page not found\n")


def test_a_group_that_the_world_misses_is_not_found(cluster: Asker) -> None:
    cluster.render(missing_groups=["metrics.k8s.io"])
    assert cluster.raw("/apis/metrics.k8s.io/v1beta1/pods")["code"] == 404
    assert "metrics.k8s.io" not in [group["name"] for group in cluster.raw("/apis")["groups"]]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.qualified)
def test_every_kind_can_be_discovered_listed_and_read(cluster: Asker, kind: Any) -> None:
    metadata = {"name": "one", **({"namespace": "shop"} if kind.namespaced else {})}
    cluster.render(objects=[{"apiVersion": kind.group_version, "kind": kind.kind, "metadata": metadata}])
    root = f"/apis/{kind.group_version}" if kind.group else "/api/v1"
    place = "/namespaces/shop" if kind.namespaced else ""
    assert kind.resource in [one["name"] for one in cluster.raw(root)["resources"]]
    listed = cluster.raw(f"{root}/{kind.resource}")
    assert (listed["kind"], len(listed["items"])) == (f"{kind.kind}List", 1)
    assert cluster.raw(f"{root}{place}/{kind.resource}/one")["kind"] == kind.kind
    assert cluster.raw(f"{root}{place}/{kind.resource}/two")["reason"] == "NotFound"


def test_the_dynamic_client_finds_a_custom_kind_that_the_world_brings(cluster: Asker) -> None:
    widget = {"apiVersion": "shop.example.org/v1", "kind": "Widget", "metadata": {"name": "one", "namespace": "shop"}, "spec": {"size": 3}}
    cluster.render(objects=[widget])
    found = dynamic.DynamicClient(cluster.api).resources.get(api_version="shop.example.org/v1", kind="Widget").get(namespace="shop")
    assert [(one.metadata.name, one.spec.size, one.kind) for one in found.items] == [("one", 3, "Widget")]


def test_items_of_a_list_carry_no_kind_as_on_a_real_server(cluster: Asker) -> None:
    assert "kind" not in cluster.raw("/api/v1/pods")["items"][0]
    assert cluster.raw("/api/v1/namespaces/shop/pods/web-1")["kind"] == "Pod"


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("app=web", ["web-1", "web-2"]),
        ("app==web,tier=front", ["web-1"]),
        ("app!=web", ["bare-1", "db-1"]),
        ("app in (web, db)", ["db-1", "web-1", "web-2"]),
        ("app notin (web)", ["bare-1", "db-1"]),
        ("tier", ["web-1", "web-2"]),
        ("!app", ["bare-1"]),
        ("app in (web),tier notin (front,middle)", ["web-2"]),
        ("app=nothing", []),
    ],
)
def test_label_selectors_select(cluster: Asker, selector: str, names: list[str]) -> None:
    assert cluster.names(label_selector=selector) == names


@pytest.mark.parametrize("selector", ["app=web=db", "app in web", "=web", "app in (a", "-app=x", "app=a b"])
def test_a_bad_label_selector_is_refused(cluster: Asker, selector: str) -> None:
    with pytest.raises(ApiException) as error:
        cluster.names(label_selector=selector)
    assert refusal(error)["reason"] == "BadRequest"


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("status.phase=Pending", ["db-1"]),
        ("status.phase!=Running,metadata.namespace=shop", ["db-1"]),
        ("metadata.name=web-1", ["web-1"]),
        ("spec.nodeName=node-2", []),
    ],
)
def test_field_selectors_select(cluster: Asker, selector: str, names: list[str]) -> None:
    assert cluster.names(field_selector=selector) == names


def test_an_unsupported_field_selector_is_refused(cluster: Asker) -> None:
    with pytest.raises(ApiException) as error:
        cluster.names(field_selector="spec.containers=main")
    assert refusal(error)["message"].endswith("field label not supported: spec.containers")
    assert "is not a known field selector" in cluster.raw("/apis/apps/v1/replicasets", fieldSelector="status.replicas=1")["message"]


def test_events_are_selected_by_the_object_they_are_about(cluster: Asker) -> None:
    def event(name: str, about: str) -> Object:
        involved = {"kind": "Pod", "name": about, "namespace": "shop"}
        head = {"apiVersion": "v1", "kind": "Event", "metadata": {"name": name, "namespace": "shop"}}
        return {**head, "involvedObject": involved, "reason": "BackOff", "type": "Warning"}

    cluster.render(objects=[event("a", "web-1"), event("b", "web-2")])
    found = cluster.core.list_namespaced_event("shop", field_selector="involvedObject.name=web-2,type=Warning")
    assert [one.metadata.name for one in found.items] == ["b"]


def test_pages_cover_everything_once(cluster: Asker) -> None:
    cluster.render(objects=copies(pod("many"), 25))
    names, token, left = [], None, []
    while True:
        page = cluster.core.list_namespaced_pod("shop", limit=10, _continue=token)
        names += [one.metadata.name for one in page.items]
        left.append(page.metadata.remaining_item_count)
        token = page.metadata._continue
        if not token:
            break
    assert names == [f"many-{place:05}" for place in range(25)]
    assert left == [15, 5, None]


@pytest.mark.parametrize("how", ["asked for", "another world"])
def test_a_continue_token_can_expire(cluster: Asker, how: str) -> None:
    cluster.render(continue_expires=how == "asked for")
    token = cluster.core.list_namespaced_pod("shop", limit=1).metadata._continue
    if how == "another world":
        cluster.render()
    with pytest.raises(ApiException) as error:
        cluster.core.list_namespaced_pod("shop", limit=1, _continue=token)
    assert (refusal(error)["code"], refusal(error)["reason"]) == (410, "Expired")


def test_a_continue_token_that_is_none_is_refused(cluster: Asker) -> None:
    assert cluster.raw("/api/v1/pods", **{"continue": "nonsense"})["code"] == 400


def test_ten_thousand_pods_are_listed_in_pages(cluster: Asker) -> None:
    cluster.render(objects=copies(pod("many", app="many"), 10_000))
    count, token = 0, ""
    while count == 0 or token:
        page = cluster.raw("/api/v1/pods", limit="2000", labelSelector="app=many", **({"continue": token} if token else {}))
        count += len(page["items"])
        token = page["metadata"].get("continue", "")
    assert count == 10_000
    assert len(cluster.facade.requests("kubernetes", verb="list", resource="pods")) == 5


@pytest.mark.parametrize(("token", "code", "reason"), [("wrong", 401, "Unauthorized"), ("", 403, "Forbidden")])
def test_a_wrong_token_is_unauthorized_and_a_request_without_one_is_anonymous(cluster: Asker, token: str, code: int, reason: str) -> None:
    cluster.become(token)
    for ask in (cluster.names, lambda: client.ApisApi(cluster.api).get_api_versions()):
        with pytest.raises(ApiException) as error:
            ask()
        assert (refusal(error)["code"], refusal(error)["reason"]) == (code, reason)
        assert ('User "system:anonymous"' in refusal(error)["message"]) is (token == "")


def test_what_the_rules_do_not_grant_is_forbidden(cluster: Asker) -> None:
    cluster.become("reader-token")
    assert len(cluster.names()) == 4
    with pytest.raises(ApiException) as error:
        cluster.core.list_node()
    status = refusal(error)
    assert (status["code"], status["reason"]) == (403, "Forbidden")
    assert 'cannot list resource "nodes" in API group "" at the cluster scope' in status["message"]
    assert "reader-token" not in status["message"]


def test_resource_names_and_namespaces_limit_a_rule(cluster: Asker) -> None:
    cluster.render(objects=[secret("allowed"), secret("other")])
    cluster.become("reader-token")
    assert cluster.core.read_namespaced_secret("allowed", "shop").metadata.name == "allowed"
    batch = client.BatchV1Api(cluster.api)
    assert batch.list_namespaced_job("shop").items == []
    for refused in (
        lambda: cluster.core.read_namespaced_secret("other", "shop"),
        lambda: cluster.core.list_namespaced_secret("shop"),
        lambda: batch.list_namespaced_job("other"),
        batch.list_job_for_all_namespaces,
    ):
        with pytest.raises(ApiException) as error:
            refused()
        assert refusal(error)["code"] == 403


def test_a_subresource_needs_a_grant_of_its_own(cluster: Asker) -> None:
    cluster.render(tokens={"half": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}, logs={"shop/web-1/main": ""})
    assert cluster.core.read_namespaced_pod("web-1", "shop").metadata.name == "web-1"
    with pytest.raises(ApiException) as error:
        cluster.core.read_namespaced_pod_log("web-1", "shop")
    assert 'cannot get resource "pods/log"' in refusal(error)["message"]


def test_access_reviews_answer_from_the_rules_and_do_not_count_as_mutating(cluster: Asker) -> None:
    cluster.become("reader-token")
    api = client.AuthorizationV1Api(cluster.api)
    answers = []
    for verb in ("list", "delete"):
        wish = client.V1ResourceAttributes(verb=verb, group="", resource="pods", namespace="shop")
        spec = client.V1SelfSubjectAccessReviewSpec(resource_attributes=wish)
        answers.append(api.create_self_subject_access_review(client.V1SelfSubjectAccessReview(spec=spec)).status.allowed)
    assert answers == [True, False]
    rules = api.create_self_subject_rules_review(
        client.V1SelfSubjectRulesReview(spec=client.V1SelfSubjectRulesReviewSpec(namespace="other"))
    ).status.resource_rules
    assert "pods/log" in rules[0].resources
    assert not any("jobs" in rule.resources for rule in rules)
    assert cluster.facade.requests(mutating=True) == []


def test_mutating_requests_are_refused_and_recorded(cluster: Asker) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        status = cluster.raw("/api/v1/namespaces/shop/pods/web-1", method)
        assert (status["code"], status["reason"]) == (405, "MethodNotAllowed")
    cluster.become("reader-token")
    with pytest.raises(ApiException) as error:
        cluster.core.delete_namespaced_pod("web-1", "shop")
    assert refusal(error)["code"] == 403
    recorded = cluster.facade.requests("kubernetes", mutating=True)
    assert [entry["method"] for entry in recorded] == ["POST", "PUT", "PATCH", "DELETE", "DELETE"]
    assert len(cluster.names()) == 4


@pytest.mark.parametrize("part", ["exec", "attach", "portforward", "proxy"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_connecting_to_a_pod_is_refused_and_recorded_as_mutating(cluster: Asker, part: str, method: str) -> None:
    assert cluster.raw(f"/api/v1/namespaces/shop/pods/web-1/{part}", method)["code"] == 405
    assert [entry["subresource"] for entry in cluster.facade.requests(mutating=True)] == [part]


def test_requests_are_recorded_with_the_user_and_the_status(cluster: Asker) -> None:
    cluster.render(users={"admin-token": "muster"})
    cluster.core.list_namespaced_pod("shop", limit=2)
    entry = cluster.facade.requests("kubernetes")[-1]
    assert (entry["user"], entry["verb"], entry["status"]) == ("muster", "list", 200)
    assert (entry["path"], entry["query"]) == ("/api/v1/namespaces/shop/pods", "limit=2")


@pytest.mark.parametrize("status", [401, 403, 404, 409, 410, 429, 500, 503])
def test_a_trouble_answers_with_its_status_below_its_path_alone(cluster: Asker, status: int) -> None:
    cluster.render(trouble=[Trouble(path="/api/v1/nodes", status=status, message="as told", retry_after=7)])
    with pytest.raises(ApiException) as error:
        cluster.core.list_node()
    assert (error.value.status, refusal(error)["message"], error.value.headers["Retry-After"]) == (status, "as told", "7")
    assert len(cluster.names()) == 4


def test_a_trouble_can_be_over_after_some_requests(cluster: Asker) -> None:
    cluster.render(trouble=[Trouble(status=500, after=1, times=1)])
    assert [cluster.raw("/api/v1/pods")["code"] for _ in range(4)] == [200, 500, 200, 200]


def test_a_reset_cuts_the_connection(cluster: Asker) -> None:
    cluster.render(trouble=[Trouble(reset=True)])
    with pytest.raises(urllib3.exceptions.ProtocolError):
        cluster.raw("/api/v1/pods")


def test_a_hang_lasts_until_the_client_gives_up_and_harms_nobody_else(cluster: Asker) -> None:
    cluster.render(trouble=[Trouble(path="/api/v1/nodes", hang=True)])
    with pytest.raises(urllib3.exceptions.TimeoutError):
        cluster.core.list_node(_request_timeout=1)
    assert len(cluster.names()) == 4
    assert cluster.facade.requests(resource=None, path="/api/v1/nodes")[0]["status"] is None


def test_a_delay_delays(cluster: Asker) -> None:
    cluster.render(trouble=[Trouble(delay=0.4)])
    start = time.monotonic()
    assert len(cluster.names()) == 4
    assert time.monotonic() - start >= 0.4


def test_a_dripping_body_arrives_whole_and_late(cluster: Asker) -> None:
    cluster.render(trouble=[Trouble(path="/healthz", drip=0.1)])
    pool = urllib3.PoolManager(ca_certs=cluster.facade.addresses["ca_file"], retries=False)
    start = time.monotonic()
    assert pool.request("GET", cluster.facade.addresses["kubernetes"] + "/healthz").data == b"ok"
    assert time.monotonic() - start >= 0.1


def test_a_stopped_api_refuses_connections_and_comes_back_on_its_port(cluster: Asker) -> None:
    before = cluster.facade.addresses["kubernetes"]
    cluster.render(stopped=True)
    with pytest.raises(urllib3.exceptions.NewConnectionError):
        cluster.raw("/version")
    cluster.render()
    assert cluster.facade.addresses["kubernetes"] == before
    assert len(cluster.names()) == 4


def test_version_and_health_are_told_to_everybody(cluster: Asker) -> None:
    cluster.become("")
    version = client.VersionApi(cluster.api).get_code()
    assert (version.git_version, version.major, version.minor) == ("v1.32.3", "1", "32")
    assert cluster.raw("/openapi/v2")["code"] == 404


def test_the_clock_of_the_server_can_be_ahead(cluster: Asker) -> None:
    cluster.render(clock_skew=86400.0)
    pool = urllib3.PoolManager(ca_certs=cluster.facade.addresses["ca_file"], retries=False)
    date = pool.request("GET", cluster.facade.addresses["kubernetes"] + "/healthz").headers["Date"]
    assert time.mktime(time.strptime(date, "%a, %d %b %Y %H:%M:%S GMT")) - time.mktime(time.gmtime()) > 80_000


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"apiVersion": "v1", "kind": "Pdo", "metadata": {"name": "a", "namespace": "b"}}, "serves no Pdo of v1"),
        ({"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "a"}}, "serves no Horizontal"),
        ({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}, "without name or namespace"),
    ],
)
def test_an_object_no_cluster_could_hold_is_refused(cluster: Asker, broken: Object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cluster.render(objects=[broken])
    assert len(cluster.names()) == 4
