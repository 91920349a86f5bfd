"""Files of waivers: what they may say, what is wrong with them and where, and whom they name."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from muster.__main__ import main
from muster.allowances import load, unneeded
from muster.amounts import Amount
from muster.environment import load_environment
from muster.selection import declared
from muster.units import ByteSize, Duration, Percent, Quantity
from muster.waiver_ids import known_checks, parsed
from muster.waivers import LONGEST, Waiver, day_of
from muster.yamlfile import ConfigError
from tests.engine.project import ROOT
from tests.waiver_files import text, today, waiver

ENVIRONMENT = """\
system: shop
owner: team-shop
connections: {metrics: {prometheus: {url: "http://127.0.0.1:9"}}}
readings:
  - {name: disk, connection: metrics, promql: up, expect: {at_most: 85%}}
  - {name: disk-old, connection: metrics, promql: up, expect: {at_most: [{limit: 5}, {limit: 3, on: gate}]}}
  - {name: mode, connection: metrics, promql: up, expect: {equals: 1}}
  - {name: slow, connection: metrics, promql: up, expect: {at_most: 2s, at_least: 1ms}}
"""
LOW = "test_reading_is_at_most"


@pytest.fixture
def shop(tmp_path: Path):
    """Loads the environment with a file of waivers; returns its entries."""
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "production.yaml").write_text(ENVIRONMENT)

    def loaded(written: str, day: date | None = None, name: str = "production"):
        (folder / f"{name}.waivers.yaml").write_text(written)
        environment = load_environment(folder, "production", Path("shop"))
        return load([environment], ROOT / "checks", Path(), day).entries["shop/production"]

    return loaded


def refused(shop, *waivers: dict[str, Any], day: date | None = None) -> list[str]:
    with pytest.raises(ConfigError) as error:
        shop(text(*waivers), day)
    return str(error.value).splitlines()


def disk(**fields: Any) -> dict[str, Any]:
    return waiver(**{"check": LOW, **fields})


def test_an_environment_without_a_file_has_no_waivers(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "production.yaml").write_text(ENVIRONMENT)
    environment = load_environment(tmp_path / "shop", "production", Path("shop"))

    assert load([environment], ROOT / "checks", Path()).entries == {"shop/production": ()}


def test_ids_bounds_and_causes_are_read(shop) -> None:
    first, second, third = shop(
        text(
            disk(**{"while": {"at_most": "92%"}}),
            disk(entity=None, entities=["disk-old", "disk-old:gate"], ticket="OPS-2"),
            disk(cause="prometheus http://127.0.0.1:9", ticket="OPS-3"),
        )
    )

    assert first.waiver.bound.at_most == "92%"
    assert second.waiver.named == ("disk-old", "disk-old:gate")
    assert third.waiver.cause == "prometheus http://127.0.0.1:9"
    assert (first.mark.line, second.mark.line) == (2, 9)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"reason": None}, "shop/production.waivers.yaml:2:5: waivers[0]: reason is missing"),
        ({"ticket": None}, "ticket is missing"),
        ({"owner": None}, "owner is missing"),
        ({"expires": None}, "expires is missing"),
        ({"check": None}, "check is missing"),
        ({"entity": None}, "either entity, or a list of entities that is not empty"),
        ({"entities": ["disk"]}, "either entity, or a list of entities that is not empty"),
        ({"entity": None, "entities": []}, "either entity, or a list of entities that is not empty"),
        ({"entity": None, "entities": ["disk", "disk"]}, "an entity stands twice in the list"),
        ({"until": "2026-12-01"}, "unknown key; a waiver has check, entity, entities"),
        ({"ticket": "see OPS 1"}, "String should match pattern"),
        ({"expires": "soon"}, "expires: Input should be a valid date"),
        ({"while": {"at_most": 1, "at_least": 0}}, "either at_most or at_least"),
        ({"while": {}}, "either at_most or at_least"),
        ({"cause": "check test_reading_is_at_most"}, "no source: a check, a probe"),
        ({"cause": "prometheus http://x", "while": {"at_most": "92%"}}, "with a cause nothing is compared"),
        ({"reason": "see https://u:hunter2@wiki/x"}, "an address holds no credentials"),
    ],
)
def test_what_a_waiver_may_not_say_is_refused_with_its_place(shop, fields: dict[str, Any], says: str) -> None:
    told = refused(shop, disk(**fields))

    assert any(says in line for line in told), told
    assert all(line.startswith("shop/production.waivers.yaml:") for line in told)
    assert "hunter2" not in "".join(told)


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("waivers:\n  - {check: a, check: b}\n", "2:16: waivers[0].check: duplicate key"),
        ("waivers: &all []\n", "anchors and aliases are not read"),
        (text(disk()).replace(str(today() + timedelta(days=30)), "2027-02-29"), "not a date"),
        ("[]\n", "a mapping is expected"),
        ("", "a mapping is expected"),
        ("waivers: {}\n", "waivers: "),
    ],
)
def test_the_file_is_read_as_strictly_as_an_environment(shop, written: str, says: str) -> None:
    with pytest.raises(ConfigError, match=r"^shop/production\.waivers\.yaml:\d+:\d+: ") as error:
        shop(written)

    assert says in str(error.value)


def test_everything_that_is_wrong_is_told_at_once(shop) -> None:
    told = refused(shop, disk(entity="dsik"), disk(check="test_reading_is_at_mots", ticket="OPS-2"), disk(entity="mode", ticket="OPS-3"))

    assert [line.split(": ")[0] for line in told] == [f"shop/production.waivers.yaml:{place}" for place in ("3:13", "8:12", "15:13")]
    assert "waivers[OPS-1].entity: test_reading_is_at_most is asked of no such entity here; nearest: disk, disk-old (got dsik)" in told[0]
    assert "no check has this name; nearest: test_reading_is_at_most, " in told[1]
    assert "asked of no such entity here; nearest: disk, disk-old" in told[2]


@pytest.mark.parametrize("name", ["disk*", "dis", "shop/production/disk", "disk:gate", "DISK", "readings/disk"])
def test_only_exact_ids_are_taken(shop, name: str) -> None:
    assert "nearest: " in refused(shop, disk(entity=name))[0]


def test_two_waivers_of_one_id_are_refused_but_not_one_of_its_source(shop) -> None:
    told = refused(shop, disk(), disk(entity=None, entities=["disk-old", "disk"], ticket="OPS-2"))

    assert told == [
        "shop/production.waivers.yaml:13:28: waivers[OPS-2].entities[1]: waived already in line 2, by OPS-1: keep one of them (got disk)"
    ]
    assert len(shop(text(disk(), disk(cause="prometheus http://x", ticket="OPS-2")))) == 2


@pytest.mark.parametrize(
    ("entity", "check", "bound", "says"),
    [
        ("disk", LOW, {"at_most": 92}, "written like the limit, 85%: in percent"),
        ("disk", LOW, {"at_most": "92"}, "written like the limit, 85%"),
        ("disk", LOW, {"at_most": "80%"}, "the limit is 85%: a bound that is no wider waives nothing"),
        ("disk", LOW, {"at_most": "85%"}, "no wider"),
        ("disk", LOW, {"at_least": "92%"}, "says at most 85%: the bound is at_most"),
        ("slow", LOW, {"at_most": "1GB"}, "written like the limit, 2s: in seconds"),
        ("slow", "test_reading_is_at_least", {"at_least": "2ms"}, "no wider"),
        ("mode", "test_reading_equals", {"at_most": 2}, "compares no number with a highest or lowest one"),
    ],
)
def test_a_bound_is_wider_than_the_limit_and_in_its_unit(shop, entity: str, check: str, bound: dict[str, Any], says: str) -> None:
    told = refused(shop, waiver(check=check, entity=entity, **{"while": bound}))

    assert says in told[0]
    assert ".while.at_" in told[0]


@pytest.mark.parametrize(
    ("written", "limit", "value"),
    [
        ("92%", Percent(0.85), 0.92),
        ("3h", Duration(3600), 10800),
        ("2GiB", ByteSize(1), 2**31),
        ("2Gi", Quantity.parse("1Gi"), 2**31),
        (5, 3, 5),
        (5.5, 3, 5.5),
        ("92%", Amount.parse("85%"), 0.92),
        (4, Amount.parse(3), 4),
    ],
)
def test_a_bound_has_the_type_of_the_limit(written: Any, limit: Any, value: float) -> None:
    assert parsed(written, limit) == value


@pytest.mark.parametrize(("written", "limit"), [(92, Percent(0.85)), ("3", 3), ("3h", 3), (3, Duration(1)), ("3h", Amount.parse(3))])
def test_a_bound_of_another_type_is_none(written: Any, limit: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whose words they are differs
        parsed(written, limit)


@pytest.mark.parametrize("day", [date(2023, 12, 31), date(2024, 2, 29), date(2024, 11, 30), date(2026, 3, 1)])
def test_ninety_days_ahead_are_the_most(shop, day: date) -> None:
    last = day + timedelta(days=LONGEST)

    assert shop(text(disk(expires=last)), day)[0].waiver.expires == last
    told = refused(shop, disk(expires=last + timedelta(days=1)), day=day)
    assert f"at most 90 days ahead, so no later than {last}" in told[0]


def test_a_leap_day_counts_as_a_day(shop) -> None:
    assert shop(text(disk(expires=date(2024, 2, 29))), date(2023, 12, 1))[0].waiver.expires == date(2024, 2, 29)


def of(expires: date) -> Waiver:
    return Waiver(check="c", entity="e", reason="reason", ticket="T-1", owner="o", expires=expires)


@pytest.mark.parametrize(
    ("moment", "over"),
    [(1709251199.999, False), (1709251200.0, True), (1709164800.0, False), (1709164799.0, False)],  # 2024-02-29 ends at 1709251200
)
def test_a_waiver_ends_with_the_last_moment_of_its_day_in_utc(moment: float, over: bool) -> None:
    assert of(date(2024, 2, 29)).over(day_of(moment)) is over


@pytest.mark.parametrize(("left", "soon"), [(-1, False), (0, True), (7, True), (8, False)])
def test_a_waiver_that_ends_within_a_week_ends_soon(left: int, soon: bool) -> None:
    assert of(date(2024, 3, 1) + timedelta(days=left)).soon(date(2024, 3, 1)) is soon


DAY = date(2024, 3, 3)


def days(*needed: bool | None) -> dict[str, bool]:
    """What was remembered, today last; None is a day without a look."""
    return {str(DAY - timedelta(days=back)): was for back, was in enumerate(reversed(needed)) if was is not None}


@pytest.mark.parametrize(
    ("known", "row"),
    [
        ({}, 0),
        (days(False), 1),
        (days(*[False] * 7), 7),
        (days(True, *[False] * 6), 6),
        (days(*[False] * 6, True), 0),
        (days(False, False, None, False, False), 2),  # nobody looked on that day
        (days(*[True, False] * 20), 1),  # an oscillating disk
        (days(*[False] * 60), 60),
    ],
)
def test_days_on_which_a_waiver_was_not_needed_are_counted_without_a_gap(known: dict[str, bool], row: int) -> None:
    assert unneeded(known, DAY) == row


def test_waivers_of_an_environment_that_does_not_exist_are_refused(shop) -> None:
    with pytest.raises(ConfigError, match=r"^shop/prodution\.waivers\.yaml:1:1: waivers of an environment that does not exist") as error:
        shop(text(disk()), name="prodution")

    assert "there are: production" in str(error.value)


def test_a_module_that_is_no_python_takes_no_other_check_with_it(tmp_path: Path) -> None:
    (tmp_path / "test_a.py").write_text("def test_one(limit):\n    assert limit <= limit\n")
    (tmp_path / "test_b.py").write_text("def test_two(:\n")

    checks, whole = known_checks(tmp_path)

    assert (list(checks), whole) == (["test_one"], False)


def test_a_file_of_waivers_is_no_environment(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "production.yaml").write_text(ENVIRONMENT)
    (tmp_path / "shop" / "production.waivers.yaml").write_text("waivers: []\n")

    assert declared(tmp_path) == [("shop", "production")]


def test_explain_shows_waivers_and_refuses_what_a_run_would(shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shop(text(disk(**{"while": {"at_most": "92%"}})))
    arguments = ["explain", "--environments", str(tmp_path), "--checks", str(ROOT / "checks"), "--env", "shop"]

    assert main(arguments) == 0
    said = capsys.readouterr().out
    assert f"{LOW}[disk] while at most 92%  until {today() + timedelta(days=30)}  OPS-1  team-data" in said
    assert "the archive moves" in said
    (tmp_path / "shop" / "production.waivers.yaml").write_text(text(disk(entity="dsik")))
    assert main(arguments) == 4
    assert "nearest: disk" in capsys.readouterr().err
