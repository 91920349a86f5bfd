"""What the steps against an incident presuppose of a workload."""

import pytest

from fixtures.kubernetes.workload_rollouts import WorkloadRevisions
from fixtures.kubernetes.workload_room import WorkloadRoom


@pytest.mark.readiness
@pytest.mark.gate(after=False, rollback=True)
@pytest.mark.expects("revisions")
def test_rollback_has_a_target(workload_revisions: WorkloadRevisions, limit: int) -> None:
    """There is an earlier revision with another image to go back to.

    Next: kubectl rollout history deployment/NAME; is revisionHistoryLimit 0?
    """
    assert workload_revisions.different >= limit


@pytest.mark.readiness
@pytest.mark.expects("room_for")
def test_there_is_room_to_scale_up(workload_room: WorkloadRoom, limit: int) -> None:
    """Nodes and quotas have room for the replicas that the runbook scales up to.

    Next: kubectl describe nodes (allocated resources); kubectl describe quota
    """
    assert workload_room.replicas >= limit
