"""Numbers of readings, and what they are compared with."""

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from muster.amounts import Amount, Band, Choices, Entries, Measured, Pattern, Values, printed, same
from muster.samples import Withheld


@pytest.mark.parametrize(
    ("written", "number", "unit"),
    [
        (3, 3.0, ""),
        (0.5, 0.5, ""),
        (-1, -1.0, ""),
        ("1%", 0.01, "percent"),
        ("1GiB", 2.0**30, "bytes"),
        ("500ms", 0.5, "seconds"),
        ("1h30m", 5400, "seconds"),
    ],
)
def test_an_amount_is_its_number_in_the_base_unit_and_prints_as_written(written: object, number: float, unit: str) -> None:
    amount = TypeAdapter(Amount).validate_python(written)

    assert (amount, amount.unit) == (number, unit)
    assert str(amount) == str(written)


@pytest.mark.parametrize("written", [True, "3", "many", "1 apple", None, [], float("nan"), float("inf")])
def test_what_is_no_amount_is_refused_with_an_example(written: object) -> None:
    with pytest.raises(ValidationError, match="1GiB"):
        TypeAdapter(Amount).validate_python(written)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0133, "percent", "1.33%"),
        (7200, "seconds", "2h"),
        (2**31, "bytes", "2GiB"),
        (3.0, "", "3"),
        (0.25, "", "0.25"),
        (1.5e9 + 0.5, "", "1500000000"),
    ],
)
def test_numbers_print_in_their_unit(value: float, unit: str, text: str) -> None:
    assert printed(value, unit) == text


def test_a_measured_number_names_its_series() -> None:
    assert str(Measured(0.97, "percent", "disk=b")) == "97% (disk=b)"
    assert str(Measured(float("nan"), "percent", "disk=b: +Inf")) == "no number (disk=b: +Inf)"


@given(st.floats(), st.sampled_from(["", "percent", "seconds", "bytes"]), st.text())
def test_a_measured_number_survives_being_saved(number: float, unit: str, series: str) -> None:
    adapter = TypeAdapter(tuple[Measured | bool | str, ...])
    before = (Measured(number, unit, series), True, series)

    after = adapter.validate_json(adapter.dump_json(before), context="saved")

    assert isinstance(after[0], Measured)
    assert after[0] == number or (math.isnan(after[0]) and math.isnan(number))
    assert (after[0].unit, after[0].series, after[1:]) == (unit, series, before[1:])


@pytest.mark.parametrize(
    ("seen", "wanted", "equal"),
    [
        (Measured(1.0), Amount(1), True),
        (Measured(1.0), True, False),
        (True, Amount(1), False),
        (True, True, True),
        ("1", Amount(1), False),
        ("5m", Amount.parse("5m"), True),
        ("v1", "v1", True),
        (Measured(float("nan")), Amount(1), False),
    ],
)
def test_types_are_kept_apart(seen: object, wanted: object, equal: bool) -> None:
    assert same(seen, wanted) is equal


def test_values_equal_a_limit_when_each_of_them_does() -> None:
    assert Values((Measured(1.0), Measured(1.0))) == Amount(1)
    assert Values((Measured(1.0), Measured(2.0))) != Amount(1)
    assert Values((Measured(1.0), Measured(2.0))) in Choices((Amount(1), Amount(2)))
    assert Values((Measured(1.0), "x")) not in Choices((Amount(1), Amount(2)))


@pytest.mark.parametrize(
    ("entries", "text"),
    [
        ((), "an empty list"),
        (("a",), "1 entry: a"),
        (("a", Withheld("other")), "2 entries: a; a text of 5 characters, withheld"),
        (("a",) * 12, f"12 entries: {'a; ' * 10}and 2 more"),
    ],
)
def test_a_list_is_told_by_its_entries(entries: tuple[str, ...], text: str) -> None:
    assert str(Entries(entries)) == text


def test_a_band_holds_its_ends_and_no_nan() -> None:
    band = Band((Amount(1), Amount(5)))

    assert 1 in band
    assert (Measured(1.0), Measured(5.0)) in band
    assert (Measured(1.0), Measured(5.1)) not in band
    assert Measured(float("nan")) not in band
    assert "3" not in band


def test_a_pattern_takes_time_that_is_linear_in_the_text() -> None:
    pattern = Pattern("^(a+)+$")
    text = "a" * 50_000 + "b"

    began = time.process_time()
    assert text not in pattern
    assert time.process_time() - began < 5.0  # a backtracking engine would need years


@pytest.mark.parametrize("text", ["(?=x)", r"(a)\1", "(", "*"])
def test_a_pattern_of_another_kind_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="not a regular expression of the linear kind"):
        TypeAdapter(Pattern).validate_python(text)
