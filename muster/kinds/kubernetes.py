"""Workloads of a Kubernetes cluster: pods that belong together, and what controls them."""

from typing import ClassVar

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from muster.connections import Kubernetes
from muster.expectations import Expect, Limit, Many, Name, Severity, Terms, Wanted
from muster.kinds.base import Connected
from muster.kinds.selectors import Selector
from muster.units import Duration, Percent, Quantity


class InNamespace(Connected):
    """What lives in a namespace of a cluster."""

    connects: ClassVar[tuple[str, ...]] = ("kubernetes",)

    namespace: Name | None = None
    """Without it the connection's namespace, then the context's, then `default`."""

    def cluster(self) -> Kubernetes:
        """The cluster that is asked."""
        source = self.source()
        assert isinstance(source, Kubernetes)
        return source

    def where(self) -> str:
        """The namespace, for a person."""
        return f"namespace {self.namespace or self.cluster().namespace or 'of the connection'}"


class Within(Terms):
    """At most so many in the time before the look: `{at_most: 3, within: 24h}`."""

    primary: ClassVar[str] = "at_most"

    at_most: int = Field(ge=0)
    within: Duration = Duration(86400)
    """How far back it counts."""


class MemoryLimit(Terms):
    """The least memory limit: `1Gi`, or `{at_least: 1Gi, container: app}`."""

    primary: ClassVar[str] = "at_least"

    at_least: Quantity
    container: str | None = None
    """The container that must have so much, while the others must have any limit; without it, every one."""


class WorkloadExpect(Expect):
    """What is expected of a workload."""

    not_ready: Wanted[Limit[int]] | None = (Limit[int].model_construct(limit=0),)
    """Pods that should be Ready and are not, at most. Completed, terminating and just started pods do not count."""
    ready: Wanted[Limit[int]] | None = None
    """Ready pods, at least."""
    replicas: Wanted[Limit[int]] | None = None
    """Replicas that its controller is told to keep, at least: below it, it was left scaled down."""
    unavailable: Wanted[Limit[int]] | None = (Limit[int].model_construct(limit=0),)
    """Replicas that are asked for and not available, at most. Beside available ones, just started pods do not count."""
    stuck_rollouts: Wanted[Limit[int]] | None = (Limit[int].model_construct(limit=0),)
    """Rollouts that have stopped making progress, at most, even where the old pods still serve."""
    unfinished_rollouts: Wanted[Limit[int]] | None = None
    """Rollouts that are not complete, at most."""
    failing_containers: Wanted[Limit[int]] | None = (Limit[int].model_construct(limit=0),)
    """Containers that cannot start (ImagePullBackOff, CreateContainerConfigError ...) or crash again and again, at most."""
    restarts: Wanted[Within] | None = None
    """Restarts of any single container."""
    recent_restarts: Wanted[Within] | None = None
    """Containers that restarted at all."""
    oom_kills: Wanted[Within] | None = (Within.model_construct(at_most=0),)
    """Containers that were killed because they ran out of memory."""
    warnings: Wanted[Within] | None = None
    """Warnings that the cluster recorded about it, one for each object and reason. Events are kept for an hour, as a rule."""
    image_digests: Wanted[Limit[int]] | None = None
    """Different images that run under one container name, at most."""
    mutable_images: Wanted[Limit[int]] | None = None
    """Containers whose image has neither a digest nor a tag that is a version, at most."""
    memory_limit: Wanted[MemoryLimit] | None = None
    """Memory limit of its containers, at least."""
    cpu: Wanted[Limit[Percent]] | None = None
    """CPU that any container uses, as a share of its limit, at most. A container without a limit or a sample exceeds it."""
    memory: Wanted[Limit[Percent]] | None = None
    """Memory that any container uses, as a share of its limit, at most. A container without a limit or a sample exceeds it."""
    revisions: Wanted[Limit[int]] | None = None
    """Revisions with different images that a deployment can go back to, the current one included, at least."""
    pods_older_than_config: Wanted[Limit[int]] | None = None
    """Pods that run since before the last change of one of `configs`, at most."""
    room_for: Wanted[Limit[int]] | None = None
    """Replicas for which nodes and quotas have room, those that run included, at least."""
    surge_without_room: Wanted[Limit[int]] | None = None
    """Pods that a rolling update adds (`maxSurge`) and for which nodes and quotas have no room, at most."""
    rollback_without_room: Wanted[Limit[int]] | None = None
    """Pods that a rollback needs beside those that run and for which there is no room, at most."""
    unpullable_rollback_images: Wanted[Limit[int]] | None = None
    """Images of the revision that a rollback goes back to and that fail to be pulled, at most. One that no node holds is unknown."""


class Workload(InNamespace):
    """Pods that belong together: chosen by labels, or by the name of what controls them."""

    section: ClassVar[str] = "workloads"
    fixture: ClassVar[str] = "workload"
    severities: ClassVar[dict[str, Severity]] = {
        "not_ready": "P0",
        "ready": "P0",
        "unavailable": "P0",
        "stuck_rollouts": "P0",
        "unfinished_rollouts": "P0",
        "failing_containers": "P0",
        "image_digests": "P0",
        "replicas": "P1",
        "restarts": "P1",
        "recent_restarts": "P1",
        "oom_kills": "P1",
        "memory": "P1",
        "revisions": "P1",
        "surge_without_room": "P1",
        "rollback_without_room": "P1",
        "unpullable_rollback_images": "P1",
    }

    selector: Selector | None = None
    """Labels of its pods, as `kubectl -l` takes them."""
    deployment: Name | None = None
    stateful_set: Name | None = None
    daemon_set: Name | None = None
    configs: Many[Name] = ()
    """Config maps that its pods read when they start."""
    starting: Duration = Duration(60)
    """So long after its creation a pod beside ready ones may still be starting."""
    expect: WorkloadExpect = WorkloadExpect.model_construct()

    @model_validator(mode="after")
    def _chosen(self) -> "Workload":
        if sum(bool(way) for way in (self.deployment, self.stateful_set, self.daemon_set)) > 1:
            raise PydanticCustomError("ways", "give one of deployment, stateful_set and daemon_set")
        if not (self.selector or self.controller):
            raise PydanticCustomError("ways", "a workload needs a selector, deployment, stateful_set or daemon_set")
        return self

    @property
    def controller(self) -> tuple[str, str] | None:
        """Kind and name of its controller, when it is chosen by that."""
        named = (("Deployment", self.deployment), ("StatefulSet", self.stateful_set), ("DaemonSet", self.daemon_set))
        return next(((kind, name) for kind, name in named if name), None)

    def chosen_by(self) -> str:
        """How its pods are chosen, for a reason."""
        kind, name = self.controller or ("", "")
        words = {"Deployment": "deployment", "StatefulSet": "stateful set", "DaemonSet": "daemon set"}
        return f"{words[kind]} {name}" if kind else f"selector {self.selector}"
