"""platform-service: ways to break its pods and deployments. Each edits a healthy world, as the real server would show it."""

import copy
from collections.abc import Callable

from sandbox.world import Fault, World
from sandbox.worlds.platform_service.cluster_edits import (
    ago,
    container_fails,
    counts,
    drop,
    event,
    every,
    find,
    image,
    lose_pods,
    status_of,
    unready,
)

POD = "platform-service-7c9d8b6f5-b8m2p"
TRIED = "platform-service-5f6b7d8c9-q7w2e"
PODS = ("platform-service-7c9d8b6f5-a2x4k", POD, "platform-service-7c9d8b6f5-c6t9w")
NOT_READY = "test_every_pod_is_ready[platform-service]"
TOO_FEW = "test_enough_pods_are_ready[platform-service]"
UNAVAILABLE = "test_replicas_are_available[platform-service]"
SERVED = "test_service_has_ready_endpoints[platform-service]"
SAME_IMAGE = "test_pods_run_the_same_image[platform-service]"
MEMORY_USE = "test_memory_stays_below_its_limit[platform-service]"
MEMORY_LIMIT = "test_containers_have_their_memory_limit[platform-service]"
STABLE = "test_pods_stay_stable[platform-service]"
CONFIGURED = "test_pods_run_with_the_current_configuration[platform-service]"
RESTARTS = "test_containers_do_not_restart_repeatedly[platform-service]"
OUT_OF_MEMORY = "test_no_container_ran_out_of_memory[platform-service]"
WARNED = "test_no_warnings_about_a_workload[platform-service]"
COMPLETE = "test_rollout_is_complete[platform-service]"
OF_LOGS_AND_METRICS = (
    MEMORY_USE,
    "test_log_records_of_a_kind_stay_few[service-errors]",
    "test_log_records_of_a_kind_stay_few[service-errors-day]",
    "test_log_records_of_a_kind_stay_few[pool-exhausted]",
    "test_log_records_of_a_kind_stay_few[disk-full]",
    "test_no_message_dominates_the_log[service-errors]",
    "test_every_route_answers_in_time[service-requests]",
    "test_every_pod_writes_a_log[service-errors]",
    "test_log_records_carry_the_field[service-requests]",
    "test_every_pod_is_scraped[platform-service]",
    "test_cpu_stays_below_its_limit[platform-service]",
)
PULLED = "test_images_of_the_rollback_can_be_pulled[platform-service]"
SCRAPED = "test_every_pod_is_scraped[platform-service]"
FAILING = "test_no_container_fails_to_start[platform-service]"


def _pod_not_ready(world: World) -> None:
    unready(world, POD)
    counts(world, readyReplicas=2, availableReplicas=2)


def _pod_pending(world: World) -> None:
    pod = find(world, "Pod", POD)
    message = (
        "0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available: 3 No preemption victims found for incoming pod."
    )
    waits = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": message,
        "lastTransitionTime": ago(world, 1200),
    }
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
    event(world, POD, "BackOff", "Back-off restarting failed container platform-service", times=34)
    assert world.cluster is not None
    last_words = ("INFO starting", "INFO reading configuration", "FATAL cannot reach the database: connection refused")
    log = "".join(f"{ago(world, 121 - second)} {line}\n" for second, line in enumerate(last_words))
    world.cluster.logs[f"platform/{POD}/platform-service/previous"] = log


def _image_missing(world: World) -> None:
    told = container_fails(world, POD, "ImagePullBackOff", 'Back-off pulling image "registry.example/platform-service:v1.1.0"')
    told.pop("imageID")
    counts(world, readyReplicas=2, availableReplicas=2)


def _killed(world: World) -> None:
    ended = {"reason": "OOMKilled", "exitCode": 137, "startedAt": ago(world, 20000), "finishedAt": ago(world, 7200)}
    status_of(world, POD).update(
        {"restartCount": 1, "lastState": {"terminated": ended}, "state": {"running": {"startedAt": ago(world, 7195)}}}
    )


def _restarted(world: World) -> None:
    ended = {"reason": "Error", "exitCode": 1, "startedAt": ago(world, 2000), "finishedAt": ago(world, 600)}
    status_of(world, POD).update(
        {"restartCount": 1, "lastState": {"terminated": ended}, "state": {"running": {"startedAt": ago(world, 595)}}}
    )


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
        del find(world, "Pod", pod)["spec"]["containers"][0]["resources"]["limits"]["memory"]


def _config_edited(world: World) -> None:
    find(world, "ConfigMap", "platform-config")["metadata"]["managedFields"][0]["time"] = ago(world, 3600)


def _pods_gone(world: World) -> None:
    lose_pods(world, *PODS)
    counts(world, readyReplicas=0, availableReplicas=0)


def _image_mixed(world: World) -> None:
    image(world, POD, "registry.example/platform-service:v1.0.0", "registry.example/platform-service@sha256:" + "0" * 64)


def _image_latest(world: World) -> None:
    for pod in PODS:
        image(world, pod, "registry.example/platform-service:latest", status_of(world, pod)["imageID"])


def _rolled_back_in_vain(world: World) -> None:
    """Somebody went back to v1.0.0: its first pod waits for an image that nobody has any more."""
    assert world.cluster is not None
    tried = copy.deepcopy(find(world, "Pod", PODS[2]))
    tried["metadata"] |= {"name": TRIED, "uid": f"uid-pod-{TRIED}", "creationTimestamp": ago(world, 900)}
    tried["metadata"]["labels"]["pod-template-hash"] = "5f6b7d8c9"
    tried["metadata"]["ownerReferences"][0] |= {"name": "platform-service-5f6b7d8c9", "uid": "uid-replicaset-5f6b7d8c9"}
    world.cluster.objects.append(tried)
    image(world, TRIED, "registry.example/platform-service:v1.0.0", "")
    told = container_fails(world, TRIED, "ImagePullBackOff", 'Back-off pulling image "registry.example/platform-service:v1.0.0"')
    told.pop("imageID")
    _images_collected(world)


def _images_collected(world: World) -> None:
    for node in every(world, "Node"):
        node["status"]["images"].pop()


def _warned(world: World) -> None:
    event = find(world, "Event", PODS[0])
    message = "Readiness probe failed: HTTP probe failed with statuscode: 503"
    event |= {"type": "Warning", "reason": "Unhealthy", "message": message, "count": 12, "lastTimestamp": ago(world, 300)}


def _edit(name: str, summary: str, edit: Callable[[World], None], *violates: str) -> Fault:
    return Fault(name, summary, edit, violates)


FAULTS: list[Fault] = [
    _edit("probe-flaps", "readiness probes fail now and then", _warned, WARNED),
    _edit("pod-not-ready", "one of three pods runs and is not Ready", _pod_not_ready, NOT_READY, TOO_FEW, UNAVAILABLE),
    _edit("pod-pending", "no node takes one of three pods", _pod_pending, NOT_READY, TOO_FEW, UNAVAILABLE),
    _edit(
        "crash-loop",
        "one of three pods crashes again and again",
        _crash_loop,
        *(NOT_READY, TOO_FEW, UNAVAILABLE, FAILING),
        "test_containers_do_not_restart_repeatedly[platform-service]",
        "test_pods_stay_stable[platform-service]",
        WARNED,
    ),
    _edit("image-missing", "one of three pods cannot pull its image", _image_missing, NOT_READY, TOO_FEW, UNAVAILABLE, FAILING),
    _edit(
        "pods-gone",
        "the service has no pod at all",
        _pods_gone,
        NOT_READY,
        TOO_FEW,
        UNAVAILABLE,
        *(FAILING, SERVED, SAME_IMAGE, MEMORY_LIMIT, STABLE, CONFIGURED),
        "test_image_names_do_not_move[platform-service]",
        RESTARTS,
        OUT_OF_MEMORY,
        WARNED,
        *OF_LOGS_AND_METRICS,
    ),
    _edit(
        "service-scaled-down",
        "the service was left at one replica",
        _scaled_down,
        TOO_FEW,
        "test_workload_is_not_left_scaled_down[platform-service]",
    ),
    _edit("out-of-memory", "a container was killed for memory two hours ago", _killed, OUT_OF_MEMORY),
    _edit("restarted-lately", "a container crashed ten minutes ago", _restarted, STABLE),
    _edit(
        "rollout-stuck",
        "a rollout passed its deadline while old pods serve",
        _stuck,
        "test_no_rollout_is_stuck[platform-service]",
        COMPLETE,
    ),
    _edit("rollout-unfinished", "a rollout is half way", _unfinished, COMPLETE),
    _edit("image-mixed", "one of three pods runs the previous image", _image_mixed, SAME_IMAGE),
    _edit("image-latest", "the image is named :latest", _image_latest, "test_image_names_do_not_move[platform-service]"),
    _edit("memory-limit-missing", "containers have no memory limit", _no_memory_limit, MEMORY_LIMIT, MEMORY_USE),
    _edit("config-edited", "the config map was edited and pods not restarted", _config_edited, CONFIGURED),
    _edit(
        "rollback-impossible",
        "no earlier revision is kept",
        lambda world: drop(world, "ReplicaSet", "platform-service-5f6b7d8c9"),
        "test_rollback_has_a_target[platform-service]",
        PULLED,
    ),
    _edit("rollback-image-gone", "the image of the earlier revision is gone", _rolled_back_in_vain, PULLED, NOT_READY, FAILING, SCRAPED),
    Fault("rollback-image-unseen", "no node holds the image of the earlier revision", _images_collected, (PULLED,), "unknown"),
    _edit(
        "database-recovers",
        "the database's pod is in recovery",
        _database_recovers,
        "test_every_pod_is_ready[postgres]",
        "test_replicas_are_available[postgres]",
        "test_service_has_ready_endpoints[postgres]",
    ),
]
