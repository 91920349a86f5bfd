"""Unlisted faults of the web servers and of Prometheus."""

from collections.abc import Callable
from dataclasses import replace

from sandbox.world import Metrics, Series, Served, Trouble, World
from tests.proof.unlisted import HOLDS, POD, UNKNOWN, VIOLATED, Unlisted

HEALTHY, ANSWERS = "test_endpoint_says_what_is_expected[health]", "test_endpoint_answers_with_its_status[health]"
EXPORT, FETCHED = "test_export_has_rows[audit-export]", "test_endpoint_answers_with_its_status[audit-export]"
ERRORS, RATE, P95 = (
    "test_reading_is_at_most[error-share]",
    "test_reading_is_above[request-rate]",
    "test_reading_is_at_most[latency-p95]",
)
CONNECTIONS = "test_reading_is_below[active-connections]"
SCRAPED = "test_scrape_targets_are_up[platform-service]"
SPACE = "test_reading_is_below[volume-space]"
NAN = float("nan")
RETENTION, STATS, TRACES = (f"test_endpoint_says_what_is_expected[{name}]" for name in ("audit-retention", "audit-stats", "traces"))
OUTLIVES = "test_endpoint_certificate_outlives_its_renewal_window[health]"
LOGIN = "<html><body>Sign in</body></html>"


def _metrics(world: World) -> Metrics:
    assert world.metrics is not None
    return world.metrics


def _served(world: World) -> Served:
    served = world.sites["api"].certificate
    assert served is not None
    return served


def _route(path: str, site: str = "api", **values: object) -> Callable[[World], None]:
    def edit(world: World) -> None:
        for name, value in values.items():
            setattr(world.sites[site].routes[path], name, value)

    return edit


def _maintenance(status: int) -> Callable[[World], None]:
    """The maintenance page is still shown in place of everything."""

    def edit(world: World) -> None:
        routes = world.sites["api"].routes
        for path, route in routes.items():
            if path != "/maintenance":
                routes[path] = replace(routes["/maintenance"], status=status, token=route.token)

    return edit


def _failing_export(world: World) -> None:
    route = world.sites["api"].routes["/audit/export"]
    route.text = f"{route.text.partition(chr(10))[0]}\nERROR: canceling statement due to statement timeout\n"


def _each(name: str, change: Callable[[Series], None], pod: str = "") -> Callable[[World], None]:
    """Change every series of that name, or that of one pod."""

    def edit(world: World) -> None:
        for series in _metrics(world).series:
            if series.name == name and pod in (series.target or ""):
                change(series)

    return edit


def _all_fail(series: Series) -> None:
    series.value[1200] = 5.0


def _reset(series: Series) -> None:
    series.value = {300: next(iter(series.value.values()))}


def _job_renamed(world: World) -> None:
    for labels in _metrics(world).targets.values():
        if labels["job"] == "platform-service":
            labels["job"] = "platform"


def _second_alert(world: World) -> None:
    """Another group has an alert of the same name, and that one fires."""
    labels, notes = {"severity": "warning"}, {"runbook_url": "https://wiki/platform/runbook"}
    rule = {"alert": "HighLatency", "expr": "vector(1)", "labels": labels, "annotations": notes}
    _metrics(world).rules.append({"name": "another", "rules": [rule]})


def _rule_elsewhere(world: World) -> None:
    """The metrics of a rule exist, but not in the job that it names."""
    rule = next(each for each in _metrics(world).rules[0]["rules"] if each["alert"] == "HighErrorRate")
    rule["expr"] = rule["expr"].replace('job="platform-service"', 'job="platform_service"')


def _runbook_to_do(world: World) -> None:
    next(each for each in _metrics(world).rules[0]["rules"] if each["alert"] == "HighLatency")["annotations"]["runbook_url"] = "TODO"


def _issued(**values: object) -> Callable[[World], None]:
    def edit(world: World) -> None:
        for name, value in values.items():
            setattr(_served(world), name, value)

    return edit


TRUSTED = "test_endpoint_certificate_is_trusted[health]"
RULE = "test_alert_rule_evaluates[high-error-rate]"
FAMILIES = (
    Unlisted("the maintenance page was left on", _maintenance(200), VIOLATED, (HEALTHY, RETENTION, EXPORT), "JSON"),
    Unlisted("the maintenance page was left on, with its status", _maintenance(503), VIOLATED, (ANSWERS, FETCHED), "503"),
    Unlisted("a rule looks into a job that does not exist", _rule_elsewhere, VIOLATED, (RULE,), '{job="platform_service"} has no series'),
    Unlisted(
        "an alert's runbook is still to be written",
        _runbook_to_do,
        VIOLATED,
        ("test_alerts_lead_to_a_runbook[prometheus]",),
        "platform-service/HighLatency",
    ),
    Unlisted("one pod fails every request", _each("http_request_errors_total", _all_fail, POD), VIOLATED, (ERRORS,), "33"),
    Unlisted("the job was renamed", _job_renamed, VIOLATED, (SCRAPED, ERRORS, P95), "no target of job platform-service"),
    Unlisted(
        "no pod says how many connections it may have",
        _each("active_connections_max", lambda series: setattr(series, "until", 900)),
        VIOLATED,
        (CONNECTIONS,),
        "active_connections_max",
    ),
    Unlisted("the kubelet is not scraped", lambda world: _metrics(world).silent.append("kubelet"), VIOLATED, (SPACE,), "kubelet_volume"),
    Unlisted("counters began anew", _each("http_requests_total", _reset), HOLDS, (RATE, ERRORS), "prometheus"),
    Unlisted("an alert of the same name fires", _second_alert, VIOLATED, ("test_alert_is_not_firing[high-latency]",), "HighLatency"),
    Unlisted("health is a login page with status 200", _route("/health", json=None, text=LOGIN), VIOLATED, (HEALTHY,), "JSON"),
    Unlisted("health answers an empty object", _route("/health", json={}), VIOLATED, (HEALTHY,), "status"),
    Unlisted("health is within another object", _route("/health", json={"data": {"status": "healthy"}}), VIOLATED, (HEALTHY,), "no status"),
    Unlisted("health is in a list", _route("/health", json=[{"status": "healthy"}]), VIOLATED, (HEALTHY,), "no status"),
    Unlisted("health is 404", _route("/health", status=404), VIOLATED, (ANSWERS,), "| 404 |"),
    Unlisted("health is fine and the status is 500", _route("/health", status=500), VIOLATED, (ANSWERS,), "| 500 |", (HEALTHY,)),
    Unlisted("the export fails after its header", _failing_export, VIOLATED, (EXPORT,), "row 2 has 1 columns"),
    Unlisted("a retention is true", _route("/audit/retention", json={"retentionDays": True}), VIOLATED, (RETENTION,), "True"),
    Unlisted("a number of events is a text", _route("/audit/stats", json={"count": "12"}), VIOLATED, (STATS,), "'12'"),
    Unlisted("the tracing answers an error", _route("/api/traces", "jaeger", json={"data": None}), VIOLATED, (TRACES,), "no length"),
    Unlisted(
        "the log dashboard lost its certificate",
        lambda world: setattr(world.sites["kibana"], "certificate", None),
        VIOLATED,
        ("test_endpoint_certificate_is_trusted[log-dashboard]",),
        "is not https",
    ),
    Unlisted("the certificate ends in 29 days", _issued(valid_for=29 * 86400.0), VIOLATED, (OUTLIVES,), "28d", (TRUSTED,)),
    Unlisted("the certificate is signed with SHA-1", _issued(signature="sha1"), VIOLATED, (TRUSTED, ANSWERS), "too weak"),
    Unlisted("the certificate is of an unknown authority", _issued(issuer="foreign"), VIOLATED, (TRUSTED, ANSWERS), "local issuer"),
    Unlisted("health is cut off", _route("/health", json=None, text='{"status": "healthy"'), VIOLATED, (HEALTHY,), "JSON"),
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
)
