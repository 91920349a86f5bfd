"""What counts as healthy: pods in the states that real clusters show, judged by the real pickers, through the real client.

Tests that take `any_cluster` run against the sandbox's API and, when MUSTER_TEST_KUBECONFIG is set, against that cluster too.
"""

import time
from typing import Any

import pytest

from fixtures.kubernetes.lists import Namespace, Pods
from fixtures.kubernetes.workloads import WorkloadPods, pods_of, workload_pods
from muster.kinds.kubernetes import Workload
from muster.probes import PROBES, begin
from sandbox.world import Object
from tests.probes.real_cluster import AnyCluster
from tests.probes.small_cluster import SmallCluster, container, pod, stamp, thing


def web(**values: Any) -> Workload:
    """The workload app=web; nothing is excused as starting."""
    return Workload.model_validate({"name": "web", "connection": "cluster", "selector": "app=web", "starting": "0s"} | values)


def all_pods(cluster: AnyCluster) -> Pods:
    """What the probe sees."""
    begin(30)
    seen = PROBES["pods"].function(Namespace(cluster.connection, None))
    assert isinstance(seen, Pods)
    return seen


def look(cluster: AnyCluster, *objects: Object, **values: Any) -> WorkloadPods:
    """The pods of app=web in a cluster that holds these objects."""
    cluster.put(list(objects))
    picked = workload_pods.__wrapped__(all_pods(cluster), web(**values))
    assert isinstance(picked, WorkloadPods)
    return picked


def waiting(reason: str, message: str = "", restarts: int = 0) -> tuple[Object, Object]:
    """A container that waits."""
    asked, told = container(state={"waiting": {"reason": reason, "message": message}}, restarts=restarts)
    return asked, told | {"ready": False}


def unready(made: Object, **condition: Any) -> Object:
    """The pod, not Ready since ten minutes."""
    since = stamp(time.time() - 600)
    made["status"]["conditions"] = [
        {"type": "Ready", "status": "False", "reason": "ContainersNotReady", "lastTransitionTime": since} | condition
    ]
    return made


def owned(made: Object, kind: str, name: str) -> Object:
    """The pod, controlled by something."""
    made["metadata"]["ownerReferences"] = [{"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": f"uid-{name}", "controller": True}]
    return made


def test_ready_pods_are_counted(any_cluster: AnyCluster) -> None:
    seen = look(any_cluster, pod("web-a"), pod("web-b"), pod("other", labels={"app": "other"}))

    assert (seen.looked_at, seen.ready, seen.not_ready, seen.failing) == (2, 2, 0, 0)


def test_a_running_pod_that_is_not_ready_is_named_with_its_container_and_since_when(any_cluster: AnyCluster) -> None:
    asked, told = container()

    seen = look(any_cluster, pod("web-a"), unready(pod("web-b", (asked, told | {"ready": False}))))

    assert seen.ready == 1
    assert seen.not_ready.things[0].startswith("web-b: container web runs but is not ready since 10m")


@pytest.mark.parametrize(
    "reason", ["CrashLoopBackOff", "ImagePullBackOff", "ErrImagePull", "CreateContainerConfigError", "InvalidImageName"]
)
def test_a_container_that_cannot_start_is_named_with_reason_and_first_line(any_cluster: AnyCluster, reason: str) -> None:
    seen = look(any_cluster, unready(pod("web-a", waiting(reason, "first line\nsecond line"))))

    assert seen.failing == seen.not_ready == 1
    assert reason in str(seen.failing)
    assert "first line" in str(seen.not_ready)
    assert "second line" not in str(seen.not_ready)


def test_a_long_message_keeps_its_end_where_the_cause_stands(any_cluster: AnyCluster) -> None:
    image, failed = "registry.example/shop/web:1.9.0", "failed to pull and unpack image"
    told = f'Back-off pulling image "{image}": ErrImagePull: {failed} "{image}": failed to resolve reference "{image}": '
    told += 'failed to do request: Head "https://registry.example/v2/": dial tcp: lookup registry.example: no such host'

    seen = look(any_cluster, unready(pod("web-a", waiting("ImagePullBackOff", told))))

    assert f'Back-off pulling image "{image}"' in str(seen.not_ready)
    assert str(seen.not_ready).endswith("dial tcp: lookup registry.example: no such host)")


def test_a_failing_init_container_is_named(any_cluster: AnyCluster) -> None:
    asked, told = waiting("CrashLoopBackOff")
    init = ({**asked, "name": "migrate"}, {**told, "name": "migrate"})

    seen = look(any_cluster, unready(pod("web-a", waiting("PodInitializing"), init=(init,))))

    assert "init container migrate waits: CrashLoopBackOff" in str(seen.not_ready)


def test_a_pending_pod_without_container_statuses_says_why_no_node_takes_it(any_cluster: AnyCluster) -> None:
    made = pod("web-a")
    message = "0/3 nodes are available: 3 Insufficient cpu."
    made["status"] = {
        "phase": "Pending",
        "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}],
    }

    seen = look(any_cluster, made)

    assert seen.ready == 0
    assert message in str(seen.not_ready)


def test_a_completed_pod_that_the_selector_matches_is_left_out(any_cluster: AnyCluster) -> None:
    done = pod("web-migrate")
    done["status"] = {"phase": "Succeeded", "conditions": [{"type": "Ready", "status": "False", "reason": "PodCompleted"}]}

    seen = look(any_cluster, pod("web-a"), done)

    assert (seen.looked_at, seen.ready, seen.not_ready) == (1, 1, 0)


def test_pods_of_jobs_are_left_out_whatever_their_state(cluster: SmallCluster) -> None:
    failed = owned(pod("web-job-x"), "Job", "web-job")
    failed["status"]["phase"] = "Failed"

    assert look(cluster, pod("web-a"), unready(failed)).looked_at == 1


def test_only_completed_pods_are_nothing(cluster: SmallCluster) -> None:
    done = unready(pod("web-migrate"))
    done["status"]["phase"] = "Succeeded"

    seen = look(cluster, done)

    assert seen.looked_at == 0
    assert seen.note.startswith("no running pod of selector app=web among 1 pods, 1 of them completed or ending")


def test_an_evicted_pod_of_a_replica_set_was_replaced_and_one_that_nobody_keeps_was_not(cluster: SmallCluster) -> None:
    evicted = {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."}
    replaced, lost = owned(pod("web-old"), "ReplicaSet", "web-1"), pod("web-bare")
    replaced["status"] = lost["status"] = evicted

    seen = look(cluster, pod("web-a"), replaced, lost)

    assert seen.not_ready.things == ("web-bare: Failed Evicted: The node was low on resource: memory.",)


def test_a_pod_that_ends_is_left_out_until_it_is_stuck(cluster: SmallCluster) -> None:
    ending, stuck = pod("web-ending"), pod("web-stuck")
    ending["metadata"]["deletionTimestamp"] = stamp(time.time() + 20)
    stuck["metadata"]["deletionTimestamp"] = stamp(time.time() - 7200)

    seen = look(cluster, pod("web-a"), ending, stuck)

    assert seen.ready == 1
    assert len(seen.not_ready.things) == 1
    assert seen.not_ready.things[0].startswith("web-stuck: should have ended 2h")


def test_a_new_pod_beside_a_ready_one_may_start_but_not_alone_and_not_when_it_fails(cluster: SmallCluster) -> None:
    new = unready(pod("web-new", waiting("ContainerCreating")))
    new["metadata"]["creationTimestamp"] = stamp(time.time())
    failing = unready(pod("web-bad", waiting("ErrImagePull")))
    failing["metadata"]["creationTimestamp"] = stamp(time.time())

    assert look(cluster, pod("web-a"), new, starting="1h").not_ready == 0
    assert look(cluster, new, starting="1h").not_ready == 1
    assert look(cluster, pod("web-a"), failing, starting="1h").not_ready == 1


def test_a_pod_on_a_lost_node_is_not_ready_although_its_containers_say_so(any_cluster: AnyCluster) -> None:
    seen = look(any_cluster, unready(pod("web-a"), status="Unknown", reason="NodeStatusUnknown", message="Kubelet stopped posting."))

    assert seen.not_ready == 1
    assert "NodeStatusUnknown" in str(seen.not_ready)


def test_a_pod_whose_node_was_lost_a_moment_ago_has_ready_containers_and_no_reason(any_cluster: AnyCluster) -> None:
    lost = pod("web-a")
    lost["status"]["conditions"] = [
        {"type": "Ready", "status": "False", "lastTransitionTime": stamp(time.time() - 60)},
        {"type": "ContainersReady", "status": "True", "lastTransitionTime": stamp(time.time() - 3600)},
    ]

    seen = look(any_cluster, lost)

    assert (seen.ready, seen.not_ready) == (0, 1)
    assert "web-a: not ready since 1m" in str(seen.not_ready)
    assert "seems lost" in str(seen.not_ready)


def test_a_sidecar_that_is_not_ready_is_named(any_cluster: AnyCluster) -> None:
    asked, told = container("proxy")
    sidecar = (asked | {"restartPolicy": "Always"}, told | {"ready": False})

    seen = look(any_cluster, unready(pod("web-a", init=(sidecar,))))

    assert "sidecar container proxy runs but is not ready" in str(seen.not_ready)


def test_null_fields_are_empty(cluster: SmallCluster) -> None:
    bare = thing("v1", "Pod", "web-a", labels={"app": "web"}, spec={"containers": [{"name": "web"}], "initContainers": None})
    bare["status"] = {"phase": "Pending", "conditions": None, "containerStatuses": None}

    assert "web-a: not ready" in str(look(cluster, bare).not_ready)


def test_pods_of_a_deployment_are_told_by_its_replica_sets_old_ones_included(cluster: SmallCluster) -> None:
    labels = {"app": "web", "pod-template-hash": "7c9d8b6f5"}
    old = {"app": "web", "pod-template-hash": "5f6b7d8c9"}
    cluster.put(
        [
            owned(pod("web-1", labels=labels), "ReplicaSet", "web-7c9d8b6f5"),
            owned(pod("web-2", labels=old), "ReplicaSet", "web-5f6b7d8c9"),
            owned(pod("web-api-1", labels=labels), "ReplicaSet", "web-api-7c9d8b6f5"),
            pod("web-bare"),
        ]
    )

    rows = pods_of(web(deployment="web"), all_pods(cluster).rows)

    assert [row.name for row in rows] == ["web-1", "web-2"]


def test_images_are_compared_by_digest_and_names_that_move_are_listed(any_cluster: AnyCluster) -> None:
    def running(name: str, digest: str) -> Object:
        asked, told = container()
        return pod(
            name, (asked | {"image": "web:latest"}, told | {"image": "web:latest", "imageID": f"registry.example/web@sha256:{digest * 64}"})
        )

    seen = look(any_cluster, running("web-a", "a"), running("web-b", "b"))

    assert seen.digests == 2
    assert "web-b" in seen.note
    assert seen.mutable_images.things == ("web: web:latest",)


def test_a_bad_pod_on_the_second_page_is_seen(cluster: SmallCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fixtures.kubernetes.client.PAGE", 2)
    seen = look(cluster, *(pod(f"web-{place}") for place in range(4)), unready(pod("web-z", waiting("CrashLoopBackOff"))))

    assert (seen.looked_at, seen.failing) == (5, 1)
    assert len(cluster.running.requests("kubernetes")) == 3


def test_pods_survive_being_saved_and_read_again(cluster: SmallCluster) -> None:
    from pydantic import TypeAdapter

    cluster.put([pod("web-a"), unready(pod("web-b", waiting("CrashLoopBackOff", restarts=4)))])
    seen, adapter = all_pods(cluster), TypeAdapter(Pods)

    again = adapter.validate_json(adapter.dump_json(seen), context="saved")

    assert again == seen
    assert str(workload_pods.__wrapped__(again, web())) == str(workload_pods.__wrapped__(seen, web()))
