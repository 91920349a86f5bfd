"""Readings that must rise from look to look."""

import pytest

from fixtures.readings.measurement import Measurement
from fixtures.readings.probes import increase
from muster.amounts import Amount, Measured
from muster.kinds.base import bind
from muster.kinds.earlier import Increases
from muster.kinds.readings import Reading
from muster.probes import PROBES, CouldNotLook, Nothing
from muster.units import Instant
from tests.probes.database_servers import Server

NOW, DAY, FACT = 1_800_000_000.0, 86400.0, "value/readings/events"
DAILY = Increases.model_validate({"at_least": 1})


def reading(**given):
    return Reading.model_validate({"name": "events", "connection": "source", "expect": {"increases": 1}, **given})


def risen(value, *looks):
    seen = Measurement(looked_at=1, of="values", values=(value,), at=Instant(NOW), fact=FACT)
    return increase.__wrapped__(seen, DAILY, {FACT: [(NOW - ago * DAY, number) for ago, number in looks]})


def test_a_count_has_risen_since_yesterday():
    seen = risen(Measured(18250.0), (2, 18150.0), (1, 18200.0), (0.1, 18249.0))

    assert seen.by == Amount(50)
    assert seen.note == "18200 1d ago, 18250 now"


@pytest.mark.parametrize("now", [18200.0, 18000.0])
def test_a_count_that_stands_still_or_falls_has_not_risen(now):
    assert risen(Measured(now), (1, 18200.0)).by < 1


@pytest.mark.parametrize("looks", [[], [(0.5, 1.0)], [(5, 1.0)]])
def test_a_first_look_is_unknown(looks):
    with pytest.raises(CouldNotLook, match="no look older than 18h yet; run again tomorrow"):
        risen(Measured(18250.0), *looks)


def test_a_text_does_not_rise():
    assert isinstance(risen("many", (1, 1.0)), Nothing)


@pytest.mark.parametrize(("expect", "facts"), [({"increases": 1}, {FACT: 7.0}), ({"equals": 7}, {})])
def test_a_value_is_remembered_where_a_later_look_compares_with_it(healthy: Server, unhurried, expect, facts):
    entity = bind(reading(sql="select 7", expect=expect), "s/test", {"source": healthy.connection()})

    assert PROBES["measured"].function(entity).facts() == facts


def test_several_series_are_not_compared():
    with pytest.raises(ValueError, match="not with each"):
        reading(promql="up", each="pod")
