"""platform-service: ways to break its cluster. Each edits a healthy world, as the real server would show it."""

from collections.abc import Callable

from sandbox.world import Fault, World
from sandbox.worlds.platform_service.cluster_edits import ago, container_fails, counts, drop, every, find, image, lose_pods, status_of, unready

POD = "platform-service-7c9d8b6f5-b8m2p"
PODS = ("platform-service-7c9d8b6f5-a2x4k", POD, "platform-service-7c9d8b6f5-c6t9w")
NOT_READY = "test_every_pod_is_ready[platform-service]"
TOO_FEW = "test_enough_pods_are_ready[platform-service]"
UNAVAILABLE = "test_replicas_are_available[platform-service]"
FAILING = "test_no_container_fails_to_start[platform-service]"


def _pod_not_ready(world: World) -> None:
    unready(world, POD)
    counts(world, readyReplicas=2, availableReplicas=2)


def _pod_pending(world: World) -> None:
    pod = find(world, "Pod", POD)
    message = "0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available: 3 No preemption victims found for incoming pod."
    waits = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message, "lastTransitionTime": ago(world, 1200)}
    pod["status"] = {"phase": "Pending", "conditions": [waits]}
    pod["spec"].pop("nodeName")
    counts(world, readyReplicas=2, availableReplicas=2)


def _crash_loop(world: World) -> None:
    message = f"back-off 5m0s restarting failed container=platform-service pod={POD}"
    told = container_fails(world, POD, "CrashLoopBackOff", message)
    ended = {"reason": "Error", "exitCode": 1, "startedAt": ago(world, 200), "finishedAt": ago(world, 120)}
    told |= {"restartCount": 9, "lastState": {"terminated": ended}}
    # A young pod, so that the window is known exactly.
    find(world, "Pod", POD)["metadata"]["creationTimestamp"] = ago(world, 3600)
    counts(world, readyReplicas=2, availableReplicas=2)


def _image_missing(world: World) -> None:
    told = container_fails(world, POD, "ImagePullBackOff", 'Back-off pulling image "registry.example/platform-service:v1.1.0"')
    told.pop("imageID")
    counts(world, readyReplicas=2, availableReplicas=2)


def _killed(world: World) -> None:
    ended = {"reason": "OOMKilled", "exitCode": 137, "startedAt": ago(world, 20000), "finishedAt": ago(world, 7200)}
    status_of(world, POD).update({"restartCount": 1, "lastState": {"terminated": ended}, "state": {"running": {"startedAt": ago(world, 7195)}}})


def _restarted(world: World) -> None:
    ended = {"reason": "Error", "exitCode": 1, "startedAt": ago(world, 2000), "finishedAt": ago(world, 600)}
    status_of(world, POD).update({"restartCount": 1, "lastState": {"terminated": ended}, "state": {"running": {"startedAt": ago(world, 595)}}})


def _stuck(world: World) -> None:
    message = 'ReplicaSet "platform-service-6d5c4b3a2" has timed out progressing.'
    deployment = find(world, "Deployment", "platform-service")
    deployment["metadata"]["generation"] = deployment["status"]["observedGeneration"] = 2
    deployment["status"] |= {"updatedReplicas": 1, "replicas": 4, "unavailableReplicas": 1}
    for each in deployment["status"]["conditions"]:
        if each["type"] == "Progressing":
            each |= {"status": "False", "reason": "ProgressDeadlineExceeded", "message": message, "lastTransitionTime": ago(world, 1800)}


def _unfinished(world: World) -> None:
    find(world, "Deployment", "platform-service")["status"] |= {"updatedReplicas": 2, "replicas": 4}


def _scaled_down(world: World) -> None:
    find(world, "Deployment", "platform-service")["spec"]["replicas"] = 1
    find(world, "ReplicaSet", "platform-service-7c9d8b6f5")["spec"]["replicas"] = 1
    lose_pods(world, *PODS[1:])
    counts(world, replicas=1, readyReplicas=1, availableReplicas=1, updatedReplicas=1)


def _database_recovers(world: World) -> None:
    unready(world, "postgres-0", 300)
    find(world, "StatefulSet", "postgres")["status"] |= {"readyReplicas": 0, "availableReplicas": 0}


def _no_memory_limit(world: World) -> None:
    for pod in PODS:
        del find(world, "Pod", pod)["spec"]["containers"][0]["resources"]["limits"]


def _config_edited(world: World) -> None:
    find(world, "ConfigMap", "platform-config")["metadata"]["managedFields"][0]["time"] = ago(world, 3600)


def _no_room(world: World) -> None:
    for node in every(world, "Node"):
        node["status"]["allocatable"]["cpu"] = "800m"


def _quota_full(world: World) -> None:
    find(world, "ResourceQuota", "platform-quota")["status"]["used"]["requests.memory"] = "15872Mi"


def _autoscaler_blind(world: World) -> None:
    scaler = find(world, "HorizontalPodAutoscaler", "platform-service")["status"]
    scaler["currentMetrics"] = None


def _autoscaler_unable(world: World) -> None:
    told = {"status": "False", "reason": "FailedGetScale", "message": "the HPA controller was unable to get the target's current scale"}
    find(world, "HorizontalPodAutoscaler", "platform-service")["status"]["conditions"][0] |= told


def _autoscaler_pinned(world: World) -> None:
    find(world, "HorizontalPodAutoscaler", "platform-service")["status"] |= {"currentReplicas": 10, "desiredReplicas": 10}


def _autoscaler_edited(world: World) -> None:
    find(world, "HorizontalPodAutoscaler", "platform-service")["spec"]["minReplicas"] = 1


def _certificate_order_failed(world: World) -> None:
    told = {"status": "False", "reason": "DoesNotExist", "message": "Issuing certificate as Secret does not exist", "lastTransitionTime": ago(world, 7200)}
    find(world, "Certificate", "platform-tls")["status"]["conditions"][0] |= told


def _certificate_request_failed(world: World) -> None:
    told = {"type": "Ready", "status": "False", "reason": "Failed", "message": "order is invalid", "lastTransitionTime": ago(world, 7200)}
    find(world, "CertificateRequest", "platform-tls")["status"]["conditions"][1] = told


def _job_failed(world: World) -> None:
    told = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "Job has reached the specified backoff limit"}
    status = {"failed": 7, "startTime": ago(world, 8 * 3600), "conditions": [told | {"lastTransitionTime": ago(world, 7 * 3600)}]}
    find(world, "Job", "nightly-report")["status"] = status


def _node_lost(world: World) -> None:
    for each in find(world, "Node", "node-3")["status"]["conditions"]:
        each |= {"status": "Unknown", "reason": "NodeStatusUnknown", "message": "Kubelet stopped posting node status.", "lastTransitionTime": ago(world, 900)}


def _disk_pressure(world: World) -> None:
    told = {"status": "True", "reason": "KubeletHasDiskPressure", "message": "kubelet has disk pressure", "lastTransitionTime": ago(world, 900)}
    find(world, "Node", "node-2")["status"]["conditions"][1] |= told


def _no_endpoints(world: World) -> None:
    find(world, "EndpointSlice", "platform-service-")["endpoints"] = None


def _pods_gone(world: World) -> None:
    lose_pods(world, *PODS)
    counts(world, readyReplicas=0, availableReplicas=0)


def _image_mixed(world: World) -> None:
    image(world, POD, "registry.example/platform-service:v1.0.0", "registry.example/platform-service@sha256:" + "0" * 64)


def _image_latest(world: World) -> None:
    for pod in PODS:
        image(world, pod, "registry.example/platform-service:latest", status_of(world, pod)["imageID"])


def _cron_job_overdue(world: World) -> None:
    find(world, "CronJob", "nightly-report")["status"]["lastSuccessfulTime"] = ago(world, 3 * 86400)


def _volume_pending(world: World) -> None:
    find(world, "PersistentVolumeClaim", "data-postgres-0")["status"] = {"phase": "Pending"}


def _forbidden(world: World) -> None:
    assert world.cluster is not None
    for rules in world.cluster.tokens.values():
        for rule in rules:
            rule["resources"] = [each for each in rule["resources"] if each != "pods" or rule["apiGroups"] != [""]]


def _edit(name: str, summary: str, edit: Callable[[World], None], *violates: str) -> Fault:
    return Fault(name, summary, edit, violates)


FAULTS: list[Fault] = [
    _edit("pod-not-ready", "one of three pods runs and is not Ready", _pod_not_ready, NOT_READY, TOO_FEW, UNAVAILABLE),
    _edit("pod-pending", "no node takes one of three pods", _pod_pending, NOT_READY, TOO_FEW, UNAVAILABLE),
    _edit(
        "crash-loop",
        "one of three pods crashes again and again",
        _crash_loop,
        *(NOT_READY, TOO_FEW, UNAVAILABLE, FAILING),
        "test_containers_do_not_restart_repeatedly[platform-service]",
        "test_pods_stay_stable[platform-service]",
    ),
    _edit("image-missing", "one of three pods cannot pull its image", _image_missing, NOT_READY, TOO_FEW, UNAVAILABLE, FAILING),
    _edit("pods-gone", "the service has no pod at all", _pods_gone, NOT_READY, TOO_FEW, UNAVAILABLE),
    _edit("service-scaled-down", "the service was left at one replica", _scaled_down, TOO_FEW),
    _edit("out-of-memory", "a container was killed for memory two hours ago", _killed),
    _edit("restarted-lately", "a container crashed ten minutes ago", _restarted),
    _edit("rollout-stuck", "a rollout passed its deadline while old pods serve", _stuck),
    _edit("rollout-unfinished", "a rollout is half way", _unfinished),
    _edit("image-mixed", "one of three pods runs the previous image", _image_mixed),
    _edit("image-latest", "the image is named :latest", _image_latest),
    _edit("memory-limit-missing", "containers have no memory limit", _no_memory_limit),
    _edit("config-edited", "the config map was edited and pods not restarted", _config_edited),
    _edit("rollback-impossible", "no earlier revision is kept", lambda world: drop(world, "ReplicaSet", "platform-service-5f6b7d8c9")),
    _edit("nodes-full", "nodes have no room for more pods", _no_room),
    _edit("quota-full", "the memory quota is almost used up", _quota_full),
    _edit("database-recovers", "the database's pod is in recovery", _database_recovers),
    _edit("autoscaler-deleted", "the autoscaler was deleted and not made again", lambda world: drop(world, "HorizontalPodAutoscaler", "platform-service")),
    _edit("autoscaler-unable", "the autoscaler cannot scale its target", _autoscaler_unable),
    _edit("autoscaler-pinned", "the autoscaler is at its maximum", _autoscaler_pinned),
    _edit("autoscaler-blind", "the autoscaler shows unknown/70%", _autoscaler_blind),
    _edit("autoscaler-edited", "somebody edited the autoscaler by hand", _autoscaler_edited),
    _edit("certificate-not-issued", "cert-manager's Certificate is not Ready", _certificate_order_failed),
    _edit("certificate-request-failed", "a certificate request failed", _certificate_request_failed),
    _edit("job-failed", "last night's job failed", _job_failed),
    _edit("cron-job-suspended", "a cron job is suspended", lambda world: find(world, "CronJob", "nightly-report")["spec"].update(suspend=True)),
    _edit("cron-job-overdue", "a cron job has not succeeded for three days", _cron_job_overdue),
    _edit("service-without-endpoints", "nothing stands behind the service", _no_endpoints),
    _edit("disruption-budget-tight", "no pod may be disrupted", lambda world: find(world, "PodDisruptionBudget", "platform-service")["status"].update(disruptionsAllowed=0)),
    _edit("node-not-ready", "a node stopped reporting", _node_lost),
    _edit("node-disk-pressure", "a node is short of disk", _disk_pressure),
    _edit("volume-pending", "the database's volume claim is not bound", _volume_pending),
    _edit("kubernetes-forbidden", "the account that looks lost the right to list pods", _forbidden),
]
