"""Prometheus as a subject: the server, its rules, its alerts, its targets, against a real one with a cluster beside it."""

import pytest

from muster.connections import Connection
from muster.kinds.prometheus import Alert, AlertRule, PrometheusServer, ScrapeTarget
from muster.probes import Nothing
from tests.probes.prometheus_servers import Look, looked

pytestmark = pytest.mark.usefixtures("new_look")


@pytest.fixture
def look(connections: dict[str, Connection]) -> Look:
    return lambda probe, kind, **declared: looked(probe, kind, connections, **declared)


def test_a_real_server_is_ready_and_runs_its_configuration(look: Look) -> None:
    assert look("prometheus_readiness", PrometheusServer).status == 200
    assert look("prometheus_configuration", PrometheusServer).state == "loaded"


def test_failing_rules_and_rules_without_a_runbook_are_named(look: Look) -> None:
    seen = look("prometheus_rules", PrometheusServer)

    assert (seen.looked_at, seen.alerting) == (5, 4)
    assert [text.partition(":")[0] for text in seen.failing.things] == ["web/Broken"]
    assert seen.without_runbook.things == ("web/Busy", "web/Broken", "web/Blind")


def test_other_annotations_may_count_as_a_runbook(look: Look) -> None:
    seen = look("prometheus_rules", PrometheusServer, runbook_annotations=["summary", "runbook_url"])

    assert seen.without_runbook.things == ("web/Broken", "web/Blind")


@pytest.mark.parametrize("rule", ["Failing", "job:requests:rate"])
def test_a_rule_on_metrics_that_exist_evaluates(look: Look, rule: str) -> None:
    assert look("alert_rule_health", AlertRule, rule=rule).state == "ok"


def test_a_rule_that_fails_says_why(look: Look) -> None:
    assert "its evaluation fails" in look("alert_rule_health", AlertRule, rule="Broken").state


def test_a_rule_on_a_missing_metric_names_it(look: Look) -> None:
    seen = look("alert_rule_health", AlertRule, rule="Blind")

    assert seen.state == "requests_count has no series"
    assert seen.metrics == ("requests_count", "errors_total")


def test_a_metric_may_be_declared_to_be_absent(look: Look) -> None:
    assert look("alert_rule_health", AlertRule, rule="Blind", may_be_absent=["requests_count"]).state == "ok"


def test_a_rule_that_is_not_loaded_is_nothing(look: Look) -> None:
    missing, elsewhere = (
        look("alert_rule_health", AlertRule, rule="Gone"),
        look("alert_rule_health", AlertRule, rule="Failing", group="other"),
    )

    assert missing.note == "no rule named Gone among 5 rules in 1 group"
    assert isinstance(elsewhere, Nothing)


def test_a_silent_alert_with_a_rule_is_not_firing(look: Look) -> None:
    seen = look("alert_state", Alert, alert="Failing")

    assert (seen.looked_at, seen.firing) == (1, 0)


def test_a_firing_alert_names_its_instances(look: Look) -> None:
    seen = look("alert_state", Alert, alert="Busy")

    assert seen.firing == 2
    assert all(text.startswith("Busy (") and "pod=web-" in text for text in seen.firing.things)


def test_labels_select_instances_and_rules(look: Look) -> None:
    assert look("alert_state", Alert, alert="Busy", labels={"pod": "web-a"}).firing == 1
    assert look("alert_state", Alert, labels={"severity": "page"}).firing == 2
    assert isinstance(look("alert_state", Alert, labels={"severity": "nobody"}), Nothing)


def test_the_silence_of_a_missing_or_failing_rule_says_nothing(look: Look) -> None:
    assert "no alerting rule for alert Gone" in look("alert_state", Alert, alert="Gone").note
    assert "silence says nothing" in look("alert_state", Alert, alert="Broken").note


def test_targets_that_are_down_are_named(look: Look) -> None:
    assert look("scrape_targets", ScrapeTarget, job="web").down == 0
    assert look("scrape_targets", ScrapeTarget, job="sick").down.things == ("web-down",)


def test_a_job_without_targets_is_nothing(look: Look) -> None:
    assert look("scrape_targets", ScrapeTarget, job="webb").note == "no target of job webb; there are: sick, web"


def test_pods_without_a_target_are_named(look: Look) -> None:
    seen = look("scraped_pods", ScrapeTarget, job="web", pods={"connection": "cluster", "selector": "app=web"})

    assert (seen.looked_at, seen.targets) == (3, 2)
    assert seen.unscraped.things == ("web-c: no target",)


def test_pods_behind_a_target_that_is_down_are_not_scraped(look: Look) -> None:
    seen = look("scraped_pods", ScrapeTarget, job="sick", pods={"connection": "cluster", "selector": "app=web", "label": "pod"})

    assert seen.unscraped == 3


def test_a_selector_that_matches_no_pod_is_nothing(look: Look) -> None:
    seen = look("scraped_pods", ScrapeTarget, job="web", pods={"connection": "cluster", "selector": "app=wbe"})

    assert seen.note == "no running pod has app=wbe"
