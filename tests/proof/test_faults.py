"""Every fault of platform-service turns red what it says, tells what is wrong, and changes nothing else.

One platform runs for all of them; for each fault its world is broken, every check of every cadence runs, and the journal is
compared with what the fault declares.
"""

import pytest

from muster.verdicts import EXIT_HOLDS, EXIT_UNKNOWN, EXIT_VIOLATED, Result, Verdict
from sandbox.faults import Found, faults
from tests.proof.groups import Outcomes, declared
from tests.proof.harness import SYSTEM, Proof, told
from tests.proof.tellings import TELLS

FAULTS = faults(SYSTEM)
PROVEN_BY_A_STOPPED_SERVER = {"test_prometheus_is_ready"}


@pytest.fixture(scope="module")
def outcomes(proof: Proof) -> Outcomes:
    """What the checks say of each fault."""
    return Outcomes(proof)


def test_every_check_holds_in_the_healthy_world(proof: Proof) -> None:
    seen = proof.broken()
    assert seen.not_holding() == {}, seen.output
    assert seen.code == EXIT_HOLDS
    assert len(seen.results) > 100


@pytest.mark.parametrize("found", FAULTS, ids=lambda found: found.fault.name)
def test_a_fault_is_seen_by_its_checks_and_by_no_other(outcomes: Outcomes, found: Found) -> None:
    fault = found.fault
    seen = outcomes.of(found)
    assert seen.not_holding() == declared(fault), seen.output
    assert seen.code == (EXIT_VIOLATED if fault.verdict == Verdict.VIOLATED else EXIT_UNKNOWN)
    broken = [result for name in fault.violates for result in seen.named(name) if result.verdict is not Verdict.HOLDS]
    assert [each.id for each in broken if not complete(each)] == []
    assert any(TELLS[fault.name] in told(each) for each in broken), [told(each) for each in broken]


def complete(result: Result) -> bool:
    """Whether a result says all that its reader needs: what was expected and seen, or why nothing could be seen."""
    if result.verdict is Verdict.UNKNOWN:
        return bool(result.reason and result.cause and result.next)
    return bool(result.expected and result.observed and result.next and (result.observed != "nothing" or result.reason))


def test_it_is_said_of_every_fault_what_its_reader_must_be_told() -> None:
    assert set(TELLS) == {found.fault.name for found in FAULTS}


def test_every_check_that_stands_in_a_runbook_or_by_default_has_been_seen_to_fail(proof: Proof) -> None:
    proven = {name.partition("[")[0] for found in FAULTS for name in found.fault.violates}
    seen = proof.broken()
    assert {each.check for each in seen.results.values()} - proven == PROVEN_BY_A_STOPPED_SERVER
