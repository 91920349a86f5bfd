"""Units: what a file may say, what it may not, and what an operator reads."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from muster.units import ByteSize, Counted, Duration, Instant, Percent, Quantity


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Duration, "500ms", 0.5),
        (Duration, "1h30m", 5400),
        (Duration, "30d", 2592000),
        (Percent, "80%", 0.8),
        (Percent, "0.5%", 0.005),
        (ByteSize, "64MiB", 64 << 20),
        (ByteSize, "1GB", 10**9),
        (Quantity, "250m", 0.25),
        (Quantity, "1Gi", 1 << 30),
        (Quantity, "1e3", 1000),
        (Quantity, "3", 3),
    ],
)
def test_a_text_with_its_unit_becomes_a_number(kind, text, value):
    assert TypeAdapter(kind).validate_python(text) == pytest.approx(value)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Duration, 30),
        (Duration, "30"),
        (Duration, "30 days"),
        (Duration, "-5m"),
        (Percent, 80),
        (Percent, "0.8"),
        (Percent, "80"),
        (ByteSize, 1024),
        (ByteSize, "1G"),
        (Quantity, "1GB"),
        (Quantity, "2 Gi"),
        (Quantity, True),
        (Quantity, 0.5),
    ],
)
def test_a_bare_number_or_a_foreign_unit_is_refused_with_the_rule(kind, value):
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(kind).validate_python(value)

    assert kind.rule in str(caught.value)


def test_durations_print_as_an_operator_writes_them():
    shown = [str(Duration(seconds)) for seconds in (0.25, 42, 5400, 12 * 86400 + 14400, -60)]

    assert shown == ["250ms", "42s", "1h30m", "12d4h", "-1m"]


def test_a_count_names_what_it_counted_and_cuts_a_long_list():
    assert str(Counted(["pod a: not ready"])) == "1 (pod a: not ready)"
    assert str(Counted(f"pod {n}" for n in range(7))) == "7 (pod 0; pod 1; pod 2; pod 3; pod 4; and 2 more)"
    assert str(Counted(["web: 0 of 2 replicas are available"] * 2)) == "2 (web: 0 of 2 replicas are available)"
    assert str(Counted()) == "0"
    assert Counted(["a", "b"]) > 1


@given(st.floats(min_value=0, max_value=1e10))
def test_saved_numbers_come_back_exactly(number):
    for kind in (Duration, Percent, Instant):
        adapter = TypeAdapter(kind)
        assert adapter.validate_json(adapter.dump_json(kind(number)), context="saved") == number


def test_a_saved_quantity_and_count_keep_their_text():
    quantity, count = TypeAdapter(Quantity), TypeAdapter(Counted)

    assert str(quantity.validate_json(quantity.dump_json(Quantity.parse("512Mi")), context="saved")) == "512Mi"
    assert count.validate_json(count.dump_json(Counted(["x"])), context="saved").things == ("x",)


def test_a_moment_prints_in_utc():
    assert str(Instant(0)) == "1970-01-01T00:00:00Z"
