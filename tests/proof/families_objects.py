"""More unlisted faults of the cluster, one line each: pods, controllers, autoscalers, jobs, network, volumes, configuration, logs."""

from collections.abc import Callable

from sandbox.world import Object, World
from sandbox.worlds.platform_service.cluster_edits import ago, container_fails, counts, drop, every, find, lose_pods, unready
from tests.proof.families_cluster import ENOUGH, FATAL, LOGGED, QUOTA, READY, STARTS, USAGE
from tests.proof.unlisted import HOLDS, POD, UNKNOWN, VIOLATED, Unlisted

AVAILABLE, STUCK = (f"test_{name}[platform-service]" for name in ("replicas_are_available", "no_rollout_is_stuck"))
CAN_SCALE, HEADROOM = (f"test_autoscaler_{name}[platform-service]" for name in ("can_scale", "is_below_its_maximum"))
SERVED, BACKENDS = "test_service_has_ready_endpoints[platform-service]", "test_ingress_leads_to_services_that_exist[platform-ingress]"
INGRESS_TLS, PRESSURE = (
    "test_ingress_refers_to_a_tls_secret_that_exists[platform-ingress]",
    "test_no_node_is_under_pressure[cluster-nodes]",
)
BOUND, FITS = "test_every_volume_claim_is_bound[postgres-data]", "test_database_fits_its_volume[platform-db]"
ISSUED, KEYS, SECRET = (
    "test_resources_have_their_condition[tls-certificate]",
    "test_config_map_has_its_keys[platform-config]",
    "test_secret_has_its_keys[platform-secrets]",
)
POOL, DISK = (f"test_log_records_of_a_kind_stay_few[{name}]" for name in ("pool-exhausted", "disk-full"))
WARNED = "test_no_warnings_about_a_workload[platform-service]"
JOBS, DRAIN = "test_no_job_failed[platform-jobs]", "test_disruption_budget_allows_a_drain[platform-service]"


def _waits(reason: str) -> Callable[[World], None]:
    def edit(world: World) -> None:
        container_fails(world, POD, reason, "as the node says it")
        counts(world, readyReplicas=2, availableReplicas=2)

    return edit


def _creating(world: World) -> None:
    unready(world, POD, 3600)["state"] = {"waiting": {"reason": "ContainerCreating"}}
    counts(world, readyReplicas=2, availableReplicas=2)


def _condition(kind: str, name: str, of: str, **told: str) -> Callable[[World], None]:
    """Change a condition of an object, or add it."""

    def edit(world: World) -> None:
        conditions = find(world, kind, name)["status"]["conditions"]
        known = next((each for each in conditions if each["type"] == of), None)
        if known is None:
            conditions.append(known := {"type": of})
        known.update({"status": "False", "lastTransitionTime": ago(world, 900)} | told)

    return edit


def _status(kind: str, name: str, make: Callable[[World], Object]) -> Callable[[World], None]:
    return lambda world: find(world, kind, name).update(status=make(world))


def _without(kind: str, name: str) -> Callable[[World], None]:
    return lambda world: drop(world, kind, name)


def _quota_forbids(world: World) -> None:
    lose_pods(world, POD)
    counts(world, replicas=2, readyReplicas=2, availableReplicas=2, updatedReplicas=2)
    told = {"status": "True", "reason": "FailedCreate", "message": "pods is forbidden: exceeded quota"}
    _condition("Deployment", "platform-service", "ReplicaFailure", **told)(world)


def _wrong_port(world: World) -> None:
    path = find(world, "Ingress", "platform-ingress")["spec"]["rules"][0]["http"]["paths"][0]
    path["backend"]["service"]["port"]["number"] = 8081


def _selector_typo(world: World) -> None:
    find(world, "Service", "platform-service")["spec"]["selector"] = {"app": "platform-servcie"}
    find(world, "EndpointSlice", "platform-service-")["endpoints"] = []


def _warning(**told: object) -> Callable[[World], None]:
    return lambda world: find(world, "Event", "platform-service").update({"type": "Warning", "message": "as it is"} | told)


def _series(world: World) -> None:
    """An event as newer clusters write it."""
    last = {"count": 9, "lastObservedTime": f"{ago(world, 60)[:-1]}.000000Z"}
    _warning(reason="BackOff", lastTimestamp=None, firstTimestamp=None, eventTime=f"{ago(world, 900)[:-1]}.000000Z", series=last)(world)


def _logs(line: str, times: int = 40, log: str = f"platform/{POD}/platform-service") -> Callable[[World], None]:
    def edit(world: World) -> None:
        assert world.cluster is not None
        world.cluster.logs[log] += f"{ago(world, 30)} {line}\n" * times

    return edit


def _data(kind: str, name: str, **changed: str) -> Callable[[World], None]:
    return lambda world: find(world, kind, name)["data"].update(changed)


def _no_samples(world: World) -> None:
    for sample in every(world, "PodMetrics"):
        drop(world, "PodMetrics", sample["metadata"]["name"])


def _deadline(world: World) -> Object:
    told = {"type": "Failed", "status": "True", "reason": "DeadlineExceeded", "lastTransitionTime": ago(world, 7200)}
    return {"startTime": ago(world, 9000), "conditions": [told]}


DATABASE_LOG = "platform/postgres-0/postgres"
QUIET_WORDS = '{"level":"info","correlationId":"1","msg":"0 errors, error=false, no ERROR found"}'
CREATING = ("CreateContainerConfigError", "InvalidImageName", "RunContainerError")
FAMILIES = (
    *(Unlisted(f"a container waits for {reason}", _waits(reason), VIOLATED, (READY, ENOUGH, STARTS), reason) for reason in CREATING),
    Unlisted("a container is being created for an hour", _creating, VIOLATED, (READY, ENOUGH, AVAILABLE), "ContainerCreating since 1h"),
    Unlisted(
        "the node of a pod is lost", _condition("Pod", POD, "Ready", reason="NodeNotReady"), VIOLATED, (READY, ENOUGH), "NodeNotReady"
    ),
    Unlisted("a pod is of no known phase", _status("Pod", POD, lambda _: {"phase": "Unknown"}), VIOLATED, (READY, ENOUGH), "phase Unknown"),
    Unlisted("the deployment is gone", _without("Deployment", "platform-service"), VIOLATED, (AVAILABLE, STUCK), "no deployment platform"),
    Unlisted("a quota forbids the third pod", _quota_forbids, VIOLATED, (ENOUGH, AVAILABLE, STUCK), "exceeded quota"),
    Unlisted(
        "the autoscaler is new and says nothing",
        _status("HorizontalPodAutoscaler", "platform-service", lambda _: {}),
        VIOLATED,
        (CAN_SCALE,),
        "AbleToScale is absent",
    ),
    Unlisted(
        "the autoscaler's maximum was lowered to what runs",
        lambda world: find(world, "HorizontalPodAutoscaler", "platform-service")["spec"].update(maxReplicas=3),
        VIOLATED,
        (HEADROOM, "test_autoscaler_is_as_declared[platform-service]"),
        "3 to 3",
    ),
    Unlisted("a job ran out of its time", _status("Job", "nightly-report", _deadline), VIOLATED, (JOBS,), "DeadlineExceeded"),
    Unlisted("the service is gone", _without("Service", "platform-service"), VIOLATED, (SERVED, BACKENDS), "no service named platform-s"),
    Unlisted("the service selects nobody", _selector_typo, VIOLATED, (SERVED,), "0 endpoints"),
    Unlisted("the ingress names a port that the service lacks", _wrong_port, VIOLATED, (BACKENDS,), "no port 8081"),
    Unlisted(
        "the ingress lost its TLS",
        lambda world: find(world, "Ingress", "platform-ingress")["spec"].pop("tls"),
        VIOLATED,
        (INGRESS_TLS,),
        "has no TLS entry",
    ),
    Unlisted(
        "the disruption budget is gone", _without("PodDisruptionBudget", "platform-service"), VIOLATED, (DRAIN,), "no disruption budget"
    ),
    Unlisted(
        "a node is short of memory",
        _condition("Node", "node-2", "MemoryPressure", status="True", reason="KubeletHasInsufficientMemory"),
        VIOLATED,
        (PRESSURE,),
        "node-2: MemoryPressure",
    ),
    Unlisted(
        "a node has no route",
        _condition("Node", "node-2", "NetworkUnavailable", status="True", reason="NoRouteCreated"),
        VIOLATED,
        (PRESSURE,),
        "NetworkUnavailable",
    ),
    Unlisted(
        "the volume is lost",
        _status("PersistentVolumeClaim", "data-postgres-0", lambda _: {"phase": "Lost"}),
        VIOLATED,
        (BOUND, FITS),
        "data-postgres-0 is Lost",
    ),
    Unlisted("the claim is gone", _without("PersistentVolumeClaim", "data-postgres-0"), VIOLATED, (BOUND, FITS), "data-postgres-0"),
    Unlisted("the quota is gone", _without("ResourceQuota", "platform-quota"), VIOLATED, (QUOTA,), "no resource quota"),
    Unlisted("the certificate has no condition", _status("Certificate", "platform-tls", lambda _: {}), VIOLATED, (ISSUED,), "no condition"),
    Unlisted(
        "a value of the config map is empty", _data("ConfigMap", "platform-config", CACHE_TTL=""), VIOLATED, (KEYS,), "CACHE_TTL is empty"
    ),
    Unlisted("a secret is a line feed", _data("Secret", "platform-secrets", JWT_SECRET="Cg=="), VIOLATED, (SECRET,), "JWT_SECRET is empty"),
    Unlisted(
        "a secret holds nothing",
        lambda world: find(world, "Secret", "platform-secrets").update(data=None),
        VIOLATED,
        (SECRET,),
        "holds no key",
    ),
    Unlisted("no pod has a sample", _no_samples, UNKNOWN, USAGE, "no sample of any pod"),
    Unlisted("a probe fails", _warning(reason="Unhealthy", count=3), VIOLATED, (WARNED,), "Unhealthy"),
    Unlisted("an event is a series", _series, VIOLATED, (WARNED,), "9 times"),
    Unlisted("errors are plain text", _logs("Error: connect ECONNREFUSED 10.0.0.5:5432"), VIOLATED, (LOGGED,), f"40 in {POD}"),
    Unlisted("nobody catches an error", _logs("Uncaught TypeError: x is undefined"), VIOLATED, (LOGGED,), f"40 in {POD}"),
    Unlisted("Java throws", _logs("java.lang.IllegalStateException: closed"), VIOLATED, (LOGGED,), f"40 in {POD}"),
    Unlisted(
        "a level stands in an inner object", _logs('{"log":{"level":"error"},"correlationId":"1"}'), VIOLATED, (LOGGED,), f"40 in {POD}"
    ),
    Unlisted("ten errors in an hour are one too many", _logs('{"level":"critical"}', 10), VIOLATED, (LOGGED,), f"10 in {POD}"),
    Unlisted("errors are only mentioned", _logs(QUIET_WORDS, 100), HOLDS, (LOGGED,), "namespace platform"),
    Unlisted("the pool is exhausted, in a capital", _logs('{"level":"warn","msg":"Connection pool exhausted"}', 1), VIOLATED, (POOL,), POD),
    Unlisted("the server has no slot left", _logs("remaining connection slots are reserved", 1), VIOLATED, (POOL,), POD),
    Unlisted("a disk quota is exceeded", _logs("write: Disk quota exceeded", 1), VIOLATED, (DISK,), POD),
    Unlisted("the database logs JSON", _logs('{"error_severity":"FATAL"}', 1, DATABASE_LOG), VIOLATED, (FATAL,), "1 in postgres-0"),
)
