"""`--alert`, `--runbook` and `--show-values`: what tells of it, whatever its cadence, on a page for a phone."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from muster import journal, values
from muster.__main__ import main
from tests.engine.project import Project, project, reading

if TYPE_CHECKING:
    import subprocess

WIDTH = 45
BOOK = """
    runbook: Platform
    url: https://runbooks.example.com/platform.md
    response: {P0: 0s, P1: 30m}
    rows:
      - {id: PLAT-01, heading: Trouble / High Error Rate, expects: Few errors, check: test_reading_is_low, entity: errors}
      - {id: PLAT-02, heading: Trouble / High Error Rate, expects: The queue is short, check: test_reading_is_low, entity: queue}
      - {id: PLAT-03, heading: Trouble / High Error Rate, expects: The image can be pulled, missing: the registry}
      - {id: PLAT-04, heading: Trouble / Slow, expects: Latency is low, check: test_reading_is_low, entity: latency, alerts: [TooSlow]}
      - {id: PLAT-05, heading: Trouble / Slow, expects: Nobody asks, check: test_reading_is_low, entity: nowhere, alerts: [TooSlow]}
    headings:
      - heading: Trouble / High Error Rate
        alerts: [HighErrorRate]
        next: Undo the last rollout, if there was one.
        also: ["test_weekly_reading_is_low[disk]"]
"""
WEEKLY = '''
import pytest


@pytest.mark.expects("at_most")
def test_weekly_reading_is_low(measured, limit):
    """The weekly value is low enough"""
    assert measured.value <= limit
'''
READINGS = [
    reading("errors", severity="P0"),
    reading("queue", severity="P1", expect={"at_most": {"limit": 5, "on": "gate"}}),
    reading("disk", severity="P2", cadence="weekly", expect={"at_most": 80}),
    reading("latency"),
    reading("other"),
]


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A system whose runbook has alerts; its errors are too many, and its weekly reading holds."""
    pods = {"value": 61, "note": "61 of 97 connections \x1b[31mof\u202e <b>web</b>"}
    made = project(tmp_path_factory.mktemp("night"), errors={"value": 7, "note": "seven orders"}, disk=pods, latency={"value": 3})
    made.environment("platform/sandbox", READINGS).write("environments/platform/runbook.yaml", BOOK)
    made.write("checks/weekly/test_more.py", WEEKLY)
    return made.environment("other/sandbox", [reading("fine")])


@pytest.fixture(scope="module")
def called(night: Project) -> "subprocess.CompletedProcess[str]":
    return night.run("--alert", "HighErrorRate", "--env", "platform/sandbox")


def page(made: Project, width: int = WIDTH) -> list[str]:
    return [each.text for each in values.page(journal.read(made.out / "journal.jsonl"), width)]


def test_what_the_alert_leads_to_is_judged_and_nothing_else_whatever_the_cadence(
    night: Project, called: "subprocess.CompletedProcess[str]"
) -> None:
    assert called.returncode == 1
    found = {f"{each.check}[{each.entity}]": each.verdict.value for each in night.results().values()}
    assert found == {
        "test_reading_is_low[errors]": "violated",
        "test_reading_is_low[queue]": "holds",
        "test_weekly_reading_is_low[disk]": "holds",
    }


def test_every_value_is_told_the_worst_first_with_what_the_runbook_says_and_who_looks_at_nothing(
    called: "subprocess.CompletedProcess[str]",
) -> None:
    said = called.stdout
    parts = [
        "ALERT HighErrorRate",
        "platform/sandbox (SANDBOX): 1 violated, 2 hold",
        "P0 VIOLATED errors",
        "7 (<= 0)",
        "seven orders",
        "RUNBOOK Trouble / High Error Rate",
        "next: Undo the last rollout, if there was one.",
        "https://runbooks.example.com/platform.md#high-error-rate",
        "NOBODY LOOKS AT",
        "The image can be pulled (PLAT-03, missing: the registry)",
        "HOLDS",
        "P2 disk: 61 (<= 80)",
        "verdict: VIOLATED, exit code 1",
    ]
    places = [said.find(part) for part in parts]
    assert -1 not in places, said
    assert places == sorted(places), said
    assert "test session starts" not in said


def test_the_page_fits_a_phone_and_holds_no_byte_that_a_terminal_acts_on(
    night: Project, called: "subprocess.CompletedProcess[str]"
) -> None:
    lines = page(night)
    assert [each for each in lines if len(each) > WIDTH and " " in each.strip()] == []
    assert len(lines) < 40
    text = "\n".join(lines) + called.stdout
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert r"\x1b[31m" in text


def test_the_page_is_the_same_from_the_journal_of_a_run_that_was_killed(night: Project, called: "subprocess.CompletedProcess[str]") -> None:
    whole = (night.out / "journal.jsonl").read_text()
    events = [json.loads(line)["event"] for line in whole.splitlines()]
    assert events.index("called") < events.index("looked")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--alert", "higherrorrate"), "P0 VIOLATED errors"),
        (("--runbook", "High Error Rate"), "RUNBOOK High Error Rate"),
        (("--runbook", "trouble / high error rate"), "P0 VIOLATED errors"),
        (("--runbook", "Trouble"), "P2 VIOLATED latency"),
        (("--alert", "TooSlow"), "P2 VIOLATED latency"),
    ],
)
def test_names_are_found_as_one_types_them(night: Project, arguments: tuple[str, ...], told: str) -> None:
    said = night.run(*arguments, "--env", "platform/sandbox")
    assert said.returncode == 1
    assert told in said.stdout


def test_a_row_without_a_check_here_is_told(night: Project) -> None:
    said = night.run("--alert", "TooSlow", "--env", "platform/sandbox").stdout
    assert "Nobody asks (platform: no test_reading_is_low[nowhere]" in said


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--alert", "HighErorRate"), "no runbook.yaml of platform has the alert 'HighErorRate'; did you mean HighErrorRate?"),
        (("--runbook", "High Eror Rate"), "has the heading 'High Eror Rate'; did you mean High Error Rate?"),
        (("--alert", "x"), "there are: HighErrorRate, TooSlow"),
        (("--alert", "HighErrorRate", "--drill"), "leave --drill out"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_is_looked_at(night: Project, arguments: tuple[str, ...], told: str) -> None:
    before = night.looks()
    said = night.run(*arguments, "--env", "platform/sandbox")
    assert said.returncode == 4
    assert told in said.stderr
    assert night.looks() == before


def test_any_run_can_show_its_values_with_the_environment_where_there_are_several(night: Project) -> None:
    said = night.run("--show-values", "checks/daily")
    assert said.returncode == 1
    assert "P2 VIOLATED platform/sandbox latency" in said.stdout
    assert "P2 other/sandbox fine: 0 (<= 0)" in said.stdout


def test_an_unknown_is_told_under_its_cause(tmp_path: Path) -> None:
    made = project(tmp_path, errors={"error": "connection refused", "cause": "prometheus 10.0.0.9:9090"})
    made.write("environments/platform/runbook.yaml", BOOK)
    said = made.run("--alert", "HighErrorRate")
    assert said.returncode == 10
    assert "P2 UNKNOWN prometheus 10.0.0.9:9090 (1 check)\n  connection refused\n  not judged: errors" in said.stdout


def test_calls_take_no_part_in_the_plans_of_other_runs(night: Project) -> None:
    night.run("checks/daily", "--env", "platform/sandbox")
    night.run("checks/daily", "--alert", "HighErrorRate", "--env", "platform/sandbox")
    again = night.run("checks/daily", "--env", "platform/sandbox")
    assert "NOT RUN" not in again.stdout


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("heading: Trouble / High Error Rate\n        alerts", "no row stands under it, or it is listed twice: Trouble / Highest"),
        ('also: ["test_weekly', "runbook.yaml:15:12: headings[0].also[0]: String should match"),
        ("P0: 0s", "runbook.yaml:4:"),
    ],
)
def test_a_heading_that_leads_nowhere_is_refused_with_its_place(tmp_path: Path, change: str, told: str) -> None:
    wrong = {"heading": change.replace("High Error Rate", "Highest"), "also:": 'also: ["weekly', "P0: 0": "P7: 0s"}
    book = BOOK.replace(change, next(text for start, text in wrong.items() if change.startswith(start)))
    said = project(tmp_path).write("environments/platform/runbook.yaml", book).run()
    assert said.returncode == 4
    assert told in said.stderr
    assert "environments/platform/runbook.yaml:" in said.stderr


def test_coverage_shows_what_alerts_lead_to_and_what_leads_nowhere(
    night: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(night.folder)
    assert main(["coverage", "platform"]) == 1
    said = capsys.readouterr().out
    assert "Trouble / High Error Rate  <- alert HighErrorRate\n         3 rows, 1 check besides; next: Undo the last rollout" in said
    assert "PLAT-04  <- alert TooSlow" in said
    assert "no entity nowhere with the expectation at_most" in said
