"""Around a deploy: is what runs what was meant to run, and is it steady?"""

import pytest

from fixtures.kubernetes.workload_configs import WorkloadConfigs
from fixtures.kubernetes.workload_rollbacks import WorkloadRollback
from fixtures.kubernetes.workload_rollouts import WorkloadRollout
from fixtures.kubernetes.workload_surge import WorkloadSurge
from fixtures.kubernetes.workloads import WorkloadAccidents, WorkloadMemory, WorkloadPods
from muster.units import Quantity


@pytest.mark.gate
@pytest.mark.expects("unfinished_rollouts")
def test_rollout_is_complete(workload_rollout: WorkloadRollout, limit: int) -> None:
    """The rollout is complete: seen by its controller, every pod new, no old one left.

    Next: kubectl rollout status deployment/NAME
    """
    assert workload_rollout.unfinished <= limit


@pytest.mark.gate
@pytest.mark.expects("image_digests")
def test_pods_run_the_same_image(workload_pods: WorkloadPods, limit: int) -> None:
    """Every pod runs the same image, by digest.

    Next: kubectl get pods -o custom-columns=NAME:.metadata.name,IMAGE:.status.containerStatuses[*].imageID
    """
    assert workload_pods.digests <= limit


@pytest.mark.gate
@pytest.mark.expects("mutable_images")
def test_image_names_do_not_move(workload_pods: WorkloadPods, limit: int) -> None:
    """Every image is named by a version or a digest, never by a tag that moves.

    Next: kubectl set image deployment/NAME CONTAINER=IMAGE:VERSION
    """
    assert workload_pods.mutable_images <= limit


@pytest.mark.gate
@pytest.mark.expects("memory_limit")
def test_containers_have_their_memory_limit(workload_memory: WorkloadMemory, limit: Quantity) -> None:
    """Every container has a memory limit, and enough of it.

    Next: kubectl get pod NAME -o jsonpath='{.spec.containers[*].resources}'
    """
    assert workload_memory.least_limit >= limit


@pytest.mark.gate(before=False)
@pytest.mark.expects("recent_restarts")
def test_pods_stay_stable(workload_accidents: WorkloadAccidents, limit: int) -> None:
    """No container restarted since the change: no crash after the warm-up.

    Next: kubectl logs POD --previous; kubectl rollout undo deployment/NAME
    """
    assert workload_accidents.restarted <= limit


@pytest.mark.gate(before=False)
@pytest.mark.expects("pods_older_than_config")
def test_pods_run_with_the_current_configuration(workload_configs: WorkloadConfigs, limit: int) -> None:
    """Every pod started after the last change of its configuration.

    Next: kubectl rollout restart deployment/NAME, once the change is meant to go live
    """
    assert workload_configs.outdated <= limit


@pytest.mark.gate(after=False)
@pytest.mark.expects("surge_without_room")
def test_rolling_update_finds_room(workload_surge: WorkloadSurge, limit: int) -> None:
    """Nodes and quotas have room for the pods that a rolling update adds.

    Next: kubectl describe nodes (allocated resources); kubectl describe quota; maxSurge: 0 needs no room
    """
    assert workload_surge.short <= limit


@pytest.mark.gate(after=False, rollback=True)
@pytest.mark.expects("rollback_without_room")
def test_rollback_finds_room(workload_surge: WorkloadSurge, limit: int) -> None:
    """Nodes and quotas have room for the pods that a rollback adds.

    Next: kubectl scale the broken revision down first, or free a node
    """
    assert workload_surge.short_of_rollback <= limit


@pytest.mark.gate(after=False, rollback=True)
@pytest.mark.expects("unpullable_rollback_images")
def test_images_of_the_rollback_can_be_pulled(workload_rollback: WorkloadRollback, limit: int) -> None:
    """The images of the revision that a rollback goes back to can still be had.

    Next: kubectl rollout history deployment/NAME --revision=N; does the registry still have that tag, and our nodes its password?
    """
    assert workload_rollback.unpullable <= limit
