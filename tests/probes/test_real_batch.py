"""Jobs and cron jobs in the shapes of a real 1.32 cluster."""

import time
from typing import Any

import pytest

from fixtures.kubernetes.batch import cron_job_state, job_failures, job_runs
from muster.kinds.base import bind
from muster.kinds.cluster import CronJob, Jobs
from muster.kinds.kubernetes import Within
from sandbox.world import Object
from tests.probes.real_shapes import DAY, HOUR, asked, metadata, past
from tests.probes.small_cluster import SmallCluster, made, pick


def job(name: str, *conditions: Object, age: float = HOUR, **status: Any) -> Object:
    """A job of cron job web."""
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": "web", "uid": "u-2", "controller": True, "blockOwnerDeletion": True}
    told = {"startTime": past(age), "uncountedTerminatedPods": {}, "ready": 0, "terminating": 0} | status
    spec = {
        "backoffLimit": 6,
        "completions": 1,
        "parallelism": 1,
        "completionMode": "NonIndexed",
        "template": {"spec": {"containers": [asked("job")]}},
    }
    body = told | ({"conditions": list(conditions)} if conditions else {})
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata(name, age, ownerReferences=[owner]), "spec": spec, "status": body}


def ended(kind: str, reason: str = "", ago: float = 60.0) -> Object:
    """A condition of a job."""
    times = {"lastProbeTime": past(ago), "lastTransitionTime": past(ago)}
    return {"type": kind, "status": "True", **times} | ({"reason": reason, "message": f"Job {reason}"} if reason else {})


def test_jobs_fail_with_a_condition_only_and_those_that_try_again_are_told_as_running(cluster: SmallCluster) -> None:
    reached = {"reason": "CompletionsReached"}
    jobs = (
        job("web-1", ended("SuccessCriteriaMet", **reached), ended("Complete", **reached), succeeded=1),
        job("web-2", ended("FailureTarget", "BackoffLimitExceeded"), ended("Failed", "BackoffLimitExceeded"), failed=7),
        job("web-3", ended("Suspended", "JobSuspended")),
        job("web-4", age=2 * HOUR, active=1, failed=3),
    )

    failed = pick(
        cluster, job_failures, "jobs", objects=jobs, job_group=made(Jobs), terms=Within.model_validate({"at_most": 0, "within": "7d"})
    )
    running = pick(cluster, job_runs, "jobs", objects=jobs, job_group=made(Jobs))

    assert [thing.partition(" ")[0] for thing in failed.failed.things] == ["web-2"]
    assert running.longest == pytest.approx(2 * HOUR, abs=300)
    assert "web-4 has been running for 2h" in running.note
    assert "3 of its pods failed" in running.note


def cron(**values: Any) -> Object:
    """Cron job web; one that was never due has an empty status."""
    spec = {
        "schedule": "*/5 * * * *",
        "timeZone": "Europe/Berlin",
        "suspend": False,
        "concurrencyPolicy": "Forbid",
        "failedJobsHistoryLimit": 1,
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": metadata("web", 600),
        "spec": spec | values.pop("spec", {}),
        "status": values,
    }


def test_cron_jobs_that_never_ran_or_rest_as_declared(cluster: SmallCluster) -> None:
    def look(item: Object, **expect: Any) -> Any:
        entity = bind(made(CronJob, expect=expect), "test/small", {})
        return pick(cluster, cron_job_state, "cron_jobs", objects=(item,), cron_job=entity)

    never = look(cron(), succeeded_within="1h")
    rests = look(cron(spec={"suspend": True}), suspended=True)
    late = look(cron(lastScheduleTime=past(300), lastSuccessfulTime=past(2 * DAY)), succeeded_within="1h")

    assert "never succeeded" in never.note
    assert never.since_success == pytest.approx(600, abs=120)
    assert rests.suspended is True
    assert late.since_success > 86400
    assert time.time() - late.since_success > 0
