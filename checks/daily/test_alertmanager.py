"""Alertmanager: whether alerts arrive and are answered, and nobody has silenced what should be heard."""

import pytest

from fixtures.alertmanager.probes import (
    AlertmanagerCluster,
    AlertmanagerConfiguration,
    AlertmanagerReadiness,
    AnnouncedSilences,
    ReceivedAlerts,
    Silences,
)


@pytest.mark.expects("ready")
def test_alertmanager_is_ready(alertmanager_readiness: AlertmanagerReadiness, limit: int) -> None:
    """Alertmanager is reachable and ready to take alerts.

    Next: curl -i <its address>/-/ready, then the log of its process.
    """
    assert alertmanager_readiness.status == limit


@pytest.mark.expects("configuration")
def test_alertmanager_runs_its_configuration(alertmanager_configuration: AlertmanagerConfiguration, limit: str) -> None:
    """The configuration on disk is the one in force.

    Next: amtool check-config <file>, then the server's log around its last reload.
    """
    assert alertmanager_configuration.state == limit


@pytest.mark.expects("cluster")
def test_alertmanager_has_found_its_cluster(alertmanager_cluster: AlertmanagerCluster, limit: str) -> None:
    """The server has found the others of its cluster, or is declared to have none.

    Next: open <address>/#/status, and compare --cluster.peer with the members that are there.
    """
    assert alertmanager_cluster.status == limit


@pytest.mark.expects("peers")
def test_alertmanager_has_its_peers(alertmanager_cluster: AlertmanagerCluster, limit: int) -> None:
    """The cluster has as many members as it should at least have.

    Next: open <address>/#/status; who does not see the others tells everything twice.
    """
    assert alertmanager_cluster.peers >= limit


@pytest.mark.expects("waiting")
def test_no_alert_waits_longer_than_its_response_time(received_alerts: ReceivedAlerts, limit: int) -> None:
    """No alert has fired for longer than its severity's response time without being answered.

    Next: open <address>/#/alerts, take the oldest: acknowledge it by a silence with a ticket, then follow its runbook.
    """
    assert received_alerts.waiting <= limit


@pytest.mark.expects("watchdog")
def test_watchdog_arrives(received_alerts: ReceivedAlerts, limit: str) -> None:
    """The alert that always fires is here, so alerts arrive.

    Next: does Prometheus reach this Alertmanager (its /api/v1/alertmanagers), and is the rule of the watchdog loaded?
    """
    assert limit in received_alerts.active


@pytest.mark.expects("endless_silences")
def test_silences_end(alert_silences: Silences, limit: int) -> None:
    """No silence lasts for longer than silences may.

    Next: open <address>/#/silences, ask whoever made it, and give it an end.
    """
    assert alert_silences.endless <= limit


@pytest.mark.expects("silences_of_everything")
def test_nobody_has_silenced_everything(alert_silences: Silences, limit: int) -> None:
    """No silence covers whatever fires.

    Next: open <address>/#/silences and expire it; whoever works on one service silences that service.
    """
    assert alert_silences.of_everything <= limit


@pytest.mark.readiness
@pytest.mark.expects("announced")
def test_maintenance_is_announced(announced_silences: AnnouncedSilences, limit: int) -> None:
    """Planned work is announced by a silence, as early as it has to be.

    Next: amtool silence add with the labels of what is worked on, then tell the stakeholders.
    """
    assert announced_silences.announced >= limit
