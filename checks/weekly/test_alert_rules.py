"""Alerting rules: whether they could fire at all."""

import pytest

from fixtures.prometheus.probes import AlertRuleHealth


@pytest.mark.expects("evaluates")
def test_alert_rule_evaluates(alert_rule_health: AlertRuleHealth, limit: str) -> None:
    """The rule is loaded, evaluated without an error, and every metric that it names has series.

    Next: open <address>/rules, then run the rule's expression without its comparison.
    """
    assert alert_rule_health.state == limit
