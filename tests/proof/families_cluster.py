"""Unlisted faults of the cluster: its pods and other objects, its API, the logs of its containers."""

import copy
from collections.abc import Callable

from sandbox.world import Cluster, Object, Trouble, World
from sandbox.worlds.platform_service.cluster_edits import ago, counts, drop, every, find, lose_pods, status_of, unready
from tests.proof.unlisted import POD, UNKNOWN, VIOLATED, Unlisted

READY, ENOUGH = "test_every_pod_is_ready[platform-service]", "test_enough_pods_are_ready[platform-service]"
AVAILABLE = "test_replicas_are_available[platform-service]"
STARTS = "test_no_container_fails_to_start[platform-service]"
LOGGED = "test_log_records_of_a_kind_stay_few[service-errors]"
FATAL = "test_log_records_of_a_kind_stay_few[database-fatal]"
QUOTA = "test_quota_is_not_exhausted[platform-quota]"
CRON = ("test_cron_job_is_not_suspended[nightly-report]", "test_cron_job_succeeded_lately[nightly-report]")
AGES = ("test_pods_stay_stable[platform-service]", CRON[1])
AUTOSCALER = tuple(f"test_autoscaler_{what}[platform-service]" for what in ("can_scale", "sees_its_metrics", "is_below_its_maximum"))
OUT_OF_MEMORY = "test_no_container_ran_out_of_memory[platform-service]"
USAGE = tuple(f"test_{what}_stays_below_its_limit[platform-service]" for what in ("cpu", "memory"))
FATAL_OF_STARTUP = "2026-01-01 00:00:00.000 UTC [1] PANIC:  could not locate a valid checkpoint record\n"


def _cluster(world: World) -> Cluster:
    assert world.cluster is not None
    return world.cluster


def _evicted(world: World) -> None:
    pod = find(world, "Pod", POD)
    pod["status"] = {
        "phase": "Failed",
        "reason": "Evicted",
        "message": "The node was low on resource: memory.",
        "startTime": ago(world, 900),
    }
    counts(world, replicas=2, readyReplicas=2, availableReplicas=2)


def _init_crashes(world: World) -> None:
    pod = find(world, "Pod", POD)
    waits = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting failed container=migrate"}}
    first = {"name": "migrate", "ready": False, "restartCount": 7, "image": "registry.example/migrate:v1", "imageID": "", "state": waits}
    unready(world, POD)
    pod["spec"]["initContainers"] = [{"name": "migrate", "image": "registry.example/migrate:v1"}]
    pod["status"] |= {"phase": "Pending", "initContainerStatuses": [first]}
    status_of(world, POD).update({"started": False, "state": {"waiting": {"reason": "PodInitializing"}}})
    counts(world, readyReplicas=2, availableReplicas=2)


def _surge_pod_not_ready(world: World) -> None:
    """A fourth pod, of a replica set that a rollout has just made, never becomes ready; the three old ones serve."""
    added = copy.deepcopy(find(world, "Pod", POD))
    newest = copy.deepcopy(find(world, "ReplicaSet", "platform-service-7c9d8b6f5"))
    newest["metadata"] |= {"name": "platform-service-6d5c4b3a2", "uid": "uid-replicaset-6d5c4b3a2"}
    newest["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = "3"
    newest["spec"]["replicas"] = newest["status"]["replicas"] = 1
    added["metadata"] |= {"name": "platform-service-6d5c4b3a2-zz9zz", "uid": "uid-pod-zz9zz"}
    added["metadata"]["labels"] = newest["metadata"]["labels"] | {"pod-template-hash": "6d5c4b3a2"}
    added["metadata"]["ownerReferences"][0] |= {"name": newest["metadata"]["name"], "uid": newest["metadata"]["uid"]}
    _cluster(world).objects += [newest, added]
    unready(world, "platform-service-6d5c4b3a2-zz9zz")


def _terminating(world: World) -> None:
    find(world, "Pod", POD)["metadata"] |= {"deletionTimestamp": ago(world, 3600), "deletionGracePeriodSeconds": 30}
    counts(world, readyReplicas=2, availableReplicas=2)


def _last_of_many(world: World) -> None:
    """So many finished pods before it that the one that is not ready stands on the second page of the list."""
    model = find(world, "Pod", POD)
    for number in range(600):
        made: Object = copy.deepcopy(model)
        made["metadata"] = {"name": f"batch-{number:03}", "namespace": "platform", "uid": f"uid-{number}", "labels": {"app": "batch"}}
        made["metadata"]["creationTimestamp"] = model["metadata"]["creationTimestamp"]
        made["status"] |= {"phase": "Succeeded", "containerStatuses": []}
        _cluster(world).objects.append(made)
    unready(world, POD)


def _forbid_autoscalers(world: World) -> None:
    for rules in _cluster(world).tokens.values():
        rules[:] = [rule for rule in rules if "horizontalpodautoscalers" not in rule["resources"]]


def _trouble(path: str, **how: object) -> Callable[[World], None]:
    return lambda world: _cluster(world).trouble.append(Trouble(path, **how))  # type: ignore[arg-type]


def _scaling_inactive(world: World) -> None:
    told = {"status": "False", "reason": "FailedGetResourceMetric", "message": "unable to get metrics for resource cpu"}
    conditions = find(world, "HorizontalPodAutoscaler", "platform-service")["status"]["conditions"]
    next(each for each in conditions if each["type"] == "ScalingActive").update(told)


def _between_crashes(world: World) -> None:
    """Ready at this moment; it crashed two minutes ago, for the twelfth time since three days."""
    ended = {"reason": "Error", "exitCode": 1, "startedAt": ago(world, 180), "finishedAt": ago(world, 120)}
    status_of(world, POD).update(
        {"restartCount": 12, "lastState": {"terminated": ended}, "state": {"running": {"startedAt": ago(world, 110)}}}
    )


def _pods_used_up(world: World) -> None:
    find(world, "ResourceQuota", "platform-quota")["status"]["used"]["pods"] = "20"


def _sidecar_fails(world: World) -> None:
    """A second container beside each service container, which logs the errors."""
    for pod in [each for each in every(world, "Pod") if each["metadata"]["labels"].get("app") == "platform-service"]:
        name = pod["metadata"]["name"]
        pod["spec"]["containers"].append(
            {"name": "proxy", "image": "registry.example/proxy:v1", "resources": {"limits": {"memory": "1Gi"}}}
        )
        pod["status"]["containerStatuses"].append(copy.deepcopy(pod["status"]["containerStatuses"][0]) | {"name": "proxy"})
        stamp = ago(world, 120)
        line = f'{stamp} {{"level":"error","time":"{stamp}","correlationId":"1","msg":"upstream reset"}}\n'
        _cluster(world).logs[f"platform/{name}/proxy"] = line * 40


def _panicked(world: World) -> None:
    _cluster(world).logs["platform/postgres-0/postgres"] += f"{ago(world, 1)} {FATAL_OF_STARTUP}"


def _init_killed(world: World) -> None:
    """The init container was killed for memory an hour ago, and succeeded the second time."""
    pod = find(world, "Pod", POD)
    killed = {"reason": "OOMKilled", "exitCode": 137, "startedAt": ago(world, 3700), "finishedAt": ago(world, 3650)}
    done = {"reason": "Completed", "exitCode": 0, "startedAt": ago(world, 3640), "finishedAt": ago(world, 3600)}
    first = {"name": "migrate", "ready": True, "restartCount": 1, "image": "registry.example/migrate:v1.2.0", "imageID": ""}
    pod["spec"]["initContainers"] = [{"name": "migrate", "image": "registry.example/migrate:v1.2.0"}]
    pod["status"]["initContainerStatuses"] = [first | {"state": {"terminated": done}, "lastState": {"terminated": killed}}]


def _logged_before_the_crash(world: World) -> None:
    """The errors stand in the log of the container's life before this one."""
    logs, key = _cluster(world).logs, f"platform/{POD}/platform-service"
    ended = {"reason": "Error", "exitCode": 1, "startedAt": ago(world, 30000), "finishedAt": ago(world, 2400)}
    status_of(world, POD).update(
        {"restartCount": 1, "lastState": {"terminated": ended}, "state": {"running": {"startedAt": ago(world, 2395)}}}
    )
    logs[f"{key}/previous"] = f'{ago(world, 2500)} {{"level":50,"correlationId":"1","msg":"upstream reset"}}\n' * 40
    logs[key] = "".join(line for line in logs[key].splitlines(keepends=True) if line > ago(world, 2395))


def _old_samples(world: World) -> None:
    for sample in every(world, "PodMetrics"):
        sample["timestamp"] = ago(world, 3600)


FAMILIES = (
    Unlisted("an init container was killed for memory", _init_killed, VIOLATED, (OUT_OF_MEMORY,), f"{POD}/migrate: OOMKilled", (READY,)),
    Unlisted("errors stand in the log before a crash", _logged_before_the_crash, VIOLATED, (LOGGED,), f"40 in {POD}"),
    Unlisted("samples of the metrics API are old", _old_samples, VIOLATED, USAGE, "sample"),
    Unlisted(
        "nobody knows when the config changed",
        lambda world: find(world, "ConfigMap", "platform-config")["metadata"].pop("managedFields"),
        UNKNOWN,
        ("test_pods_run_with_the_current_configuration[platform-service]",),
        "platform-config",
    ),
    Unlisted(
        "the controller has not seen the last change",
        lambda world: find(world, "Deployment", "platform-service")["metadata"].update(generation=3),
        VIOLATED,
        ("test_rollout_is_complete[platform-service]",),
        "generation 1 of 3",
    ),
    Unlisted("a pod was evicted and not replaced", _evicted, VIOLATED, (ENOUGH,), "2"),
    Unlisted("an init container crashes again and again", _init_crashes, VIOLATED, (READY, ENOUGH, STARTS), "migrate"),
    Unlisted("a pod of the next replica set is not ready", _surge_pod_not_ready, VIOLATED, (READY,), "6d5c4b3a2-zz9zz", (ENOUGH,)),
    Unlisted("a pod hangs in termination", _terminating, VIOLATED, (ENOUGH,), "2"),
    Unlisted("the pod that is not ready is on the second page", _last_of_many, VIOLATED, (READY, ENOUGH), POD),
    Unlisted("two pods are gone", lambda world: lose_pods(world, POD, POD[:-5] + "c6t9w"), VIOLATED, (ENOUGH,), "1"),
    Unlisted("we may not list one kind", _forbid_autoscalers, UNKNOWN, AUTOSCALER, "we are not allowed to list horizontalpod", (READY,)),
    Unlisted("the API throttles us for long", _trouble("/api/v1/", status=429, retry_after=60), UNKNOWN, (READY, ENOUGH, LOGGED), "429"),
    Unlisted("the API fails on one kind", _trouble("/apis/apps/v1/", status=500, message="etcd"), UNKNOWN, (AVAILABLE,), "500"),
    Unlisted("the API answers one list and then resets", _trouble("/api/v1/", reset=True, after=1), UNKNOWN, (LOGGED,), "Kubernetes API"),
    Unlisted(
        "we talk to another cluster",
        lambda world: find(world, "Namespace", "kube-system")["metadata"].update(uid="uid-of-staging"),
        UNKNOWN,
        (READY, ENOUGH, LOGGED),
        "is another cluster than declared: its uid is uid-of-staging",
    ),
    Unlisted("the token has expired", _trouble("/", status=401), UNKNOWN, (READY, LOGGED), "401"),
    Unlisted("we have no token", lambda world: _cluster(world).tokens.clear(), UNKNOWN, (READY, LOGGED), "system:anonymous"),
    Unlisted("the autoscaler gets no metrics", _scaling_inactive, VIOLATED, AUTOSCALER[:1], "FailedGetResourceMetric"),
    Unlisted("a pod is ready between two crashes", _between_crashes, VIOLATED, ("test_pods_stay_stable[platform-service]",), POD, (READY,)),
    Unlisted(
        "the quota allows no further pod", _pods_used_up, VIOLATED, ("test_there_is_room_to_scale_up[platform-service]", QUOTA), "pods 20"
    ),
    Unlisted("the server's clock is an hour ahead", lambda world: setattr(_cluster(world), "clock_skew", 3600.0), UNKNOWN, AGES, "clock"),
    Unlisted("one API group is not served", lambda world: _cluster(world).missing_groups.append("autoscaling"), UNKNOWN, AUTOSCALER, "404"),
    Unlisted("the cron job is gone", lambda world: drop(world, "CronJob", "nightly-report"), VIOLATED, CRON, "nightly-report"),
    Unlisted("a sidecar logs the errors", _sidecar_fails, VIOLATED, (LOGGED,), f"40 in {POD}"),
    Unlisted("the database logs a panic", _panicked, VIOLATED, (FATAL,), "postgres-0"),
    Unlisted(
        "the config map is gone",
        lambda world: drop(world, "ConfigMap", "platform-config"),
        VIOLATED,
        ("test_config_map_has_its_keys[platform-config]",),
        "platform-config",
    ),
    Unlisted(
        "the secret is gone",
        lambda world: drop(world, "Secret", "platform-secrets"),
        VIOLATED,
        ("test_secret_has_its_keys[platform-secrets]",),
        "platform-secrets",
    ),
    Unlisted(
        "the ingress is gone",
        lambda world: drop(world, "Ingress", "platform-ingress"),
        VIOLATED,
        ("test_ingress_refers_to_a_tls_secret_that_exists[platform-ingress]",),
        "no ingress",
    ),
)
