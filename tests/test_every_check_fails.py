"""No check without a fault that turns it red, end to end: one of the world's, of their families, beside the runbook, or of a drill."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from muster.coverage import find_checks
from sandbox.faults import faults
from tests.proof.harness import SYSTEM
from tests.proof.test_beside import FAULTS
from tests.proof.test_families import FAMILIES

ROOT = Path(__file__).parents[1]
CHECKS = find_checks(ROOT / "checks")
SYSTEMS = "tests/drill/test_systems.py::test_a_drill_says_what_is_wrong_with_its_backup_and_nothing_else"
RUNS = "tests/drill/runs"
ELSEWHERE = {
    "test_alertmanager_is_ready": (
        "tests/proof/test_platform_faults.py::test_without_alertmanager_its_readiness_is_violated_and_what_lies_in_it_is_unknown"
    ),
    "test_prometheus_is_ready": (
        "tests/proof/test_platform_faults.py::test_without_prometheus_its_readiness_is_violated_and_its_readings_are_unknown"
    ),
    "test_maintenance_has_ended": "tests/proof/test_waivers_and_maintenance.py::test_a_maintenance_begins_outlasts_its_end_and_ends",
    "test_backup_is_encrypted_where_it_lies": SYSTEMS,
    "test_restore_fits_the_recovery_time": SYSTEMS,
    "test_recovery_reached_its_target": SYSTEMS,
    "test_restored_pages_are_sound": SYSTEMS,
    "test_recovery_time_holds_for_a_while": (
        f"{RUNS}/test_trend.py::test_without_live_a_drill_is_compared_with_the_last_that_passed_and_its_trend_told"
    ),
    "test_restored_tables_hold_what_they_last_did": f"{RUNS}/test_trend.py::test_a_table_that_lost_rows_since_the_last_drill_is_violated",
    "test_drill_leaves_nothing_behind": f"{RUNS}/test_trouble.py::test_a_removal_that_fails_is_violated_and_names_what_is_left",
    "test_drill_changes_nothing_of_the_source": (
        f"{RUNS}/test_trouble.py::test_a_backup_that_is_replaced_while_it_is_read_proves_little_and_is_told"
    ),
    "test_application_answers_on_the_copy": (
        f"{RUNS}/test_applications.py::test_one_that_does_not_work_is_violated_and_what_it_said_is_told_without_its_password"
    ),
}
"""Checks whose fault has a test of its own: which."""
SEEN = {
    name.partition("[")[0]
    for fault in (*(found.fault for found in faults(SYSTEM)), *FAMILIES, *FAULTS)
    for name in (fault.checks if hasattr(fault, "checks") else fault.violates)
    if fault.verdict == "violated"
}


@pytest.mark.parametrize("check", CHECKS)
def test_a_check_is_seen_to_fail(check: str) -> None:
    if check in ELSEWHERE:
        file, name = ELSEWHERE[check].split("::")
        body = ast.parse((ROOT / file).read_text(encoding="utf-8")).body
        test = next(each for each in body if isinstance(each, ast.FunctionDef) and each.name == name)
        assert "violated" in ast.unparse(test).lower()
        assert any(check.removeprefix("test_") in text for text in texts(test, constants(body)))
    else:
        assert check in SEEN


def texts(node: ast.AST, named: dict[str, ast.AST]) -> Iterator[str]:
    """The texts in a test, and in the constants that it names, directly or not."""
    for each in ast.walk(node):
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield each.value
        elif isinstance(each, ast.Name) and each.id in named:
            yield from texts(named.pop(each.id), named)


def constants(body: list[ast.stmt]) -> dict[str, ast.AST]:
    """What the names of a module stand for."""
    given = [(node.targets, node.value) for node in body if isinstance(node, ast.Assign)]
    given += [([node.target], node.value) for node in body if isinstance(node, ast.AnnAssign) and node.value]
    return {each.id: value for targets, value in given for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)}
