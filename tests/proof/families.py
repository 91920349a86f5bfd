"""Faults that nobody has listed: of the families of the listed ones, and what the checks must make of them.

Each is an edit of the healthy world with what must not hold afterwards. Unlike a fault's declaration this is not
complete: that a check beside these changes too is no error here, as long as nothing named in `holds` does.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass

from muster.verdicts import Verdict
from sandbox.world import Cluster, Database, Metrics, Object, Series, Served, Session, Trouble, World
from sandbox.worlds.platform_service.cluster_edits import ago, counts, drop, every, find, lose_pods, status_of, unready

POD = "platform-service-7c9d8b6f5-b8m2p"
READY, ENOUGH = "test_every_pod_is_ready[platform-service]", "test_enough_pods_are_ready[platform-service]"
AVAILABLE = "test_replicas_are_available[platform-service]"
STARTS = "test_no_container_fails_to_start[platform-service]"
HEALTHY, ANSWERS = "test_endpoint_says_what_is_expected[health]", "test_endpoint_answers_with_its_status[health]"
EXPORT, FETCHED = "test_export_has_rows[audit-export]", "test_endpoint_answers_with_its_status[audit-export]"
ERRORS, RATE, P95 = (
    "test_reading_is_at_most[error-share]",
    "test_reading_is_above[request-rate]",
    "test_reading_is_at_most[latency-p95]",
)
CONNECTIONS = "test_reading_is_below[active-connections]"
OPENS, IDLE = "test_application_opens_a_database_session[application]", "test_no_session_idles_in_a_transaction[platform-db]"
TAKEN = "test_connections_stay_under_the_servers_limit[platform-db]"
LOGGED = "test_log_records_of_a_kind_stay_few[service-errors]"
FATAL = "test_log_records_of_a_kind_stay_few[database-fatal]"
VIOLATED, UNKNOWN = Verdict.VIOLATED, Verdict.UNKNOWN


@dataclass(frozen=True)
class Unlisted:
    """One fault: what is edited, which verdict which checks must reach, what one of them must say, what must still hold."""

    name: str
    edit: Callable[[World], None]
    verdict: Verdict
    checks: tuple[str, ...]
    tells: str
    holds: tuple[str, ...] = ()


def _cluster(world: World) -> Cluster:
    assert world.cluster is not None
    return world.cluster


def _metrics(world: World) -> Metrics:
    assert world.metrics is not None
    return world.metrics


def _database(world: World) -> Database:
    return world.databases["database"]


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
    """More pods than fit on one page of the list; the one that is not ready comes last."""
    model = find(world, "Pod", POD)
    for number in range(700):
        made: Object = copy.deepcopy(model)
        made["metadata"] |= {"name": f"platform-service-7c9d8b6f5-x{number:03}", "uid": f"uid-pod-x{number:03}"}
        _cluster(world).objects.append(made)
    unready(world, "platform-service-7c9d8b6f5-x699")


def _forbid_autoscalers(world: World) -> None:
    for rules in _cluster(world).tokens.values():
        rules[:] = [rule for rule in rules if "horizontalpodautoscalers" not in rule["resources"]]


def _trouble(path: str, **how: object) -> Callable[[World], None]:
    return lambda world: _cluster(world).trouble.append(Trouble(path, **how))  # type: ignore[arg-type]


def _route(path: str, site: str = "api", **values: object) -> Callable[[World], None]:
    def edit(world: World) -> None:
        for name, value in values.items():
            setattr(world.sites[site].routes[path], name, value)

    return edit


def _each(name: str, change: Callable[[Series], None], pod: str = "") -> Callable[[World], None]:
    """Change every series of that name, or that of one pod."""

    def edit(world: World) -> None:
        for series in _metrics(world).series:
            if series.name == name and pod in (series.target or ""):
                change(series)

    return edit


def _sql(*statements: str) -> Callable[[World], None]:
    return lambda world: _database(world).sql.extend(statements)


def _hold(session: Session) -> Callable[[World], None]:
    return lambda world: _database(world).sessions.append(session)


def _role_limited(world: World) -> None:
    _database(world).sql.append("ALTER ROLE platform CONNECTION LIMIT 10")
    _database(world).sessions.append(Session("", user="platform", count=9))


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


FATAL_OF_STARTUP = "2026-01-01 00:00:00.000 UTC [1] PANIC:  could not locate a valid checkpoint record\n"


def _panicked(world: World) -> None:
    _cluster(world).logs["platform/postgres-0/postgres"] += f"{ago(world, 1)} {FATAL_OF_STARTUP}"


NAN = float("nan")
LOGIN = "<html><body>Sign in</body></html>"
AUTOSCALER = tuple(f"test_autoscaler_{what}[platform-service]" for what in ("can_scale", "sees_its_metrics", "is_below_its_maximum"))

FAMILIES = (
    Unlisted("a pod was evicted and not replaced", _evicted, VIOLATED, (ENOUGH,), "2"),
    Unlisted("an init container crashes again and again", _init_crashes, VIOLATED, (READY, ENOUGH, STARTS), "migrate"),
    Unlisted("a pod of the next replica set is not ready", _surge_pod_not_ready, VIOLATED, (READY,), "6d5c4b3a2-zz9zz", (ENOUGH,)),
    Unlisted("a pod hangs in termination", _terminating, VIOLATED, (ENOUGH,), "2"),
    Unlisted("the pod that is not ready is on the second page", _last_of_many, VIOLATED, (READY,), "x699", (ENOUGH,)),
    Unlisted("two pods are gone", lambda world: lose_pods(world, POD, POD[:-5] + "c6t9w"), VIOLATED, (ENOUGH,), "1"),
    Unlisted("we may not list one kind", _forbid_autoscalers, UNKNOWN, AUTOSCALER, "we are not allowed to list horizontalpod", (READY,)),
    Unlisted("the API throttles us for long", _trouble("/api/v1/", status=429, retry_after=60), UNKNOWN, (READY, ENOUGH, LOGGED), "429"),
    Unlisted("the API fails on one kind", _trouble("/apis/apps/v1/", status=500, message="etcd"), UNKNOWN, (AVAILABLE,), "500"),
    Unlisted("the API answers one list and then resets", _trouble("/api/v1/", reset=True, after=1), UNKNOWN, (LOGGED,), "Kubernetes API"),
    Unlisted("the token has expired", lambda world: _cluster(world).tokens.clear(), UNKNOWN, (READY, LOGGED), "401"),
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
    Unlisted("health is a login page with status 200", _route("/health", json=None, text=LOGIN), VIOLATED, (HEALTHY,), "JSON"),
    Unlisted("health answers an empty object", _route("/health", json={}), VIOLATED, (HEALTHY,), "status"),
    Unlisted("health redirects to itself", _route("/health", redirect="/health"), VIOLATED, (ANSWERS, HEALTHY), "redirect"),
    Unlisted("our token for the audit log was revoked", _route("/audit/export", token="another"), VIOLATED, (EXPORT, FETCHED), "| 401 |"),
    Unlisted("the export has a header and nothing else", _route("/audit/export", text="timestamp,actor\n"), VIOLATED, (EXPORT,), "0"),
    Unlisted(
        "another retention is a text",
        _route("/audit/retention", json={"retentionDays": "365 days"}),
        VIOLATED,
        ("test_endpoint_says_what_is_expected[audit-retention]",),
        "365 days",
    ),
    Unlisted(
        "the wiki drips its page",
        lambda world: world.sites["wiki"].trouble.append(Trouble("/", drip=1.0)),
        UNKNOWN,
        ("test_endpoint_answers_with_its_status[wiki]",),
        "no complete answer within",
    ),
    Unlisted(
        "the certificate is not yet valid",
        lambda world: setattr(_served(world), "valid_since", -86400.0),
        VIOLATED,
        ("test_endpoint_certificate_is_trusted[health]",),
        "not yet valid",
    ),
    Unlisted(
        "a weak key was certified",
        lambda world: setattr(_served(world), "key", "rsa1024"),
        VIOLATED,
        ("test_endpoint_certificate_is_trusted[health]",),
        "too",
    ),
    Unlisted(
        "one pod's gauge is not a number",
        _each("active_connections", lambda series: series.value.update({900: NAN}), POD),
        VIOLATED,
        (CONNECTIONS,),
        "nan",
    ),
    Unlisted(
        "the limit of a gauge is zero",
        _each("active_connections_max", lambda series: series.value.update({900: 0.0}), POD),
        VIOLATED,
        (CONNECTIONS,),
        POD,
    ),
    Unlisted(
        "nobody asks for anything",
        _each("http_requests_total", lambda series: series.value.update({900: 0.0})),
        VIOLATED,
        (RATE, ERRORS),
        "0",
    ),
    Unlisted(
        "the histogram lost its buckets",
        _each("http_request_duration_seconds_bucket", lambda series: setattr(series, "until", 900)),
        VIOLATED,
        (P95,),
        "http_request_duration_seconds_bucket",
    ),
    Unlisted(
        "no rule is loaded at all",
        lambda world: _metrics(world).rules.clear(),
        VIOLATED,
        ("test_alert_rule_evaluates[high-latency]", "test_prometheus_evaluates_its_rules[prometheus]"),
        "0 rules",
    ),
    Unlisted(
        "a transaction was aborted and left open",
        _hold(Session("SELECT 1/0", transaction=True, user="platform", waits=True)),
        VIOLATED,
        (IDLE,),
        "idle in transaction",
    ),
    Unlisted("a role nears its own connection limit", _role_limited, VIOLATED, (TAKEN,), "role platform"),
    Unlisted("the application may not log in any more", _sql("ALTER ROLE platform NOLOGIN"), VIOLATED, (OPENS,), "not permitted to log in"),
    Unlisted(
        "the application's password has expired", _sql("ALTER ROLE platform VALID UNTIL '2001-01-01'"), VIOLATED, (OPENS,), "password"
    ),
    Unlisted(
        "our own role's password was rotated", _sql("ALTER ROLE muster PASSWORD 'rotated'"), UNKNOWN, (TAKEN, IDLE), "muster", (OPENS,)
    ),
    Unlisted(
        "our own role lost its rights", _sql("REVOKE pg_read_all_stats FROM muster"), UNKNOWN, (TAKEN,), "pg_read_all_stats", (OPENS,)
    ),
)


def _served(world: World) -> Served:
    served = world.sites["api"].certificate
    assert served is not None
    return served
