"""Resources that containers use, against their limits."""

import pytest

from fixtures.kubernetes.usage import WorkloadUsage
from muster.units import Percent


@pytest.mark.expects("cpu")
def test_cpu_stays_below_its_limit(workload_usage: WorkloadUsage, limit: Percent) -> None:
    """No container is near its CPU limit.

    Next: kubectl top pods --containers; is one pod hot, or all of them?
    """
    assert workload_usage.cpu <= limit


@pytest.mark.expects("memory")
def test_memory_stays_below_its_limit(workload_usage: WorkloadUsage, limit: Percent) -> None:
    """No container is near its memory limit, where it would be killed.

    Next: the trend since the container started: a leak, or load?
    """
    assert workload_usage.memory <= limit
