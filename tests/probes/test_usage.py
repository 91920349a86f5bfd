"""CPU and memory are shares of limits in real units; a pod without a sample or a limit is named, an empty source is unknown."""

import time

import pytest
from pydantic import TypeAdapter

from fixtures.kubernetes.lists import Namespace
from fixtures.kubernetes.usage import WorkloadUsage, nearest
from muster.kinds.kubernetes import Workload
from muster.probes import PROBES, CouldNotLook, begin
from sandbox.world import Object, Trouble
from tests.probes.small_cluster import SmallCluster, container, pod, stamp, thing


def sample(name: str, cpu: str, memory: str, container: str = "web", ago: float = 15.0) -> Object:
    """What a pod used."""
    used = [{"name": container, "usage": {"cpu": cpu, "memory": memory}}]
    return thing("metrics.k8s.io/v1beta1", "PodMetrics", name, containers=used, timestamp=stamp(time.time() - ago), window="15s")


def usage(cluster: SmallCluster) -> WorkloadUsage:
    """What the workload of the small cluster uses."""
    namespace = Namespace(cluster.connection, None)
    begin(30)
    workload = cluster.bound(Workload.model_validate({"name": "web", "connection": "cluster", "selector": "app=web"}))
    assert isinstance(workload, Workload)
    return nearest(PROBES["pod_usage"].function(namespace), PROBES["pods"].function(namespace), workload)


def test_the_container_nearest_to_its_limit_is_named_in_real_units(cluster: SmallCluster) -> None:
    cluster.put([pod("web-a"), pod("web-b"), sample("web-a", "450000000n", "64Mi"), sample("web-b", "10m", "251658240")])
    seen = usage(cluster)
    assert str(seen.cpu) == "90% (web-a/web: 450m of 500m)"
    assert str(seen.memory) == "93.75% (web-b/web: 240Mi of 256Mi)"
    assert (seen.looked_at, seen.of) == (2, "containers")
    saved = TypeAdapter(WorkloadUsage).dump_json(seen)
    assert TypeAdapter(WorkloadUsage).validate_json(saved, context="saved") == seen


def test_a_running_pod_without_a_sample_exceeds_every_limit_by_name(cluster: SmallCluster) -> None:
    cluster.put([pod("web-a"), pod("web-b"), sample("web-a", "10m", "64Mi")])
    seen = usage(cluster)
    assert seen.cpu > 10
    assert seen.cpu.series == "web-b/web has no sample of cpu"
    saved = TypeAdapter(WorkloadUsage).dump_json(seen)
    assert TypeAdapter(WorkloadUsage).validate_json(saved, context="saved").cpu == seen.cpu


def test_a_sidecar_without_a_sample_is_named_too(cluster: SmallCluster) -> None:
    cluster.put([pod("web-a", container(), container("proxy")), sample("web-a", "10m", "64Mi")])
    assert usage(cluster).memory.series == "web-a/proxy has no sample of memory"


def test_a_pod_that_has_only_just_started_may_have_no_sample_yet(cluster: SmallCluster) -> None:
    young = container(state={"running": {"startedAt": stamp(time.time() - 20)}})
    cluster.put([pod("web-a"), pod("web-b", young), sample("web-a", "10m", "64Mi")])
    assert usage(cluster).cpu == pytest.approx(0.02)


def test_a_container_without_a_limit_is_named(cluster: SmallCluster) -> None:
    asked, told = container()
    unlimited = ({**asked, "resources": {"limits": {"memory": "256Mi"}}}, told)
    cluster.put([pod("web-a", unlimited), sample("web-a", "10m", "64Mi")])
    seen = usage(cluster)
    assert seen.cpu.series == "web-a/web has no cpu limit"
    assert seen.memory == 0.25


def test_an_old_sample_says_nothing(cluster: SmallCluster) -> None:
    cluster.put([pod("web-a"), sample("web-a", "10m", "64Mi", ago=7200)])
    assert usage(cluster).cpu.series.startswith("the last sample of web-a/web is 2h")


def test_a_selector_that_matches_nothing_is_looked_at_zero(cluster: SmallCluster) -> None:
    cluster.put([pod("x", labels={"app": "x"}), sample("x", "10m", "64Mi")])
    seen = usage(cluster)
    assert seen.looked_at == 0
    assert "selector app=web" in seen.note


def test_an_empty_metrics_api_is_unknown(cluster: SmallCluster) -> None:
    cluster.put([pod("web-a")])
    with pytest.raises(CouldNotLook, match="no sample of any pod in namespace shop"):
        usage(cluster)


@pytest.mark.parametrize("trouble", [[Trouble(path="/apis/metrics.k8s.io", status=503)], []])
def test_a_metrics_api_that_is_not_served_is_unknown(cluster: SmallCluster, trouble: list[Trouble]) -> None:
    cluster.put([pod("web-a"), sample("web-a", "10m", "64Mi")], trouble=trouble, missing_groups=[] if trouble else ["metrics.k8s.io"])
    with pytest.raises(CouldNotLook):
        usage(cluster)
