"""The runbook of platform-service, row by row: healthy and green, broken by its fault and red, healed and green again."""

import subprocess
import sys

import pytest

from muster.runbook import Row
from muster.verdicts import Verdict
from sandbox.faults import Found, find
from tests.proof.groups import Outcomes, wrong
from tests.proof.harness import ROOT, SYSTEM, Seen, drilled, told
from tests.proof.tables import LOOKED, RED, Note, red, rows
from tests.proof.tellings import ROWS, TELLS
from tests.proof.test_faults import complete

BOUND = [row for row in rows() if row.missing is None]
HERE = [row for row in BOUND if row.check not in drilled()]
"""The others are proven where drills are."""


@pytest.mark.parametrize("row", HERE, ids=lambda row: row.id)
def test_a_bound_row_is_green_then_red_for_its_fault_and_green_again(outcomes: Outcomes, record_property: Note, row: Row) -> None:
    record_property(LOOKED, True)
    assert row.fault is not None
    name, found = f"{row.check}[{row.entity}]", find(row.fault)
    assert [each.verdict for each in outcomes.healthy.named(name)] in ([Verdict.HOLDS], [Verdict.HOLDS] * 2)
    outcome = outcomes.of(found)
    assert unrelated(found, outcome.seen, name) == ""
    violated = [each for each in outcome.seen.named(name) if each.verdict is Verdict.VIOLATED]
    words = ROWS.get(row.id) or TELLS[found.fault.name]
    named = [each for each in violated if complete(each) and words in told(each)]
    assert named, f"nobody says {words!r}: {[told(each) for each in violated]}"
    assert outcome.healed == {}
    record_property(RED, red(row, named[0]))


def test_after_the_last_row_nothing_is_left_behind(outcomes: Outcomes) -> None:
    assert outcomes.proof.broken().not_holding() == {}


def unrelated(found: Found, seen: Seen, subject: str) -> str:
    """What changed that should not have: for a fault of the world all is declared, without a whole server its readers are unknown."""
    if found.system is not None:
        return wrong(found.fault, seen)
    others = [each for name in seen.not_holding() if name != subject for each in seen.named(name)]
    wronged = [each.id for each in others if each.verdict is not Verdict.UNKNOWN]
    return f"not unknown: {wronged}" if wronged or len({each.cause for each in others}) != 1 else ""


def test_all_rows_are_there_and_most_are_bound() -> None:
    assert [row.id for row in rows()] == [f"PLAT-{number:02}" for number in range(1, 95)]
    assert len(BOUND) >= 70


def test_a_row_that_is_not_bound_says_which_source_it_waits_for() -> None:
    assert [row.id for row in rows() if row.missing and "not bound" in row.missing] == []


def test_the_command_finds_nothing_wrong_with_the_runbook() -> None:
    command = [sys.executable, "-m", "muster", "coverage", SYSTEM]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout
    assert f"{len(BOUND)} of 94 rows bound" in done.stdout
