"""Kinds that Prometheus knows about: the server itself, its alerting rules, alerts, and what it scrapes."""

from typing import Any, ClassVar

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from muster.connections import Connection
from muster.expectations import Expect, Limit, Many, Model, Name, Off, Severity, Wanted
from muster.kinds.base import Connected
from muster.kinds.selectors import Selector


class PrometheusServerExpect(Expect):
    """What a Prometheus server has to do."""

    ready: Wanted[Limit[int]] | None = (Limit[int].model_construct(limit=200),)
    """HTTP status of `/-/ready`."""
    configuration: Wanted[Limit[str]] | None = (Limit[str].model_construct(limit="loaded"),)
    """`loaded`: the last reload of the configuration succeeded, so the file on disk is the one in force."""
    failing_rules: Wanted[Limit[int]] | None = (Limit[int].model_construct(limit=0),)
    """Rules whose last evaluation failed, or that have not been evaluated for four intervals."""
    rules_without_runbook: Wanted[Limit[int]] | None = (Limit[int].model_construct(limit=0),)
    """Alerting rules without an annotation that leads to a runbook."""


class PrometheusServer(Connected):
    """A Prometheus server, as the subject: whether it works, not what it measures."""

    section: ClassVar[str] = "prometheus_servers"
    fixture: ClassVar[str] = "prometheus_server"
    connects: ClassVar[tuple[str, ...]] = ("prometheus",)
    severities: ClassVar[dict[str, Severity]] = {"ready": "P0", "configuration": "P1", "failing_rules": "P1", "rules_without_runbook": "P3"}

    runbook_annotations: Many[str] = Field(default=("runbook_url", "runbook"), min_length=1)
    """Names of annotations that count as a runbook."""
    expect: PrometheusServerExpect = PrometheusServerExpect.model_construct()

    def where(self) -> str:
        """The connection that leads to the server."""
        return f"connection {self.named()[0]}"


class AlertRuleExpect(Expect):
    """What a rule has to do, so that its silence means something."""

    evaluates: Wanted[Limit[str]] | None = (Limit[str].model_construct(limit="ok"),)
    """`ok`: loaded, without error, evaluated within four intervals, and every metric that it names has series."""


class AlertRule(Connected):
    """An alerting or recording rule that must be able to fire."""

    section: ClassVar[str] = "alert_rules"
    fixture: ClassVar[str] = "alert_rule"
    connects: ClassVar[tuple[str, ...]] = ("prometheus",)
    severities: ClassVar[dict[str, Severity]] = {"evaluates": "P1"}

    rule: str = Field(min_length=1)
    """The rule's name: of an alert, or of the series that it records."""
    group: str | None = None
    """Its group, when the name stands in several."""
    may_be_absent: Many[str] = ()
    """Metrics that the rule names and that may have no series, such as a counter that begins with the first error."""
    expect: AlertRuleExpect = AlertRuleExpect.model_construct()

    def where(self) -> str:
        """The rule's name."""
        return f"rule {self.rule}"


class AlertExpect(Expect):
    """What an alert may do."""

    firing: Wanted[Limit[int]] | None = (Limit[int].model_construct(limit=0),)
    """How many instances of it may be firing."""


class Alert(Connected):
    """An alert that should not be firing. Its rule must be loaded and evaluated: no rule is no silence."""

    section: ClassVar[str] = "alerts"
    fixture: ClassVar[str] = "alert"
    connects: ClassVar[tuple[str, ...]] = ("prometheus",)
    severities: ClassVar[dict[str, Severity]] = {"firing": "P1"}

    alert: str | None = Field(default=None, min_length=1)
    """The alert's name; without it every alerting rule that `labels` selects."""
    labels: dict[str, str] = Field(default_factory=dict)
    """Only instances with these labels count; without `alert`, only rules with these labels."""
    expect: AlertExpect = AlertExpect.model_construct()

    @model_validator(mode="after")
    def _selects(self) -> "Alert":
        if self.alert is None and not self.labels:
            raise PydanticCustomError("alert", "alert or labels is missing: which alert?")
        return self

    def where(self) -> str:
        """The alert's name and the labels that select it."""
        labels = ", ".join(f"{name}={value}" for name, value in self.labels.items())
        return " ".join(filter(None, ["alert", self.alert, f"{{{labels}}}" if labels else ""]))


class ScrapedPods(Model):
    """The pods that a job should scrape, each of which must have a target."""

    connection: Name
    """The cluster."""
    selector: Selector
    """Label selector of the pods: `app=web,tier!=test`."""
    namespace: str | None = None
    """Without it the connection's."""
    label: str = "pod"
    """The target's label that holds the pod's name."""


class ScrapeTargetExpect(Expect):
    """What a scrape job has to do."""

    down: Wanted[Limit[int]] | None = (Limit[int].model_construct(limit=0),)
    """Targets that the last scrape did not reach."""
    unscraped: Wanted[Limit[int]] | None = None
    """Running pods without a target that is up; needs `pods`, and is then 0 unless said otherwise."""
    targets: Wanted[Limit[int]] | None = None
    """At least so many targets exist."""


class ScrapeTarget(Connected):
    """The targets of a scrape job, and the pods they should be."""

    section: ClassVar[str] = "scrape_targets"
    fixture: ClassVar[str] = "scrape_target"
    connects: ClassVar[tuple[str, ...]] = ("prometheus",)
    severities: ClassVar[dict[str, Severity]] = {"down": "P1", "unscraped": "P1", "targets": "P1"}

    job: str = Field(min_length=1)
    """The `job` label."""
    labels: dict[str, str] = Field(default_factory=dict)
    """Only targets with these labels."""
    pods: ScrapedPods | None = None
    """The pods that must be scraped."""
    expect: ScrapeTargetExpect = ScrapeTargetExpect.model_construct()

    @model_validator(mode="before")
    @classmethod
    def _pods_mean_unscraped(cls, value: Any) -> Any:
        """Naming the pods means that all of them are to be scraped, unless the expectation is given."""
        if isinstance(value, dict) and value.get("pods") and isinstance(value.get("expect", {}), dict):
            return value | {"expect": {"unscraped": 0} | value.get("expect", {})}
        return value

    @model_validator(mode="after")
    def _unscraped_needs_pods(self) -> "ScrapeTarget":
        if self.pods is None and self.expect.unscraped is not None and not isinstance(self.expect.unscraped, Off):
            raise PydanticCustomError("pods", "unscraped needs pods: which pods should be scraped?")
        return self

    def also_named(self) -> tuple[tuple[str, str], ...]:
        """The cluster of `pods`."""
        return ((self.pods.connection, "kubernetes"),) if self.pods else ()

    def cluster(self) -> Connection:
        """The cluster of `pods`."""
        assert self.pods is not None, self.id
        return self._connections[self.pods.connection]

    def where(self) -> str:
        """The scrape job."""
        return f"job {self.job}"
