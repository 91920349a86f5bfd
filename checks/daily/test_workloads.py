"""Workloads of a cluster: are their pods there, ready, and staying so?"""

import pytest

from fixtures.kubernetes.workload_rollouts import WorkloadRollout
from fixtures.kubernetes.workload_warnings import WorkloadWarnings
from fixtures.kubernetes.workloads import WorkloadAccidents, WorkloadPods, WorkloadRestarts


@pytest.mark.gate
@pytest.mark.expects("not_ready")
def test_every_pod_is_ready(workload_pods: WorkloadPods, limit: int) -> None:
    """Every pod that should serve is Ready.

    Next: kubectl describe pod NAME, kubectl logs NAME --previous
    """
    assert workload_pods.not_ready <= limit


@pytest.mark.gate
@pytest.mark.expects("ready")
def test_enough_pods_are_ready(workload_pods: WorkloadPods, limit: int) -> None:
    """The normal number of pods is Ready.

    Next: kubectl get pods,hpa,deployments -o wide; was it scaled down by hand?
    """
    assert workload_pods.ready >= limit


@pytest.mark.gate
@pytest.mark.expects("failing_containers")
def test_no_container_fails_to_start(workload_pods: WorkloadPods, limit: int) -> None:
    """No container is in an error: image pull, crash loop (between two crashes too), missing configuration.

    Next: kubectl logs NAME --previous; kubectl describe pod NAME (events at the end); may the cluster pull the image?
    """
    assert workload_pods.failing <= limit


@pytest.mark.expects("restarts")
def test_containers_do_not_restart_repeatedly(workload_restarts: WorkloadRestarts, limit: int) -> None:
    """No container restarts again and again.

    Next: kubectl logs POD --previous; kubectl describe pod POD (last state, exit code)
    """
    assert workload_restarts.most <= limit


@pytest.mark.expects("oom_kills")
def test_no_container_ran_out_of_memory(workload_accidents: WorkloadAccidents, limit: int) -> None:
    """No container was killed because it ran out of memory.

    Next: kubectl top pods; memory trend in the dashboard; raise the limit or find the leak
    """
    assert workload_accidents.oom_kills <= limit


@pytest.mark.gate
@pytest.mark.expects("unavailable")
def test_replicas_are_available(workload_rollout: WorkloadRollout, limit: int) -> None:
    """Every replica that is asked for is available.

    Next: kubectl describe deployment NAME (conditions, events); are pods pending, or quotas full?
    """
    assert workload_rollout.unavailable <= limit


@pytest.mark.gate
@pytest.mark.expects("stuck_rollouts")
def test_no_rollout_is_stuck(workload_rollout: WorkloadRollout, limit: int) -> None:
    """No rollout has stopped making progress behind old pods that still serve.

    Next: kubectl rollout status deployment/NAME; kubectl describe the newest replica set
    """
    assert workload_rollout.stuck <= limit


@pytest.mark.expects("replicas")
def test_workload_is_not_left_scaled_down(workload_rollout: WorkloadRollout, limit: int) -> None:
    """The workload is told to keep its normal number of replicas; nobody left it at maintenance size.

    Next: kubectl get deployment NAME -o jsonpath='{.spec.replicas}'; kubectl scale deployment NAME --replicas=...
    """
    assert workload_rollout.replicas >= limit


@pytest.mark.expects("warnings")
def test_no_warnings_about_a_workload(workload_warnings: WorkloadWarnings, limit: int) -> None:
    """The cluster recorded no warning about the workload within the window.

    Next: kubectl get events --field-selector type=Warning --sort-by=.lastTimestamp
    """
    assert workload_warnings.warnings <= limit
