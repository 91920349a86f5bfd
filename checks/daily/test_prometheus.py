"""Prometheus itself, its alerts and its targets, every morning."""

import pytest

from fixtures.prometheus.probes import AlertState, PrometheusConfiguration, PrometheusReadiness, PrometheusRules, ScrapedPods, ScrapeTargets


@pytest.mark.gate
@pytest.mark.expects("ready")
def test_prometheus_is_ready(prometheus_readiness: PrometheusReadiness, limit: int) -> None:
    """Prometheus is reachable and ready to answer queries.

    Next: curl -i <its address>/-/ready, then the log of its process: a replay of the write-ahead log can take minutes.
    """
    assert prometheus_readiness.status == limit


@pytest.mark.expects("configuration")
def test_prometheus_runs_its_configuration(prometheus_configuration: PrometheusConfiguration, limit: str) -> None:
    """The configuration on disk is the one in force.

    Next: promtool check config <file>, then the server's log around its last reload.
    """
    assert prometheus_configuration.state == limit


@pytest.mark.expects("failing_rules")
def test_prometheus_evaluates_its_rules(prometheus_rules: PrometheusRules, limit: int) -> None:
    """Every loaded rule is evaluated without an error.

    Next: open <address>/rules, the error stands beside the rule.
    """
    assert prometheus_rules.failing <= limit


@pytest.mark.gate
@pytest.mark.expects("firing")
def test_alert_is_not_firing(alert_state: AlertState, limit: int) -> None:
    """The alert is not firing, and its rule is loaded and evaluated.

    Next: open <address>/alerts, then follow the alert's runbook annotation.
    """
    assert alert_state.firing <= limit


@pytest.mark.gate
@pytest.mark.expects("down")
def test_scrape_targets_are_up(scrape_targets: ScrapeTargets, limit: int) -> None:
    """The last scrape reached every target of the job.

    Next: open <address>/targets, the error stands beside the target.
    """
    assert scrape_targets.down <= limit


@pytest.mark.gate
@pytest.mark.expects("unscraped")
def test_every_pod_is_scraped(scraped_pods: ScrapedPods, limit: int) -> None:
    """Every running pod has a scrape target that is up.

    Next: open <address>/service-discovery and compare the pod's labels and ports with the job's relabelling.
    """
    assert scraped_pods.unscraped <= limit


@pytest.mark.expects("targets")
def test_scrape_job_has_its_targets(scrape_targets: ScrapeTargets, limit: int) -> None:
    """The job has as many targets as it should at least have.

    Next: open <address>/service-discovery and look at what the job drops.
    """
    assert scrape_targets.targets >= limit
