"""Which earlier look counts."""

import pytest

from fixtures.earlier import look_about, look_before, value_at
from muster.probes import CouldNotLook

NOW, DAY = 1_800_000_000.0, 86400.0


def looks(*ago):
    return {"size": [(NOW - each * DAY, each) for each in sorted(ago, reverse=True)]}


@pytest.mark.parametrize(("ago", "chosen"), [((9, 6.5, 1), 6.5), ((27, 5.3), 5.3), ((28, 14), 14), ((7,), 7), ((8.1, 6), 6)])
def test_the_look_nearest_to_the_wanted_moment_counts(ago, chosen):
    at, value = look_about(looks(*ago), "size", NOW, 7 * DAY, "here")

    assert (at, value) == (NOW - chosen * DAY, chosen)


@pytest.mark.parametrize("ago", [(), (1, 5.2), (28.1,)])
def test_looks_too_near_and_too_far_do_not_count(ago):
    with pytest.raises(CouldNotLook, match="no look older than 5d6h yet; run again tomorrow") as failure:
        look_about(looks(*ago), "size", NOW, 7 * DAY, "here")
    assert failure.value.cause == "history of here"


def test_a_daily_run_that_starts_a_little_earlier_than_yesterday_has_its_look():
    assert look_about(looks(0.99), "size", NOW, DAY, "here")[1] == 0.99


@pytest.mark.parametrize(("ago", "chosen"), [((3, 2, 1, 0.5), 1), ((4, 0.5), None), ((), None)])
def test_the_newest_look_that_is_old_enough_counts(ago, chosen):
    found = look_before(looks(*ago), "size", NOW, DAY, 3 * DAY)

    assert (found and found[1]) == chosen


def test_a_fact_has_the_value_of_its_last_look():
    history = looks(3, 1)

    assert [value_at(history, "size", NOW - each * DAY) for each in (4, 3, 2, 1, 0)] == [None, 3, 3, 1, 1]
    assert value_at(history, "other", NOW) is None
