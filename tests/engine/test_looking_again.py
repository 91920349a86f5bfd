"""More than one look, from outside: when it is taken, at what, and what is said of a verdict that was not always the same."""

import json
import re
import subprocess
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import pytest

from muster.__main__ import main
from muster.repeats import Repeats, repeats
from muster.units import Duration
from muster.verdicts import Verdict
from tests.engine.agreement import agree
from tests.engine.looks import NEXT, looking
from tests.engine.project import reading

AROUND = """

from muster.follow_up import follow_up


@follow_up(Reading)
def around(reading):
    yield f"around {reading.id}"
"""
SWITCHED = {"reading": "switch", "above": 0}
UNKNOWN = {"error": NEXT["error"], "cause": NEXT["cause"], "hint": NEXT["hint"]}


def properties(made, entity="errors"):
    cases = ET.parse(made.out / "junit.xml").getroot().iter("testcase")
    case = next(each for each in cases if f"[{entity}]" in each.attrib["name"])
    return {each.attrib["name"]: each.attrib["value"] for each in case.iter("property")}


def replayed(made):
    return made.run("--replay", "reports/out/observations.jsonl", "--reports", "again")


def verdicts(made, folder="reports/out"):
    lines = [json.loads(line) for line in (made.folder / folder / "journal.jsonl").read_text().splitlines()]
    return {each["id"]: each["verdict"] for each in lines if each["event"] == "verdict"}


def test_what_heals_between_two_looks_holds_and_is_never_plain_green(tmp_path):
    made = looking(tmp_path, errors=[7, 0], orders=[0])

    done = made.run("--confirm", "2", "--confirm-after", "20s")

    assert done.returncode == 0, done.stdout + done.stderr
    assert made.waits() == [20.0]
    assert sorted(made.looked()) == ["errors", "errors", "orders"]
    assert "confirm: up to 2 more looks, 20s apart, at what does not hold" in done.stdout
    assert "all looks together take at most 6m40s" in done.stdout
    assert "1 of 2 does not hold yet; looking at it again in 20s" in done.stdout
    assert "FLAKY 1 check holds now, and did not at an earlier look" in done.stdout
    assert "1 of 2 did not hold; after 1 more look it does" in done.stdout
    assert "2 hold (1 flaky)" in done.stdout
    assert "verdict: HOLDS, 1 flaky, exit code 0" in done.stdout
    found = made.one()
    assert (found.verdict, found.attempt, found.looks, found.flaky, found.flapping) == (Verdict.HOLDS, 2, 2, True, "")
    assert found.earlier[0].startswith("violated at ")
    assert found.earlier[0].endswith(": expected <= 0, observed 7")
    assert not made.one("orders").flaky


def test_every_report_tells_of_the_first_look(tmp_path):
    made = looking(tmp_path, errors=[7, 0], orders=[0])

    made.run("--confirm", "1")

    first, last = made.allure()
    assert (first["status"], last["status"]) == ("failed", "passed")
    assert first["historyId"] == last["historyId"]
    assert first["uuid"] != last["uuid"]
    assert last["statusDetails"]["flaky"] is True
    assert {"name": "tag", "value": "flaky"} in last["labels"]
    observed = [json.loads((made.out / "allure-results" / each["attachments"][0]["source"]).read_text()) for each in (first, last)]
    assert [(each["attempt"], each["value"]["value"]) for each in observed] == [(1, 7), (2, 0)]
    assert len(made.allure("orders")) == 1
    assert (properties(made)["flaky"], properties(made)["looks"]) == ("true", "2")
    assert "observed 7" in properties(made)["earlier"]
    assert "flaky" not in properties(made, "orders")
    summary = made.summary()
    assert list(summary["flaky"]) == [made.one().id]
    assert [(each["attempt"], each["whole"], each["checks"], each["left"]) for each in summary["again"]] == [(2, False, 1, 0)]
    assert "FLAKY 1 check holds now" in (made.out / "summary.md").read_text()


def test_what_stays_is_said_after_as_many_looks_as_were_asked_for(tmp_path):
    made = looking(tmp_path, errors=[7, 8, 9], orders=[0])

    done = made.run("--confirm", "2")

    assert done.returncode == 1
    assert made.waits() == [15.0, 15.0]
    assert made.looked().count("errors") == 3
    assert made.looked().count("orders") == 1
    assert "expected <= 0, observed 9" in done.stdout
    assert "3 looks, violated at each" in done.stdout
    assert "after 2 more looks it still does not" in done.stdout
    assert [each["status"] for each in made.allure()] == ["failed"] * 3
    assert made.one().since < made.one().at, "it is violated since the first of these looks"


def test_an_unknown_becomes_known(tmp_path):
    made = looking(tmp_path, errors=[UNKNOWN, 0], orders=[UNKNOWN, 7], third=[UNKNOWN])

    done = made.run("--confirm", "1")

    assert done.returncode == 1
    assert {entity: made.one(entity).verdict for entity in ("errors", "orders", "third")} == {
        "errors": Verdict.HOLDS, "orders": Verdict.VIOLATED, "third": Verdict.UNKNOWN,
    }  # fmt: skip
    assert "2 looks, unknown at each" in done.stdout
    assert made.one().flaky


def test_nothing_is_looked_at_twice_when_all_holds_or_nothing_was_asked(tmp_path):
    made = looking(tmp_path, errors=[0])
    assert made.run("--confirm", "3").returncode == 0
    made.sees(errors=[7])
    assert made.run().returncode == 1

    assert made.waits() == []
    assert made.looked() == ["errors", "errors"]
    assert "flaky" not in (made.out / "summary.md").read_text()


def test_a_check_is_judged_by_one_look_alone(tmp_path):
    """Another check of the same observation held at the first look; the second look is not its business."""
    made = looking(tmp_path, errors=[7, -5])
    made.environment("platform/sandbox", [reading("errors", expect={"at_most": 0, "at_least": 0})])

    done = made.run("--confirm", "1")

    assert done.returncode == 0, done.stdout
    values = {each.check: (each.value, each.attempt, each.verdict) for each in made.results().values()}
    assert values == {"test_reading_is_low": (-5, 2, Verdict.HOLDS), "test_reading_is_high": (7, 1, Verdict.HOLDS)}
    assert replayed(made).returncode == 0
    assert verdicts(made, "again") == verdicts(made)


def test_a_condition_is_looked_at_again_with_what_depends_on_it(tmp_path):
    made = looking(tmp_path, errors=[7], switch=[1, 0])
    made.environment(
        "platform/sandbox", [reading("switch", expect={"at_most": 5}), reading("errors", when={"reading": "switch", "above": 0})]
    )

    done = made.run("--confirm", "1")

    assert done.returncode == 0, done.stdout
    assert (made.one().verdict, made.one().reason) == (Verdict.NOT_ASKED, "switch is 0")
    assert made.one().earlier[0].startswith("violated at")
    assert made.one("switch").attempt == 1
    assert replayed(made).returncode == 0
    assert verdicts(made, "again") == verdicts(made)


def test_what_did_not_apply_is_asked_once_it_applies(tmp_path):
    made = looking(tmp_path, errors=[7], switch=[0, 1])
    made.environment(
        "platform/sandbox", [reading("switch", expect={"at_most": 5}), reading("errors", when={"reading": "switch", "above": 0})]
    )

    assert made.run("--hold", "15s").returncode == 1

    assert made.one().verdict is Verdict.VIOLATED


def test_it_settles_and_is_plain_green(tmp_path):
    made = looking(tmp_path, errors=[7, 7, 7, 0], orders=[UNKNOWN, 0])

    done = made.run("--settle", "5m")

    assert done.returncode == 0, done.stdout
    assert made.waits() == [15.0] * 3
    assert len(made.looked()) == 8, "everything is looked at anew"
    assert "settle: looks at everything every 15s until it holds, for 5m" in done.stdout
    assert "settled after 45.0 s (4 looks); last to hold: errors" in done.stdout
    assert "2 hold, 0 not asked" in done.stdout
    assert not made.one().flaky
    assert made.one().earlier, "what was waited for is in the evidence"
    assert replayed(made).returncode == 0
    assert verdicts(made, "again") == verdicts(made)


def test_time_is_up_before_it_settles(tmp_path):
    made = looking(tmp_path, errors=[7], orders=[0])

    done = made.run("--settle", "40s")

    assert done.returncode == 1
    assert made.waits() == [15.0, 15.0, 10.0], "the last look is when time is up"
    assert "not settled within 40s (4 looks): 1 of 2 does not hold" in done.stdout
    assert "4 looks, violated at each" in done.stdout
    assert replayed(made).returncode == 1


def test_what_has_been_seen_often_enough_while_it_should_settle_is_not_confirmed_again(tmp_path):
    made = looking(tmp_path, errors=[7], orders=[0, 0, 0, 9, 0])

    done = made.run("--settle", "40s", "--confirm", "2")

    assert done.returncode == 1
    assert made.looked().count("errors") == 4
    assert made.looked().count("orders") == 5
    assert made.one("orders").flaky
    assert replayed(made).returncode == 1
    assert verdicts(made, "again") == verdicts(made)


def test_it_holds_for_as_long_as_was_asked(tmp_path):
    made = looking(tmp_path, errors=[0], orders=[0])

    done = made.run("--hold", "1m", "--hold-every", "20s")

    assert done.returncode == 0
    assert made.waits() == [20.0] * 3
    assert "held for 1m: 3 looks at everything" in done.stdout
    assert len([each for each in made.events("verdict") if each["entity"] == "errors"]) == 2, "what holds look after look is said once"
    assert made.one().attempt == 4
    assert len(made.allure()) == 1
    assert replayed(made).returncode == 0


def test_a_hold_ends_at_the_first_violation(tmp_path):
    made = looking(tmp_path, errors=[0, 0, 7, 0], orders=[0])

    done = made.run("--hold", "10m")

    assert done.returncode == 1
    assert made.waits() == [15.0, 15.0]
    assert "not held: after 30.0 s errors" in done.stdout
    assert "2 looks; before that" not in done.stdout
    assert "3 looks; before that holds from" in done.stdout
    assert replayed(made).returncode == 1
    assert verdicts(made, "again") == verdicts(made)


def test_an_unknown_is_looked_at_once_more_before_it_ends_a_hold(tmp_path):
    made = looking(tmp_path, errors=[0, UNKNOWN, 0, UNKNOWN, UNKNOWN, 0])

    done = made.run("--hold", "10m")

    assert done.returncode == 10
    assert made.waits() == [15.0] * 4
    assert made.one().flapping == "changed 3 times in 5 looks of this run"
    assert "FLAPPING 1 check" in done.stdout
    assert properties(made)["flapping"] == made.one().flapping


def test_first_settled_then_held_and_a_flap_in_between_confirmed_away(tmp_path):
    made = looking(tmp_path, errors=[7, 0, 0, 7, 0])

    done = made.run("--settle", "1m", "--hold", "1m", "--confirm", "1")

    assert done.returncode == 0, done.stdout
    assert (
        "held for 1m: 4 looks at everything, 1 not at once" in done.stdout
        or "held for 1m: 3 looks at everything, 1 not at once" in done.stdout
    )
    assert made.one().flaky
    assert "changed 3 times" in made.one().flapping
    assert "verdict: HOLDS, 1 flaky, exit code 0" in done.stdout
    saved = [json.loads(line) for line in (made.out / "observations.jsonl").read_text().splitlines()]
    assert [each["value"]["value"] for each in saved if each.get("superseded")] == [7, 7], "what did not hold stays in the evidence"
    assert replayed(made).returncode == 0


def test_a_hold_begins_only_when_everything_holds(tmp_path):
    made = looking(tmp_path, errors=[7])

    done = made.run("--hold", "10m")

    assert done.returncode == 1
    assert made.waits() == []
    assert "not held: it did not hold to begin with" in done.stdout


@pytest.mark.parametrize("signal", ["SIGINT", "SIGTERM"])
def test_a_wait_ends_at_once_with_the_verdicts_of_the_looks_so_far(tmp_path, signal):
    made = looking(tmp_path, errors=[7], orders=[0]).at_wait(2, signal)

    done = made.run("--confirm", "5")

    assert done.returncode == 2
    assert "interrupted: these are the verdicts of 2 looks" in done.stdout
    assert "2 looks, violated at each" in done.stdout
    assert verdicts(made)[made.one().id] == "violated"
    assert made.one("orders").verdict is Verdict.HOLDS


@pytest.mark.parametrize("options", [("--confirm", "5"), ("--settle", "5m")])
def test_a_run_that_is_killed_between_two_looks_can_be_finalised(tmp_path, capsys, options):
    made = looking(tmp_path, errors=[7], orders=[0]).at_wait(2, "SIGKILL")
    assert made.run(*options).returncode == -9

    code = main(["finalise", "--reports", str(made.out)])

    assert code == 1
    assert "2 judged, 0 not run" in capsys.readouterr().out
    assert {each.entity: each.verdict for each in made.results().values()} == {"errors": Verdict.VIOLATED, "orders": Verdict.HOLDS}
    assert made.one().looks == 2
    agree(made.out, made.out / "allure-results")
    assert "ended while it was looking again: these are the verdicts of 2 looks" in (made.out / "summary.md").read_text()


def test_follow_ups_come_after_the_last_look_only(tmp_path):
    made = looking(tmp_path, errors=[7, 0], orders=[7])
    around = (
        "from muster.follow_up import follow_up\nfrom muster.kinds.readings import Reading\n\n\n@follow_up(Reading)\ndef around(reading):\n"
    )
    fake = (tmp_path / "fixtures/fake.py").read_text()
    made.write("fixtures/fake.py", fake + f'\n\n{around}    yield f"around {{reading.id}}"\n')

    made.run("--confirm", "1")

    assert [each["entity"] for each in made.events("follow_up")] == ["platform/sandbox/readings/orders"]
    assert [each["event"] for each in map(json.loads, (made.out / "journal.jsonl").read_text().splitlines())][-3:] == [
        "repeated",
        "follow_up",
        "end",
    ]


def test_what_a_check_adds_itself_is_added_once(tmp_path):
    made = looking(tmp_path, errors=[7])
    check = (tmp_path / "checks/daily/test_readings.py").read_text()
    made.write("checks/daily/test_readings.py", check.replace("import pytest", "import allure\nimport pytest", 1).replace(
        "    assert measured.value <= limit", '    allure.attach("by hand", "note")\n    assert measured.value <= limit'))  # fmt: skip

    made.run("--confirm", "2")

    assert len(made.events("added")) == 1
    attached = [each.read_text() for each in (made.out / "allure-results").glob("*-attachment.*") if each.suffix != ".json"]
    assert attached == ["by hand"]


def test_a_verdict_that_alternated_over_the_last_runs_is_flapping(tmp_path):
    made = looking(tmp_path, errors=[0, 7] * 6, orders=[0])

    for _ in range(6):
        done = made.run()
        assert "FLAPPING" not in done.stdout
    done = made.run()

    assert made.one().flapping == "changed 6 times in its last 7 runs"
    assert done.returncode == 0
    assert "FLAPPING 1 check" in done.stdout
    assert made.summary()["flapping"] == {made.one().id: "changed 6 times in its last 7 runs"}
    assert {"name": "tag", "value": "flapping"} in made.allure()[0]["labels"]
    assert not made.one("orders").flapping


def test_what_cannot_be_is_refused_before_anything_is_looked_at(tmp_path):
    made = looking(tmp_path, errors=[0])

    done = made.run("--confirm", "2", "--confirm-after", "15")

    assert done.returncode == 4
    assert "--confirm-after 15: a duration needs a unit: 500ms, 30s, 5m" in done.stderr
    assert made.looked() == []


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"--confirm": "0"}, "--confirm 0: a number of further looks, 1 to 10"),
        ({"--confirm": "11"}, "--confirm 11: a number of further looks, 1 to 10"),
        ({"--confirm": "two"}, "--confirm two: a number of further looks, 1 to 10"),
        ({"--settle": "5"}, "--settle 5: a duration needs a unit"),
        ({"--settle": "0s"}, "--settle 0s: at least 1s, at most 1d"),
        ({"--hold": "2d"}, "--hold 2d: at least 1s, at most 1d"),
        ({"--hold": "10s"}, "--hold 10s is over before the next look: --hold-every is 15s"),
        ({"--hold-every": "5s"}, "--hold-every 5s says nothing without --hold"),
        ({"--confirm-after": "5s", "--settle": "5m"}, "--confirm-after 5s says nothing without --confirm"),
        ({"--confirm": "2", "--drill": True}, "--confirm with --drill: a drill restores once"),
        ({"--settle": "5m", "--replay": "saved.jsonl"}, "--settle with --replay: a saved run is judged by the looks that it has"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, dict) else "",
)
def test_an_option_that_cannot_be_is_refused_with_its_name_and_value(given, says):
    with pytest.raises(pytest.UsageError, match=f"^{re.escape(says)}"):
        repeats(SimpleNamespace(getoption=given.get))


def test_nothing_takes_longer_than_the_header_says():
    wanted = Repeats(2, Duration(15), Duration(300), Duration(15), Duration(600), Duration(15))

    assert list(wanted.header())[-1] == "all looks together take at most 30m"
    assert not Repeats()


def test_progress_takes_one_line_of_a_terminal(tmp_path):
    made = looking(tmp_path, errors=[7, 0])
    line = " ".join(made.command("--confirm", "1"))

    done = subprocess.run(
        ["script", "-qec", line, "/dev/null"], cwd=made.folder, env=made.process_environment(), capture_output=True,
        timeout=60, check=False,
    )  # fmt: skip

    assert b"\r1 of 1 does not hold yet; looking at it again in 15s   " in done.stdout
    assert b"\rlooking [##############################] 1/1" in done.stdout.partition(b"again in 15s")[2]
    assert b"\x1b[33mEverything asked holds" in done.stdout, "yellow, not green"
