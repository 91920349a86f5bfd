"""`equals: env:NAME` and `file:PATH`: what only this side knows, read when it is compared."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from muster.amounts import Measured, Values
from muster.kinds.config import ConfigMap
from muster.kinds.reading_limits import Equals
from muster.probes import CouldNotLook
from muster.samples import Withheld


def limit(written: Any) -> Equals:
    return Equals.model_validate(written)


@pytest.mark.parametrize(
    ("text", "seen", "holds"),
    [
        ("42", Measured(42), True),
        ("42", Measured(41), False),
        ("42\n", "42", True),
        ("0042_orders", "0042_orders", True),
        ("0042_orders", Withheld("0042_orders"), True),
        ("0042_orders", "0041_users", False),
        ("0042_orders", Measured(42), False),
        ("true", True, False),
    ],
)
def test_a_value_of_this_side_is_compared_as_text_and_as_the_number_that_it_writes(
    monkeypatch: pytest.MonkeyPatch, text: str, seen: Any, holds: bool
) -> None:
    monkeypatch.setenv("SCHEMA", text)
    assert (Values((seen,)) == limit("env:SCHEMA").value) is holds


def test_a_file_is_read_when_it_is_compared_and_not_before(tmp_path: Path) -> None:
    path = tmp_path / "version"
    terms = limit({"limit": f"file:{path}", "severity": "P0"})
    assert terms.written == f"file:{path}"
    with pytest.raises(CouldNotLook, match="cannot read"):
        _ = terms.value
    path.write_text("7\n")
    assert Values((Measured(7),)) == terms.value


@pytest.mark.parametrize(("text", "says"), [("", "is empty"), (" \n", "is empty"), ("a\nb", "not one line"), ("x" * 201, "at most 200")])
def test_what_is_no_value_makes_the_check_unknown(monkeypatch: pytest.MonkeyPatch, text: str, says: str) -> None:
    monkeypatch.setenv("SCHEMA", text)
    with pytest.raises(CouldNotLook, match=says):
        _ = limit("env:SCHEMA").value


def test_other_texts_and_numbers_stay_what_they_were() -> None:
    assert [limit(each).value for each in ("environment", "file://host/x", 3, True)] == ["environment", "file://host/x", 3, True]


def test_wrong_values_need_values() -> None:
    with pytest.raises(ValidationError, match="wrong_values needs values"):
        ConfigMap.model_validate({"name": "c", "connection": "cluster", "expect": {"wrong_values": 0}})
