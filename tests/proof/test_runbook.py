"""The runbook of platform-service against the faults: each bound row is proven by the fault that it names."""

import subprocess
import sys

import pytest

from muster.runbook import Row, load_runbook
from sandbox.faults import find
from tests.proof.harness import ROOT, SYSTEM

BOOK = load_runbook(ROOT / "environments" / SYSTEM)
assert BOOK is not None
ROWS = BOOK.rows
BOUND = [row for row in ROWS if row.missing is None]
PLATFORM = {"PLAT-11": "prometheus-stopped"}
"""Rows proven by a fault of the whole platform; `test_platform_faults.py` sees them fail."""


@pytest.mark.parametrize("row", BOUND, ids=lambda row: row.id)
def test_a_bound_row_names_a_fault_that_violates_its_check(row: Row) -> None:
    assert row.fault is not None
    fault = find(row.fault).fault
    if row.id in PLATFORM:
        assert fault.name == PLATFORM[row.id]
        return
    assert f"{row.check}[{row.entity}]" in fault.violates
    assert fault.verdict == "violated"


def test_all_rows_are_there_and_most_are_bound() -> None:
    assert [row.id for row in ROWS] == [f"PLAT-{number:02}" for number in range(1, 95)]
    assert len(BOUND) >= 70


def test_a_row_that_is_not_bound_says_which_source_it_waits_for() -> None:
    assert [row.id for row in ROWS if row.missing and "not bound" in row.missing] == []


def test_the_command_finds_nothing_wrong_with_the_runbook() -> None:
    command = [sys.executable, "-m", "muster", "coverage", SYSTEM]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout
    assert f"{len(BOUND)} of 94 rows bound" in done.stdout
