"""Cron jobs and jobs: do they run, and do they succeed?"""

import pytest

from fixtures.kubernetes.batch import CronJobState, JobGroup
from muster.units import Duration


@pytest.mark.expects("suspended")
def test_cron_job_is_not_suspended(cron_job_state: CronJobState, limit: bool) -> None:
    """The cron job exists and is not switched off.

    Next: kubectl get cronjob NAME -o yaml; who suspended it, and for which maintenance?
    """
    assert cron_job_state.suspended == limit


@pytest.mark.expects("succeeded_within")
def test_cron_job_succeeded_lately(cron_job_state: CronJobState, limit: Duration) -> None:
    """The cron job's last success is recent.

    Next: kubectl get jobs; kubectl logs job/NAME
    """
    assert cron_job_state.since_success <= limit


@pytest.mark.expects("failed")
def test_no_job_failed(job_failures: JobGroup, limit: int) -> None:
    """No job failed within the window.

    Next: kubectl describe job NAME; kubectl logs job/NAME
    """
    assert job_failures.failed <= limit


@pytest.mark.expects("running_for")
def test_no_job_runs_too_long(job_runs: JobGroup, limit: Duration) -> None:
    """No job has been running for too long.

    Next: kubectl describe job NAME; kubectl logs job/NAME --tail=50
    """
    assert job_runs.longest <= limit
