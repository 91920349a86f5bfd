"""platform-service: what Prometheus knows about it."""

from sandbox.world import Fault, Metrics, Object, Series, World
from sandbox.worlds.platform_service.cluster import SERVICE_PODS

JOB = "platform-service"
DAY = 86400
GIB = 2.0**30
REQUESTS = {"GET": 4.0, "POST": 1.0}
"""Requests per second and pod, by method."""
ERRORS = 0.01
"""Failed requests per second and pod: 0.2 % of all."""
QUICK = {"0.05": 0.5, "0.1": 0.8, "0.25": 0.96, "0.5": 0.99, "1": 0.999, "2.5": 1.0, "5": 1.0, "10": 1.0, "+Inf": 1.0}
"""Upper bound in seconds -> share of requests up to it."""
QUICK_MEAN = 0.09
VOLUMES = {"data-postgres-0": (20 * GIB, 0.31), "platform-uploads": (50 * GIB, 0.44)}
"""Claim -> capacity in bytes, share that is used."""
INODES = 1_310_720.0
RUNBOOK = "https://wiki/platform/runbook"


def build(world: World, _now: float) -> None:
    """Add this part to the healthy world; its moments are all relative to now."""
    metrics = Metrics(rules=[{"name": JOB, "rules": rules()}])
    for pod in SERVICE_PODS:
        metrics.targets[pod] = {"job": JOB, "namespace": "platform", "pod": pod}
        metrics.series += service(pod)
    metrics.targets["kubelet"] = {"job": "kubelet"}
    for pod in SERVICE_PODS:
        where = {"namespace": "platform", "pod": pod, "container": "platform-service"}
        metrics.series.append(Series("container_memory_working_set_bytes", where, value={DAY: 0.41 * GIB}, target="kubelet"))
        metrics.series.append(Series("container_spec_memory_limit_bytes", where, value={DAY: GIB}, target="kubelet"))
    for claim, (capacity, share) in VOLUMES.items():
        numbers = {"capacity_bytes": capacity, "used_bytes": capacity * share, "inodes": INODES, "inodes_used": INODES * 0.12}
        for name, value in numbers.items():
            where = {"namespace": "platform", "persistentvolumeclaim": claim}
            metrics.series.append(Series(f"kubelet_volume_stats_{name}", where, value={DAY: value}, target="kubelet"))
    world.metrics = metrics


def service(pod: str) -> list[Series]:
    """What one pod of the service exposes."""
    total = sum(REQUESTS.values())
    made = [Series("http_requests_total", {"method": method}, "counter", {DAY: rate}, pod) for method, rate in REQUESTS.items()]
    made.append(Series("http_request_errors_total", {"type": "internal"}, "counter", {DAY: ERRORS}, pod))
    made += [
        Series("http_request_duration_seconds_bucket", {"le": le}, "counter", {DAY: total * share}, pod) for le, share in QUICK.items()
    ]
    made.append(Series("http_request_duration_seconds_sum", {}, "counter", {DAY: total * QUICK_MEAN}, pod))
    made.append(Series("http_request_duration_seconds_count", {}, "counter", {DAY: total}, pod))
    made.append(Series("active_connections", {}, value={DAY: 38.0}, target=pod))
    made.append(Series("active_connections_max", {}, value={DAY: 100.0}, target=pod))
    return made


def rules() -> list[Object]:
    """The three alerts that the runbook names."""
    own = f'{{job="{JOB}"}}'
    latency = f"histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket{own}[5m])))"
    memory = "max by (pod) (container_memory_working_set_bytes / container_spec_memory_limit_bytes)"
    errors = f"sum(rate(http_request_errors_total{own}[5m])) / sum(rate(http_requests_total{own}[5m]))"
    return [
        alert("HighErrorRate", f"{errors} > 0.05", "critical"),
        alert("HighLatency", f"{latency} > 1", "warning"),
        alert("HighMemoryUsage", f"{memory} > 0.9", "warning"),
    ]


def alert(name: str, expression: str, severity: str) -> Object:
    """One alerting rule."""
    annotations = {"summary": f"{name} on platform-service", "runbook_url": f"{RUNBOOK}#{name.lower()}"}
    return {"alert": name, "expr": expression, "for": "10m", "labels": {"severity": severity}, "annotations": annotations}


def _metrics(world: World) -> Metrics:
    if world.metrics is None:
        raise ValueError("this world has no metrics")
    return world.metrics


def _series(world: World, *names: str) -> list[Series]:
    return [series for series in _metrics(world).series if series.name in names]


def _rule(world: World, name: str) -> Object:
    found: Object = next(rule for rule in _metrics(world).rules[0]["rules"] if rule["alert"] == name)
    return found


def _since(series: Series, seconds: int, factor: float) -> None:
    """Multiply the value, or the rate, from so many seconds ago on."""
    series.value[seconds] = series.value[DAY] * factor


def _counter_frozen(world: World) -> None:
    for series in _series(world, "http_requests_total"):
        if series.target == SERVICE_PODS[1]:
            _since(series, 900, 0.0)


def _gone(name: str, world: World) -> None:
    for series in _series(world, name):
        series.until = 900


def _renamed(world: World) -> None:
    for series in _series(world, "http_request_errors_total"):
        series.name = "http_request_failures_total"


def _errors(share: float, world: World) -> None:
    for series in _series(world, "http_request_errors_total"):
        _since(series, 1200, share * sum(REQUESTS.values()) / ERRORS)


def _slow(shares: dict[str, float], mean: float, world: World) -> None:
    for series in _series(world, "http_request_duration_seconds_bucket"):
        series.value[1200] = sum(REQUESTS.values()) * shares[series.labels["le"]]
    for series in _series(world, "http_request_duration_seconds_sum"):
        series.value[1200] = sum(REQUESTS.values()) * mean


SLOW = {"0.05": 0.0, "0.1": 0.02, "0.25": 0.1, "0.5": 0.3, "1": 0.8, "2.5": 0.99, "5": 1.0, "10": 1.0, "+Inf": 1.0}
SLOW_TAIL = {**QUICK, "0.25": 0.85, "0.5": 0.87, "1": 0.9, "2.5": 0.99}


def _grow(name: str, label: str, value: float, world: World) -> None:
    """Set a gauge of the kubelet for one of its things."""
    found = next(series for series in _series(world, name) if label in series.labels.values())
    found.value[1800] = value


def _leak(world: World) -> None:
    """Grow by 50 MiB an hour for six hours, to 0.7 GiB of 1 GiB."""
    found = next(series for series in _series(world, "container_memory_working_set_bytes") if series.labels["pod"] == SERVICE_PODS[2])
    for step in range(24):
        found.value[6 * 3600 - step * 900] = (0.41 + 0.29 * (step + 1) / 24) * GIB


def _vanish(world: World) -> None:
    metrics = _metrics(world)
    metrics.targets.pop(SERVICE_PODS[2])
    metrics.series = [series for series in metrics.series if series.target != SERVICE_PODS[2]]


def _without_rule(world: World) -> None:
    _metrics(world).rules[0]["rules"].remove(_rule(world, "HighErrorRate"))


def _rule_on_missing(world: World) -> None:
    rule = _rule(world, "HighMemoryUsage")
    rule["expr"] = rule["expr"].replace("working_set", "workingset")


def _rule_fails(world: World) -> None:
    _rule(world, "HighLatency")["expr"] = 'http_requests_total{method="GET"} * on (job) http_requests_total{method="POST"} > 1'


def _fires(name: str, world: World) -> None:
    """It has been firing for long: the sandbox is too young to have waited."""
    _rule(world, name).pop("for")


def _fires_errors(world: World) -> None:
    _errors(0.08, world)
    _fires("HighErrorRate", world)


def _fires_latency(world: World) -> None:
    _slow(SLOW_TAIL, 0.3, world)
    _fires("HighLatency", world)


def _fires_memory(world: World) -> None:
    _grow("container_memory_working_set_bytes", SERVICE_PODS[0], 0.95 * GIB, world)
    _fires("HighMemoryUsage", world)


def _without_runbook(world: World) -> None:
    _rule(world, "HighLatency")["annotations"].pop("runbook_url")


RATE, SHARE = "test_reading_is_above[request-rate]", "test_reading_is_at_most[error-share]"
MEAN, P95 = "test_reading_is_at_most[average-latency]", "test_reading_is_at_most[latency-p95]"
ERROR_RULE, LATENCY_RULE = "test_alert_rule_evaluates[high-error-rate]", "test_alert_rule_evaluates[high-latency]"
MEMORY_RULE = "test_alert_rule_evaluates[high-memory-usage]"
ERROR_ALERT, LATENCY_ALERT = "test_alert_is_not_firing[high-error-rate]", "test_alert_is_not_firing[high-latency]"
CRITICAL, URGENT = "test_alert_is_not_firing[critical-alerts]", "test_alert_is_not_firing[urgent-alerts]"
MEMORY_ALERT, MEMORY = "test_alert_is_not_firing[high-memory-usage]", "test_reading_is_below[memory-trend]"
SPACE, INODE_SHARE = "test_reading_is_below[volume-space]", "test_reading_is_below[volume-inodes]"
CONNECTIONS = "test_reading_is_below[active-connections]"
UP, SCRAPED = "test_scrape_targets_are_up[platform-service]", "test_every_pod_is_scraped[platform-service]"
RUNBOOKS, RULES = "test_alerts_lead_to_a_runbook[prometheus]", "test_prometheus_evaluates_its_rules[prometheus]"

FAULTS: list[Fault] = [
    Fault("counter-frozen", "One pod's request counter has stood still for a quarter of an hour.", _counter_frozen, (RATE,)),
    Fault(
        "metric-absent",
        "No pod exposes its request counter any more.",
        lambda world: _gone("http_requests_total", world),
        (RATE, SHARE, ERROR_RULE),
    ),
    Fault("error-share-high", "One request in thirty fails.", lambda world: _errors(0.033, world), (SHARE,)),
    Fault("metric-renamed", "A release renamed the error counter.", _renamed, (SHARE, ERROR_RULE)),
    Fault("latency-high", "Requests have taken 0.8 s on average for 20 minutes.", lambda world: _slow(SLOW, 0.8, world), (MEAN, P95)),
    Fault(
        "latency-tail-high",
        "One request in ten takes longer than a second; the average is fine.",
        lambda world: _slow(SLOW_TAIL, 0.3, world),
        (P95,),
    ),
    Fault("gauge-absent", "No pod says how many connections it has.", lambda world: _gone("active_connections", world), (CONNECTIONS,)),
    Fault("target-down", "Prometheus does not reach one pod.", lambda world: _metrics(world).silent.append(SERVICE_PODS[1]), (UP, SCRAPED)),
    Fault("target-vanished", "Service discovery has lost one pod.", _vanish, (SCRAPED,)),
    Fault("rule-missing", "The alert HighErrorRate is not loaded.", _without_rule, (ERROR_RULE, ERROR_ALERT, CRITICAL)),
    Fault("rule-on-missing-metric", "The alert HighMemoryUsage names a metric that does not exist.", _rule_on_missing, (MEMORY_RULE,)),
    Fault("rule-fails", "The alert HighLatency fails to evaluate.", _rule_fails, (LATENCY_RULE, LATENCY_ALERT, URGENT, RULES)),
    Fault("alert-firing-high-error-rate", "HighErrorRate fires: 8 % of requests fail.", _fires_errors, (ERROR_ALERT, CRITICAL, SHARE)),
    Fault("alert-firing-high-latency", "HighLatency fires: a tenth of requests is slow.", _fires_latency, (LATENCY_ALERT, URGENT, P95)),
    Fault(
        "alert-firing-high-memory-usage",
        "HighMemoryUsage fires: one pod uses 95 % of its limit.",
        _fires_memory,
        (MEMORY_ALERT, URGENT, MEMORY),
    ),
    Fault("memory-leak-trend", "One pod grows by 50 MiB an hour.", _leak, (MEMORY,)),
    Fault(
        "volume-full",
        "The database's volume is 95 % full.",
        lambda world: _grow("kubelet_volume_stats_used_bytes", "data-postgres-0", 19 * GIB, world),
        (SPACE,),
    ),
    Fault(
        "inodes-full",
        "Millions of small files have used 97 % of a volume's inodes.",
        lambda world: _grow("kubelet_volume_stats_inodes_used", "platform-uploads", INODES * 0.97, world),
        (INODE_SHARE,),
    ),
    Fault(
        "configuration-refused",
        "Prometheus refused its edited configuration and goes on with the old one.",
        lambda world: setattr(_metrics(world), "reloaded", "scrape_configs: [{job_nmae: platform-service}]\n"),
        ("test_prometheus_runs_its_configuration[prometheus]",),
    ),
    Fault("annotation-missing", "The alert HighLatency leads to no runbook.", _without_runbook, (RUNBOOKS,)),
]
