"""What controllers and kubelets make of a manifest, said in the same words for a stand-in and for a real cluster.

When MUSTER_TEST_KUBECONFIG names a cluster, the manifests are applied to it and it is looked at until the words appear; the
stand-in shows at once the objects that 1.32 should make of them.
"""

import re
from typing import Any

import pytest

from fixtures.kubernetes.batch import job_failures
from fixtures.kubernetes.network import service_state
from fixtures.kubernetes.workload_rollouts import workload_rollout
from fixtures.kubernetes.workloads import workload_accidents, workload_pods
from muster.kinds.cluster import Jobs, Service
from muster.kinds.config import ConfigMap
from muster.kinds.kubernetes import Within, Workload
from muster.kinds.logs import Log
from sandbox.world import Object
from tests.probes.real_cluster import AnyCluster
from tests.probes.real_shapes import (
    BACK_OFF,
    PULLING,
    condition,
    conditions,
    deployment,
    metadata,
    past,
    pod,
    running,
    status,
    terminated,
    waiting,
)
from tests.probes.scenes import SHELL, Scene, manifest, through
from tests.probes.small_cluster import lines, log

WITHIN = Within.model_validate({"at_most": 0, "within": "24h"})
WEB = Workload.model_validate({"name": "web", "connection": "cluster", "deployment": "web", "starting": "0s"})


PODS = through(workload_pods, "pods", workload=WEB)
ACCIDENTS = through(workload_accidents, "pods", workload=WEB, terms=WITHIN)
ROLLOUT = through(workload_rollout, "deployments", "stateful_sets", "daemon_sets", "pods", workload=WEB)
JOBS = through(job_failures, "jobs", job_group=Jobs.model_validate({"name": "jobs", "connection": "cluster"}), terms=WITHIN)
SERVICE = through(service_state, "services", "endpoint_slices", service=Service.model_validate({"name": "web", "connection": "cluster"}))


def logs(cluster: AnyCluster) -> Any:
    """Errors in the logs of app=web."""
    given = {"name": "errors", "connection": "cluster", "selector": "app=web", "level": "ERROR", "expect": {"records": 0}}
    return cluster.look("log_count", Log.model_validate(given))


def settings(cluster: AnyCluster) -> Any:
    """The keys of a config map."""
    return cluster.look("config_map_keys", ConfigMap.model_validate({"name": "settings", "connection": "cluster", "keys": ["A", "B", "C"]}))


def job() -> Object:
    """A job that gives up at once."""
    one = {"name": "job", "image": SHELL, "command": ["sh", "-c", "exit 3"]}
    body = {"backoffLimit": 0, "template": {"spec": {"restartPolicy": "Never", "containers": [one]}}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "report"}, "spec": body}


def service(name: str = "web") -> Object:
    """A service of the pods app=web."""
    body = {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": body}


def sliced(ready: bool) -> Object:
    """The endpoint slice of service web."""
    endpoint = {"addresses": ["10.244.1.8"], "conditions": {"ready": ready, "serving": ready, "terminating": False}}
    target = {"targetRef": {"kind": "Pod", "name": "web-6d4cf56db6-x2x7k", "namespace": "shop"}}
    head = metadata("web-8x2kp", labels={"kubernetes.io/service-name": "web"})
    kind = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4"}
    return kind | {"metadata": head, "endpoints": [endpoint | target], "ports": []}


def failed() -> Object:
    """What becomes of the job."""
    told = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "lastTransitionTime": past(5)}
    return job() | {"metadata": metadata("report", 20), "status": {"failed": 1, "startTime": past(20), "conditions": [told]}}


CONFIG = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"A": "1", "B": ""}}
BAD_IMAGE = "registry.invalid/nothing:1.0"
GREEDY = {"resources": {"limits": {"memory": "16Mi"}}}
NEVER = {"readinessProbe": {"tcpSocket": {"port": 81}, "periodSeconds": 1}}
STUCK = {"progressDeadlineSeconds": 5}
NOWHERE = {"nodeSelector": {"muster.test/nowhere": "true"}}
LATE = condition("Progressing", False, 30, "ProgressDeadlineExceeded", "timed out progressing")
UNSCHEDULED = [condition("PodScheduled", False, 30, "Unschedulable", "0/1 nodes are available: 1 node(s) didn't match")]

SCENES = {
    "healthy": Scene([manifest()], [deployment(1), pod()], PODS, r"ready=1, not_ready=0, failing=0"),
    "complete": Scene([manifest()], [deployment(1), pod()], ROLLOUT, r"replicas=1, unavailable=0, unfinished=0, stuck=0"),
    "crash-loop": Scene(
        [manifest(SHELL, "sh", "-c", "echo no database; exit 3")],
        [pod("web-6d4cf56db6-x2x7k", status("web", waiting("CrashLoopBackOff", BACK_OFF), restarts=3, last=terminated(9, "Error", 3)))],
        PODS,
        r"failing=1 \(web-\S+: container web (waits: CrashLoopBackOff|ended: Error|runs).*exit code 3\)",
    ),
    "out-of-memory": Scene(
        [manifest(SHELL, "tail", "/dev/zero", **GREEDY)],
        [pod("web-6d4cf56db6-x2x7k", status("web", running(2), restarts=1, last=terminated(4, "OOMKilled", 137)))],
        ACCIDENTS,
        r"oom_kills=1 \(web-\S+/web: OOMKilled \(exit code 137\)",
    ),
    "pull-error": Scene(
        [manifest(BAD_IMAGE)],
        [pod("web-6d4cf56db6-x2x7k", status("web", waiting("ImagePullBackOff", PULLING)), age=30, phase="Pending")],
        PODS,
        r"failing=1 \(web-\S+: container web waits: (ErrImagePull|ImagePullBackOff) since",
    ),
    "no-config": Scene(
        [manifest(envFrom=[{"secretRef": {"name": "absent"}}])],
        [pod("web-6d4cf56db6-x2x7k", status("web", waiting("CreateContainerConfigError", 'secret "absent" not found')), age=30)],
        PODS,
        r'container web waits: CreateContainerConfigError since .*secret "absent" not found',
    ),
    "pending": Scene(
        [manifest(template=NOWHERE)],
        [pod("web-6d4cf56db6-x2x7k", age=30, phase="Pending", told=UNSCHEDULED)],
        PODS,
        r"not_ready=1 \(web-\S+: no node takes it since \w+: Unschedulable: 0/",
    ),
    "never-ready": Scene(
        [manifest(**NEVER)],
        [pod("web-6d4cf56db6-x2x7k", status("web", running(30), ready=False), age=30, told=conditions(False, 30))],
        PODS,
        r"not_ready=1 \(web-\S+: container web runs but is not ready since",
    ),
    "stuck-rollout": Scene(
        [manifest(BAD_IMAGE, spec=STUCK)],
        [deployment(1, told=[LATE], availableReplicas=None, readyReplicas=None), pod(age=30)],
        ROLLOUT,
        r"unavailable=1 .*stuck=1 \(web: ProgressDeadlineExceeded since",
    ),
    "failed-job": Scene([job()], [failed()], JOBS, r"failed=1 \(report failed .*ago: BackoffLimitExceeded"),
    "service": Scene([manifest(), service()], [service() | {"metadata": metadata("web")}, sliced(True)], SERVICE, r"ready_endpoints=1"),
    "service-not-ready": Scene(
        [manifest(**NEVER), service()],
        [service() | {"metadata": metadata("web")}, sliced(False)],
        SERVICE,
        r"has 1 endpoints, not ready: web-.*ready_endpoints=0",
    ),
    "logs": Scene([manifest(SHELL, "sh", "-c", "echo ERROR boom; echo INFO fine; sleep 3600")], [pod()], logs, r"records=2, matched=1 "),
    "config-map": Scene([CONFIG], [CONFIG | {"metadata": metadata("settings")}], settings, r"missing=2 \(B is empty; C is missing\)"),
}


@pytest.mark.parametrize("name", SCENES)
def test_what_becomes_of_a_manifest_is_said_in_the_same_words(any_cluster: AnyCluster, name: str) -> None:
    scene, logs = SCENES[name], log("web-6d4cf56db6-x2x7k", lines("ERROR boom", "INFO fine"))

    assert re.search(scene.words, scene.play(any_cluster, logs=logs), re.DOTALL)
