"""No check without a fault that turns it red, end to end: one of the world's, of their families, beside the runbook, or of a drill."""

from pathlib import Path

import pytest

from muster.coverage import find_checks
from sandbox.faults import faults
from tests.proof.harness import SYSTEM
from tests.proof.test_beside import FAULTS
from tests.proof.test_families import FAMILIES

ROOT = Path(__file__).parents[1]
CHECKS = find_checks(ROOT / "checks")
ELSEWHERE = {
    "test_alertmanager_is_ready": "tests/proof/test_faults.py",
    "test_prometheus_is_ready": "tests/proof/test_faults.py",
    "test_maintenance_has_ended": "tests/proof/test_waivers_and_maintenance.py",
}
"""Checks whose fault has a test of its own."""
SEEN = {
    name.partition("[")[0]
    for fault in (*(found.fault for found in faults(SYSTEM)), *FAMILIES, *FAULTS)
    for name in (fault.checks if hasattr(fault, "checks") else fault.violates)
    if fault.verdict == "violated"
}


@pytest.mark.parametrize("check", CHECKS)
def test_a_check_is_seen_to_fail(check: str) -> None:
    if check in ELSEWHERE:
        assert check.removeprefix("test_") in (ROOT / ELSEWHERE[check]).read_text(encoding="utf-8")
    else:
        assert check in SEEN
