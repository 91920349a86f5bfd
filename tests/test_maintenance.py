"""Times of maintenance: what a file may say of them, when they are on, when they should have ended."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from muster.cron import Cron
from muster.document import validated
from muster.environment import Environment, cases, load_environment
from muster.kinds.maintenance import Maintenance
from muster.probes import CouldNotLook, Nothing, Observation
from muster.windows import Phase, call, phase
from muster.yamlfile import ConfigError, Mark, Node

HEAD = """\
system: shop
owner: team-shop
connections:
  metrics: {prometheus: {url: "http://127.0.0.1:9"}}
  cluster: {kubernetes: {namespace: shop}}
readings:
  - {name: flag, connection: metrics, promql: maintenance, expect: {at_most: 1}}
  - {name: orders, connection: metrics, promql: orders, expect: {above: 0}}
workloads:
  - {name: web, connection: cluster, selector: app=web}
maintenance:
"""


@pytest.fixture
def shop(tmp_path: Path):
    """Loads an environment with one maintenance, written in one line."""

    def loaded(**fields: Any) -> Environment:
        usual = {"name": "move", "reason": '"the database moves"', "scope": "{everything: true}"}
        written = ", ".join(f"{name}: {value}" for name, value in {**usual, **fields}.items() if value is not None)
        folder = tmp_path / "shop"
        folder.mkdir(exist_ok=True)
        (folder / "production.yaml").write_text(f"{HEAD}  - {{{written}}}\n")
        return load_environment(folder, "production", Path("shop"))

    return loaded


def window(environment: Environment) -> Maintenance:
    return next(each for each in environment.entities if isinstance(each, Maintenance))


ANNOTATION = "{annotation: {connection: cluster, object: web, key: example.com/maintenance}}"
FLAG = "{reading: flag, equals: 1}"
TIMES = {"start": '"2026-03-01T22:00:00+01:00"', "end": '"2026-03-01T23:30:00Z"'}


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, "one of start, cron and read says when it is"),
        ({"start": "2026-03-01"}, "a quoted moment with its zone"),
        ({"start": '"2026-03-01T22:00:00"'}, "a quoted moment with its zone"),
        ({"start": '"tomorrow"'}, "a quoted moment with its zone"),
        ({"start": '"2026-02-29T22:00:00Z"'}, "a quoted moment with its zone"),
        ({**TIMES, "end": '"2026-03-01T21:00:00Z"'}, "the end is not later than the start"),
        ({"cron": '"0 2 * * sun"'}, "cron and duration belong together"),
        ({"cron": '"0 2 * *"', "duration": "2h"}, "five fields are expected"),
        ({"cron": '"0 25 * * *"', "duration": "2h"}, "hour: 25 is none; 0 to 23"),
        ({"cron": '"0 2 30 feb *"', "duration": "2h"}, "a day that no such month has"),
        ({"cron": '"0 2 * * *"', "duration": "8d"}, "a duration of at most 7d"),
        ({"cron": '"0 2 * * *"', "duration": "2h", **TIMES}, "either start and end, or cron and duration"),
        ({"cron": '"0 2 * * *"', "duration": "2h", "zone": "Mars"}, "not a time zone"),
        ({"read": "{}"}, "either reading with equals, or annotation"),
        ({"read": "{reading: flag}"}, "either reading with equals, or annotation"),
        ({"read": "{reading: flog, equals: 1}"}, "no reading has this name; there are: flag, orders"),
        ({"read": ANNOTATION.replace("cluster", "metrics")}, "a kubernetes connection is needed"),
        ({**TIMES, "scope": "{}"}, "entities and sections, or everything: true"),
        ({**TIMES, "scope": "{everything: true, sections: [readings]}"}, "entities and sections, or everything: true"),
        ({**TIMES, "scope": "{entities: [wep]}"}, "maintenance[move].scope.entities[0]: no entity has this name; nearest: web (got wep)"),
        ({**TIMES, "scope": "{sections: [hosts]}"}, "nothing is declared in this section; there are: readings, workloads"),
        ({**TIMES, "until": "x"}, "maintenance[move].until: unknown key"),
        ({**TIMES, "reason": None}, "reason is missing"),
    ],
)  # fmt: skip
def test_what_a_maintenance_may_not_say_is_refused_with_its_place(shop, fields: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=r"^shop/production\.yaml:12:\d+: maintenance\[move\]") as error:
        shop(**fields)

    assert says in str(error.value)


@pytest.mark.parametrize(
    ("scope", "covered"),
    [
        ("{everything: true}", {"flag", "orders", "web"}),
        ("{entities: [web]}", {"web"}),
        ("{entities: [workloads/web, readings/orders]}", {"web", "orders"}),
        ("{sections: [readings]}", {"flag", "orders"}),
        ("{sections: [readings], entities: [web]}", {"flag", "orders", "web"}),
    ],
)
def test_a_scope_covers_what_it_names_and_never_maintenance(shop, scope: str, covered: set[str]) -> None:
    environment = shop(**TIMES, scope=scope)
    declared = [each for each in environment.entities if each.section in ("readings", "workloads", "maintenance")]

    assert {each.name for each in declared if window(environment).scope.covers(each)} == covered


def test_too_many_rights_of_ours_are_no_matter_of_maintenance(shop) -> None:
    environment = shop(**TIMES)
    (own,) = [each for each in environment.entities if each.section == "identities"]

    assert not window(environment).scope.covers(own)


@pytest.mark.parametrize(
    ("fields", "judged"),
    [
        (TIMES, 0),
        ({"cron": '"0 2 * * *"', "duration": "2h"}, 0),
        ({"start": TIMES["start"]}, 1),
        ({**TIMES, "read": FLAG}, 1),
        ({"read": ANNOTATION}, 1),
    ],
)
def test_only_what_could_be_left_on_is_judged(shop, fields: dict[str, Any], judged: int) -> None:
    assert len(cases(shop(**fields), "outlasts", "test_maintenance_has_ended")) == judged


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def now(environment: Environment, moment: str, value: Any = None, known: float | None = None) -> Phase:
    """The phase at a moment, when the system says this."""
    return phase(window(environment), at(moment), known, lambda _call: value)


class Saw(Observation):
    def __init__(self, value: Any) -> None:
        object.__setattr__(self, "value", value)


@pytest.mark.parametrize(
    ("moment", "on"),
    [("2026-03-01T20:59:59.9Z", False), ("2026-03-01T21:00:00Z", True), ("2026-03-01T23:29:59.9Z", True), ("2026-03-01T23:30:00Z", False)],
)
def test_a_declared_maintenance_is_on_from_its_start_until_its_end(shop, moment: str, on: bool) -> None:
    seen = now(shop(**TIMES), moment)

    assert (seen.on, seen.overdue) == (on, 0)


@pytest.mark.parametrize(("moment", "on", "overdue"), [("2026-03-02T00:59:59Z", True, 0), ("2026-03-02T02:00:00Z", False, 3600)])
def test_one_without_an_end_lasts_so_long_at_most_and_is_then_overdue(shop, moment: str, on: bool, overdue: float) -> None:
    seen = now(shop(start=TIMES["start"]), moment)

    assert (seen.on, seen.overdue) == (on, overdue)


@pytest.mark.parametrize(
    ("moment", "on"),
    [
        ("2026-03-01T01:59:00+01:00", False), ("2026-03-01T02:00:00+01:00", True), ("2026-03-01T03:59:59+01:00", True),
        ("2026-03-01T04:00:00+01:00", False), ("2026-03-02T02:30:00+01:00", False),
        ("2026-07-05T02:00:00+02:00", True), ("2026-07-05T01:30:00+02:00", False),  # summer time: local hours stay
        ("2026-03-29T03:30:00+02:00", False),  # two o'clock did not come that night
        ("2026-10-25T02:30:00+02:00", True), ("2026-10-25T02:30:00+01:00", True), ("2026-10-25T03:00:00+01:00", False),
    ],
)  # fmt: skip
def test_a_schedule_is_in_local_time(shop, moment: str, on: bool) -> None:
    assert now(shop(cron='"0 2 * * sun"', duration="2h", zone="Europe/Berlin"), moment).on is on


def test_a_window_may_pass_midnight_and_a_leap_day(shop) -> None:
    nightly = shop(cron='"0 23 28 2 *"', duration="25h")

    assert [now(nightly, f"2024-02-29T{each}:00Z").on for each in ("00:00", "23:59")] == [True, True]
    assert now(nightly, "2024-03-01T00:00:00Z").on is False


def test_what_the_system_says_decides_within_the_declared_times(shop) -> None:
    flagged = shop(**TIMES, read=FLAG)

    assert now(flagged, "2026-03-01T22:00:00Z", Saw(0)) == Phase(said="flag is 0")
    assert now(flagged, "2026-03-01T22:00:00Z", Saw(1)).on
    assert not now(flagged, "2026-03-01T20:00:00Z", Saw(1)).on
    left_on = now(flagged, "2026-03-02T00:30:00Z", Saw(1))
    assert (left_on.on, left_on.overdue) == (False, 3600)
    assert left_on.told == "it should have ended 2026-03-01 23:30 UTC, 1h ago, and is still on"


def test_a_flag_left_on_outside_a_schedule_is_overdue_since_its_last_end(shop) -> None:
    weekly = shop(cron='"0 2 * * sun"', duration="2h", read=FLAG)

    assert now(weekly, "2026-03-01T03:00:00Z", Saw(1)).on
    assert now(weekly, "2026-03-01T05:00:00Z", Saw(1)).overdue == 3600
    assert now(weekly, "2026-03-07T04:00:00Z", Saw(1)).overdue == 6 * 86400
    assert now(weekly, "2026-03-07T04:00:00Z", Saw(0)).overdue == 0


def test_a_flag_without_any_end_may_be_on_for_at_most_so_long_as_far_as_is_remembered(shop) -> None:
    flagged = shop(read=FLAG, at_most="2h")

    first = now(flagged, "2026-03-01T22:00:00Z", Saw(1))
    assert (first.on, first.since) == (True, at("2026-03-01T22:00:00Z"))
    later = now(flagged, "2026-03-02T01:00:00Z", Saw(1), first.since)
    assert (later.on, later.overdue, later.since) == (False, 3600, first.since)


@pytest.mark.parametrize(
    ("value", "equals", "on"),
    [(True, "true", True), (False, "true", False), (1, "true", False), ("on", '"on"', True), (1.0, "1", True)],
)
def test_a_flag_is_compared_by_type_and_value(shop, value: Any, equals: str, on: bool) -> None:
    assert now(shop(read=f"{{reading: flag, equals: {equals}}}"), "2026-03-01T22:00:00Z", Saw(value)).on is on


@pytest.mark.parametrize(
    ("value", "on", "overdue"),
    [
        ("", False, 0), ("false", False, 0), ("Off", False, 0), ("no", False, 0), ("0", False, 0),
        ("true", True, 0), ("database move", True, 0),
        ("2026-03-01T23:00:00Z", True, 0), ("2026-03-01T23:00:00+01:00", False, 0), ("2026-03-01T21:00:00Z", False, 3600),
        ("2026-03-01 23:00:00", True, 0),  # without a zone it is a text like any other
    ],
)  # fmt: skip
def test_an_annotation_says_that_it_is_on_or_until_when(shop, value: str, on: bool, overdue: float) -> None:
    seen = now(shop(read=ANNOTATION), "2026-03-01T22:00:00Z", Saw(value))

    assert (seen.on, seen.overdue) == (on, overdue)


def test_a_flag_that_is_nowhere_to_be_found_is_unknown(shop) -> None:
    with pytest.raises(CouldNotLook, match="nothing says whether it is on: no series"):
        now(shop(read=FLAG), "2026-03-01T22:00:00Z", Nothing(note="no series"))


def test_a_declared_maintenance_asks_nobody(shop) -> None:
    assert call(window(shop(**TIMES))) is None


@pytest.mark.parametrize(
    ("line", "moments"),
    [
        ("*/15 8-9 * * mon-fri", ["2026-03-02T08:45", "2026-03-06T09:00"]),
        ("5,10 0 1 jan,jul *", ["2026-01-01T00:05", "2026-07-01T00:10"]),
        ("0 0 13 * 5", ["2026-03-13T00:00", "2026-03-06T00:00", "2026-04-13T00:00"]),  # either day is enough
        ("0 0 * * 7", ["2026-03-01T00:00"]),
        ("0 0 * * 0", ["2026-03-01T00:00"]),
        ("0 0 29 2 *", ["2028-02-29T00:00"]),
        ("10-30/10 * * * *", ["2026-03-01T11:10", "2026-03-01T11:30"]),
        ("3/20 * * * *", ["2026-03-01T11:03", "2026-03-01T11:43"]),
    ],
)
def test_a_schedule_begins_at_its_moments(line: str, moments: list[str]) -> None:
    schedule = Cron.parse(line)

    for each in moments:
        moment = datetime.fromisoformat(each).replace(tzinfo=UTC)
        assert schedule.begins(moment)
        assert not schedule.begins(moment + timedelta(minutes=1))


FIELDS = ("60", "5-1", "*/0", "*/", "a", "1,,", "-1", "\u0663")


@pytest.mark.parametrize("line", [*(f"{each} * * * *" for each in FIELDS), "* * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "@daily"])
def test_what_is_no_schedule_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"expected|is none|is no number"):
        Cron.parse(line)


def test_a_schedule_looks_back_no_further_than_it_lasts() -> None:
    moment = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)

    assert Cron.parse("0 2 * * *").last(moment, ZoneInfo("UTC"), timedelta(hours=2)) is None
    assert Cron.parse("0 2 * * *").last(moment, ZoneInfo("UTC"), timedelta(hours=2, minutes=1)) == moment - timedelta(hours=2)


def test_maintenance_is_part_of_the_document() -> None:
    node = Node({"system": Node("shop", Mark("f", 1, 1)), "owner": Node("me", Mark("f", 1, 1))}, Mark("f", 1, 1))

    assert validated(node).maintenance == ()
