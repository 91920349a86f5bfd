"""Room for a rolling update and for a rollback, and the images that a rollback needs, in the states that real clusters show."""

from typing import Any

import pytest

from fixtures.kubernetes.configuration_values import ConfigValues
from fixtures.kubernetes.workload_rollbacks import WorkloadRollback, full, workload_rollback
from fixtures.kubernetes.workload_surge import WorkloadSurge, workload_surge
from muster.kinds.config import ConfigMap
from muster.probes import CouldNotLook, Nothing
from sandbox.world import Object
from tests.probes.small_cluster import SmallCluster, container, made, pick, pod, thing, web
from tests.probes.test_workload_rollouts import deployment, node

OLD, NEW = "web-1", "web-2"


def revision(name: str, number: int, image: str) -> Object:
    """A replica set of the deployment."""
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": image}]}}
    replica_set = thing("apps/v1", "ReplicaSet", name, spec={"replicas": 0, "template": template})
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "u", "controller": True}
    replica_set["metadata"] |= {"ownerReferences": [owner], "annotations": {"deployment.kubernetes.io/revision": str(number)}}
    return replica_set


def of(replica_set: str, name: str, where: str | None = "a", ready: bool = True) -> Object:
    """A pod of a replica set, on a node."""
    mine = pod(name)
    mine["metadata"]["ownerReferences"] = [
        {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": replica_set, "uid": "r", "controller": True}
    ]
    if where:
        mine["spec"]["nodeName"] = where
    if not ready:
        mine["status"]["conditions"][0]["status"] = "False"
    return mine


def wanted(replicas: int = 2, image: str = "web:2", **strategy: Any) -> Object:
    """The deployment, told to run an image."""
    one = deployment(replicas=replicas)
    one["spec"]["template"]["spec"]["containers"][0]["image"] = image
    if strategy:
        one["spec"]["strategy"] = strategy
    return one


def surge(cluster: SmallCluster, *objects: Object) -> WorkloadSurge:
    """What a change needs: a pod asks for half a core, of which node a has two."""
    cluster.put([revision(OLD, 1, "web:1"), revision(NEW, 2, "web:2"), *objects])
    probes = ("deployments", "replica_sets", "pods", "nodes", "occupied", "quotas")
    seen = pick(cluster, workload_surge, *probes, workload=web())
    assert isinstance(seen, WorkloadSurge)
    return seen


def running(*names: str) -> tuple[Object, ...]:
    return tuple(of(NEW, name) for name in names)


@pytest.mark.parametrize(
    ("strategy", "short"),
    [
        ({}, 0),  # 25 % of 2, rounded up: one more, for which there is room
        ({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "100%"}}, 0),
        ({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 4}}, 2),
        ({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0}}, 0),
        ({"type": "Recreate"}, 0),
    ],
)
def test_a_rolling_update_adds_its_surge(cluster: SmallCluster, strategy: dict[str, Any], short: int) -> None:
    seen = surge(cluster, wanted(**strategy), *running("web-a", "web-b"), node("a"))

    assert (seen.looked_at, seen.short) == (1, short)
    assert "a rolling update adds" in seen.note


def test_without_room_neither_way_is_open(cluster: SmallCluster) -> None:
    seen = surge(cluster, wanted(), *running("web-a", "web-b"), node("a", cpu="1"))

    assert (seen.short, seen.short_of_rollback) == (1, 1)


def test_going_back_needs_no_room_where_the_old_pods_still_run(cluster: SmallCluster) -> None:
    seen = surge(cluster, wanted(), of(OLD, "web-a"), of(OLD, "web-b"), of(NEW, "web-c", where=None, ready=False), node("a", cpu="1"))

    assert (seen.short, seen.short_of_rollback) == (1, 0)


def test_broken_pods_make_room_for_those_of_the_way_back(cluster: SmallCluster) -> None:
    seen = surge(cluster, wanted(), of(NEW, "web-a", ready=False), of(NEW, "web-b"), node("a", cpu="1"))

    assert (seen.short, seen.short_of_rollback) == (1, 0)


def test_a_deployment_that_does_not_exist_is_nothing(cluster: SmallCluster) -> None:
    assert surge(cluster, node("a")).looked_at == 0


def rollback(cluster: SmallCluster, *objects: Object) -> WorkloadRollback:
    """The images of the way back."""
    cluster.put([wanted(), *objects])
    seen = pick(cluster, workload_rollback, "deployments", "replica_sets", "pods", "node_images", workload=web())
    assert isinstance(seen, WorkloadRollback)
    return seen


def holding(*names: str) -> Object:
    """A node with these images."""
    one = node("a")
    one["status"]["images"] = [{"names": list(names), "sizeBytes": 1}]
    return one


REVISIONS = (revision(OLD, 1, "web:0"), revision(NEW, 3, "web:2"), revision("web-0", 2, "web:1"))


def test_the_way_back_is_the_newest_revision_with_another_image(cluster: SmallCluster) -> None:
    seen = rollback(cluster, *REVISIONS, holding("docker.io/library/web@sha256:12", "docker.io/library/web:1"))

    assert (seen.looked_at, seen.unpullable) == (1, 0)
    assert seen.note == "revision 2: docker.io/library/web:1 on 1 nodes"


def test_an_image_that_nobody_can_pull_is_violated_and_one_that_nobody_holds_is_unknown(cluster: SmallCluster) -> None:
    asked, told = container(state={"waiting": {"reason": "ErrImagePull", "message": "not found"}})
    with pytest.raises(CouldNotLook, match=r"no node holds docker\.io/library/web:1"):
        rollback(cluster, *REVISIONS, holding("docker.io/library/web:2"))
    seen = rollback(cluster, *REVISIONS, pod("other", (asked, told)), holding("docker.io/library/web:2"))

    assert seen.unpullable.things == ("docker.io/library/web:1: ErrImagePull in other",)


def test_without_another_image_there_is_no_way_back(cluster: SmallCluster) -> None:
    seen = rollback(cluster, revision(NEW, 3, "web:2"), holding("web:2"))

    assert (seen.looked_at, seen.note) == (0, "web has no earlier revision with other images")


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("web", "docker.io/library/web:latest"),
        ("team/web:1", "docker.io/team/web:1"),
        ("registry:5000/web", "registry:5000/web:latest"),
        ("localhost/web:1", "localhost/web:1"),
        ("quay.io/team/web@sha256:12", "quay.io/team/web@sha256:12"),
    ],
)
def test_images_are_compared_by_their_whole_names(written: str, name: str) -> None:
    assert full(written) == name


def values(cluster: SmallCluster, data: dict[str, str], **wanted: str) -> ConfigValues | Nothing:
    """The values of a config map."""
    cluster.put([thing("v1", "ConfigMap", "settings", data=data)])
    seen = cluster.look("config_map_values", made(ConfigMap, "settings", values=wanted))
    assert isinstance(seen, (ConfigValues, Nothing))
    return seen


def test_values_of_a_config_map_are_compared_and_only_a_switch_is_shown(cluster: SmallCluster) -> None:
    seen = values(
        cluster, {"MODE": "true", "GREETING": "canary-of-a-person", "LEVEL": "info"}, MODE="false", GREETING="hello", LEVEL="info", GONE="1"
    )

    assert isinstance(seen, ConfigValues)
    assert (seen.looked_at, seen.wrong.things) == (
        4,
        ("MODE is 'true', not 'false'", "GREETING is a text of 18 characters, withheld, not 'hello'", "GONE is missing, not '1'"),
    )
