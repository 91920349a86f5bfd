"""Readings with `in: restored`: asked in the copy, as the role that owns it, and nowhere else."""

import pytest

from muster.verdicts import Verdict
from tests.drill.runs.harness import Drills, Ran


@pytest.fixture(scope="module")
def asked(sandboxed: Drills) -> Ran:
    """A drill of a good backup, with invariants of which most are wrong."""
    return sandboxed.run("asked")


def test_an_invariant_that_the_copy_keeps_holds(asked: Ran) -> None:
    found = asked.results["reading_equals[sound]"]
    assert found.verdict is Verdict.HOLDS
    assert "127.0.0.2" in found.seen
    assert "muster_drill_" in found.seen


def test_an_invariant_that_it_breaks_is_violated_with_both_numbers(asked: Ran) -> None:
    found = asked.results["reading_equals[broken]"]
    assert (found.verdict, found.expected, found.observed) == (Verdict.VIOLATED, "== 7", "12000")


def test_a_statement_that_fails_is_unknown_and_says_why(asked: Ran) -> None:
    found = asked.results["reading_equals[wrong]"]
    assert found.verdict is Verdict.UNKNOWN
    assert "SQL error 22012 (DivisionByZero)" in found.reason


def test_a_table_that_is_not_in_the_copy_is_violated(asked: Ran) -> None:
    found = asked.results["reading_equals[without-a-table]"]
    assert found.verdict is Verdict.VIOLATED
    assert "no_such_table" in found.reason


def test_no_row_is_violated(asked: Ran) -> None:
    found = asked.results["reading_equals[without-a-row]"]
    assert found.verdict is Verdict.VIOLATED
    assert "returns no value" in found.reason


def test_nothing_else_of_the_drill_is_touched_by_them(asked: Ran) -> None:
    assert [name for name in asked.not_holding() if "reading" not in name] == []
