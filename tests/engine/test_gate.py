"""The gate: what it asks, what stops it, what it says, and what it exits with; from real runs of a tiny project."""

import json
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from muster import journal
from muster.state import State
from tests.engine.project import Project, project, reading

DOWN = {"error": "connection refused", "cause": "prometheus 10.0.0.9:9090", "hint": "is Prometheus running?"}
CHECKS = """
    import pytest


    @pytest.mark.gate
    @pytest.mark.expects("at_most")
    def test_reading_is_low(measured, limit):
        \"\"\"The value is low enough.\"\"\"
        assert measured.value <= limit


    @pytest.mark.gate(before=False)
    @pytest.mark.expects("below")
    def test_reading_is_below(measured, limit):
        \"\"\"The value has sunk.\"\"\"
        assert measured.value < limit


    @pytest.mark.gate(after=False, rollback=True)
    @pytest.mark.expects("at_least")
    def test_reading_is_high(measured, limit):
        \"\"\"The value is high enough.\"\"\"
        assert measured.value >= limit


    @pytest.mark.expects("above")
    def test_reading_is_above(measured, limit):
        \"\"\"The value is not part of any gate.\"\"\"
        assert measured.value > limit
"""


def gated(folder: Path, *readings: dict, **observations: dict) -> Project:
    """A project with checks of every phase, and these readings."""
    made = project(folder, **observations)
    return made.write("checks/daily/test_readings.py", CHECKS).environment("platform/staging", list(readings))


def gate(made: Project, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the gate of the staging environment."""
    return made.run("checks", "-m", "gate", "--env", "platform/staging", *arguments)


def last(said: "subprocess.CompletedProcess[str]") -> str:
    """The last line that was printed."""
    return said.stdout.splitlines()[-1]


EVERY = reading("value", expect={"at_most": 3, "at_least": 1, "below": 4, "above": 0})


@pytest.mark.parametrize(
    ("arguments", "asked", "phase"),
    [
        ([], {"test_reading_is_low", "test_reading_is_high"}, "before a deploy"),
        (["--after-deploy"], {"test_reading_is_low", "test_reading_is_below"}, "after a deploy"),
        (["--rollback"], {"test_reading_is_high"}, "before a rollback"),
    ],
)
def test_each_phase_asks_its_checks_and_says_which_it_is(tmp_path: Path, arguments: list[str], asked: set[str], phase: str) -> None:
    made = gated(tmp_path, EVERY, value={"value": 2})
    said = gate(made, *arguments)
    assert said.returncode == 0, said.stdout
    assert {each.check for each in made.results().values()} == asked
    assert f"gate: {phase}" in said.stdout
    assert last(said) == f"gate {phase}: holds, exit code 0; {len(asked)} hold"


def test_a_limit_may_be_for_one_phase_alone(tmp_path: Path) -> None:
    limits = [3, {"limit": 9, "on": "after-deploy"}, {"limit": 1, "on": "rollback"}]
    made = gated(tmp_path, reading("value", expect={"at_most": limits}), value={"value": 5})
    assert (gate(made).returncode, [*made.results()]) == (1, ["test_reading_is_low[platform/staging/value]"])
    assert (gate(made, "--after-deploy").returncode, [*made.results()]) == (0, ["test_reading_is_low[platform/staging/value:after-deploy]"])
    assert (gate(made, "--rollback").returncode, [*made.results()]) == (1, ["test_reading_is_low[platform/staging/value:rollback]"])
    assert made.run("checks/daily", "--env", "platform/staging").returncode == 1
    assert [*made.results()] == ["test_reading_is_low[platform/staging/value]"]


def test_the_words_differ_for_what_is_violated_and_what_nobody_could_see(tmp_path: Path) -> None:
    made = gated(tmp_path, reading("errors", severity="P0"), reading("orders"), errors={"value": 1}, orders=DOWN)
    violated = gate(made)
    assert (violated.returncode, last(violated)) == (
        1,
        "gate before a deploy: stopped: violated, exit code 1; 1 violated, 1 unknown",
    )
    made.observations["errors"] = {"value": 0}
    unseen = gate(made)
    assert (unseen.returncode, last(unseen)) == (10, "gate before a deploy: stopped: could not look, exit code 10; 1 unknown, 1 hold")
    assert "verdict:" not in unseen.stdout


def test_below_the_floor_all_is_shown_and_nothing_stops(tmp_path: Path) -> None:
    made = gated(tmp_path, reading("errors", severity="P2"), reading("orders", severity="P3"), errors={"value": 1}, orders=DOWN)
    said = gate(made, "--gate-severity", "P1")
    assert said.returncode == 0, said.stdout
    assert "P2 VIOLATED platform/staging  errors" in said.stdout
    assert "does not stop the gate: P2 is below the floor P1" in said.stdout
    assert last(said).startswith("gate before a deploy: holds, exit code 0; 1 violated, 1 unknown; not stopping: 1 check, P2 is below")
    assert gate(made, "--gate-severity", "P2").returncode == 1
    assert gate(made).returncode == 1


def test_a_floor_does_not_excuse_what_is_as_severe_as_it(tmp_path: Path) -> None:
    made = gated(tmp_path, reading("errors", severity="P1"), errors={"value": 1})
    assert gate(made, "--gate-severity", "P1").returncode == 1


def test_an_unknown_that_only_warns_stops_no_gate_and_stays_unknown_on_other_days(tmp_path: Path) -> None:
    warns = {"at_most": {"limit": 0, "on_unknown": "warn"}}
    made = gated(tmp_path, reading("errors"), reading("orders", expect=warns), orders=DOWN)
    said = gate(made)
    assert said.returncode == 0, said.stdout
    assert "does not stop the gate: on_unknown: warn" in said.stdout
    assert last(said).endswith("1 unknown, 1 hold; not stopping: 1 check, on_unknown: warn")
    assert made.run("checks/daily", "--env", "platform/staging").returncode == 10
    made.observations["orders"] = {"value": 7}
    assert gate(made).returncode == 1  # what was seen is no unknown


def test_an_override_lets_one_run_pass_and_no_report_is_silent_about_it(tmp_path: Path) -> None:
    made = gated(tmp_path, reading("errors", severity="P0"), reading("orders"), errors={"value": 1}, orders=DOWN)
    said = gate(made, "--override", "OPS-123")
    assert said.returncode == 0, said.stdout
    assert "OVERRIDE OPS-123: this run passes, whatever it finds" in said.stdout
    line = "gate before a deploy: passes by override OPS-123, would be stopped: violated, exit code 0; 1 violated, 1 unknown"
    assert last(said) == line
    digest = journal.read(made.out / "journal.jsonl")
    assert (digest.gate, digest.exit) == ({"phase": "before", "severity": "P3", "override": "OPS-123"}, 0)
    assert line in (made.out / "summary.md").read_text()
    summary = json.loads((made.out / "summary.json").read_text())["gate"]
    assert (summary["override"], summary["needed"], set(summary["not_stopping"].values())) == ("OPS-123", True, {"override OPS-123"})
    suite = ET.parse(made.out / "junit.xml").getroot()[0]
    assert suite.find("properties/property[@name='override']").get("value") == "OPS-123"
    assert [suite.get(each) for each in ("failures", "errors", "skipped")] == ["0", "0", "2"]
    allure = (made.out / "allure-results" / "environment.properties").read_text()
    assert "override=OPS-123" in allure
    results = [json.loads(file.read_text()) for file in (made.out / "allure-results").glob("*-result.json")]
    assert sorted(each["status"] for each in results) == ["broken", "failed"]
    assert all("override OPS-123" in each["descriptionHtml"] for each in results)
    (known,) = State(made.out / "state").overrides("platform/staging")
    assert (known["ticket"], known["run"], len(known["checks"])) == ("OPS-123", digest.run, 2)
    assert gate(made).returncode == 1  # one run
    (told,) = json.loads((made.out / "digest.json").read_text())["notes"]
    assert told.startswith("gates of platform/staging passed by override: OPS-123 at ")
    assert told.endswith(", 2 checks")


def test_an_override_of_nothing_is_said(tmp_path: Path) -> None:
    made = gated(tmp_path, reading("errors"))
    said = gate(made, "--override", "#17")
    assert last(said) == "gate before a deploy: holds, exit code 0; 1 hold; override #17 was not needed"
    assert State(made.out / "state").overrides("platform/staging") == []


def test_no_override_covers_a_run_that_asked_nothing(tmp_path: Path) -> None:
    made = gated(tmp_path, reading("value", expect={"above": 0}))
    said = gate(made, "--override", "OPS-1")
    assert (said.returncode, last(said)) == (5, "gate before a deploy: stopped: nothing was asked, exit code 5")


def test_neither_floor_nor_override_covers_a_module_that_does_not_import(tmp_path: Path) -> None:
    made = gated(tmp_path, reading("errors")).write("checks/gate/test_broken.py", "import nothing_of_this_name\n")
    said = gate(made, "--override", "OPS-1", "--gate-severity", "P0")
    assert (said.returncode, last(said).partition(";")[0]) == (4, "gate before a deploy: stopped: wrong configuration, exit code 4")


def test_nothing_covers_a_failure_that_is_no_check(tmp_path: Path) -> None:
    made = gated(tmp_path, reading("errors", severity="P3"), errors={"value": 1})
    made.write("tests/test_own.py", "import pytest\n\n\n@pytest.mark.gate\ndef test_own():\n    assert False\n")
    said = made.run("checks", "tests", "-m", "gate", "--env", "platform/staging", "--override", "OPS-1")
    assert said.returncode == 10, said.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["-m", "gate", "--override", "because"], "--override 'because': a ticket looks like OPS-123, INC0012345 or #123"),
        (["-m", "gate", "--override", "OPS-1\n"], "a ticket looks like"),
        (["-m", "gate", "--rollback", "--after-deploy"], "give one of them"),
        (["-m", "not gate", "--rollback"], "--rollback: only a gate knows that"),
        (["--gate-severity", "P1"], "--gate-severity: only a gate knows that"),
        (["--override", "OPS-1", "--after-deploy"], "--after-deploy, --override: only a gate knows that"),
        (["-m", "gate", "--gate-severity", "P9"], "invalid choice: 'P9'"),
    ],
)
def test_what_no_gate_can_be_asked_is_refused_before_anything_is_looked_at(tmp_path: Path, arguments: list[str], says: str) -> None:
    made = gated(tmp_path, reading("errors"))
    said = made.run("checks", "--env", "platform/staging", *arguments)
    assert said.returncode == 4
    assert says in said.stderr + said.stdout
    assert made.looks() == []


def test_a_mark_that_says_something_unknown_is_refused(tmp_path: Path) -> None:
    made = gated(tmp_path, reading("errors")).write("checks/daily/test_readings.py", CHECKS.replace("before=False", "when='later'"))
    made.environment("platform/staging", [reading("errors", expect={"below": 1})])
    said = gate(made)
    assert said.returncode == 4
    assert "a gate knows before, after, rollback" in said.stdout + said.stderr


def test_a_gate_that_was_killed_is_finalised_as_the_gate_that_it_was(tmp_path: Path) -> None:
    made = gated(tmp_path, reading("errors", severity="P2"), reading("orders", severity="P2"), errors={"value": 1})
    gate(made, "--gate-severity", "P1", "--override", "OPS-9")
    path = made.out / "journal.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-2]))  # without its last verdict and its end
    command = [made.command()[0], "-m", "muster", "finalise"]
    done = subprocess.run(command, cwd=tmp_path, env=made.process_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 10, done.stdout
    assert "override OPS-9" in (made.out / "summary.md").read_text()
