"""Every fault that only a drill notices turns red what it says, tells what is wrong, changes nothing else, and can be healed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from muster.verdicts import EXIT_HOLDS, EXIT_UNKNOWN, EXIT_VIOLATED, Verdict
from sandbox.faults import Found, faults
from tests.proof.groups import wrong
from tests.proof.harness import SYSTEM, Proof, drilled, proving, seen_by_drills, told
from tests.proof.tables import RED, Note, red, rows
from tests.proof.tellings import ROWS, TELLS
from tests.proof.test_faults import complete

FAULTS = [found for found in faults(SYSTEM) if seen_by_drills(found.fault)]
PROVEN_ELSEWHERE = {
    "test_restore_fits_the_recovery_time",  # tests/drill/test_systems.py
    "test_restored_pages_are_sound",  # tests/drill/test_systems.py: no dump carries a damaged page along
    "test_drill_changes_nothing_of_the_source",  # tests/drill/runs/test_trouble.py
    "test_drill_leaves_nothing_behind",  # tests/drill/runs/test_trouble.py
    "test_reading_equals",  # tests/drill/runs/test_readings_of_copies.py
}


@pytest.fixture(scope="module")
def drills(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proof]:
    """Drills against one sandbox; what a fault leaves is healed before the next, and at the end."""
    parts = ("postgresql", "ssh", "scratch")
    with proving(Path(tmp_path_factory.mktemp("drill-proof")), "checks/restore_drill", "--drill", parts=parts) as made:
        healthy = made.broken()
        assert healthy.not_holding() == {}, healthy.output
        assert healthy.code == EXIT_HOLDS
        red = [found.fault for found in FAULTS if found.fault.verdict == Verdict.VIOLATED]
        proven = {name.partition("[")[0] for fault in red for name in fault.violates}
        assert {each.check for each in healthy.results.values()} - proven == PROVEN_ELSEWHERE
        yield made
        healed = made.broken()
        assert healed.not_holding() == {}, healed.output


@pytest.mark.parametrize("found", FAULTS, ids=lambda found: found.fault.name)
def test_a_fault_is_seen_by_its_checks_and_by_no_other(drills: Proof, record_property: Note, found: Found) -> None:
    fault = found.fault
    seen = drills.broken(fault.edit)
    assert wrong(fault, seen) == "", seen.output
    assert seen.code == (EXIT_VIOLATED if fault.verdict == Verdict.VIOLATED else EXIT_UNKNOWN)
    broken = [result for name in fault.violates for result in seen.named(name) if result.verdict is not Verdict.HOLDS]
    assert [each.id for each in broken if not complete(each)] == []
    for row in rows():
        if row.fault == fault.name:
            words = ROWS.get(row.id) or TELLS[fault.name]
            named = next(each for each in seen.named(f"{row.check}[{row.entity}]") if words in told(each))
            record_property(RED, red(row, named))


def test_every_row_of_the_runbook_that_needs_a_drill_has_a_fault_here() -> None:
    bound = {row.fault for row in rows() if row.check in drilled()}
    assert bound <= {found.fault.name for found in FAULTS}
    assert bound


def test_what_a_dump_asks_of_a_shell_is_never_done(drills: Proof) -> None:
    assert drills
    assert not Path("/tmp/muster-was-here").exists()
