"""Logs of pods: few errors, none that dominates, no slow route, no silent pod."""

import pytest

from fixtures.logs.counting import LogCount, LogTimes
from muster.units import Duration


@pytest.mark.gate
@pytest.mark.expects("records")
def test_log_records_of_a_kind_stay_few(log_count: LogCount, limit: int) -> None:
    """The pods write few records of this kind.

    Next: kubectl logs -l SELECTOR --since=1h --tail=-1 --all-containers --prefix
    """
    assert log_count.matched <= limit


@pytest.mark.expects("alike")
def test_no_message_dominates_the_log(log_count: LogCount, limit: int) -> None:
    """No single message makes up many of the records.

    Next: search the log for the message; what do its records have in common: route, pod, user, dependency?
    """
    assert log_count.top <= limit


@pytest.mark.expects("p95")
def test_every_route_answers_in_time(log_times: LogTimes, limit: Duration) -> None:
    """No route is much slower than the rest, as the application itself logs it.

    Next: the slow statements of the database and the dependencies of that route
    """
    assert log_times.slowest <= limit


@pytest.mark.expects("silent")
def test_every_pod_writes_a_log(log_count: LogCount, limit: int) -> None:
    """Every pod that runs writes something.

    Next: does the pod serve at all? Is its log level too high, or does it write to a file instead?
    """
    assert log_count.silent <= limit
