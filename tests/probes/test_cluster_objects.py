"""Autoscalers, jobs, services, budgets, nodes, quotas, volumes and objects of any kind, in the states that real clusters show.

Tests that take `any_cluster` run against a real cluster too, when MUSTER_TEST_KUBECONFIG is set.
"""

from typing import Any

import pytest

from fixtures.kubernetes.any_kind import resource_conditions, resource_count
from fixtures.kubernetes.autoscalers import autoscaler_state
from fixtures.kubernetes.batch import cron_job_state, job_failures, job_runs
from fixtures.kubernetes.network import budget_state, service_state
from fixtures.kubernetes.nodes import node_pool
from fixtures.kubernetes.quotas import quota_use
from fixtures.kubernetes.volumes import storage_class_state, volume_state
from muster.kinds.base import bind
from muster.kinds.cluster import (
    Autoscaler,
    Condition,
    CronJob,
    DisruptionBudget,
    Jobs,
    Nodes,
    Quota,
    Resource,
    Service,
    StorageClass,
    Volume,
)
from muster.kinds.kubernetes import Within
from muster.probes import PROBES, CouldNotLook, begin
from sandbox.world import Object
from tests.probes.real_cluster import AnyCluster
from tests.probes.real_shapes import past
from tests.probes.small_cluster import DAY, SmallCluster, made, pick, thing


def scaler(metrics: list[Object] | None, current: list[Object] | None, *conditions: Object) -> Object:
    """An autoscaler from 2 to 5, at 2."""
    spec = {"minReplicas": 2, "maxReplicas": 5, "metrics": metrics, "scaleTargetRef": {"kind": "Deployment", "name": "web"}}
    status = {"currentReplicas": 2, "desiredReplicas": 2, "currentMetrics": current, "conditions": list(conditions)}
    return thing("autoscaling/v2", "HorizontalPodAutoscaler", "web", spec=spec, status=status)


CPU = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}}
QUEUE = {"type": "External", "external": {"metric": {"name": "queue"}, "target": {"type": "AverageValue", "averageValue": "30"}}}
ABLE = [{"type": kind, "status": "True"} for kind in ("AbleToScale", "ScalingActive")]


def test_an_autoscaler_that_works_shows_its_declaration(cluster: SmallCluster) -> None:
    told = [{"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 0}}}]
    queue = [{"type": "External", "external": {"metric": {"name": "queue"}, "current": {"averageValue": "0"}}}]
    cluster.put([scaler([CPU, QUEUE], told + queue, *ABLE)])

    seen = pick(cluster, autoscaler_state, "autoscalers", autoscaler=made(Autoscaler))

    assert (seen.unable, seen.headroom, seen.unknown_metrics, seen.declared) == (0, 3, 0, "2 to 5, cpu 70%, queue 30")


@pytest.mark.parametrize("current", [None, [], [{"type": ""}], [{"type": "Resource", "resource": {"name": "cpu", "current": {}}}]])
def test_a_metric_without_a_value_is_unknown_to_the_autoscaler(cluster: SmallCluster, current: list[Object] | None) -> None:
    cluster.put([scaler([CPU], current, *ABLE)])

    seen = pick(cluster, autoscaler_state, "autoscalers", autoscaler=made(Autoscaler))

    assert seen.unknown_metrics.things == ("cpu: target 70%, current value unknown",)


def test_an_autoscaler_without_conditions_cannot_scale_and_an_absent_one_is_nothing(cluster: SmallCluster) -> None:
    cluster.put([scaler([CPU], None)])

    assert pick(cluster, autoscaler_state, "autoscalers", autoscaler=made(Autoscaler)).unable == 2
    assert pick(cluster, autoscaler_state, "autoscalers", autoscaler=made(Autoscaler, "other")).looked_at == 0


def test_a_cron_job_that_never_succeeded_is_as_old_as_itself(cluster: SmallCluster) -> None:
    never = thing("batch/v1", "CronJob", "report", spec={"schedule": "@daily"}, status=None)
    cluster.put([never])

    seen = pick(cluster, cron_job_state, "cron_jobs", cron_job=made(CronJob, "report", expect={"succeeded_within": "1h"}))

    assert seen.suspended is False
    assert seen.since_success == pytest.approx(DAY, abs=120)


def test_jobs_that_failed_lately_are_named_and_old_failures_are_past(cluster: SmallCluster) -> None:
    def job(name: str, ago: float | None) -> Object:
        failed = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "lastTransitionTime": past(ago or 0)}
        return thing("batch/v1", "Job", name, status={"startTime": past(7200), "conditions": [failed] if ago else None})

    cluster.put([job("new", 3600), job("old", 9 * DAY), job("running", None)])
    terms = Within.model_validate({"at_most": 0, "within": "7d"})

    seen = pick(cluster, job_failures, "jobs", job_group=made(Jobs), terms=terms)

    assert (seen.looked_at, seen.failed) == (3, 1)
    assert seen.failed.things[0].startswith("new failed 1h")
    assert pick(cluster, job_runs, "jobs", job_group=made(Jobs)).longest == pytest.approx(7200, abs=120)


def endpoints(name: str, service: str, *ready: bool | None, kind: str = "IPv4") -> Object:
    """An endpoint slice; None: readiness is not told."""
    address = "10.0.0.{}" if kind == "IPv4" else "fd00::{}"
    entries = [
        {
            "addresses": [address.format(place + 1)],
            "conditions": {} if state is None else {"ready": state},
            "targetRef": {"kind": "Pod", "name": f"pod-{place}"},
        }
        for place, state in enumerate(ready)
    ]
    labels = {"kubernetes.io/service-name": service}
    return thing("discovery.k8s.io/v1", "EndpointSlice", name, labels=labels, addressType=kind, endpoints=entries, ports=[{"port": 80}])


def headless(name: str) -> Object:
    """A service that no controller writes slices for."""
    return thing("v1", "Service", name, spec={"clusterIP": "None", "ports": [{"port": 80}]})


def test_ready_endpoints_count_once_for_each_pod_and_untold_readiness_is_ready(any_cluster: AnyCluster) -> None:
    any_cluster.put(
        [headless("web"), endpoints("web-a", "web", True, False, None), endpoints("web-b", "web", True, False, None, kind="IPv6")]
    )

    seen = pick(any_cluster, service_state, "services", "endpoint_slices", service=made(Service))

    assert seen.ready_endpoints == 2
    assert "not ready: pod-1" in seen.note


def test_a_service_without_endpoints_has_none_and_an_absent_one_is_nothing(any_cluster: AnyCluster) -> None:
    any_cluster.put([headless("web")])

    assert pick(any_cluster, service_state, "services", "endpoint_slices", service=made(Service)).ready_endpoints == 0
    assert pick(any_cluster, service_state, "services", "endpoint_slices", service=made(Service, "other")).looked_at == 0


def test_a_budget_that_covers_no_pod_protects_nothing(cluster: SmallCluster) -> None:
    cluster.put([thing("policy/v1", "PodDisruptionBudget", "web", status={"disruptionsAllowed": 0, "expectedPods": 0})])

    assert pick(cluster, budget_state, "disruption_budgets", disruption_budget=made(DisruptionBudget)).looked_at == 0


def node(name: str, ready: str, pressure: str = "False", **spec: Any) -> Object:
    """A node."""
    conditions = [{"type": "DiskPressure", "status": pressure}, {"type": "Ready", "status": ready, "reason": "NodeStatusUnknown"}]
    one = thing("v1", "Node", name, labels={"pool": name[0]}, spec=spec, status={"conditions": conditions})
    del one["metadata"]["namespace"]
    return one


def test_nodes_are_ready_only_when_they_say_so(cluster: SmallCluster) -> None:
    cluster.put([node("a1", "True"), node("a2", "Unknown"), node("a3", "False", unschedulable=True), node("b1", "True", "True")])

    every, some = (pick(cluster, node_pool, "nodes", node_group=made(Nodes, **values)) for values in ({}, {"selector": "pool=b"}))

    assert (every.ready, every.not_ready, every.troubled, every.cordoned) == (2, 2, 1, 1)
    assert every.ready.things == ("a1", "b1")
    assert (some.looked_at, some.not_ready, some.troubled) == (1, 0, 1)


def test_a_quota_is_as_full_as_its_scarcest_resource(cluster: SmallCluster) -> None:
    hard, used = {"pods": "10", "requests.memory": "1Gi", "count/secrets": "0"}, {"pods": "2", "requests.memory": "768Mi"}
    cluster.put([thing("v1", "ResourceQuota", "team", spec={"hard": hard}, status={"hard": hard, "used": used})])

    seen = pick(cluster, quota_use, "quotas", quota=made(Quota, "any"))

    assert (str(seen.used), seen.note) == ("75%", "team: requests.memory 768Mi of 1Gi")
    assert pick(cluster, quota_use, "quotas", quota=made(Quota, "other", quota="other")).looked_at == 0


def test_claims_without_a_volume_are_named(cluster: SmallCluster) -> None:
    bound = thing("v1", "PersistentVolumeClaim", "a", spec={}, status={"phase": "Bound", "capacity": {"storage": "10Gi"}})
    cluster.put([bound, thing("v1", "PersistentVolumeClaim", "b", spec={"storageClassName": "fast"}, status={"phase": "Pending"})])

    both, one = (pick(cluster, volume_state, "claims", volume=made(Volume, **values)) for values in ({}, {"claim": "a"}))

    assert (both.looked_at, both.unbound, both.capacity) == (2, 1, 0)
    assert "b is Pending" in str(both.unbound)
    assert (one.unbound, str(one.capacity)) == (0, "10Gi")


def test_a_storage_class_is_the_default_by_its_annotation(cluster: SmallCluster) -> None:
    one = thing("storage.k8s.io/v1", "StorageClass", "fast", provisioner="csi.example")
    del one["metadata"]["namespace"]
    one["metadata"]["annotations"] = {"storageclass.kubernetes.io/is-default-class": "true"}
    cluster.put([one])
    expect = {"expect": {"default": True}}

    seen = pick(cluster, storage_class_state, "storage_classes", storage_class=made(StorageClass, "fast", **expect))

    assert (seen.default, seen.provisioner, seen.note) == (True, "csi.example", "the default is fast")
    assert pick(cluster, storage_class_state, "storage_classes", storage_class=made(StorageClass, "slow", **expect)).looked_at == 0


def certificate(name: str, generation: int = 1, **condition: Any) -> Object:
    """A custom object with one condition."""
    one = thing(
        "cert-manager.io/v1",
        "Certificate",
        name,
        spec={},
        status={"conditions": [{"type": "Ready", "lastTransitionTime": past(60)} | condition]},
    )
    one["metadata"]["generation"] = generation
    return one


def conditions(cluster: SmallCluster, terms: Object, **values: Any) -> Any:
    """The certificates of the cluster, held against a condition."""
    begin(30)
    entity = made(Resource, api_version="cert-manager.io/v1", kind="Certificate", expect={"condition": {"type": "Ready"}}, **values)
    bound = bind(entity, "test/small", {"cluster": cluster.connection})
    seen = PROBES["objects"].function(bound)
    assert resource_count.__wrapped__(seen, bound).count <= seen.looked_at
    return resource_conditions.__wrapped__(seen, bound, Condition.model_validate(terms))


def test_objects_without_their_condition_are_named_and_an_outdated_one_does_not_count(cluster: SmallCluster) -> None:
    cluster.put(
        [
            certificate("good", status="True", reason="Ready"),
            certificate("bad", status="False", reason="DoesNotExist", message="Secret does not exist"),
            certificate("old", generation=2, status="True", observedGeneration=1),
        ]
    )

    seen = conditions(cluster, {"type": "Ready"})

    assert (seen.looked_at, seen.having, seen.without) == (3, 1, 2)
    assert "bad: Ready is False since 1m" in str(seen.without)
    assert "old has no condition Ready" in str(seen.without)
    assert conditions(cluster, {"type": "Ready", "status": "False", "reason": "Failed"}).having == 0
    assert conditions(cluster, {"type": "Ready"}, object="absent").looked_at == 0


def test_a_kind_that_the_cluster_does_not_serve_is_unknown(cluster: SmallCluster) -> None:
    cluster.put([])
    entity = made(Resource, api_version="cert-manager.io/v1", kind="Nonsense", expect={"count": 1})

    with pytest.raises(CouldNotLook, match=r"serves no Nonsense in cert-manager\.io/v1"):
        cluster.look("objects", entity)
