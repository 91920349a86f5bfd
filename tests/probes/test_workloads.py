"""Restarts, accidents, limits, images, configuration and warnings of a workload, each in the states that real clusters show."""

import time

import pytest

from fixtures.kubernetes.lists import Namespace
from fixtures.kubernetes.workload_configs import workload_configs
from fixtures.kubernetes.workload_warnings import workload_warnings
from fixtures.kubernetes.workloads import mutable, restarts_within, workload_accidents, workload_memory, workload_restarts
from muster.kinds.kubernetes import MemoryLimit, Within
from muster.probes import PROBES, CouldNotLook, begin
from sandbox.world import Object
from tests.probes.small_cluster import DAY, SmallCluster, container, ended, pick, pod, restarted, stamp, thing, web

WITHIN = Within.model_validate({"at_most": 3, "within": "24h"})


@pytest.mark.parametrize(
    ("restarts", "ago", "pod_age", "most"),
    [
        (3, 60, 40 * DAY, 3),  # within the limit over its whole life
        (9, 60, DAY / 2, 9),  # younger than the window: exact
        (90, 2 * DAY, 40 * DAY, 0),  # has run for longer than the window
    ],
)
def test_restarts_within_a_window_are_told_where_they_can_be(
    cluster: SmallCluster, restarts: int, ago: float, pod_age: float, most: int
) -> None:
    cluster.put([restarted(restarts, ago, pod_age)])

    assert pick(cluster, workload_restarts, "pods", workload=web(), terms=WITHIN, history={}).most == most


def test_restarts_of_an_old_pod_need_an_earlier_look(cluster: SmallCluster) -> None:
    cluster.put([restarted(90, 600, 40 * DAY)])

    with pytest.raises(CouldNotLook, match=r"restarted 90 times in the 40d.* needs an earlier look"):
        pick(cluster, workload_restarts, "pods", workload=web(), terms=WITHIN, history={})


def test_restarts_of_an_old_pod_are_the_difference_to_the_oldest_look_inside_the_window(cluster: SmallCluster) -> None:
    cluster.put([restarted(90, 600, 40 * DAY)])
    begin(30)
    pods = PROBES["pods"].function(Namespace(cluster.connection, None))
    row = pods.rows[0]
    now = time.time()
    earlier = {f"restarts/{row.uid}/web": [(now - 3 * DAY, 10), (now - 0.9 * DAY, 85), (now - 0.5 * DAY, 88)]}

    assert restarts_within(row, row.containers[0], WITHIN, pods, earlier) == 5


def test_a_kill_for_memory_is_seen_after_the_container_came_back(cluster: SmallCluster) -> None:
    cluster.put(
        [
            pod("web-a", container(restarts=1, ended=ended(3600, "OOMKilled"))),
            pod("web-b", container(restarts=1, ended=ended(2 * DAY, "OOMKilled"))),
        ]
    )

    seen = pick(cluster, workload_accidents, "pods", workload=web(), terms=WITHIN)

    assert seen.oom_kills.things[0].startswith("web-a/web: OOMKilled (exit code 1) 1h")
    assert seen.oom_kills == seen.restarted == 1


def test_every_container_needs_a_memory_limit_and_one_needs_so_much(cluster: SmallCluster) -> None:
    bare, told = container("proxy")
    terms = MemoryLimit.model_validate({"at_least": "128Mi", "container": "web"})
    cluster.put([pod("web-a")])
    assert str(pick(cluster, workload_memory, "pods", workload=web(), terms=terms).least_limit) == "256Mi"

    cluster.put([pod("web-a", container(), (bare | {"resources": {}}, told))])
    seen = pick(cluster, workload_memory, "pods", workload=web(), terms=terms)
    assert (seen.least_limit, seen.note) == (0, "container proxy of web-a has no memory limit")

    cluster.put([pod("web-a", container("other"))])
    assert pick(cluster, workload_memory, "pods", workload=web(), terms=terms).looked_at == 0


@pytest.mark.parametrize(
    "image", ["web:v1.1.0", "web:15.4", "host:5000/web:2024.11", "web@sha256:" + "a" * 64, "web:main-3f2a1bc", "web:build-1234"]
)
def test_an_image_with_a_version_does_not_move(image: str) -> None:
    assert not mutable(image)


@pytest.mark.parametrize("image", ["web", "host:5000/web", "web:latest", "web:main", "web:15", "web:stable", "web:deadbeat", ""])
def test_an_image_without_a_version_moves(image: str) -> None:
    assert mutable(image)


def config(name: str, ago: float | None) -> Object:
    """A config map that was changed so long ago; None: the cluster does not tell."""
    made = thing("v1", "ConfigMap", name, data={"A": "1"})
    if ago is not None:
        made["metadata"]["managedFields"] = [{"manager": "kubectl", "time": stamp(time.time() - ago), "fieldsV1": {"f:data": {}}}]
    return made


def test_pods_that_run_since_before_a_change_of_their_configuration_are_named(cluster: SmallCluster) -> None:
    cluster.put([pod("web-a"), config("settings", 3600)])
    seen = pick(cluster, workload_configs, "pods", "config_changes", workload=web(configs=["settings"]))
    assert seen.outdated.things[0].startswith("web-a/web runs since")

    cluster.put([pod("web-a"), config("settings", 40 * DAY)])
    assert pick(cluster, workload_configs, "pods", "config_changes", workload=web(configs=["settings"])).outdated == 0


def test_a_config_map_that_is_missing_or_does_not_tell_its_change_is_never_green(cluster: SmallCluster) -> None:
    cluster.put([pod("web-a"), config("settings", None)])

    assert pick(cluster, workload_configs, "pods", "config_changes", workload=web(configs=["absent"])).looked_at == 0
    assert pick(cluster, workload_configs, "pods", "config_changes", workload=web()).looked_at == 0
    with pytest.raises(CouldNotLook, match="does not tell when"):
        pick(cluster, workload_configs, "pods", "config_changes", workload=web(configs=["settings"]))


def test_warnings_about_a_workload_are_counted_within_the_window(cluster: SmallCluster) -> None:
    def event(name: str, about: str, ago: float, kind: str = "Warning") -> Object:
        parts = {
            "involvedObject": {"kind": "Pod", "name": about},
            "type": kind,
            "reason": "Unhealthy",
            "message": "probe failed",
            "count": 12,
        }
        return thing("v1", "Event", name, lastTimestamp=stamp(time.time() - ago), **parts)

    cluster.put(
        [
            pod("web-a"),
            event("e1", "web-a", 60),
            event("e2", "web-a", 60, "Normal"),
            event("e3", "other", 60),
            event("e4", "web-a", 2 * DAY),
        ]
    )

    seen = pick(cluster, workload_warnings, "events", "pods", workload=web(), terms=WITHIN)

    assert len(seen.warnings.things) == 1
    assert seen.warnings.things[0].startswith("web-a: Unhealthy, 12 times, last ")
