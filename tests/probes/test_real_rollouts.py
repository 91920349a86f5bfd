"""What controls pods, in the shapes of a real 1.32 cluster: rollouts that go on are not red, those that do not are."""

import time
from typing import Any

from fixtures.kubernetes.workload_rollouts import workload_rollout
from fixtures.kubernetes.workloads import workload_pods
from muster.kinds.kubernetes import Workload
from sandbox.world import Object
from tests.probes.real_shapes import (
    BACK_OFF,
    HOUR,
    asked,
    condition,
    conditions,
    deployment,
    metadata,
    pod,
    running,
    status,
    terminated,
    waiting,
)
from tests.probes.small_cluster import SmallCluster, pick, stamp

WEB = Workload.model_validate({"name": "web", "connection": "cluster", "deployment": "web", "starting": "10m"})


def pods(cluster: SmallCluster, *objects: Object) -> Any:
    """The pods of deployment web."""
    return pick(cluster, workload_pods, "pods", objects=objects, workload=WEB)


def rollout(cluster: SmallCluster, *objects: Object, workload: Workload = WEB) -> Any:
    """What controls the pods of deployment web."""
    probes = ("deployments", "stateful_sets", "daemon_sets", "pods")
    return pick(cluster, workload_rollout, *probes, objects=objects, workload=workload)


def test_pods_that_are_replaced_during_a_rollout_are_not_red(cluster: SmallCluster) -> None:
    steady = [pod(f"web-6d4cf56db6-{place}") for place in range(3)]
    leaving = pod("web-6d4cf56db6-old", deletionTimestamp=stamp(time.time() + 25), deletionGracePeriodSeconds=30)
    fresh = pod("web-6d4cf56db6-new", status("web", waiting("ContainerCreating")), age=8, phase="Pending", told=conditions(False, 8))
    told = [condition("Available", reason="MinimumReplicasAvailable"), condition("Progressing", reason="ReplicaSetUpdated")]
    control = deployment(4, told=told, replicas=4, updatedReplicas=2, availableReplicas=3, readyReplicas=3, unavailableReplicas=1)

    assert pods(cluster, *steady, leaving, fresh, control).not_ready == 0
    assert rollout(cluster, *steady, leaving, fresh, control).unavailable == 0


def test_a_deployment_that_its_autoscaler_just_enlarged_is_not_red_and_one_that_stays_short_is(cluster: SmallCluster) -> None:
    steady = [pod(f"web-6d4cf56db6-{place}") for place in range(3)]
    fresh = pod("web-6d4cf56db6-new", status("web", running(5), ready=False), age=10)
    late = pod("web-6d4cf56db6-new", status("web", running(1200), ready=False), age=1210)
    control = deployment(4, replicas=4, updatedReplicas=4, availableReplicas=3, readyReplicas=3, unavailableReplicas=1)

    assert rollout(cluster, control, *steady, fresh).unavailable == 0
    assert rollout(cluster, control, *steady, late).unavailable == 1
    assert rollout(cluster, control, *steady).unavailable == 1
    assert rollout(cluster, deployment(1, availableReplicas=None, readyReplicas=None), fresh).unavailable == 1


def test_a_deployment_at_zero_holds_only_what_can_be_looked_at(cluster: SmallCluster) -> None:
    seen = rollout(cluster, deployment(0))

    assert (seen.looked_at, seen.replicas, seen.unavailable, seen.unfinished) == (1, 0, 0, 0)
    assert pods(cluster, deployment(0)).looked_at == 0


def test_a_rollout_that_was_paused_half_way_is_stuck_and_a_paused_complete_one_is_not(cluster: SmallCluster) -> None:
    told = [
        condition("Available", reason="MinimumReplicasAvailable"),
        condition("Progressing", "Unknown", HOUR, "DeploymentPaused", "Deployment is paused"),
    ]
    half = deployment(3, paused=True, told=told, replicas=4, updatedReplicas=1, availableReplicas=4, readyReplicas=4)

    assert "paused" in str(rollout(cluster, half, pod()).stuck)
    assert rollout(cluster, deployment(3, paused=True, told=told), pod()).stuck == 0


def test_a_rollout_past_its_deadline_is_stuck_and_says_why(cluster: SmallCluster) -> None:
    words = 'ReplicaSet "web-7f9c6b8d5" has timed out progressing.'
    told = [
        condition("Progressing", False, HOUR, "ProgressDeadlineExceeded", words),
        condition("Available", reason="MinimumReplicasAvailable"),
    ]

    seen = rollout(cluster, deployment(3, told=told, replicas=4, updatedReplicas=1, unavailableReplicas=1), pod())

    assert seen.unavailable == 0
    assert words in str(seen.stuck)


def stateful(**told: Any) -> Object:
    """StatefulSet web with three pods."""
    spec = {
        "replicas": 3,
        "template": {"metadata": {"creationTimestamp": None, "labels": {"app": "web"}}, "spec": {"containers": [asked("web")]}},
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
        "podManagementPolicy": "OrderedReady",
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
    } | told.pop("spec", {})
    counts = {"replicas": 3, "readyReplicas": 3, "availableReplicas": 3, "currentReplicas": 3, "updatedReplicas": 3}
    revisions = {"currentRevision": "web-6d4cf56db6", "updateRevision": "web-6d4cf56db6", "collisionCount": 0, "observedGeneration": 2}
    head = metadata("web", generation=2)
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": head, "spec": spec, "status": counts | revisions | told}


def test_a_stateful_rollout_that_waits_for_a_sick_pod_is_stuck(cluster: SmallCluster) -> None:
    workload = Workload.model_validate({"name": "web", "connection": "cluster", "stateful_set": "web"})
    sick = status("web", waiting("CrashLoopBackOff", BACK_OFF), restarts=9, last=terminated(60))
    last = pod("web-2", sick, owner=("StatefulSet", "web"), told=conditions(False, HOUR), age=HOUR)
    others = [pod(f"web-{place}", owner=("StatefulSet", "web")) for place in range(2)]
    control = stateful(updateRevision="web-75f9c8d4b", updatedReplicas=1, currentReplicas=2, readyReplicas=2, availableReplicas=2)

    seen = rollout(cluster, control, last, *others, workload=workload)

    assert "waits for web-2, not ready since 1h" in str(seen.stuck)
    assert seen.unavailable == 1


def test_a_partition_and_an_update_on_delete_are_complete_as_they_are(cluster: SmallCluster) -> None:
    workload = Workload.model_validate({"name": "web", "connection": "cluster", "stateful_set": "web"})
    canary = stateful(
        spec={"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}}, updateRevision="web-7", updatedReplicas=1
    )
    by_hand = stateful(spec={"updateStrategy": {"type": "OnDelete"}}, updateRevision="web-7", updatedReplicas=None)

    for control in (stateful(), canary, by_hand):
        seen = rollout(cluster, control, pod("web-0", owner=("StatefulSet", "web")), workload=workload)
        assert (seen.unfinished, seen.stuck, seen.unavailable) == (0, 0, 0)
