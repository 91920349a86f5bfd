"""platform-service: its Alertmanager, into which a watchdog and a young warning have come, and the silence for tonight's work."""

from collections.abc import Callable
from typing import Any

from sandbox.alerting import Alertmanager, ReceivedAlert, Silence
from sandbox.world import Fault, Series, World

HOUR, DAY = 3600.0, 86400.0
SERVICE = "platform-service"
WORK = Silence([f"service={SERVICE}"], begins=6 * HOUR, lasts=2 * HOUR, comment="CHG-2041: new minor version of PostgreSQL")


def build(world: World, _now: float) -> None:
    """Add this part to the healthy world; its moments are all relative to now."""
    alerts = [
        ReceivedAlert({"alertname": "Watchdog", "severity": "none"}, started=9 * DAY),
        ReceivedAlert({"alertname": "NodeClockSkew", "severity": "warning", "instance": "node-2"}, started=0.5 * HOUR),
    ]
    world.alertmanager = Alertmanager(alerts, [WORK])
    if world.metrics is not None:
        planned = Series("platform_maintenance_planned", {"namespace": "platform"}, value={int(DAY): 1.0}, target="kubelet")
        world.metrics.series.append(planned)


def _edit(change: Callable[[Alertmanager], Any]) -> Callable[[World], None]:
    def edit(world: World) -> None:
        if world.alertmanager is None:
            raise ValueError("this world has no alertmanager")
        change(world.alertmanager)

    return edit


WAITING, WATCHDOG = (f"test_{each}[alertmanager]" for each in ("no_alert_waits_longer_than_its_response_time", "watchdog_arrives"))
ENDLESS, EVERYTHING = "test_silences_end[alertmanager]", "test_nobody_has_silenced_everything[alertmanager]"
CONFIGURATION, CLUSTER = (f"test_alertmanager_{each}[alertmanager]" for each in ("runs_its_configuration", "has_found_its_cluster"))
ANNOUNCED = "test_maintenance_is_announced[planned-maintenance]"
CRITICAL = ReceivedAlert({"alertname": "HighErrorRate", "severity": "critical", "service": SERVICE}, started=0.705 * HOUR)

FAULTS: list[Fault] = [
    Fault(
        "alert-unanswered",
        "HighErrorRate has fired for 42 minutes, and nobody has come.",
        _edit(lambda it: it.alerts.append(CRITICAL)),
        (WAITING,),
    ),
    Fault(
        "maintenance-unannounced",
        "Maintenance begins soon, and there is no silence for it.",
        _edit(lambda it: it.silences.clear()),
        (ANNOUNCED,),
    ),
    Fault("watchdog-silent", "The alert that always fires no longer arrives.", _edit(lambda it: it.alerts.pop(0)), (WATCHDOG,)),
    Fault(
        "silence-endless",
        "A silence of an alert lasts for three years.",
        _edit(lambda it: it.silences.append(Silence(["alertname=HighMemoryUsage"], lasts=1095 * DAY + HOUR))),
        (ENDLESS,),
    ),
    Fault(
        "silence-of-everything",
        "Somebody has silenced whatever has a name, for two hours.",
        _edit(lambda it: it.silences.append(Silence(['alertname=~".+"']))),
        (EVERYTHING, WATCHDOG),
    ),
    Fault(
        "alertmanager-configuration-refused",
        "Alertmanager refused its edited configuration and goes on with the old one.",
        _edit(lambda it: setattr(it, "reloaded", "route: {reciever: on-call}\n")),
        (CONFIGURATION,),
    ),
    Fault(
        "alertmanager-alone", "Alertmanager was started without its cluster.", _edit(lambda it: setattr(it, "cluster", False)), (CLUSTER,)
    ),
]
