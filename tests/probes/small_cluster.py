"""A small cluster on loopback for the tests of logs, configuration and resource use."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fixtures import once
from fixtures.kubernetes.lists import Namespace, WholeCluster
from muster.connections import Kubernetes
from muster.kinds.base import Entity, bind
from muster.kinds.kubernetes import Workload
from muster.probes import PROBES, begin
from sandbox.services.running import Running, start_facade
from sandbox.world import Cluster, Object, World

NAMESPACE = "shop"
READ = ["get", "list"]
EVERYTHING: list[Object] = [{"apiGroups": ["*"], "resources": ["*"], "verbs": READ}]
DAY = 86400.0


def stamp(moment: float) -> str:
    """Unix seconds as Kubernetes writes them."""
    return datetime.fromtimestamp(int(moment), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def thing(api: str, kind: str, name: str, **parts: Any) -> Object:
    """One object in the namespace."""
    metadata = {"name": name, "namespace": NAMESPACE, "creationTimestamp": stamp(time.time() - DAY), "labels": parts.pop("labels", {})}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **parts}


def container(name: str = "web", state: Object | None = None, restarts: int = 0, ended: Object | None = None) -> tuple[Object, Object]:
    """A container as asked for and as it is: running for a day unless told otherwise."""
    asked = {"name": name, "image": "web:1", "resources": {"limits": {"cpu": "500m", "memory": "256Mi"}}}
    running = {"running": {"startedAt": stamp(time.time() - DAY)}}
    told = {
        "name": name,
        "ready": True,
        "restartCount": restarts,
        "state": state or running,
        "lastState": {"terminated": ended} if ended else {},
    }
    return asked, told


def pod(
    name: str, *containers: tuple[Object, Object], init: tuple[tuple[Object, Object], ...] = (), labels: dict[str, str] | None = None
) -> Object:
    """A pod of `app=web` with these containers, or with one."""
    mains = containers or (container(),)
    spec = {"containers": [asked for asked, _ in mains], "initContainers": [asked for asked, _ in init]}
    status = {
        "phase": "Running",
        "startTime": stamp(time.time() - DAY),
        "conditions": [{"type": "Ready", "status": "True"}],
        "containerStatuses": [told for _, told in mains],
        "initContainerStatuses": [told for _, told in init],
    }
    return thing("v1", "Pod", name, labels=labels or {"app": "web"}, spec=spec, status=status)


def ended(ago: float, reason: str = "Error") -> Object:
    """A terminated state."""
    return {"reason": reason, "exitCode": 1, "startedAt": stamp(time.time() - ago - 60), "finishedAt": stamp(time.time() - ago)}


def lines(*texts: str, ago: float = 60.0) -> str:
    """A log, each line written so many seconds ago."""
    return "".join(f"{datetime.fromtimestamp(time.time() - ago, UTC).isoformat()} {text}\n" for text in texts)


def log(name: str, text: str, container: str = "web", previous: bool = False) -> dict[str, str]:
    """An entry of the world's logs."""
    return {f"{NAMESPACE}/{name}/{container}" + ("/previous" if previous else ""): text}


def aged(made: Object, seconds: float) -> Object:
    """The pod, created so long ago."""
    made["metadata"]["creationTimestamp"] = stamp(time.time() - seconds)
    return made


def restarted(restarts: int, ago: float, pod_age: float) -> Object:
    """A pod whose container restarted so often, the last time so long ago."""
    state = {"running": {"startedAt": stamp(time.time() - ago)}}
    return aged(pod("web-a", container(state=state, restarts=restarts, ended=ended(ago))), pod_age)


def made(kind: Any, name: str = "web", /, **values: Any) -> Any:
    """An entity of that kind."""
    return kind.model_validate({"name": name, "connection": "cluster"} | values)


def web(**values: Any) -> Workload:
    """The workload app=web."""
    return Workload.model_validate({"name": "web", "connection": "cluster", "selector": "app=web"} | values)


class Probed:
    """A cluster, through whose `connection` `look` takes a probe."""

    connection: Kubernetes

    def look(self, probe: str, entity: Entity, timeout: float = 30.0) -> Any:
        """What a probe sees. Raises CouldNotLook."""
        begin(timeout)
        return PROBES[probe].function(self.bound(entity))

    def bound(self, entity: Entity) -> Entity:
        """The entity with its connection."""
        return bind(entity, "test/cluster", {"cluster": self.connection})


class SmallCluster(Probed):
    """A running facade."""

    namespace = NAMESPACE

    def __init__(self, running: Running) -> None:
        self.running = running
        self.connection = Kubernetes()

    def put(self, objects: list[Object], **values: Any) -> None:
        """Replace the cluster; forget what was asked."""
        rules = values.pop("rules", EVERYTHING)
        allow = values.pop("allow", ())
        self.running.put_world(World(cluster=Cluster(objects=objects, tokens={"reader": rules}, namespace=NAMESPACE, **values)))
        self.running.clear_requests()
        self.connection = Kubernetes.model_validate({"kubeconfig": self.running.addresses["kubeconfig"], "allow": {"secrets": allow}})
        once.forget()


def pick(cluster: Any, picker: Any, *probes: str, objects: tuple[Object, ...] | None = None, **others: Any) -> Any:
    """What a picker makes of what its probes see in the cluster: as it is, or first filled with these objects."""
    if objects is not None:
        cluster.put(list(objects))
    begin(30)
    scopes = {True: WholeCluster(cluster.connection), False: Namespace(cluster.connection, None)}
    seen = {name: PROBES[name].function(scopes[PROBES[name].once_per == "whole_cluster"]) for name in probes}
    return picker.__wrapped__(**seen, **others)


@contextmanager
def small_cluster(folder: Path) -> Iterator[SmallCluster]:
    """A facade in a process of its own, stopped at the end."""
    with start_facade(World(), folder) as running:
        yield SmallCluster(running)
