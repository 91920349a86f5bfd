"""Kinds that an Alertmanager knows about: the server itself with what waits in it, and silences that should be there."""

from typing import ClassVar, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from muster.expectations import Expect, Limit, Many, Severity, Wanted
from muster.kinds.base import Connected
from muster.units import Duration

RESPONSES: dict[Severity, Duration] = {"P0": Duration(300), "P1": Duration(1800), "P2": Duration(7200), "P3": Duration(86400)}
PRIORITIES: dict[str, Severity] = {
    "P0": "P0", "P1": "P1", "P2": "P2", "P3": "P3", "critical": "P0", "page": "P0", "error": "P1", "warning": "P2", "info": "P3",
}  # fmt: skip


class AlertmanagerServerExpect(Expect):
    """What an Alertmanager has to do, and what may lie in it."""

    ready: Wanted[Limit[int]] | None = (Limit[int].model_construct(limit=200),)
    """HTTP status of `/-/ready`."""
    configuration: Wanted[Limit[str]] | None = (Limit[str].model_construct(limit="loaded"),)
    """`loaded`: the last reload of the configuration succeeded, so the file on disk is the one in force."""
    cluster: Wanted[Limit[Literal["ready", "disabled"]]] | None = (Limit[Literal["ready", "disabled"]](limit="ready"),)
    """`ready`: it has found the others of its cluster, none of which may be there; `disabled`: it is not to look for any."""
    peers: Wanted[Limit[int]] | None = None
    """At least so many members are in the cluster, this one included."""
    waiting: Wanted[Limit[int]] | None = (Limit[int].model_construct(limit=0),)
    """Alerts that have fired for longer than their severity's response time, and that nobody has silenced."""
    endless_silences: Wanted[Limit[int]] | None = (Limit[int].model_construct(limit=0),)
    """Silences that last for longer than `silence_at_most`."""
    silences_of_everything: Wanted[Limit[int]] | None = (Limit[int].model_construct(limit=0),)
    """Silences whose matchers every alert satisfies, such as `alertname=~".+"`."""
    watchdog: Wanted[Limit[str]] | None = None
    """Name of the alert that always fires: as long as it is here, alerts arrive."""


class AlertmanagerServer(Connected):
    """An Alertmanager: whether it works, and whether somebody answers what it says. What Muster pushes itself waits nowhere here."""

    section: ClassVar[str] = "alertmanagers"
    fixture: ClassVar[str] = "alertmanager_server"
    connects: ClassVar[tuple[str, ...]] = ("alertmanager",)
    severities: ClassVar[dict[str, Severity]] = {
        "ready": "P0", "configuration": "P1", "cluster": "P1", "peers": "P1", "waiting": "P1", "endless_silences": "P2",
        "silences_of_everything": "P0", "watchdog": "P0",
    }  # fmt: skip

    severity_label: str = "severity"
    """Label of an alert that holds its severity."""
    priorities: dict[str, Severity] = Field(default_factory=lambda: dict(PRIORITIES))
    """What values of that label mean. An alert with another value, or without one, is taken for the most urgent."""
    respond_within: dict[Severity, Duration] = Field(default_factory=dict)
    """Response times; without it `{P0: 5m, P1: 30m, P2: 2h, P3: 24h}`."""
    never_waiting: Many[str] = ("Watchdog", "InfoInhibitor")
    """Names of alerts that fire without anybody having to come."""
    silence_at_most: Duration = Duration(30 * 86400)
    """How long a silence may last, from its begin to its end."""
    expect: AlertmanagerServerExpect = AlertmanagerServerExpect.model_construct()

    def response(self, severity: Severity) -> Duration:
        """How long an alert of this severity may wait."""
        return self.respond_within.get(severity, RESPONSES[severity])

    def where(self) -> str:
        """The connection that leads to the server."""
        return f"connection {self.named()[0]}"


class PlannedSilenceExpect(Expect):
    """What is expected of silences."""

    announced: Wanted[Limit[int]] | None = (Limit[int].model_construct(limit=1),)
    """At least so many such silences are in force, or begin within `ahead`."""


class PlannedSilence(Connected):
    """A silence that has to exist, because planned work is announced with one; usually with `when:`, which says that there is any."""

    section: ClassVar[str] = "silences"
    fixture: ClassVar[str] = "planned_silence"
    connects: ClassVar[tuple[str, ...]] = ("alertmanager",)
    severities: ClassVar[dict[str, Severity]] = {"announced": "P3"}

    covers: dict[str, str] = Field(min_length=1)
    """Labels of an alert that the silence has to cover: `{service: web}`. One of its matchers has to name one of them."""
    ahead: Duration = Duration(86400)
    """How early it has to be there."""
    expect: PlannedSilenceExpect = PlannedSilenceExpect.model_construct()

    @field_validator("covers")
    @classmethod
    def _with_values(cls, value: dict[str, str]) -> dict[str, str]:
        if not all(value.values()):
            raise PydanticCustomError("covers", "a label needs a value: which alerts are to be covered?")
        return value

    def where(self) -> str:
        """The labels that are to be covered."""
        return "silence of {" + ", ".join(f"{name}={value}" for name, value in self.covers.items()) + "}"
