"""Samples of the checks on workloads."""

from collections.abc import Callable

from checks.daily import test_workloads as workloads
from checks.gate import test_workload_deploys as deploys
from checks.weekly import test_workload_readiness as readiness
from fixtures.kubernetes.workload_configs import WorkloadConfigs
from fixtures.kubernetes.workload_rollbacks import WorkloadRollback
from fixtures.kubernetes.workload_rollouts import WorkloadRevisions, WorkloadRollout
from fixtures.kubernetes.workload_room import WorkloadRoom
from fixtures.kubernetes.workload_surge import WorkloadSurge
from fixtures.kubernetes.workload_warnings import WorkloadWarnings
from fixtures.kubernetes.workloads import WorkloadAccidents, WorkloadMemory, WorkloadPods, WorkloadRestarts
from muster.units import Counted, Quantity

LINE = ("web-1: container web waits: CrashLoopBackOff since 3m",)


def pods(
    ready: int = 3, not_ready: tuple[str, ...] = (), failing: tuple[str, ...] = (), moving: tuple[str, ...] = (), digests: int = 1
) -> WorkloadPods:
    """Three pods."""
    counted = {"not_ready": Counted(not_ready), "failing": Counted(failing), "mutable_images": Counted(moving)}
    return WorkloadPods(looked_at=3, of="pods", ready=ready, digests=digests, **counted)


def rollout(
    replicas: int = 3, unavailable: tuple[str, ...] = (), unfinished: tuple[str, ...] = (), stuck: tuple[str, ...] = ()
) -> WorkloadRollout:
    """One deployment."""
    counted = {"unavailable": Counted(unavailable), "unfinished": Counted(unfinished), "stuck": Counted(stuck)}
    return WorkloadRollout(looked_at=1, of="controllers", replicas=replicas, **counted)


def accidents(killed: tuple[str, ...] = (), restarted: tuple[str, ...] = ()) -> WorkloadAccidents:
    """What happened to three pods."""
    return WorkloadAccidents(looked_at=3, of="pods", oom_kills=Counted(killed), restarted=Counted(restarted))


def restarts(most: int) -> WorkloadRestarts:
    """Restarts of the worst container."""
    return WorkloadRestarts(looked_at=3, of="pods", most=most)


def memory(text: str) -> WorkloadMemory:
    """The least limit."""
    return WorkloadMemory(looked_at=3, of="containers", least_limit=Quantity.parse(text))


def configs(*outdated: str) -> WorkloadConfigs:
    """Containers that are older than their configuration."""
    return WorkloadConfigs(looked_at=3, of="pods", outdated=Counted(outdated))


def revisions(different: int) -> WorkloadRevisions:
    """Revisions with different images."""
    return WorkloadRevisions(looked_at=2, of="replica sets", different=different)


def surge(short: int = 0, short_of_rollback: int = 0) -> WorkloadSurge:
    """Pods without a place."""
    return WorkloadSurge(looked_at=3, of="nodes", short=short, short_of_rollback=short_of_rollback)


def rollback(*unpullable: str) -> WorkloadRollback:
    """The images of an earlier revision."""
    return WorkloadRollback(looked_at=1, of="images", unpullable=Counted(unpullable))


def room(replicas: int) -> WorkloadRoom:
    """How far a workload may grow."""
    return WorkloadRoom(looked_at=3, of="nodes", replicas=replicas)


def warnings(*lines: str) -> WorkloadWarnings:
    """Warnings about three pods."""
    return WorkloadWarnings(looked_at=3, of="pods", warnings=Counted(lines))


GIBIBYTE = Quantity.parse("1Gi")
SAMPLES: dict[Callable[..., None], tuple[dict[str, object], dict[str, object]]] = {
    workloads.test_every_pod_is_ready: ({"workload_pods": pods(), "limit": 0}, {"workload_pods": pods(not_ready=LINE), "limit": 0}),
    workloads.test_enough_pods_are_ready: ({"workload_pods": pods(), "limit": 3}, {"workload_pods": pods(ready=2), "limit": 3}),
    workloads.test_no_container_fails_to_start: ({"workload_pods": pods(), "limit": 0}, {"workload_pods": pods(failing=LINE), "limit": 0}),
    workloads.test_containers_do_not_restart_repeatedly: (
        {"workload_restarts": restarts(3), "limit": 3},
        {"workload_restarts": restarts(4), "limit": 3},
    ),
    workloads.test_no_container_ran_out_of_memory: (
        {"workload_accidents": accidents(restarted=LINE), "limit": 0},
        {"workload_accidents": accidents(killed=LINE), "limit": 0},
    ),
    workloads.test_no_warnings_about_a_workload: (
        {"workload_warnings": warnings(), "limit": 0},
        {"workload_warnings": warnings(*LINE), "limit": 0},
    ),
    workloads.test_replicas_are_available: (
        {"workload_rollout": rollout(), "limit": 0},
        {"workload_rollout": rollout(unavailable=LINE), "limit": 0},
    ),
    workloads.test_no_rollout_is_stuck: (
        {"workload_rollout": rollout(unfinished=LINE), "limit": 0},
        {"workload_rollout": rollout(stuck=LINE), "limit": 0},
    ),
    workloads.test_workload_is_not_left_scaled_down: (
        {"workload_rollout": rollout(), "limit": 3},
        {"workload_rollout": rollout(replicas=1), "limit": 3},
    ),
    deploys.test_rollout_is_complete: (
        {"workload_rollout": rollout(), "limit": 0},
        {"workload_rollout": rollout(unfinished=LINE), "limit": 0},
    ),
    deploys.test_pods_run_the_same_image: ({"workload_pods": pods(), "limit": 1}, {"workload_pods": pods(digests=2), "limit": 1}),
    deploys.test_image_names_do_not_move: (
        {"workload_pods": pods(), "limit": 0},
        {"workload_pods": pods(moving=("web: web:latest",)), "limit": 0},
    ),
    deploys.test_containers_have_their_memory_limit: (
        {"workload_memory": memory("1Gi"), "limit": GIBIBYTE},
        {"workload_memory": memory("0"), "limit": GIBIBYTE},
    ),
    deploys.test_pods_stay_stable: (
        {"workload_accidents": accidents(), "limit": 0},
        {"workload_accidents": accidents(restarted=LINE), "limit": 0},
    ),
    deploys.test_pods_run_with_the_current_configuration: (
        {"workload_configs": configs(), "limit": 0},
        {"workload_configs": configs(*LINE), "limit": 0},
    ),
    readiness.test_rollback_has_a_target: (
        {"workload_revisions": revisions(2), "limit": 2},
        {"workload_revisions": revisions(1), "limit": 2},
    ),
    readiness.test_there_is_room_to_scale_up: ({"workload_room": room(8), "limit": 8}, {"workload_room": room(7), "limit": 8}),
    deploys.test_rolling_update_finds_room: (
        {"workload_surge": surge(short_of_rollback=1), "limit": 0},
        {"workload_surge": surge(short=1), "limit": 0},
    ),
    deploys.test_rollback_finds_room: (
        {"workload_surge": surge(short=1), "limit": 0},
        {"workload_surge": surge(short_of_rollback=1), "limit": 0},
    ),
    deploys.test_images_of_the_rollback_can_be_pulled: (
        {"workload_rollback": rollback(), "limit": 0},
        {"workload_rollback": rollback("docker.io/library/web:1: ErrImagePull in web-1"), "limit": 0},
    ),
}
