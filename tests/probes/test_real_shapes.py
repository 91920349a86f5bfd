"""Pods and what happened to them, in the shapes of a real 1.32 cluster: nothing sick is green, nothing healthy is red."""

import re
from typing import Any

import pytest

from fixtures.kubernetes.workload_warnings import workload_warnings
from fixtures.kubernetes.workloads import workload_accidents, workload_pods
from muster.kinds.kubernetes import Within, Workload
from sandbox.world import Object
from tests.probes.real_shapes import (
    BACK_OFF,
    HOUR,
    PULLING,
    asked,
    condition,
    conditions,
    deployment,
    gone,
    metadata,
    past,
    pod,
    running,
    status,
    terminated,
    waiting,
)
from tests.probes.small_cluster import SmallCluster, pick

WITHIN = Within.model_validate({"at_most": 0, "within": "24h"})
WEB = Workload.model_validate({"name": "web", "connection": "cluster", "deployment": "web"})


def pods(cluster: SmallCluster, *objects: Object) -> Any:
    """The pods of deployment web."""
    return pick(cluster, workload_pods, "pods", objects=objects, workload=WEB)


def whole(value: object) -> str:
    """The text, its times in whole hours or minutes: a test takes a second or two."""
    return re.sub(r"(\d[hm])\d+[ms]\b", r"\1", str(value))


def accidents(cluster: SmallCluster, *objects: Object) -> Any:
    """What happened to the pods of deployment web."""
    return pick(cluster, workload_accidents, "pods", objects=objects, workload=WEB, terms=WITHIN)


def test_a_healthy_workload_is_not_red_anywhere(cluster: SmallCluster) -> None:
    names = [f"web-6d4cf56db6-{each}" for each in ("x2x7k", "b8m2p", "c6t9w")]
    done = pod("web-migrate-7xk2p", status("web", terminated(HOUR, "Completed", 0)), phase="Succeeded", owner=("Job", "web-migrate"))
    objects = (deployment(), *(pod(name) for name in names), done)

    seen, events = pods(cluster, *objects), accidents(cluster, *objects)

    assert (seen.ready, seen.not_ready, seen.failing, seen.digests) == (3, 0, 0, 1)
    assert (events.oom_kills, events.restarted) == (0, 0)


class TestCrashLoops:
    """A crash loop is red at every moment of its cycle."""

    def test_while_it_waits(self, cluster: SmallCluster) -> None:
        sick = status("web", waiting("CrashLoopBackOff", BACK_OFF), restarts=6, last=terminated(120))

        seen = pods(cluster, pod("web-6d4cf56db6-x2x7k", sick), pod("web-6d4cf56db6-b8m2p"))

        assert (seen.not_ready, seen.failing) == (1, 1)
        assert re.search(
            r"web waits: CrashLoopBackOff since 2m\w* after Error \(exit code 1\), 6 restarts: back-off 5m0s", str(seen.failing)
        )

    def test_while_it_runs_for_a_moment_and_counts_as_ready(self, cluster: SmallCluster) -> None:
        sick = status("web", running(4), restarts=6, last=terminated(300, lasted=8))

        seen = pods(cluster, pod("web-6d4cf56db6-x2x7k", sick), pod("web-6d4cf56db6-b8m2p"))

        assert seen.failing == 1
        told = r"web runs since \d+s, and crashed 6 times: the last time after 8s: Error \(exit code 1\)"
        assert re.search(told, str(seen.failing))

    @pytest.mark.parametrize("role", ["app", "init"])
    def test_while_it_has_just_ended(self, cluster: SmallCluster, role: str) -> None:
        sick = status("web", terminated(1, "Error", 137), restarts=2, last=terminated(40))
        made = pod("web-6d4cf56db6-x2x7k", sick)
        if role == "init":
            migrate = status("migrate", terminated(1), ready=False, restarts=2, last=terminated(40))
            made = pod(
                "web-6d4cf56db6-x2x7k", status("web", waiting("PodInitializing")), init=((asked("migrate"), migrate),), phase="Pending"
            )

        seen = pods(cluster, made)

        assert (seen.not_ready, seen.failing) == (1, 1)
        assert "ended: Error (exit code 1" in str(seen.failing)

    def test_a_single_crash_after_days_is_no_loop(self, cluster: SmallCluster) -> None:
        once = status("web", running(60), restarts=4, last=terminated(62, lasted=5 * 86400))

        assert pods(cluster, pod("web-6d4cf56db6-x2x7k", once)).failing == 0

    def test_one_that_has_run_for_a_while_is_over(self, cluster: SmallCluster) -> None:
        assert pods(cluster, pod("web-6d4cf56db6-x2x7k", status("web", running(HOUR), restarts=6, last=terminated(HOUR)))).failing == 0


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("ErrImagePull", 'failed to pull and unpack image "registry.example/web:1.9.0": not found'),
        ("ImagePullBackOff", PULLING),
        ("CreateContainerConfigError", 'secret "web" not found'),
        ("CreateContainerError", "context deadline exceeded"),
        ("RunContainerError", 'exec: "nope": executable file not found in $PATH'),
        ("InvalidImageName", "couldn't parse image name"),
    ],
)
def test_a_container_that_never_started_is_named_with_its_reason(cluster: SmallCluster, reason: str, message: str) -> None:
    sick = pod("web-6d4cf56db6-x2x7k", status("web", waiting(reason, message)), age=HOUR, phase="Pending", told=conditions(False, HOUR))

    seen = pods(cluster, sick, pod("web-6d4cf56db6-b8m2p"))

    assert (seen.ready, seen.not_ready, seen.failing) == (1, 1, 1)
    assert seen.not_ready.things[0].startswith(f"web-6d4cf56db6-x2x7k: container web waits: {reason} since 1h")
    assert message[:40] in seen.failing.things[0]


def test_a_pod_that_no_node_takes_has_no_statuses_at_all(cluster: SmallCluster) -> None:
    words = "0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available: 3 No preemption victims found."
    unscheduled = [condition("PodScheduled", False, HOUR, "Unschedulable", words)]
    made = gone(
        pod("web-6d4cf56db6-x2x7k", phase="Pending", told=unscheduled), "containerStatuses", "startTime", "hostIP", "podIP", "podIPs"
    )
    del made["spec"]["nodeName"]

    assert f"no node takes it since 1h: Unschedulable: {words}" in whole(pods(cluster, made).not_ready)


def test_a_scheduling_gate_is_told(cluster: SmallCluster) -> None:
    words = "Scheduling is blocked due to non-empty scheduling gates"
    made = gone(pod(told=[condition("PodScheduled", False, HOUR, "SchedulingGated", words)], phase="Pending"), "containerStatuses")

    assert words in str(pods(cluster, made).not_ready)


def test_a_readiness_gate_that_nobody_opens_is_told(cluster: SmallCluster) -> None:
    words = 'corresponding condition of pod readiness gate "target-health.elbv2.k8s.aws/tg" does not exist.'
    told = [condition("Ready", False, HOUR, "ReadinessGatesNotReady", words), condition("ContainersReady")]

    assert f"not ready since 1h: ReadinessGatesNotReady: {words}" in whole(pods(cluster, pod(told=told)).not_ready)


def test_a_native_sidecar_that_crashes_and_an_ephemeral_container_are_told_apart(cluster: SmallCluster) -> None:
    proxy = status("proxy", waiting("CrashLoopBackOff", BACK_OFF), restarts=9, last=terminated(60))
    debugging = {"ephemeralContainerStatuses": [status("debugger-x", terminated(60, "Error", 130), ready=False)]}
    made = pod(init=((asked("proxy", restartPolicy="Always"), proxy),), told=conditions(False, names="proxy"), status_more=debugging)
    made["spec"]["ephemeralContainers"] = [asked("debugger-x", targetContainerName="web")]

    seen = pods(cluster, made)

    assert "sidecar container proxy waits: CrashLoopBackOff" in str(seen.not_ready)
    assert len(seen.failing.things) == 1


def test_a_kill_for_memory_is_seen_now_and_later_and_a_plain_137_is_not_one(cluster: SmallCluster) -> None:
    now = pod("web-6d4cf56db6-x2x7k", status("web", terminated(3, "OOMKilled", 137)))
    later = pod(
        "web-6d4cf56db6-b8m2p", status("web", waiting("CrashLoopBackOff", BACK_OFF), restarts=3, last=terminated(90, "OOMKilled", 137))
    )
    probed = pod("web-6d4cf56db6-c6t9w", status("web", running(90), restarts=1, last=terminated(95, "Error", 137, HOUR)))

    seen = accidents(cluster, now, later, probed)

    assert [thing.partition(" ")[0] for thing in seen.oom_kills.things] == ["web-6d4cf56db6-b8m2p/web:", "web-6d4cf56db6-x2x7k/web:"]


def test_a_container_that_was_lost_with_its_node_has_null_times(cluster: SmallCluster) -> None:
    lost = {"exitCode": 137, "reason": "ContainerStatusUnknown", "message": "could not be located", "startedAt": None, "finishedAt": None}
    made = pod("web-6d4cf56db6-x2x7k", status("web", {"terminated": lost}), phase="Failed", status_more={"reason": "NodeShutdown"})

    assert pods(cluster, made, pod("web-6d4cf56db6-b8m2p")).not_ready == 0
    assert accidents(cluster, made, pod("web-6d4cf56db6-b8m2p")).oom_kills == 0


def event(about: tuple[str, str], reason: str, message: str, ago: float, *, modern: bool) -> Object:
    """A warning: as the kubelet writes it, or as events.k8s.io does, with microseconds and a series."""
    head = {"apiVersion": "v1", "kind": "Event", "metadata": metadata(f"{about[1]}.{reason.lower()}", ago)}
    told = {
        "type": "Warning",
        "reason": reason,
        "message": message,
        "involvedObject": {"kind": about[0], "name": about[1], "namespace": "shop"},
    }
    if not modern:
        return (
            head
            | told
            | {"count": 14, "firstTimestamp": past(HOUR), "lastTimestamp": past(ago), "eventTime": None, "source": {"component": "kubelet"}}
        )
    when = past(ago).replace("Z", ".123456Z")
    times = {"eventTime": when, "firstTimestamp": None, "lastTimestamp": None, "series": {"count": 3, "lastObservedTime": when}}
    return head | told | times | {"reportingComponent": "default-scheduler", "action": "Scheduling"}


def test_warnings_of_both_kinds_count_and_those_of_a_replica_set_without_pods_too(cluster: SmallCluster) -> None:
    refused = 'Error creating: pods "web-7f9c6b8d5-" is forbidden: exceeded quota: team'
    events = (
        event(("Pod", "web-6d4cf56db6-x2x7k"), "Unhealthy", "Readiness probe failed", 30, modern=False),
        event(("Pod", "web-6d4cf56db6-x2x7k"), "FailedScheduling", "0/3 nodes are available", 30, modern=True),
        event(("ReplicaSet", "web-7f9c6b8d5"), "FailedCreate", refused, 30, modern=False),
        event(("ReplicaSet", "web-api-7f9c6b8d5"), "FailedCreate", refused, 30, modern=False),
    )

    seen = pick(cluster, workload_warnings, "events", "pods", objects=(pod(), *events), workload=WEB, terms=WITHIN)

    assert sorted(thing.partition(",")[0] for thing in seen.warnings.things) == [
        "web-6d4cf56db6-x2x7k: FailedScheduling",
        "web-6d4cf56db6-x2x7k: Unhealthy",
        "web-7f9c6b8d5: FailedCreate",
    ]
