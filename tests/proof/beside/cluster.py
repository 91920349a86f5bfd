"""Of the cluster, of endpoints and of the servers that watch: what platform-service's runbook does not speak of."""

from typing import Any

from sandbox.alerting import Alertmanager
from sandbox.world import Metrics, Object, Route, Served, Site, World
from sandbox.worlds.platform_service.cluster import DAY, LABELS, NAMESPACE, SERVICE_PODS, TOKEN, owned, thing
from sandbox.worlds.platform_service.cluster_edits import ago, drop, every, find, now_of
from sandbox.worlds.platform_service.sites import certificate, route
from tests.proof.unlisted import VIOLATED, Unlisted

CONNECTIONS: dict[str, Any] = {"portal": {"http": {"url": "env:SANDBOX_SITE_PORTAL_URL", "ca": "env:SANDBOX_CA"}}}
"""Beside those of the sandbox's environment."""
STRICT = {"Strict-Transport-Security": "max-age=31536000; includeSubDomains", "X-Content-Type-Options": "nosniff"}
LOGIN = "https://login.platform.example/portal"
ENTITIES: dict[str, list[dict[str, Any]]] = {
    "jobs": [{"name": "reports", "connection": "cluster", "cron_job": "nightly-report", "expect": {"running_for": "2h"}}],
    "services": [{"name": "platform-edge", "connection": "cluster", "expect": {"addresses": 1}}],
    "nodes": [{"name": "workers", "connection": "cluster", "expect": {"ready": 3, "cordoned": 0}}],
    "storage_classes": [{"name": "standard", "connection": "cluster", "expect": {"default": True, "provisioner": "csi.example"}}],
    "resources": [
        {
            "name": "network-policies",
            "connection": "cluster",
            "api_version": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "expect": {"count": 2},
        }
    ],
    "secrets": [
        {
            "name": "service-certificate",
            "object": "tls-cert",
            "connection": "cluster",
            "expect": {"certificate_valid_for": "30d", "key_matches": True},
        }
    ],
    "alertmanagers": [{"name": "pair", "connection": "alertmanager", "expect": {"peers": 2}}],
    "scrape_targets": [{"name": "service-pods", "connection": "metrics", "job": "platform-service", "expect": {"targets": 3}}],
    "endpoints": [
        {
            "name": "portal",
            "url": "${portal}/",
            "expect": {"headers": {"strict-transport-security": {"matches": "max-age=[0-9]{8}"}, "x-content-type-options": "nosniff"}},
        },
        {"name": "portal-login", "url": "${portal}/login", "follow_redirects": False, "expect": {"status": 302, "redirects_to": LOGIN}},
    ],
}
DEFAULT = "storageclass.kubernetes.io/is-default-class"


def _objects(world: World) -> list[Object]:
    assert world.cluster is not None
    return world.cluster.objects


def _alertmanager(world: World) -> Alertmanager:
    assert world.alertmanager is not None
    return world.alertmanager


def _metrics(world: World) -> Metrics:
    assert world.metrics is not None
    return world.metrics


def prepare(world: World) -> None:
    """What a healthy world has for these entities."""
    _balanced(world)
    _policies(world)
    _alertmanager(world).peers = 1
    page = Route(text="<html><title>portal</title></html>", headers={"Content-Type": "text/html; charset=utf-8"} | STRICT)
    world.sites["portal"] = Site({"/": page, "/login": Route(redirect=LOGIN)}, Served())


def _balanced(world: World) -> None:
    """A second service in front of the same pods, which the cloud's load balancer leads to."""
    spec = {"type": "LoadBalancer", "selector": LABELS["platform-service"], "ports": [{"port": 443}]}
    given = {"loadBalancer": {"ingress": [{"ip": "203.0.113.7"}]}}
    service = thing("v1", "Service", "platform-edge", now_of(world) - 40 * DAY, spec=spec, status=given)
    behind = find(world, "EndpointSlice", "platform-service")
    labels = {"kubernetes.io/service-name": "platform-edge"}
    parts = {name: behind[name] for name in ("addressType", "ports", "endpoints")}
    slices = thing("discovery.k8s.io/v1", "EndpointSlice", "platform-edge-q9w3e", now_of(world) - 40 * DAY, labels=labels, **parts)
    _objects(world).extend([service, slices])


def _policies(world: World) -> None:
    """Network policies, and the right to list them."""
    assert world.cluster is not None
    for name, types in (("deny-all", ["Ingress", "Egress"]), ("from-the-ingress", ["Ingress"])):
        spec = {"podSelector": {}, "policyTypes": types}
        _objects(world).append(thing("networking.k8s.io/v1", "NetworkPolicy", name, now_of(world) - 40 * DAY, spec=spec))
    right = {"apiGroups": ["networking.k8s.io"], "resources": ["networkpolicies"], "verbs": ["list"], "namespaces": [NAMESPACE]}
    world.cluster.tokens[TOKEN].append(right)


def _hangs(world: World) -> None:
    """The run of last night has not come to its end."""
    began = now_of(world) - 5 * 3600
    job = thing("batch/v1", "Job", "nightly-report-29000002", began, spec={"backoffLimit": 6, "completions": 1, "parallelism": 1})
    job["status"] = {"active": 1, "ready": 1, "startTime": ago(world, 5 * 3600)}
    _objects(world).append(owned(job, find(world, "CronJob", "nightly-report")))


def _removed(world: World) -> None:
    """The autoscaler took a node away; what ran there runs elsewhere."""
    drop(world, "Node", "node-3")
    for pod in every(world, "Pod"):
        pod["spec"]["nodeName"] = pod["spec"]["nodeName"].replace("node-3", "node-1")


def _cordoned(world: World) -> None:
    find(world, "Node", "node-2")["spec"] |= {
        "unschedulable": True,
        "taints": [{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule", "timeAdded": ago(world, 9 * DAY)}],
    }


def _another_default(world: World) -> None:
    """Somebody installed a class that is the default now."""
    find(world, "StorageClass", "standard")["metadata"]["annotations"][DEFAULT] = "false"
    fast = thing("storage.k8s.io/v1", "StorageClass", "fast", now_of(world) - DAY, None, provisioner="nvme.example")
    fast["metadata"]["annotations"] = {DEFAULT: "true"}
    _objects(world).append(fast)


def _dropped(world: World) -> None:
    """A relabelling drops one pod: nobody scrapes it, and no target is down."""
    metrics = _metrics(world)
    del metrics.targets[SERVICE_PODS[1]]
    metrics.series = [each for each in metrics.series if each.target != SERVICE_PODS[1]]


FAULTS = (
    Unlisted(
        "last night's job hangs", _hangs, VIOLATED, ("test_no_job_runs_too_long[reports]",), "nightly-report-29000002 has been running"
    ),
    Unlisted(
        "the load balancer waits for its address",
        lambda world: find(world, "Service", "platform-edge").update(status={"loadBalancer": {}}),
        VIOLATED,
        ("test_load_balancer_has_an_address[platform-edge]",),
        "its load balancer has: no address",
        ("test_service_has_ready_endpoints[platform-edge]",),
    ),
    Unlisted(
        "a node was taken away",
        _removed,
        VIOLATED,
        ("test_enough_nodes_are_ready[workers]",),
        "node-1",
        ("test_every_node_is_ready[workers]", "test_no_node_is_left_cordoned[workers]"),
    ),
    Unlisted(
        "a node was left cordoned",
        _cordoned,
        VIOLATED,
        ("test_no_node_is_left_cordoned[workers]",),
        "node-2: takes no new pods",
        ("test_enough_nodes_are_ready[workers]",),
    ),
    Unlisted(
        "another storage class is the default",
        _another_default,
        VIOLATED,
        ("test_storage_class_is_the_default[standard]",),
        "fast",
        ("test_storage_class_has_its_provisioner[standard]",),
    ),
    Unlisted(
        "the storage class was made anew with another provisioner",
        lambda world: find(world, "StorageClass", "standard").update(provisioner="rancher.io/local-path"),
        VIOLATED,
        ("test_storage_class_has_its_provisioner[standard]",),
        "rancher.io/local-path",
        ("test_storage_class_is_the_default[standard]",),
    ),
    Unlisted(
        "a network policy was deleted",
        lambda world: drop(world, "NetworkPolicy", "deny-all"),
        VIOLATED,
        ("test_enough_resources_exist[network-policies]",),
        "from-the-ingress",
    ),
    Unlisted(
        "the certificate is no longer renewed",
        lambda world: setattr(certificate(world), "valid_for", 5 * DAY),
        VIOLATED,
        ("test_stored_certificate_outlives_its_renewal[service-certificate]",),
        "first to end: CN=platform-service",
        ("test_stored_key_belongs_to_its_certificate[service-certificate]",),
    ),
    Unlisted(
        "a renewal forgot the key",
        lambda world: setattr(certificate(world), "former_key", True),
        VIOLATED,
        ("test_stored_key_belongs_to_its_certificate[service-certificate]",),
        "tls.key is another's",
        ("test_stored_certificate_outlives_its_renewal[service-certificate]", "test_secret_has_its_keys[service-certificate]"),
    ),
    Unlisted(
        "the second Alertmanager is gone",
        lambda world: setattr(_alertmanager(world), "peers", 0),
        VIOLATED,
        ("test_alertmanager_has_its_peers[pair]",),
        "in its cluster: 127.0.0.1:",
        ("test_alertmanager_is_ready[pair]", "test_alertmanager_has_found_its_cluster[pair]"),
    ),
    Unlisted(
        "a relabelling drops a pod",
        _dropped,
        VIOLATED,
        ("test_scrape_job_has_its_targets[service-pods]",),
        f"2 ({SERVICE_PODS[0]}; {SERVICE_PODS[2]})",
        ("test_scrape_targets_are_up[service-pods]",),
    ),
    Unlisted(
        "the proxy no longer demands TLS",
        lambda world: route(world, "/", "portal").headers.pop("Strict-Transport-Security"),
        VIOLATED,
        ("test_endpoint_sends_the_expected_headers[portal]",),
        "no header strict-transport-security",
        ("test_endpoint_answers_with_its_status[portal]",),
    ),
    Unlisted(
        "the login redirects to plain HTTP",
        lambda world: setattr(route(world, "/login", "portal"), "redirect", LOGIN.replace("https", "http")),
        VIOLATED,
        ("test_endpoint_redirects_where_it_should[portal-login]",),
        LOGIN.replace("https", "http"),
        ("test_endpoint_answers_with_its_status[portal-login]",),
    ),
)
