"""What a Kubernetes cluster holds besides workloads: autoscalers, jobs, services, nodes, quotas, volumes, any resource."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from muster.expectations import Expect, Limit, Severity, Terms, Wanted
from muster.kinds.base import Connected
from muster.kinds.kubernetes import InNamespace, Within
from muster.kinds.selectors import Selector
from muster.units import Duration, Percent, Quantity


class DeclaredScale(Terms):
    """How an autoscaler is declared: `{minimum: 3, maximum: 10, targets: {cpu: 70%}}`."""

    primary: ClassVar[str] = "declared"

    minimum: int = Field(ge=0)
    maximum: int = Field(ge=1)
    targets: dict[str, str] = Field(min_length=1)
    """Metric and its target, as `kubectl get hpa` shows it: `70%` of the request, or a quantity."""

    @property
    def declared(self) -> str:
        """The declaration in one line, as an observation words it."""
        return scale_line(self.minimum, self.maximum, self.targets)


def scale_line(minimum: int, maximum: int, targets: dict[str, str]) -> str:
    """Minimum, maximum and targets of an autoscaler in one line."""
    return f"{minimum} to {maximum}, " + ", ".join(f"{name} {target}" for name, target in sorted(targets.items()))


class AutoscalerExpect(Expect):
    """What is expected of an autoscaler."""

    unable: Wanted[Limit[int]] | None = (Limit[int].model_construct(limit=0),)
    """Conditions that keep it from scaling (AbleToScale, ScalingActive), at most."""
    headroom: Wanted[Limit[int]] | None = (Limit[int].model_construct(limit=1),)
    """Replicas that it may still add, at least."""
    unknown_metrics: Wanted[Limit[int]] | None = (Limit[int].model_construct(limit=0),)
    """Metrics whose current value it does not know, at most."""
    declared: Wanted[DeclaredScale] | None = None
    """Minimum, maximum and targets as in its manifest."""


class Autoscaler(InNamespace):
    """A HorizontalPodAutoscaler; named like it, unless `autoscaler` says otherwise."""

    section: ClassVar[str] = "autoscalers"
    fixture: ClassVar[str] = "autoscaler"
    severities: ClassVar[dict[str, Severity]] = {"unable": "P1", "headroom": "P1", "unknown_metrics": "P1"}

    autoscaler: str | None = None
    expect: AutoscalerExpect = AutoscalerExpect.model_construct()


class CronJobExpect(Expect):
    """What is expected of a cron job."""

    suspended: Wanted[Limit[bool]] | None = (Limit[bool].model_construct(limit=False),)
    """Whether it is switched off."""
    succeeded_within: Wanted[Limit[Duration]] | None = None
    """Age of the last success, at most; without any, the age of the cron job."""


class CronJob(InNamespace):
    """A cron job; named like it, unless `cron_job` says otherwise."""

    section: ClassVar[str] = "cron_jobs"
    fixture: ClassVar[str] = "cron_job"
    severities: ClassVar[dict[str, Severity]] = {"suspended": "P1", "succeeded_within": "P1"}

    cron_job: str | None = None
    expect: CronJobExpect = CronJobExpect.model_construct()


class JobsExpect(Expect):
    """What is expected of jobs."""

    failed: Wanted[Within] | None = (Within.model_construct(at_most=0, within=Duration(7 * 86400)),)
    """Jobs that failed."""
    running_for: Wanted[Limit[Duration]] | None = None
    """How long any of them has been running, at most."""


class Jobs(InNamespace):
    """The jobs of a namespace: all, those that a selector chooses, or those that one cron job made."""

    section: ClassVar[str] = "jobs"
    fixture: ClassVar[str] = "job_group"
    severities: ClassVar[dict[str, Severity]] = {"failed": "P1"}

    selector: Selector | None = None
    cron_job: str | None = None
    expect: JobsExpect = JobsExpect.model_construct()


class ServiceExpect(Expect):
    """What is expected of a service."""

    ready_endpoints: Wanted[Limit[int]] | None = (Limit[int].model_construct(limit=1),)
    """Endpoints that are ready, at least."""
    addresses: Wanted[Limit[int]] | None = None
    """Addresses that its load balancer was given, at least."""


class Service(InNamespace):
    """A service; named like it, unless `service` says otherwise."""

    section: ClassVar[str] = "services"
    fixture: ClassVar[str] = "service"
    severities: ClassVar[dict[str, Severity]] = {"ready_endpoints": "P0", "addresses": "P0"}

    service: str | None = None
    expect: ServiceExpect = ServiceExpect.model_construct()


class DisruptionBudgetExpect(Expect):
    """What is expected of a disruption budget."""

    allowed: Wanted[Limit[int]] | None = (Limit[int].model_construct(limit=1),)
    """Pods that may be disrupted now, at least: with none, no node can be drained."""


class DisruptionBudget(InNamespace):
    """A PodDisruptionBudget; named like it, unless `disruption_budget` says otherwise."""

    section: ClassVar[str] = "disruption_budgets"
    fixture: ClassVar[str] = "disruption_budget"

    disruption_budget: str | None = None
    expect: DisruptionBudgetExpect = DisruptionBudgetExpect.model_construct()


class NodesExpect(Expect):
    """What is expected of nodes."""

    not_ready: Wanted[Limit[int]] | None = (Limit[int].model_construct(limit=0),)
    """Nodes that are not Ready, at most."""
    ready: Wanted[Limit[int]] | None = None
    """Nodes that are Ready, at least."""
    pressures: Wanted[Limit[int]] | None = (Limit[int].model_construct(limit=0),)
    """Conditions such as DiskPressure, MemoryPressure or NetworkUnavailable, at most."""
    cordoned: Wanted[Limit[int]] | None = None
    """Nodes that take no new pods, at most."""


class Nodes(Connected):
    """The nodes of a cluster, or those that a selector chooses."""

    section: ClassVar[str] = "nodes"
    fixture: ClassVar[str] = "node_group"
    connects: ClassVar[tuple[str, ...]] = ("kubernetes",)
    severities: ClassVar[dict[str, Severity]] = {"not_ready": "P1", "ready": "P0", "pressures": "P1"}

    selector: Selector | None = None
    expect: NodesExpect = NodesExpect.model_construct()


class QuotaExpect(Expect):
    """What is expected of a quota."""

    used: Wanted[Limit[Percent]] | None = (Limit[Percent].model_construct(limit=Percent(0.9)),)
    """Share of the resource that is nearest to its end, at most."""


class Quota(InNamespace):
    """The resource quotas of a namespace, or the one that `quota` names."""

    section: ClassVar[str] = "quotas"
    fixture: ClassVar[str] = "quota"

    quota: str | None = None
    expect: QuotaExpect = QuotaExpect.model_construct()


class VolumeExpect(Expect):
    """What is expected of volumes."""

    unbound: Wanted[Limit[int]] | None = (Limit[int].model_construct(limit=0),)
    """Claims that have no volume, at most."""
    capacity: Wanted[Limit[Quantity]] | None = None
    """Capacity of the smallest, at least."""


class Volume(InNamespace):
    """The persistent volume claims of a namespace: all, those that a selector chooses, or the one that `claim` names."""

    section: ClassVar[str] = "volumes"
    fixture: ClassVar[str] = "volume"
    severities: ClassVar[dict[str, Severity]] = {"unbound": "P1"}

    selector: Selector | None = None
    claim: str | None = None
    expect: VolumeExpect = VolumeExpect.model_construct()


class StorageClassExpect(Expect):
    """What is expected of a storage class."""

    default: Wanted[Limit[bool]] | None = None
    """Whether claims that name none get it."""
    provisioner: Wanted[Limit[str]] | None = None
    """Who makes its volumes."""


class StorageClass(Connected):
    """A storage class; named like it, unless `storage_class` says otherwise."""

    section: ClassVar[str] = "storage_classes"
    fixture: ClassVar[str] = "storage_class"
    connects: ClassVar[tuple[str, ...]] = ("kubernetes",)

    storage_class: str | None = None
    expect: StorageClassExpect


class Condition(Terms):
    """A condition that every object must have, or none may have: `{type: Ready}`, `{type: Ready, status: "False", reason: Failed}`."""

    primary: ClassVar[str] = "at_most"

    type: str = Field(min_length=1)
    status: Literal["True", "False", "Unknown"] = "True"
    reason: str | None = None
    """Only with this reason; without it any."""
    at_most: int = Field(default=0, ge=0)
    """So many objects may do otherwise."""


class ResourceExpect(Expect):
    """What is expected of objects of any kind."""

    condition: Wanted[Condition] | None = None
    """Every object has this condition."""
    no_condition: Wanted[Condition] | None = None
    """No object has this condition."""
    count: Wanted[Limit[int]] | None = None
    """Objects, at least."""


GroupVersion = Annotated[str, Field(pattern=r"^([a-z0-9]([-.a-z0-9]*[a-z0-9])?/)?v[0-9]+((alpha|beta)[0-9]+)?$")]


class Resource(InNamespace):
    """Objects of any kind, custom ones included: all, those that a selector chooses, or the one that `object` names."""

    section: ClassVar[str] = "resources"
    fixture: ClassVar[str] = "resource"
    severities: ClassVar[dict[str, Severity]] = {"condition": "P1", "no_condition": "P1"}

    api_version: GroupVersion
    """As in a manifest: `cert-manager.io/v1`."""
    kind: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9]*$")
    """As in a manifest: `Certificate`."""
    object: str | None = None
    """Name of the one object that is meant."""
    selector: Selector | None = None
    expect: ResourceExpect

    @model_validator(mode="after")
    def _one_way(self) -> "Resource":
        if self.object and self.selector:
            raise PydanticCustomError("ways", "give object or selector, not both")
        return self
