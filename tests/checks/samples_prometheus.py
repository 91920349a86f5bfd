"""Samples of the checks on Prometheus, its rules, alerts and targets."""

from collections.abc import Callable

from checks.daily import test_prometheus as prometheus
from checks.monthly import test_alert_annotations as annotations
from checks.weekly import test_alert_rules as rules
from fixtures.prometheus.probes import (
    AlertRuleHealth,
    AlertState,
    PrometheusConfiguration,
    PrometheusReadiness,
    PrometheusRules,
    ScrapedPods,
    ScrapeTargets,
)
from muster.units import Counted, Instant

AT = Instant(1_800_000_000.0)
PODS = ("pod-a", "pod-b")


def ready(status: int | str) -> PrometheusReadiness:
    """What /-/ready answered."""
    return PrometheusReadiness(looked_at=1, of="servers", status=status, at=AT)


def configuration(state: str) -> PrometheusConfiguration:
    """The state of the configuration."""
    return PrometheusConfiguration(looked_at=1, of="servers", state=state)


def loaded(failing: tuple[str, ...] = (), without: tuple[str, ...] = ()) -> PrometheusRules:
    """Three rules, some of them bad."""
    return PrometheusRules(looked_at=3, of="rules", at=AT, alerting=3, failing=Counted(failing), without_runbook=Counted(without))


def alert(*firing: str) -> AlertState:
    """An alert with these instances."""
    return AlertState(looked_at=1, of="rules", at=AT, firing=Counted(firing), pending=Counted(("HighLatency since 2m",)))


def targets(*down: str) -> ScrapeTargets:
    """Two targets, some of them down."""
    return ScrapeTargets(looked_at=2, of="targets", at=AT, targets=Counted(PODS), down=Counted(down))


def pods(*unscraped: str) -> ScrapedPods:
    """Two pods, some of them not scraped."""
    return ScrapedPods(looked_at=2, of="pods", at=AT, targets=2, unscraped=Counted(unscraped))


def health(state: str) -> AlertRuleHealth:
    """A rule in this state."""
    return AlertRuleHealth(looked_at=1, of="rules", state=state, query="errors_total > 1", metrics=("errors_total",), evaluated=AT)


SAMPLES: dict[Callable[..., None], tuple[dict[str, object], dict[str, object]]] = {
    prometheus.test_prometheus_is_ready: (
        {"prometheus_readiness": ready(200), "limit": 200},
        {"prometheus_readiness": ready("p:9090: connection refused"), "limit": 200},
    ),
    prometheus.test_prometheus_runs_its_configuration: (
        {"prometheus_configuration": configuration("loaded"), "limit": "loaded"},
        {"prometheus_configuration": configuration("the last reload failed, an older configuration is in force"), "limit": "loaded"},
    ),
    prometheus.test_prometheus_evaluates_its_rules: (
        {"prometheus_rules": loaded(), "limit": 0},
        {"prometheus_rules": loaded(failing=("g/HighLatency: its evaluation fails: many-to-many",)), "limit": 0},
    ),
    prometheus.test_alert_is_not_firing: (
        {"alert_state": alert(), "limit": 0},
        {"alert_state": alert("HighErrorRate since 3m"), "limit": 0},
    ),
    prometheus.test_scrape_targets_are_up: (
        {"scrape_targets": targets(), "limit": 0},
        {"scrape_targets": targets("pod-b"), "limit": 0},
    ),
    prometheus.test_every_pod_is_scraped: (
        {"scraped_pods": pods(), "limit": 0},
        {"scraped_pods": pods("pod-c: no target"), "limit": 0},
    ),
    prometheus.test_scrape_job_has_its_targets: (
        {"scrape_targets": targets(), "limit": 2},
        {"scrape_targets": targets(), "limit": 3},
    ),
    annotations.test_alerts_lead_to_a_runbook: (
        {"prometheus_rules": loaded(), "limit": 0},
        {"prometheus_rules": loaded(without=("g/HighLatency",)), "limit": 0},
    ),
    rules.test_alert_rule_evaluates: (
        {"alert_rule_health": health("ok"), "limit": "ok"},
        {"alert_rule_health": health("errors_total has no series"), "limit": "ok"},
    ),
}
