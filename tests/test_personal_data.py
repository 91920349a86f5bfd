"""Other people's data: nothing is shown until an environment says so, and nothing unknown is taken for permission."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from muster.environment import load_environment
from muster.probes import CouldNotLook
from muster.samples import NONE, Samples, Withheld, described, enter, shown
from muster.units import Duration

TEXT = "jane@example.org"


def loaded(folder: Path, samples: Any = None) -> Any:
    """An environment with this `samples:`."""
    reading = {"name": "x", "connection": "metrics", "promql": "up", "expect": {"at_most": 0}}
    made = {
        "system": "shop",
        "owner": "team",
        "connections": {"metrics": {"prometheus": {"url": "http://127.0.0.1:9"}}},
        "readings": [reading],
    }
    (folder / "production.yaml").write_text(json.dumps(made | ({"samples": samples} if samples is not None else {})))
    return load_environment(folder, "production", folder)


def test_by_default_nothing_is_shown_and_nothing_limits_how_long_reports_stay(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    made = loaded(folder)
    assert (made.samples.log_lines, made.samples.values, made.samples.events, made.samples.any) == (0, False, False, False)
    assert made.kept() == {}
    assert [each.samples() for each in made.entities] == [NONE] * len(made.entities)


@pytest.mark.parametrize("samples", [{"log_lines": 2}, {"values": True}, {"events": True}])
def test_each_switch_reaches_every_entity_and_limits_how_long_reports_stay(tmp_path: Path, samples: dict[str, Any]) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    made = loaded(folder, {**samples, "keep": "3d"})
    assert all(each.samples() == made.samples != NONE for each in made.entities)
    assert made.kept() == {"keep": 3 * 86400.0}


@pytest.mark.parametrize(
    "wrong", [{"log_lines": 21}, {"log_lines": -1}, {"log_lines": True}, {"log": 3}, {"keep": "long"}, {"values": "no"}]
)
def test_what_is_no_such_switch_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Samples.model_validate(wrong)


def test_what_may_be_shown_belongs_to_the_thread_that_looks() -> None:
    enter(Samples(log_lines=1))
    assert shown().log_lines == 1
    enter(NONE)
    assert shown() == NONE
    assert Samples().keep == Duration(14 * 86400)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (TEXT, "a text of 16 characters, withheld"),
        ([1, 2], "a list of 2 entries, withheld"),
        ((1,), "a list of 1 entries, withheld"),
        ({"a": 1}, "an object of 1 keys, withheld"),
        (b"x", "bytes, withheld"),
    ],
)
def test_a_value_is_described_by_its_kind_and_size(value: object, told: str) -> None:
    assert described(value) == told


def test_a_withheld_text_compares_as_it_is_and_shows_nowhere() -> None:
    held = Withheld(TEXT)
    assert held == TEXT
    assert TEXT[:4] in held
    for text in (str(held), repr(held), f"{held}", f"{held!s:>60}", f"{[held]}", "%s" % held, "".join(["is ", str(held)])):  # noqa: UP031
        assert "jane" not in text


def test_a_withheld_text_is_saved_as_its_size_and_is_unknown_when_judged_again() -> None:
    adapter = TypeAdapter(Withheld)
    saved = adapter.dump_json(Withheld(TEXT))
    assert json.loads(saved) == {"withheld": "a text of 16 characters, withheld"}
    with pytest.raises(CouldNotLook, match="was not saved: a text of 16 characters"):
        adapter.validate_json(saved)
    for wrong in (b'"jane"', b'{"withheld": "a", "b": 1}', b"[]"):
        with pytest.raises(ValidationError):
            adapter.validate_json(wrong)
