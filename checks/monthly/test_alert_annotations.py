"""Alerting rules: whether who is paged finds out what to do."""

import pytest

from fixtures.prometheus.probes import PrometheusRules


@pytest.mark.expects("rules_without_runbook")
def test_alerts_lead_to_a_runbook(prometheus_rules: PrometheusRules, limit: int) -> None:
    """Every alerting rule has an annotation that leads to a runbook.

    Next: add runbook_url to the annotations of the rules that are named.
    """
    assert prometheus_rules.without_runbook <= limit
