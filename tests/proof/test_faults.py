"""Every fault of platform-service turns red what it says, tells what is wrong, changes nothing else, and can be healed.

One platform runs for all of them; for each group of faults its world is broken, every check of every cadence runs, the
journal is compared with what the faults declare, and the world is healed and looked at again.
"""

import pytest

from muster.verdicts import EXIT_HOLDS, EXIT_UNKNOWN, EXIT_VIOLATED, Result, Verdict
from sandbox.faults import Found, faults
from tests.proof.groups import Outcomes, wrong
from tests.proof.harness import SYSTEM, seen_by_drills
from tests.proof.tellings import TELLS

FAULTS = [found for found in faults(SYSTEM) if not seen_by_drills(found.fault)]
PROVEN_BY_A_STOPPED_SERVER = {"test_prometheus_is_ready", "test_alertmanager_is_ready"}


def test_every_check_holds_in_the_healthy_world(outcomes: Outcomes) -> None:
    seen = outcomes.healthy
    assert seen.not_holding() == {}, seen.output
    assert seen.code == EXIT_HOLDS
    assert len(seen.results) > 100


@pytest.mark.parametrize("found", FAULTS, ids=lambda found: found.fault.name)
def test_a_fault_is_seen_by_its_checks_and_by_no_other_until_it_is_healed(outcomes: Outcomes, found: Found) -> None:
    fault, outcome = found.fault, outcomes.of(found)
    seen = outcome.seen
    assert wrong(fault, seen) == "", seen.output
    assert seen.code == (EXIT_VIOLATED if fault.verdict == Verdict.VIOLATED else EXIT_UNKNOWN)
    broken = [result for name in fault.violates for result in seen.named(name) if result.verdict is not Verdict.HOLDS]
    assert [each.id for each in broken if not complete(each)] == []
    assert outcome.healed == {}


def test_after_the_last_of_them_nothing_is_left_behind(outcomes: Outcomes) -> None:
    assert outcomes.proof.broken().not_holding() == {}


def complete(result: Result) -> bool:
    """Whether a result says all that its reader needs: what was expected and seen, or why nothing could be seen."""
    if result.verdict is Verdict.UNKNOWN:
        return bool(result.reason and result.cause and result.next)
    return bool(result.expected and result.observed and result.next and (result.observed != "nothing" or result.reason))


def test_it_is_said_of_every_fault_what_its_reader_must_be_told() -> None:
    assert set(TELLS) == {found.fault.name for found in faults(SYSTEM)}


def test_every_check_that_stands_in_a_runbook_or_by_default_has_been_seen_to_fail(outcomes: Outcomes) -> None:
    proven = {name.partition("[")[0] for found in FAULTS for name in found.fault.violates}
    assert {each.check for each in outcomes.healthy.results.values()} - proven == PROVEN_BY_A_STOPPED_SERVER
