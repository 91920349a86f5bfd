"""A namespace in which everything goes wrong that does go wrong, and one in which nothing does, read with the rights of deploy/."""

from pathlib import Path

import yaml

from sandbox.world import Cluster, Object, World
from tests.probes.real_shapes import (
    BACK_OFF,
    HOUR,
    PULLING,
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
from tests.probes.small_cluster import lines, log

ROOT = Path(__file__).parents[2]
NAME = "web-6d4cf56db6-"


def rights() -> list[Object]:
    """The rules of the role that the project brings."""
    documents = [each for each in yaml.safe_load_all((ROOT / "deploy" / "rbac-readonly.yaml").read_text()) if each]
    rules: list[Object] = next(each for each in documents if each["kind"] == "ClusterRole")["rules"]
    return rules


def node(truth: str = "True") -> Object:
    """A node, well or lost."""
    told = {"status": truth, "reason": "KubeletReady", "message": "kubelet is posting ready status", "lastTransitionTime": past(900)}
    calm = [{**told, "type": kind, "status": "False" if truth == "True" else truth} for kind in ("MemoryPressure", "DiskPressure")]
    head = metadata("worker-1")
    del head["namespace"]
    return {"apiVersion": "v1", "kind": "Node", "metadata": head, "spec": {}, "status": {"conditions": [*calm, told | {"type": "Ready"}]}}


def sick_pods() -> list[Object]:
    """One pod of each trouble, among some that are none."""
    crashing = status("web", waiting("CrashLoopBackOff", BACK_OFF), restarts=6, last=terminated(120, lasted=3))
    looping = status("web", running(4), restarts=7, last=terminated(300, lasted=8))
    killed = status("web", running(HOUR), restarts=1, last=terminated(HOUR, "OOMKilled", 137, HOUR))
    words = "0/3 nodes are available: 3 Insufficient cpu."
    unscheduled = [condition("PodScheduled", False, HOUR, "Unschedulable", words)]
    evicted = {"reason": "Evicted", "message": "The node was low on resource: memory."}
    return [
        pod(NAME + "crash", crashing, age=HOUR),
        pod(NAME + "loop", looping, age=HOUR),
        pod(NAME + "pull", status("web", waiting("ImagePullBackOff", PULLING)), age=HOUR, phase="Pending", told=conditions(False, HOUR)),
        pod(NAME + "killed", killed),
        pod(NAME + "never", status("web", running(HOUR), ready=False), age=HOUR),
        gone(pod(NAME + "pending", phase="Pending", told=unscheduled), "containerStatuses", "startTime"),
        gone(pod(NAME + "evicted", phase="Failed", told=[], status_more=evicted), "containerStatuses"),
        pod(NAME + "leaving", deletionTimestamp=past(-20), deletionGracePeriodSeconds=30),
        pod("web-migrate-x", status("web", terminated(HOUR, "Completed", 0)), phase="Succeeded", owner=("Job", "web-migrate")),
    ]


def failed_job() -> Object:
    """A job that gave up."""
    told = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "Job has reached the specified backoff limit"}
    times = {"lastProbeTime": past(600), "lastTransitionTime": past(600)}
    body = {"failed": 7, "startTime": past(HOUR), "conditions": [told | times]}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata("web-report-29012345"),
        "spec": {"backoffLimit": 6},
        "status": body,
    }


def messy() -> World:
    """Crash loops, kills for memory, pull errors, pending and never ready pods, a stuck rollout, a failed job, a lost node."""
    words = 'ReplicaSet "web-7f9c6b8d5" has timed out progressing.'
    late = [condition("Progressing", False, HOUR, "ProgressDeadlineExceeded", words), condition("Available")]
    control = deployment(6, told=late, replicas=7, updatedReplicas=1, availableReplicas=3, readyReplicas=3)
    objects = [pod(NAME + "good"), *sick_pods(), control, failed_job(), node("Unknown")]
    logs = log(NAME + "good", lines("ERROR boom", "INFO x")) | log(NAME + "crash", lines("ERROR no database"), previous=True)
    return _world(objects, logs)


def healthy() -> World:
    """The same deployment while a rollout goes on: one pod leaves, one starts, one job is done."""
    fresh = pod(NAME + "fresh", status("web", waiting("ContainerCreating")), age=8, phase="Pending", told=conditions(False, 8))
    goes_on = [condition("Available"), condition("Progressing", reason="ReplicaSetUpdated")]
    control = deployment(4, told=goes_on, replicas=4, updatedReplicas=2, availableReplicas=3, readyReplicas=3, unavailableReplicas=1)
    steady = [pod(NAME + each) for each in ("a", "b", "c")]
    others = [each for each in sick_pods() if each["metadata"]["name"] in (NAME + "leaving", NAME + "evicted", "web-migrate-x")]
    return _world([*steady, fresh, *others, control, node()], {})


def _world(objects: list[Object], logs: dict[str, str]) -> World:
    cluster = Cluster(objects=objects, tokens={"stranger": rights()}, namespace="shop", logs=logs, missing_groups=["metrics.k8s.io"])
    return World(cluster=cluster)
