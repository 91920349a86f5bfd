"""Maintenance, every day: that none was left on."""

import pytest

from fixtures.maintenance import Ending
from muster.units import Duration


@pytest.mark.gate
@pytest.mark.expects("outlasts")
def test_maintenance_has_ended(maintenance_ending: Ending, limit: Duration) -> None:
    """Maintenance came to its end; none was left on.

    Next: is somebody still at work? Say the new end in the environment's file; else switch it off where it is read.
    """
    assert maintenance_ending.overdue <= limit
