"""Samples of the checks on readings, one pair for each operator."""

from collections.abc import Callable

from checks.daily import test_readings as readings
from fixtures.readings.measurement import Agreement, Change, Increase, Measurement
from muster.amounts import Amount, Band, Choices, Measured, Pattern
from muster.units import Duration, Instant

AT = Instant(1_800_000_000.0)


def measured(*values: float | str | bool | tuple[str, ...], ages: tuple[float, ...] = ()) -> Measurement:
    """A reading with these values, numbers of several series with names."""
    made = tuple(
        value if isinstance(value, (str, bool, tuple)) else Measured(value, "percent", f"pod=pod-{index}")
        for index, value in enumerate(values)
    )
    old = tuple(Measured(age, "seconds") for age in ages)
    return Measurement(looked_at=len(values), of="series", seen="prometheus p:9090", values=made, at=AT, ages=old)


def change(*shares: float) -> Change:
    """Shares of earlier values."""
    made = tuple(Measured(share, "percent", "12 now, 10 then") for share in shares)
    return Change(looked_at=len(shares), of="series", at=AT, offset=Duration(3600.0), shares=made)


def agreement(difference: float) -> Agreement:
    """Two readings so far apart."""
    return Agreement(looked_at=1, of="rows", at=AT, difference=Measured(difference, "", "here: 3, in other: 5"))


NAN = float("nan")

SAMPLES: dict[Callable[..., None], tuple[dict[str, object], dict[str, object]]] = {
    readings.test_reading_equals: ({"measured": measured("18.6"), "limit": "18.6"}, {"measured": measured(True), "limit": Amount(1)}),
    readings.test_reading_is_one_of: (
        {"measured": measured("standby"), "limit": Choices(("primary", "standby"))},
        {"measured": measured("unknown"), "limit": Choices(("primary", "standby"))},
    ),
    readings.test_reading_is_at_least: (
        {"measured": measured(0.99, 0.999), "limit": Amount(0.99, "percent")},
        {"measured": measured(0.98, 0.999), "limit": Amount(0.99, "percent")},
    ),
    readings.test_reading_is_at_most: (
        {"measured": measured(0.002, 0.01), "limit": Amount(0.01, "percent")},
        {"measured": measured(0.002, NAN, 0.0), "limit": Amount(0.01, "percent")},
    ),
    readings.test_reading_is_above: ({"measured": measured(5, 4), "limit": Amount(0)}, {"measured": measured(5, 0), "limit": Amount(0)}),
    readings.test_reading_is_below: (
        {"measured": measured(0.38, 0.79), "limit": Amount(0.8, "percent")},
        {"measured": measured(0.38, 0.8), "limit": Amount(0.8, "percent")},
    ),
    readings.test_reading_is_between: (
        {"measured": measured(3, 5), "limit": Band((3, 5))},
        {"measured": measured(3, 5.01), "limit": Band((3, 5))},
    ),
    readings.test_reading_matches: (
        {"measured": measured("18.6 (Debian)"), "limit": Pattern(r"^18\.")},
        {"measured": measured("15.18"), "limit": Pattern(r"^18\.")},
    ),
    readings.test_reading_contains: (
        {"measured": measured(("read", "write")), "limit": "write"},
        {"measured": measured(("read", "writes")), "limit": "write"},
    ),
    readings.test_reading_is_newer_than: (
        {"measured": measured(AT - 60.0, ages=(60.0, 30.0)), "limit": Duration(60.0)},
        {"measured": measured(AT - 60.0, ages=(30.0, 61.0)), "limit": Duration(60.0)},
    ),
    readings.test_reading_is_the_same_as_another: (
        {"agreement": agreement(2.0), "limit": Amount(5)},
        {"agreement": agreement(float("inf")), "limit": Amount(5)},
    ),
    readings.test_reading_increases: (
        {"increase": Increase(looked_at=1, of="values", by=Measured(1.0)), "limit": Amount(1)},
        {"increase": Increase(looked_at=1, of="values", by=Measured(0.0)), "limit": Amount(1)},
    ),
    readings.test_reading_compares_to_its_past: (
        {"change": change(0.8, 1.2), "limit": Band((0.8, float("inf")))},
        {"change": change(0.0, 1.2), "limit": Band((0.8, float("inf")))},
    ),
}
