"""What a file may say about a reading, and what it may not."""

from typing import Any

import pytest
from pydantic import ValidationError

from muster.amounts import Amount, Band
from muster.expectations import Off
from muster.kinds.readings import Reading


def reading(**declared: Any) -> Reading:
    """A reading by PromQL, changed as wished; None takes a key away."""
    whole = {"name": "x", "connection": "metrics", "promql": "up", "expect": {"at_most": 1}, **declared}
    return Reading.model_validate({key: value for key, value in whole.items() if value is not None})


def values(made: Reading, name: str) -> list[object]:
    """The limits of an expectation."""
    return [terms.value for terms in getattr(made.expect, name)]


def test_a_list_is_one_limit_where_a_limit_is_a_list() -> None:
    made = reading(expect={"between": ["1%", "5%"], "one_of": [1, 2]})

    assert values(made, "between") == [Band((0.01, 0.05))]
    assert values(made, "one_of") == [(1, 2)]


def test_several_occasions_are_several_limits() -> None:
    made = reading(
        expect={"between": [{"limit": [1, 5]}, {"limit": [1, 3], "on": "gate"}], "at_most": [{"limit": 3, "on": "gate"}, {"limit": 4}]}
    )

    assert values(made, "between") == [Band((1, 5)), Band((1, 3))]
    assert values(made, "at_most") == [3, 4]


def test_an_operator_may_be_off() -> None:
    assert isinstance(reading(expect={"at_most": 1, "one_of": {"off": "not here"}}).expect.one_of, Off)


@pytest.mark.parametrize(
    ("declared", "why"),
    [
        ({"sql": "select 1"}, "exactly one of promql, sql, json, ratio; here: promql, sql"),
        ({"promql": None}, "exactly one of promql, sql, json, ratio; here: none"),
        ({"connection": None}, "connection is missing"),
        ({"promql": None, "sql": "select 1", "each": "pod"}, "need promql or ratio"),
        ({"promql": None, "sql": "select 1", "expect": {"compared_to": {"offset": "1h", "at_most": 1}}}, "need promql or ratio"),
        ({"expect": {"matches": "x"}}, "PromQL yields numbers"),
        ({"expect": {"contains": "x"}}, "PromQL yields numbers"),
        ({"promql": "rate(x[${window}])"}, "needs window:"),
        ({"promql": "x[${range}]", "window": "5m"}, "stands for nothing here"),
        ({"expect": {"between": [5, 1]}}, "the lower number comes first"),
        ({"expect": {"between": [1, 2, 3]}}, "at most 2 items"),
        ({"expect": {"compared_to": {"offset": "1h"}}}, "at_least or at_most is missing"),
        ({"expect": {"at_most": "many"}}, "a number, or one with a unit"),
        ({"expect": {"newer_than": 30}}, "a duration needs a unit"),
        ({"promql": None, "json": {"url": "/x", "path": "a"}, "connection": None}, "connection is missing"),
        ({"each": "not a label"}, "pattern"),
        ({"typo": 1}, "Extra inputs"),
    ],
)
def test_what_makes_no_sense_is_refused(declared: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        reading(**declared)


def test_the_window_stands_in_the_expression() -> None:
    made = reading(promql="rate(x[${window}]) > $x", window="5m")

    assert made.written(made.promql or "") == "rate(x[300s]) > $x"
    assert made.where() == "rate(x[300s]) > $x"
    assert reading(promql="x[${window}]", window="500ms").where() == "x[500ms]"


@pytest.mark.parametrize(
    ("declared", "unit"),
    [
        ({"expect": {"at_most": "1%"}}, "percent"),
        ({"expect": {"between": ["1s", "2s"]}}, "seconds"),
        ({"expect": {"at_least": 1}}, ""),
        ({"expect": {"at_least": 1}, "unit": "bytes"}, "bytes"),
    ],
)
def test_values_take_their_unit_from_the_limits(declared: dict[str, Any], unit: str) -> None:
    assert reading(**declared).shown_unit() == unit


def test_connections_are_those_of_the_key_and_of_the_address() -> None:
    assert reading(promql=None, connection=None, json={"url": "${api}/x", "path": "a"}).named() == ("api",)
    assert reading(connection=["eu", "us"]).named() == ("eu", "us")


def test_readings_know_each_other() -> None:
    one = reading(expect={"same_as": {"reading": "two", "within": 5}})
    two = reading(name="two")
    one.meet({"one": one, "two": two})

    assert one.other_readings() == ("two",)
    assert one.other("two") is two
    assert values(one, "same_as") == [Amount(5)]
