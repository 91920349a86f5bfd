"""The drill itself: fast enough, and nothing is left of it."""

import pytest

from drill.observed import DrillEarlier, DrillEnd, DrillSource, DrillTime
from muster.units import Duration


@pytest.mark.expects("restored_within")
def test_restore_fits_the_recovery_time(drill_time: DrillTime, limit: Duration) -> None:
    """From the choice of the backup to the last proof it takes no longer than promised.

    Next: which phase takes the time? custom format and more jobs; a larger scratch server
    """
    assert drill_time.took < limit


@pytest.mark.expects("breach_in")
def test_recovery_time_holds_for_a_while(drill_trend: DrillTime, limit: Duration) -> None:
    """The trend of past drills does not reach the promised time soon.

    Next: plan a faster restore before that month, or promise less
    """
    assert drill_trend.breach >= limit


@pytest.mark.expects("left_behind")
def test_drill_leaves_nothing_behind(drill_end: DrillEnd, limit: int) -> None:
    """What the drill created is gone: it held production's data.

    Next: drop what is named, on the scratch server
    """
    assert drill_end.left <= limit


@pytest.mark.expects("earlier_leftovers")
def test_no_earlier_drill_left_anything(drill_earlier: DrillEarlier, limit: int) -> None:
    """No drill before this one was killed and left something.

    Next: why was it killed? what is named as removed is gone
    """
    assert drill_earlier.earlier <= limit


@pytest.mark.expects("source_changes")
def test_drill_changes_nothing_of_the_source(drill_source: DrillSource, limit: int) -> None:
    """The backup is after the drill what it was before, and live holds nothing of the drill's.

    Next: what else wrote to it meanwhile? a backup that was replaced under the drill proves little: drill again
    """
    assert drill_source.changes <= limit
