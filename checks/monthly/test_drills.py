"""Restore drills: that they happen."""

import pytest

from fixtures.drills import DrillPassed
from muster.units import Duration


@pytest.mark.expects("passed_within")
def test_a_drill_passed_recently(drill_passed: DrillPassed, limit: Duration) -> None:
    """The backup was really restored not long ago, and everything about that held.

    Next: pytest checks/restore_drill --drill; does its job still run?
    """
    assert drill_passed.age < limit
