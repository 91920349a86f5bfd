"""Readings: one check for each way in which a value may be limited. A reading's own cadence says in which folder it is judged."""

import pytest

from fixtures.readings.measurement import Agreement, Change, Increase, Measurement


@pytest.mark.gate
@pytest.mark.expects("equals")
def test_reading_equals(measured: Measurement, limit: object) -> None:
    """The reading is exactly what it should be.

    Next: run the expression by hand (shown as the place of this reading), then look at what changed it last.
    """
    assert measured.every == limit


@pytest.mark.gate
@pytest.mark.expects("one_of")
def test_reading_is_one_of(measured: Measurement, limit: object) -> None:
    """The reading is one of the values that are all right.

    Next: run the expression by hand (shown as the place of this reading), then look at what changed it last.
    """
    assert measured.every in limit


@pytest.mark.gate
@pytest.mark.expects("at_least")
def test_reading_is_at_least(measured: Measurement, limit: float) -> None:
    """The reading does not lie below its limit.

    Next: plot the expression over the last day and look at what happened when it fell.
    """
    assert measured.lowest >= limit


@pytest.mark.gate
@pytest.mark.expects("at_most")
def test_reading_is_at_most(measured: Measurement, limit: float) -> None:
    """The reading does not lie above its limit.

    Next: plot the expression over the last day and look at what happened when it rose.
    """
    assert measured.highest <= limit


@pytest.mark.gate
@pytest.mark.expects("above")
def test_reading_is_above(measured: Measurement, limit: float) -> None:
    """The reading lies above its limit.

    Next: plot the expression over the last day and look at what happened when it fell.
    """
    assert measured.lowest > limit


@pytest.mark.gate
@pytest.mark.expects("below")
def test_reading_is_below(measured: Measurement, limit: float) -> None:
    """The reading lies below its limit.

    Next: plot the expression over the last day and look at what happened when it rose.
    """
    assert measured.highest < limit


@pytest.mark.gate
@pytest.mark.expects("between")
def test_reading_is_between(measured: Measurement, limit: object) -> None:
    """The reading lies in its band.

    Next: plot the expression over the last day and look at what happened when it left the band.
    """
    assert measured.extent in limit


@pytest.mark.gate
@pytest.mark.expects("matches")
def test_reading_matches(measured: Measurement, limit: object) -> None:
    """The reading has the form it should have.

    Next: run the statement, or fetch the document, by hand (shown as the place of this reading).
    """
    assert measured.value in limit


@pytest.mark.gate
@pytest.mark.expects("contains")
def test_reading_contains(measured: Measurement, limit: str) -> None:
    """The reading contains what it should.

    Next: run the statement, or fetch the document, by hand (shown as the place of this reading).
    """
    assert limit in measured.value


@pytest.mark.gate
@pytest.mark.expects("newer_than")
def test_reading_is_newer_than(measured: Measurement, limit: float) -> None:
    """The moment that the reading names is recent enough.

    Next: look at the job that should have moved it on: its last run, its log, its schedule.
    """
    assert measured.age <= limit


@pytest.mark.gate
@pytest.mark.expects("same_as")
def test_reading_is_the_same_as_another(agreement: Agreement, limit: float) -> None:
    """Two readings of one thing agree.

    Next: run both expressions by hand and find out which of the two sources is behind.
    """
    assert agreement.difference <= limit


@pytest.mark.gate
@pytest.mark.expects("compared_to")
def test_reading_compares_to_its_past(change: Change, limit: object) -> None:
    """The reading has not changed more than it should since an earlier moment.

    Next: plot the expression over the last day and look at what happened between the two moments.
    """
    assert change.extent in limit


@pytest.mark.expects("increases")
def test_reading_increases(increase: Increase, limit: float) -> None:
    """The reading has risen since an earlier look: what it counts goes on happening.

    Next: is what it counts still written? A count that stands still looks healthy in every other way.
    """
    assert increase.by >= limit
