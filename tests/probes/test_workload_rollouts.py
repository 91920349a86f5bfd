"""Rollouts, revisions and room of a workload, in the states that real clusters show."""

from typing import Any

import pytest

from fixtures.kubernetes.workload_rollouts import WorkloadRollout, workload_revisions, workload_rollout
from fixtures.kubernetes.workload_room import workload_room
from muster.kinds.kubernetes import Within
from muster.probes import CouldNotLook
from sandbox.world import Object
from tests.probes.small_cluster import SmallCluster, container, pick, pod, stamp, thing, web

WITHIN = Within.model_validate({"at_most": 3, "within": "24h"})


def deployment(
    name: str = "web", replicas: int | None = 3, generation: int = 1, labels: dict[str, str] | None = None, **status: Any
) -> Object:
    """A deployment whose rollout has finished, unless told otherwise."""
    count = 1 if replicas is None else replicas
    told = dict.fromkeys(("replicas", "updatedReplicas", "availableReplicas", "readyReplicas"), count) | {"observedGeneration": 1} | status
    template = {"metadata": {"labels": labels or {"app": "web"}}, "spec": {"containers": [container()[0]]}}
    made = thing("apps/v1", "Deployment", name, spec={"replicas": replicas, "template": template}, status=told)
    made["metadata"]["generation"] = generation
    return made


def rollout(cluster: SmallCluster, *objects: Object, **values: Any) -> WorkloadRollout:
    """The controllers of app=web."""
    cluster.put(list(objects))
    seen = pick(cluster, workload_rollout, "deployments", "stateful_sets", "daemon_sets", "pods", workload=web(**values))
    assert isinstance(seen, WorkloadRollout)
    return seen


def test_a_finished_deployment_holds_and_an_absent_replica_count_is_one(cluster: SmallCluster) -> None:
    seen = rollout(cluster, deployment(replicas=None))

    assert (seen.looked_at, seen.replicas, seen.unavailable, seen.unfinished, seen.stuck) == (1, 1, 0, 0, 0)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ({"updatedReplicas": 1}, "1 of 3 pods are of the new revision"),
        ({"updatedReplicas": None}, "0 of 3 pods are of the new revision"),
        ({"replicas": 4}, "1 pods of an old revision are still there"),
        ({"observedGeneration": 0}, "not seen the last change yet"),
    ],
)
def test_an_unfinished_rollout_says_why(cluster: SmallCluster, status: Object, words: str) -> None:
    made = deployment()
    made["status"] |= status

    assert words in str(rollout(cluster, made).unfinished)


def test_a_rollout_past_its_deadline_is_stuck_although_old_pods_serve(cluster: SmallCluster) -> None:
    condition = {
        "type": "Progressing",
        "status": "False",
        "reason": "ProgressDeadlineExceeded",
        "message": "timed out",
        "lastTransitionTime": stamp(0),
    }

    seen = rollout(cluster, deployment(updatedReplicas=1, replicas=4, conditions=[condition]))

    assert seen.unavailable == 0
    assert "ProgressDeadlineExceeded" in str(seen.stuck)


def test_pods_that_a_quota_refuses_are_a_stuck_rollout(cluster: SmallCluster) -> None:
    condition = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": 'pods "web" is forbidden: exceeded quota'}

    assert "exceeded quota" in str(rollout(cluster, deployment(conditions=[condition])).stuck)


def test_missing_replicas_are_counted(cluster: SmallCluster) -> None:
    assert rollout(cluster, deployment(availableReplicas=None)).unavailable == 3


def test_stateful_sets_and_daemon_sets_have_fields_of_their_own(cluster: SmallCluster) -> None:
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": []}}
    stateful = thing("apps/v1", "StatefulSet", "web", spec={"replicas": 3, "template": template})
    stateful["status"] = {"availableReplicas": 3, "updatedReplicas": 1, "currentRevision": "a", "updateRevision": "b"}
    daemon = thing("apps/v1", "DaemonSet", "web", spec={"template": template})
    daemon["status"] = {"desiredNumberScheduled": 4, "numberAvailable": 3, "updatedNumberScheduled": 4}

    seen = rollout(cluster, stateful, daemon)

    assert (seen.looked_at, seen.replicas, seen.unavailable) == (2, 7, 1)
    assert seen.unfinished.things == ("web: 1 of 3 pods are of the new revision",)
    assert rollout(cluster, stateful, daemon, daemon_set="web", selector=None).replicas == 4


def test_a_deployment_that_does_not_exist_is_nothing_and_pods_without_controller_speak_for_themselves(cluster: SmallCluster) -> None:
    absent = rollout(cluster, deployment("other"), deployment="web")
    bare = rollout(cluster, pod("web-a"))

    assert (absent.looked_at, absent.note.partition(" (")[0]) == (0, "no deployment web among 1 controllers")
    assert (bare.looked_at, bare.replicas, bare.unavailable) == (1, 1, 0)
    assert rollout(cluster).looked_at == 0


def test_revisions_count_by_image(cluster: SmallCluster) -> None:
    def revision(name: str, image: str) -> Object:
        template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": image}]}}
        made = thing("apps/v1", "ReplicaSet", name, spec={"replicas": 0, "template": template})
        made["metadata"]["ownerReferences"] = [
            {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "u", "controller": True}
        ]
        return made

    cluster.put([deployment(), revision("web-1", "web:1"), revision("web-2", "web:1"), revision("web-3", "web:2")])

    assert pick(cluster, workload_revisions, "deployments", "replica_sets", workload=web()).different == 2


def node(name: str, cpu: str = "2", **spec: Any) -> Object:
    """A Ready node with so many cores."""
    made = thing("v1", "Node", name, spec=spec, labels={"kubernetes.io/hostname": name})
    del made["metadata"]["namespace"]
    made["status"] = {"allocatable": {"cpu": cpu, "memory": "8Gi", "pods": "10"}, "conditions": [{"type": "Ready", "status": "True"}]}
    return made


def room(cluster: SmallCluster, *objects: Object, spec: Object | None = None) -> Any:
    """Room for a deployment whose pods ask for half a core and 256 MiB; one runs on node a."""
    web_pod = pod("web-a")
    web_pod["spec"]["nodeName"] = "a"
    wanted = deployment(replicas=1)
    wanted["spec"]["template"]["spec"] |= spec or {}
    cluster.put([wanted, web_pod, *objects])
    return pick(cluster, workload_room, "deployments", "stateful_sets", "pods", "nodes", "occupied", "quotas", workload=web())


def test_room_is_what_nodes_have_left_in_whole_pods(cluster: SmallCluster) -> None:
    assert room(cluster, node("a"), node("b", "700m")).replicas == 1 + 3 + 1


def test_cordoned_tainted_and_lost_nodes_offer_no_room(cluster: SmallCluster) -> None:
    lost = node("d")
    lost["status"]["conditions"][0]["status"] = "Unknown"
    taint = {"key": "dedicated", "value": "db", "effect": "NoSchedule"}
    others = (node("b", unschedulable=True), node("c", taints=[taint]), lost)

    assert room(cluster, node("a"), *others).replicas == 1 + 3
    assert room(cluster, node("a"), *others, spec={"tolerations": [{"key": "dedicated", "operator": "Exists"}]}).replicas == 1 + 3 + 4


def test_pods_that_keep_apart_need_a_node_each(cluster: SmallCluster) -> None:
    term = {"labelSelector": {"matchLabels": {"app": "web"}}, "topologyKey": "kubernetes.io/hostname"}
    apart = {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}}

    assert room(cluster, node("a"), node("b"), node("c"), spec=apart).replicas == 3


def test_a_quota_bounds_the_room(cluster: SmallCluster) -> None:
    quota = thing(
        "v1", "ResourceQuota", "team", status={"hard": {"requests.cpu": "2", "pods": "50"}, "used": {"requests.cpu": "900m", "pods": "3"}}
    )

    seen = room(cluster, node("a"), node("b"), quota)

    assert seen.replicas == 1 + 2
    assert "quota team: requests.cpu 900m of 2" in seen.note


def test_demands_that_we_cannot_judge_are_unknown(cluster: SmallCluster) -> None:
    with pytest.raises(CouldNotLook, match="a topology spread constraint"):
        room(
            cluster,
            node("a"),
            spec={"topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}]},
        )
