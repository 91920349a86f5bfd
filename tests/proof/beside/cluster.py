"""Of the cluster, of endpoints and of the servers that watch: what platform-service's runbook does not speak of."""

from typing import Any

from sandbox.world import Object, World
from sandbox.worlds.platform_service.cluster import DAY, LABELS, NAMESPACE, TOKEN, owned, thing
from sandbox.worlds.platform_service.cluster_edits import ago, drop, every, find, now_of
from tests.proof.unlisted import VIOLATED, Unlisted

CONNECTIONS: dict[str, Any] = {}
"""Beside those of the sandbox's environment."""
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
}
DEFAULT = "storageclass.kubernetes.io/is-default-class"


def _objects(world: World) -> list[Object]:
    assert world.cluster is not None
    return world.cluster.objects


def prepare(world: World) -> None:
    """What a healthy world has for these entities."""
    _balanced(world)
    _policies(world)


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
)
