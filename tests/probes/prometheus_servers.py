"""A real Prometheus with a day of history and a cluster beside it, for the tests of probes, and how they are asked."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pydantic import TypeAdapter

import fixtures.prometheus.probes
import fixtures.readings.probes  # noqa: F401 - registers its probes
from muster.connections import Connection, Kubernetes, Prometheus
from muster.kinds.base import Entity, bind
from muster.kinds.prometheus import PrometheusServer
from muster.kinds.readings import Reading
from muster.probes import PROBES
from sandbox.platform import Platform
from sandbox.world import Cluster, Metrics, Object, Series, World

DAY = 2 * 86400
PODS = ("web-a", "web-b")
RULES: list[Object] = [
    {"alert": "Failing", "expr": "sum(rate(errors_total[5m])) > 100", "annotations": {"runbook_url": "https://wiki"}},
    {"alert": "Busy", "expr": "requests_total > 0", "labels": {"severity": "page"}, "annotations": {"summary": "busy, see wiki/busy"}},
    {"alert": "Broken", "expr": 'requests_total * on (job) group_left () (requests_total or label_replace(up, "x", "y", "", ""))'},
    {"alert": "Blind", "expr": "requests_count > 0 and errors_total > 1"},
    {"record": "job:requests:rate", "expr": "sum by (job) (rate(requests_total[5m]))"},
]


def metrics() -> Metrics:
    """Two pods that are scraped and one target that is down; errors in one pod only; a queue that halved half an hour ago."""
    series = [Series("requests_total", {}, "counter", {DAY: 2.0}, pod) for pod in PODS]
    series += [Series("errors_total", {}, "counter", {DAY: 0.1}, PODS[0]), Series("idle", {}, value={DAY: 0.0}, target=PODS[0])]
    series += [
        Series("queue", {}, value={DAY: 100.0, 1800: 50.0}, target=PODS[0]),
        Series("undefined", {}, value={DAY: float("nan")}, target=PODS[0]),
    ]
    series += [Series("share", {"disk": disk}, value={DAY: value}, target=PODS[0]) for disk, value in (("a", 0.2), ("b", 0.97))]
    series += [Series("devices", {"device": name}, value={DAY: 1.0}, target=PODS[0], until=gone) for name, gone in (("a", 0), ("b", 900))]
    series += [Series("lost", {"device": "x"}, value={DAY: 1.0}, target=PODS[0], until=900)]
    targets = {pod: {"job": "web", "pod": pod} for pod in PODS} | {"web-down": {"job": "sick", "pod": "web-down"}}
    return Metrics(series=series, targets=targets, silent=["web-down"], rules=[{"name": "web", "rules": RULES}])


def pod(name: str, phase: str = "Running", **metadata: Any) -> Object:
    """One pod of the cluster."""
    made = {
        "name": name,
        "namespace": "web",
        "uid": name,
        "labels": {"app": "web"},
        "creationTimestamp": "2026-01-01T00:00:00Z",
        **metadata,
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": made, "spec": {"containers": []}, "status": {"phase": phase}}


def world(now: float) -> World:
    """Three pods that run, one that is done, one that is about to end."""
    leaving = pod("web-leaving", deletionTimestamp="2026-01-01T00:00:00Z", deletionGracePeriodSeconds=30)
    pods = [*(pod(name) for name in (*PODS, "web-c")), pod("web-done", "Succeeded"), leaving]
    everything = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list"]}]
    return World(metrics=metrics(), cluster=Cluster(objects=pods, tokens={"reader": list(everything)}, namespace="web"))


Look = Callable[..., Any]


@contextmanager
def running() -> Iterator[dict[str, Connection]]:
    """The world, running, as connections to its Prometheus and its cluster; skips where there is no Prometheus."""
    with Platform(world, {"prometheus", "kubernetes"}) as platform:
        if "prometheus" in platform.not_provided:
            pytest.skip(platform.not_provided["prometheus"])
        yield {
            "metrics": Prometheus.model_validate({"url": platform.addresses["SANDBOX_PROMETHEUS_URL"]}),
            "cluster": Kubernetes.model_validate({"kubeconfig": platform.addresses["SANDBOX_KUBECONFIG"]}),
        }


def looked(probe: str, kind: type[Entity], connections: dict[str, Connection], **declared: Any) -> Any:
    """Ask a probe about an entity; whatever it says survives being saved."""
    entity = bind(kind.model_validate({"name": "x", "connection": "metrics", **declared}), "web/test", connections)
    seen = PROBES[probe].function(entity)
    adapter = TypeAdapter(type(seen))
    assert adapter.validate_json(json.dumps(adapter.dump_python(seen, mode="json")), context="saved") is not None
    return seen


def readable(url: str, **declared: Any) -> Any:
    """Take a reading of another server."""
    stand_in: dict[str, Connection] = {"metrics": Prometheus.model_validate({"url": url})}
    return looked("measured", Reading, stand_in, **{"promql": "up", "expect": {"at_most": 1}, **declared})


def ready(url: str) -> Any:
    """Ask another server whether it is ready."""
    return looked("prometheus_readiness", PrometheusServer, {"metrics": Prometheus.model_validate({"url": url})})
