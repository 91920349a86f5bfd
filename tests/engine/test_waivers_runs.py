"""What waivers make of a run: its verdicts, its exit code, and what every report says of them."""

import json
from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from muster.__main__ import main
from muster.verdicts import Result
from tests.engine.agreement import agree, from_allure
from tests.engine.project import Project, project, reading
from tests.waiver_files import today, waiver, write

DEAD = "prometheus http://127.0.0.1:9"
NAMES = ("disk", "far", "gone", "other")


@pytest.fixture
def made(tmp_path: Path) -> Project:
    """A disk and another that are too full, and two readings behind a source that is dead."""
    seen = {
        "disk": {"value": 90},
        "far": {"value": 95},
        "gone": {"error": "refused", "cause": DEAD},
        "other": {"error": "slow", "cause": "x"},
    }
    return project(tmp_path, **seen).environment("platform/sandbox", [reading(name, expect={"at_most": 85}) for name in NAMES])


def waive(made: Project, *waivers: dict[str, Any]) -> Project:
    write(made.folder / "environments", "platform/sandbox", *waivers)
    return made


def key(name: str, check: str = "low") -> str:
    return f"test_reading_is_{check}[platform/sandbox/{name}]"


def verdicts(made: Project) -> dict[str, str]:
    return {name.rpartition("/")[2].rstrip("]"): verdict for name, verdict in agree(made.out).items()}


def one_line(run: CompletedProcess[str]) -> str:
    return " ".join(run.stdout.split())


def test_a_waived_violation_is_told_everywhere_and_calls_nobody(made: Project) -> None:
    waive(made, waiver())

    run = made.run("-k", "disk")

    assert run.returncode == 0, run.stdout
    assert verdicts(made) == {"disk": "waived"}
    until = today() + timedelta(days=30)
    told = f"P2 WAIVED platform/sandbox disk: The value is low enough; expected <= 85, observed 90; OPS-1 (team-data) until {until}"
    assert f"{told}: the archive moves" in one_line(run)
    assert "1 xfailed" in run.stdout
    assert "Everything asked holds or is waived (1): 0 checks" in one_line(run)
    everywhere = [
        run.stdout,
        *(made.out.joinpath(name).read_text() for name in ("summary.md", "summary.json", "junit.xml", "journal.jsonl")),
    ]
    for text in (*everywhere, json.dumps(from_allure(made.out / "allure-results")[key("disk")])):
        for word in ("OPS-1", "team-data", str(until), "90"):
            assert word in text, text
    waived = json.loads((made.out / "summary.json").read_text())["waived"]
    assert waived[0]["allowance"] == {
        "kind": "waiver", "state": "waived", "name": "OPS-1", "owner": "team-data", "expires": str(until),
        "reason": "the archive moves", "instead": "violated",
    }  # fmt: skip
    case = ET.parse(made.out / "junit.xml").getroot().find(".//testcase")
    assert case is not None
    assert {each.get("name"): each.get("value") for each in case.iter("property")}["allowance.expires"] == str(until)


def test_beyond_its_bound_a_waived_check_is_violated_again(made: Project) -> None:
    waive(made, waiver(entity=None, entities=["disk", "far"], **{"while": {"at_most": 92}}))

    run = made.run("-k", "disk or far")

    assert run.returncode == 1
    assert verdicts(made) == {"disk": "waived", "far": "violated"}
    assert "the waiver OPS-1 (team-data) allows at most 92, and this is beyond it" in one_line(run)
    assert "1 failed, 2 deselected, 1 xfailed" in run.stdout


def test_at_its_bound_it_is_waived_still(made: Project) -> None:
    made.observations["disk"] = {"value": 92}

    assert waive(made, waiver(**{"while": {"at_most": 92}})).run("-k", "disk").returncode == 0


def test_a_bound_waives_nothing_where_nothing_was_seen(made: Project) -> None:
    made.observations["disk"] = {"value": 0, "looked_at": 0}

    run = waive(made, waiver(**{"while": {"at_most": 92}})).run("-k", "disk")

    assert run.returncode == 1
    assert "there is no number to compare" in one_line(run)


def test_only_a_waiver_that_names_the_dead_source_waives_an_unknown_and_it_stays_listed(made: Project) -> None:
    waive(
        made, waiver(entity=None, entities=["gone", "other"], cause=DEAD), waiver(entity=None, entities=["gone", "other"], ticket="OPS-2")
    )

    run = made.run("-k", "gone or other")

    assert run.returncode == 10
    assert verdicts(made) == {"gone": "waived", "other": "unknown"}
    assert f"P2 WAIVED platform/sandbox gone: The value is low enough; UNKNOWN: {DEAD}; OPS-1 (team-data)" in one_line(run)
    assert made.results()[key("gone")].allowance["instead"] == "unknown"
    assert "1 xfailed, 1 error" in run.stdout.replace("2 deselected, ", "")


def test_a_waiver_of_a_dead_source_waives_no_violation(made: Project) -> None:
    assert waive(made, waiver(cause=DEAD)).run("-k", "disk").returncode == 1


def test_a_waiver_that_has_ended_is_named_and_waives_nothing(made: Project) -> None:
    waive(made, waiver(expires=today() - timedelta(days=1)))

    run = made.run("-k", "disk")

    assert run.returncode == 1
    ended = f"waiver OPS-1 (team-data) ended with {today() - timedelta(days=1)}"
    assert f"{ended}, and waives nothing: platform/sandbox test_reading_is_low[disk]" in one_line(run)
    assert f"the {ended}" in made.results()[key("disk")].reason
    assert "waives nothing" in (made.out / "summary.md").read_text()


@pytest.mark.parametrize(("left", "told"), [(7, True), (8, False)])
def test_what_ends_within_a_week_is_listed_whatever_was_selected(made: Project, left: int, told: bool) -> None:
    made.observations["ok"] = {"value": 0}
    made.environment("platform/sandbox", [reading(name, expect={"at_most": 85}) for name in (*NAMES, "ok")])
    run = waive(made, waiver(expires=today() + timedelta(days=left))).run("-k", "ok")

    assert run.returncode == 0
    assert ("in 7 days: platform/sandbox test_reading_is_low[disk]" in one_line(run)) is told
    assert bool(json.loads((made.out / "summary.json").read_text())["waivers"]) is told


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (waiver(entity="dsik"), "sandbox.waivers.yaml:3:13: waivers[OPS-1].entity: test_reading_is_low is asked of no such entity"),
        (waiver(check="test_reading_is_lo"), "no check has this name; nearest: test_reading_is_low"),
        (waiver(expires=today() + timedelta(days=92)), "at most 90 days ahead"),
    ],
)  # fmt: skip
def test_a_wrong_file_refuses_the_run_before_anything_is_looked_at(made: Project, wrong: dict[str, Any], says: str) -> None:
    run = waive(made, wrong).run("-k", "far")

    assert run.returncode == 4
    assert says in run.stderr
    assert made.looks() == []


def test_a_check_that_is_asked_of_another_kind_is_refused_when_it_is_collected(made: Project) -> None:
    """Two kinds may share the name of an expectation; only pytest knows which of them a check's fixtures are about."""
    connections = {
        "host": {"local": {"root": "/"}},
        "database": {"postgresql": {"host": "db", "dbname": "a", "user": "b", "password": "env:NOWHERE"}},
    }
    moment = {"name": "disk", "sql": "select 1", "connection": "database", "expect": {"newer_than": "1d"}}
    backups = [{"name": "dump", "connection": "host", "path": "dump.gz", "expect": {"newer_than": "1d"}}]
    made.environment("platform/sandbox", [moment], connections=connections, backups=backups)
    text = """
    import pytest


    @pytest.mark.expects("newer_than")
    def test_moment_is_recent(measured, limit):
        \"\"\"Recent\"\"\"
        assert measured.value <= limit
    """
    made.write("checks/daily/test_moments.py", text)
    waive(made, waiver(check="test_moment_is_recent", entity="dump"))

    run = made.run()

    assert run.returncode == 4
    assert (
        "sandbox.waivers.yaml:3:13: waivers[OPS-1].entity: test_moment_is_recent is asked of no such entity here; nearest: disk"
        in run.stderr
    )
    assert made.looks() == []


def remember(made: Project, name: str, *needed: bool, last: date | None = None) -> None:
    """Put days into the state on which the waiver was needed or not; the last of them is yesterday unless said."""
    path = made.out / "state" / "platform" / "sandbox.json"
    known = json.loads(path.read_text())
    end = last or today() - timedelta(days=1)
    days = {str(end - timedelta(days=back)): was for back, was in enumerate(reversed(needed))}
    known["allowed"][f"waiver {key(name)}"] = days
    path.write_text(json.dumps(known))


@pytest.fixture
def calm(made: Project) -> Project:
    """A disk that has room, and is waived, looked at once."""
    made.observations["disk"] = {"value": 10}
    waive(made, waiver())
    assert made.run("-k", "disk").returncode == 0
    assert made.results()[key("disk")].allowance["days"] == "1"
    return made


def test_a_waiver_that_was_not_needed_for_a_week_fails_and_calls_its_owner(calm: Project) -> None:
    remember(calm, "disk", *[False] * 6)

    run = calm.run("-k", "disk")

    assert run.returncode == 1
    found = calm.results()[key("disk")]
    assert (found.verdict, found.owner, found.severity, found.observed) == ("violated", "team-data", "P3", "10")
    assert found.next.endswith("environments/platform/sandbox.waivers.yaml:2:5")
    assert "it holds, and the waiver OPS-1 (team-data) was not needed for 7 days running: take it away" in one_line(run)
    assert "1 failed" in run.stdout
    agree(calm.out)


@pytest.mark.parametrize("needed", [[False] * 5, [False] * 20 + [True, False]])
def test_one_that_was_needed_within_the_week_or_is_younger_does_not(calm: Project, needed: list[bool]) -> None:
    remember(calm, "disk", *needed)

    assert calm.run("-k", "disk").returncode == 0
    assert calm.results()[key("disk")].verdict == "holds"


def test_a_day_without_a_look_is_no_day_on_which_it_was_not_needed(calm: Project) -> None:
    remember(calm, "disk", *[False] * 20, last=today() - timedelta(days=2))

    assert calm.run("-k", "disk").returncode == 0


def test_an_unknown_proves_nothing_about_a_waiver(calm: Project) -> None:
    remember(calm, "disk", *[False] * 6)
    state = calm.out / "state" / "platform" / "sandbox.json"
    before = json.loads(state.read_text())["allowed"]
    calm.observations["disk"] = {"error": "refused", "cause": "x"}

    assert calm.run("-k", "disk").returncode == 10
    assert json.loads(state.read_text())["allowed"] == before


def test_needed_once_in_a_day_is_needed_on_that_day(calm: Project) -> None:
    remember(calm, "disk", *[False] * 6)
    calm.observations["disk"] = {"value": 99}
    assert calm.run("-k", "disk").returncode == 0
    calm.observations["disk"] = {"value": 10}

    assert calm.run("-k", "disk").returncode == 0
    assert "days" not in calm.results()[key("disk")].allowance


def test_in_the_gate_a_waiver_that_nobody_needs_is_a_warning(made: Project) -> None:
    made.environment("platform/sandbox", [reading("disk", expect={"at_least": 85})])
    waive(made, waiver(check="test_reading_is_high"))
    assert made.run("-m", "gate").returncode == 0
    known = json.loads((made.out / "state/platform/sandbox.json").read_text())
    ((name, _),) = known["allowed"].items()
    known["allowed"][name] = {str(today() - timedelta(days=back)): False for back in range(1, 7)}
    (made.out / "state/platform/sandbox.json").write_text(json.dumps(known))

    gate = made.run("-m", "gate")

    assert gate.returncode == 0
    assert "waiver OPS-1 (team-data) was not needed for 7 days running, take it away" in one_line(gate)
    assert verdicts(made) == {"disk": "holds"}
    assert made.run().returncode == 1


def test_without_memory_nobody_knows_and_nothing_fails(calm: Project, tmp_path: Path) -> None:
    remember(calm, "disk", *[False] * 6)

    assert calm.run("-k", "disk", "--state", str(tmp_path / "another")).returncode == 0


def saved(made: Project, moment: datetime) -> Path:
    """The observations of the last look, as if they had been made at a moment."""
    path = made.folder / "saved.jsonl"
    seen = path if path.exists() else made.out / "observations.jsonl"
    lines = [json.loads(line) for line in seen.read_text().splitlines()]
    path.write_text("".join(json.dumps({**each, "at": moment.timestamp()}) + "\n" for each in lines))
    return path


def test_a_saved_run_is_judged_by_the_day_on_which_it_was_looked_at(made: Project) -> None:
    waive(made, waiver(expires=date(2024, 2, 29))).run("-k", "disk")
    last = datetime(2024, 2, 29, 23, 59, 59, 999000, UTC)
    for moment, verdict in ((last, "waived"), (last + timedelta(milliseconds=1), "violated")):
        made.run("-k", "disk", "--replay", str(saved(made, moment)))
        assert verdicts(made) == {"disk": verdict}


def everything(results: dict[str, Result]) -> dict[str, Any]:
    return {name: (each.verdict, each.reason, each.owner, each.severity, each.allowance) for name, each in results.items()}


def test_replay_says_what_the_run_said(made: Project) -> None:
    waive(made, waiver(**{"while": {"at_most": 92}}), waiver(entity="gone", cause=DEAD), waiver(entity="far", **{"while": {"at_most": 92}}))
    first = made.run()
    before = everything(made.results())

    again = made.run("--replay", str((made.out / "observations.jsonl").rename(made.folder / "saved.jsonl")))

    assert (again.returncode, everything(made.results())) == (first.returncode, before)
    assert {each[0] for each in before.values()} == {"waived", "violated", "unknown"}


def test_a_run_that_was_killed_is_finalised_with_its_waivers(made: Project) -> None:
    waive(made, waiver(), waiver(entity="far", expires=today() - timedelta(days=1)))
    made.run("-k", "disk or far")
    whole = {name: (made.out / name).read_text() for name in ("summary.md", "junit.xml")}
    path = made.out / "journal.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))

    assert main(["finalise", "--reports", str(made.out)]) == 1

    assert verdicts(made) == {"disk": "waived", "far": "violated"}
    assert {name: (made.out / name).read_text() for name in whole} == whole


def test_the_order_of_waivers_changes_nothing(made: Project) -> None:
    waivers = [
        waiver(**{"while": {"at_most": 92}}), waiver(entity="gone", cause=DEAD, ticket="OPS-2"), waiver(entity="gone", ticket="OPS-3"),
        waiver(entity="far", ticket="OPS-4", expires=today() - timedelta(days=3)),
    ]  # fmt: skip
    made.run()
    moment = made.out.joinpath("observations.jsonl").rename(made.folder / "saved.jsonl")
    seen = []
    for order in [*permutations(waivers)][::9]:
        waive(made, *order).run("--replay", str(moment))
        seen.append((everything(made.results()), json.loads((made.out / "summary.json").read_text())["waivers"]))
    assert len(seen) == 3
    assert all(each == seen[0] for each in seen)


def test_a_change_of_the_waivers_is_a_change_of_the_files(made: Project) -> None:
    made.run("-k", "disk")
    first = json.loads((made.out / "state/platform/sandbox.json").read_text())["plans"]
    waive(made, waiver()).run("-k", "disk")
    second = json.loads((made.out / "state/platform/sandbox.json").read_text())["plans"]

    assert [each["files"] for each in first.values()] != [each["files"] for each in second.values()]


def test_a_secret_in_a_waiver_reaches_no_report(made: Project) -> None:
    """What a look has learned to be secret is scrubbed, whoever wrote it into a file that is no secret."""
    fake = made.folder.joinpath("fixtures/fake.py").read_text()
    learned = 'learn("".join(reversed("f3a8-yranac")))'
    made.write(
        "fixtures/fake.py", fake.replace("    time.sleep(", f"    from muster.scrubber import learn\n    {learned}\n    time.sleep(")
    )
    waive(made, waiver(reason="the key is canary-8a3f, keep it", expires=today() + timedelta(days=3)))

    run = made.run("-k", "disk")

    assert run.returncode == 0
    texts = [run.stdout, run.stderr, *(file.read_text() for file in made.out.rglob("*") if file.is_file())]
    written = [text for text in texts if "canary-8a3f" in text]
    assert written == [], written[0][:400]
