"""A sandbox that has been up for long is still healthy: what tells its age does not grow old."""

from muster.verdicts import EXIT_HOLDS, EXIT_VIOLATED
from sandbox.faults import builder
from tests.proof.harness import SYSTEM, Proof

LONG = 2 * 86400.0
AGING = {
    "test_every_pod_writes_a_log[service-errors]",
    "test_every_route_answers_in_time[service-requests]",
    "test_cron_job_succeeded_lately[nightly-report]",
}
"""A few of those that a world of two days ago violates."""


def test_a_world_that_has_grown_old_is_renewed_without_a_restart(proof: Proof) -> None:
    platform = proof.platform
    platform.apply(builder(SYSTEM)(platform.epoch - LONG))
    addresses = dict(platform.addresses)
    old = proof.run()
    assert old.code == EXIT_VIOLATED
    assert AGING - old.not_holding().keys() == set(), old.output
    platform.renew()
    assert platform.addresses == addresses
    new = proof.run()
    assert new.not_holding() == {}
    assert new.code == EXIT_HOLDS
