"""Nodes, autoscalers, services, claims and the like, in the shapes of a real 1.32 cluster."""

from typing import Any

import pytest

from fixtures.kubernetes.autoscalers import autoscaler_state
from fixtures.kubernetes.network import service_state
from fixtures.kubernetes.nodes import node_pool
from fixtures.kubernetes.quotas import quota_use
from fixtures.kubernetes.volumes import volume_state
from muster.kinds.cluster import Autoscaler, Nodes, Quota, Service, Volume
from sandbox.world import Object
from tests.probes.real_shapes import DAY, HOUR, metadata, past
from tests.probes.small_cluster import SmallCluster, made, pick


def node(*conditions: Object, **spec: Any) -> Object:
    """A node that is well, with these conditions instead of or beside its own."""
    kinds = {"MemoryPressure": "False", "DiskPressure": "False", "PIDPressure": "False", "Ready": "True"}
    times = {"lastHeartbeatTime": past(30), "lastTransitionTime": past(40 * DAY)}
    told = {kind: {"type": kind, "status": truth, "reason": "Kubelet", "message": "kubelet is", **times} for kind, truth in kinds.items()}
    told |= {each["type"]: times | each for each in conditions}
    head = metadata("worker-1", labels={"kubernetes.io/hostname": "worker-1", "node-role.kubernetes.io/worker": ""})
    del head["namespace"]
    offers = {"cpu": "3920m", "memory": "15371Mi", "pods": "110", "hugepages-2Mi": "0", "ephemeral-storage": "47093746742"}
    status = {
        "conditions": list(told.values()),
        "allocatable": offers,
        "capacity": offers,
        "addresses": [],
        "runtimeHandlers": [{"name": ""}],
    }
    return {"apiVersion": "v1", "kind": "Node", "metadata": head, "spec": {"podCIDR": "10.244.1.0/24"} | spec, "status": status}


def nodes(cluster: SmallCluster, *objects: Object) -> Any:
    """The nodes of the cluster."""
    return pick(cluster, node_pool, "nodes", objects=objects, node_group=made(Nodes))


def test_conditions_that_are_good_when_true_are_no_trouble(cluster: SmallCluster) -> None:
    good = [{"type": kind, "status": "True"} for kind in ("KernelReady", "NetworkingReady", "StorageReady")]
    fine = {"type": "NetworkUnavailable", "status": "False", "reason": "CalicoIsUp"}

    assert nodes(cluster, node(*good, fine)).troubled == 0
    assert "KernelReady is False" in str(nodes(cluster, node({"type": "KernelReady", "status": "False"})).troubled)
    assert "KernelDeadlock" in str(nodes(cluster, node({"type": "KernelDeadlock", "status": "True", "reason": "DockerHung"})).troubled)


def test_pressures_of_a_lost_node_are_not_known_and_said_in_one_line(cluster: SmallCluster) -> None:
    lost = {
        "status": "Unknown",
        "reason": "NodeStatusUnknown",
        "message": "Kubelet stopped posting node status.",
        "lastTransitionTime": past(900),
    }
    kinds = ("MemoryPressure", "DiskPressure", "PIDPressure", "Ready")
    taints = [{"key": "node.kubernetes.io/unreachable", "effect": "NoExecute", "timeAdded": past(900)}]

    seen = nodes(cluster, node(*({"type": kind} | lost for kind in kinds), taints=taints))

    assert seen.not_ready == 1
    assert len(seen.troubled.things) == 1
    assert "MemoryPressure, DiskPressure, PIDPressure are Unknown" in str(seen.troubled)


def scaler(metrics: list[Object], current: list[Object] | None, *conditions: tuple[str, str, str]) -> Object:
    """An autoscaler of deployment web, from 2 to 5, at 3."""
    wanted = conditions or (
        ("AbleToScale", "True", "ReadyForNewScale"),
        ("ScalingActive", "True", "ValidMetricFound"),
        ("ScalingLimited", "False", "DesiredWithinRange"),
    )
    told = [
        {"type": kind, "status": truth, "reason": reason, "message": "the HPA", "lastTransitionTime": past(DAY)}
        for kind, truth, reason in wanted
    ]
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "minReplicas": 2,
        "maxReplicas": 5,
        "metrics": metrics,
    }
    status = {"currentReplicas": 3, "desiredReplicas": 3, "lastScaleTime": past(HOUR), "currentMetrics": current, "conditions": told}
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": metadata("web"), "spec": spec, "status": status}


CPU = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}}
CPU_NOW = {"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 0, "averageValue": "0"}}}


def queue(name: str, **content: Any) -> Object:
    """An external metric of one queue."""
    return {"type": "External", "external": {"metric": {"name": "queue_length", "selector": {"matchLabels": {"queue": name}}}} | content}


def scaled(cluster: SmallCluster, *arguments: Any) -> Any:
    """The autoscaler."""
    return pick(cluster, autoscaler_state, "autoscalers", objects=(scaler(*arguments),), autoscaler=made(Autoscaler))


def test_an_idle_autoscaler_holds(cluster: SmallCluster) -> None:
    seen = scaled(cluster, [CPU], [CPU_NOW])

    assert (seen.unable, seen.unknown_metrics, seen.headroom) == (0, 0, 2)


def test_a_metric_that_could_not_be_read_is_an_entry_without_type_or_none_at_all(cluster: SmallCluster) -> None:
    broken = [("AbleToScale", "True", "SucceededGetScale"), ("ScalingActive", "False", "FailedGetResourceMetric")]

    for current in (None, [], [{"type": ""}]):
        seen = scaled(cluster, [CPU], current, *broken)
        assert (seen.unable, seen.unknown_metrics) == (1, 1)
    assert "FailedGetResourceMetric" in str(seen.unable)


def test_one_of_two_metrics_with_the_same_name_may_be_the_unknown_one(cluster: SmallCluster) -> None:
    target = {"target": {"type": "AverageValue", "averageValue": "30"}}
    metrics = [queue("orders", **target), queue("mails", **target)]
    known = queue("orders", current={"averageValue": "3", "value": "9"})

    assert scaled(cluster, metrics, [known, {"type": ""}]).unknown_metrics == 1
    assert scaled(cluster, metrics, [known, known]).unknown_metrics == 0


def slices(*endpoints: Object | None) -> tuple[Object, Object]:
    """Service web and its slice."""
    labels = {"kubernetes.io/service-name": "web", "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"}
    head = metadata("web-8x2kp", labels=labels, generateName="web-")
    found = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": head,
        "addressType": "IPv4",
        "ports": [{"name": "", "port": 8080, "protocol": "TCP"}],
    }
    spec = {"type": "ClusterIP", "clusterIP": "10.96.4.2", "selector": {"app": "web"}, "internalTrafficPolicy": "Cluster"}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": metadata("web"), "spec": spec, "status": {"loadBalancer": {}}}
    return service, found | {"endpoints": None if endpoints == (None,) else list(endpoints)}


def endpoint(name: str, **conditions: bool | None) -> Object:
    """A pod behind a service."""
    target = {"kind": "Pod", "name": name, "namespace": "shop", "uid": f"uid-{name}"}
    return {"addresses": ["10.244.1.8"], "conditions": conditions, "nodeName": "worker-1", "targetRef": target, "zone": "eu-1a"}


def test_endpoints_are_ready_unless_they_say_otherwise(cluster: SmallCluster) -> None:
    ready = endpoint("web-a", ready=True, serving=True, terminating=False)
    unset = endpoint("web-b", ready=None)
    leaving = endpoint("web-c", ready=False, serving=True, terminating=True)
    sick = endpoint("web-d", ready=False, serving=False, terminating=False)

    def count(*endpoints: Object | None) -> int:
        seen = pick(cluster, service_state, "services", "endpoint_slices", objects=slices(*endpoints), service=made(Service))
        return int(seen.ready_endpoints)

    published = endpoint("web-e", ready=True, serving=False, terminating=False)  # as publishNotReadyAddresses makes them

    assert count(ready, unset, leaving, sick, published) == 2
    assert count(leaving, sick) == 0
    assert count(None) == 0


def test_quota_keys_of_every_kind_are_compared_in_their_own_units(cluster: SmallCluster) -> None:
    hard = {"requests.cpu": "2", "limits.memory": "4Gi", "count/deployments.apps": "20", "pods": "50", "requests.nvidia.com/gpu": "0"}
    used = {
        "requests.cpu": "1950m",
        "limits.memory": "2147483648",
        "count/deployments.apps": "3",
        "pods": "9",
        "requests.nvidia.com/gpu": "0",
    }
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": metadata("team"),
        "spec": {"hard": hard},
        "status": {"hard": hard, "used": used},
    }

    seen = pick(cluster, quota_use, "quotas", objects=(quota,), quota=made(Quota))

    assert seen.used == pytest.approx(0.975)
    assert seen.note == "team: requests.cpu 1950m of 2"


def test_a_claim_that_waits_for_its_first_consumer_is_named_with_its_age_and_class(cluster: SmallCluster) -> None:
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "8Gi"}},
        "storageClassName": "local-path",
        "volumeMode": "Filesystem",
    }
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata("data", HOUR, finalizers=["kubernetes.io/pvc-protection"]),
        "spec": spec,
        "status": {"phase": "Pending"},
    }

    seen = pick(cluster, volume_state, "claims", objects=(claim,), volume=made(Volume))

    assert seen.unbound == 1
    assert "data is Pending since 1h" in str(seen.unbound)
    assert "storage class local-path" in str(seen.unbound)
