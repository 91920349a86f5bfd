"""Samples of the checks on Alertmanager."""

from collections.abc import Callable
from typing import Any

from checks.daily import test_alertmanager as alertmanager
from fixtures.alertmanager.probes import (
    AlertmanagerCluster,
    AlertmanagerConfiguration,
    AlertmanagerReadiness,
    AnnouncedSilences,
    ReceivedAlerts,
    Silences,
)
from muster.units import Counted, Instant

AT = Instant(1_800_000_000.0)
ONE: dict[str, Any] = {"looked_at": 1, "of": "servers"}


def ready(status: int | str) -> AlertmanagerReadiness:
    """What /-/ready answered."""
    return AlertmanagerReadiness(**ONE, status=status, at=AT)


def cluster(status: str, peers: int) -> AlertmanagerCluster:
    """The state of the cluster."""
    return AlertmanagerCluster(**ONE, status=status, peers=peers)


def alerts(*waiting: str, active: tuple[str, ...] = ("Watchdog",)) -> ReceivedAlerts:
    """What has arrived, and what of it waits."""
    return ReceivedAlerts(**ONE, at=AT, waiting=Counted(waiting), active=active)


def silences(endless: tuple[str, ...] = (), everything: tuple[str, ...] = ()) -> Silences:
    """What is silenced."""
    return Silences(**ONE, at=AT, endless=Counted(endless), of_everything=Counted(everything))


def announced(*found: str) -> AnnouncedSilences:
    """What is announced."""
    return AnnouncedSilences(**ONE, at=AT, announced=Counted(found))


SAMPLES: dict[Callable[..., None], tuple[dict[str, object], dict[str, object]]] = {
    alertmanager.test_alertmanager_is_ready: (
        {"alertmanager_readiness": ready(200), "limit": 200},
        {"alertmanager_readiness": ready("connection refused"), "limit": 200},
    ),
    alertmanager.test_alertmanager_runs_its_configuration: (
        {"alertmanager_configuration": AlertmanagerConfiguration(**ONE, state="loaded"), "limit": "loaded"},
        {"alertmanager_configuration": AlertmanagerConfiguration(**ONE, state="the last reload failed"), "limit": "loaded"},
    ),
    alertmanager.test_alertmanager_has_found_its_cluster: (
        {"alertmanager_cluster": cluster("ready", 3), "limit": "ready"},
        {"alertmanager_cluster": cluster("settling", 1), "limit": "ready"},
    ),
    alertmanager.test_alertmanager_has_its_peers: (
        {"alertmanager_cluster": cluster("ready", 3), "limit": 3},
        {"alertmanager_cluster": cluster("ready", 2), "limit": 3},
    ),
    alertmanager.test_no_alert_waits_longer_than_its_response_time: (
        {"received_alerts": alerts(), "limit": 0},
        {"received_alerts": alerts("HighErrorRate{} P0 (critical) waits for 42m, 5m are allowed"), "limit": 0},
    ),
    alertmanager.test_watchdog_arrives: (
        {"received_alerts": alerts(), "limit": "Watchdog"},
        {"received_alerts": alerts(active=("HighErrorRate",)), "limit": "Watchdog"},
    ),
    alertmanager.test_silences_end: (
        {"alert_silences": silences(), "limit": 0},
        {"alert_silences": silences(endless=("{alertname=HighMemoryUsage} by nobody lasts 1095d",)), "limit": 0},
    ),
    alertmanager.test_nobody_has_silenced_everything: (
        {"alert_silences": silences(), "limit": 0},
        {"alert_silences": silences(everything=("{alertname=~.+} by nobody",)), "limit": 0},
    ),
    alertmanager.test_maintenance_is_announced: (
        {"announced_silences": announced("{service=web} by somebody"), "limit": 1},
        {"announced_silences": announced(), "limit": 1},
    ),
}
