"""What a run tells GitHub Actions, and how one cause stays one headline, from real runs of a tiny project."""

import re
from pathlib import Path
from subprocess import CompletedProcess
from xml.etree import ElementTree as ET

import pytest

from tests.engine.project import Project, project, reading

DOWN = {"error": "connection refused", "cause": "prometheus 10.0.0.9:9090", "hint": "is Prometheus running?"}
HOSTILE = "100%, ok\r\n::add-mask::no\n::error file=/etc/passwd::owned\n##[group]x \x1b[31m, a:b"


def on_github(made: Project) -> Project:
    """The project as a step of a workflow."""
    made.variables |= {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(made.folder / "step.md")}
    return made


def commands(said: CompletedProcess[str]) -> list[str]:
    """Every line that a runner reads as a command: not those between `stop-commands` and its token."""
    found, waits = [], ""
    for line in said.stdout.splitlines():
        text = line.strip()
        if waits:
            waits = "" if text == f"::{waits}::" else waits
        elif match := re.fullmatch("::stop-commands::([0-9a-f]{32})", text):
            waits = match[1]
        elif text.startswith("::") or "##[" in text:
            found.append(text)
    assert not waits, "commands stay stopped"
    return found


def test_a_violation_is_annotated_at_its_line_and_what_does_not_stop_is_a_warning(tmp_path: Path) -> None:
    made = on_github(project(tmp_path, errors={"value": 3, "note": "three dead letters"}, later={"value": 1}))
    readings = [reading("errors", severity="P0", expect={"at_least": 5}), reading("later", severity="P3", expect={"at_least": 5})]
    made.environment("platform/staging", readings)
    said = made.run("checks", "-m", "gate", "--env", "platform/staging", "--gate-severity", "P1")
    error, warning = commands(said)
    assert error == (
        "::error file=environments/platform/staging.yaml,line=1,title=P0 violated%3A platform/staging errors"
        "::The value is high enough%0Aexpected >= 5, observed 3%0Athree dead letters%0Aowner team-platform"
    )
    assert warning.startswith("::warning file=environments/platform/staging.yaml,line=1,title=P3 violated%3A platform/staging later::")
    assert warning.endswith("does not stop the gate: P3 is below the floor P1")
    assert said.stdout.splitlines()[-1].startswith("gate before a deploy: stopped: violated, exit code 1; ")
    assert (tmp_path / "step.md").read_text() == (made.out / "summary.md").read_text() + "\n"


def test_the_line_is_that_of_the_expectation_where_the_file_says_it(tmp_path: Path) -> None:
    made = on_github(project(tmp_path, errors={"value": 3}))
    made.write(
        "environments/platform/staging.yaml",
        """
        system: platform
        owner: team-platform
        connections:
          metrics: {prometheus: {url: "http://127.0.0.1:9"}}
        readings:
          - name: errors
            connection: metrics
            promql: up
            expect:
              at_most: 0
        """,
    )
    (error,) = commands(made.run("checks", "--env", "platform/staging"))
    assert "file=environments/platform/staging.yaml,line=11," in error


def test_nothing_that_was_looked_at_commands_the_runner(tmp_path: Path) -> None:
    made = on_github(project(tmp_path, errors={"value": 3, "note": HOSTILE, "seen": HOSTILE}, orders={**DOWN, "cause": HOSTILE}))
    made.environment("platform/staging", [reading("errors"), reading("orders")])
    said = made.run("checks", "--env", "platform/staging", "-v")
    found = commands(said)
    assert [each.partition(" ")[0] for each in found] == ["::error", "::error"]
    assert all(each.count("::") == 2 or re.search(r"%0A|\\n", each) for each in found)
    assert all("owned" not in each.partition("::error ")[2].partition("::")[0] or "%3A%3Aowned" in each for each in found)
    assert "\x1b" not in "".join(found)
    assert "100%25, ok" in found[0]


def test_a_run_elsewhere_tells_no_runner_anything(tmp_path: Path) -> None:
    made = project(tmp_path, errors={"value": 3})
    made.variables["GITHUB_STEP_SUMMARY"] = str(tmp_path / "step.md")
    assert "::" not in made.run("checks", "-q").stdout.replace("::test_", "")
    assert not (tmp_path / "step.md").exists()


def test_a_summary_that_cannot_be_written_is_told_and_is_an_internal_error(tmp_path: Path) -> None:
    made = on_github(project(tmp_path))
    made.variables["GITHUB_STEP_SUMMARY"] = str(tmp_path)
    said = made.run("checks")
    assert said.returncode == 3
    assert "NOT WRITTEN step summary: Is a directory" in said.stdout


def test_more_annotations_than_github_shows_end_with_their_number(tmp_path: Path) -> None:
    made = on_github(project(tmp_path, **{f"r{number}": {"value": 1} for number in range(14)}))
    made.environment("platform/staging", [reading(f"r{number}") for number in range(14)])
    found = commands(made.run("checks", "--env", "platform/staging"))
    assert len(found) == 10
    assert found[-1] == "::error title=more::and 5 more annotations: see the step summary"


@pytest.fixture(scope="module")
def fifty(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, str]:
    """A run in which fifty checks depend on one dead source, one on another, and one violates."""
    names = [f"r{number}" for number in range(50)]
    made = on_github(project(tmp_path_factory.mktemp("fifty"), **dict.fromkeys(names, DOWN), other={**DOWN, "cause": "cluster eu"}))
    made.observations["errors"] = {"value": 1}
    severities = {"r7": "P0"}
    readings = [reading(name, severity=severities.get(name, "P2")) for name in names]
    made.environment("platform/staging", [*readings, reading("other", severity="P1"), reading("errors", severity="P2")])
    said = made.run("checks", "--env", "platform/staging")
    return made, said.stdout


def test_fifty_dependents_are_one_headline_on_the_terminal(fifty: tuple[Project, str]) -> None:
    _, said = fifty
    assert re.findall(r"^(P\d UNKNOWN .*)$", said, re.MULTILINE) == [
        "P0 UNKNOWN prometheus 10.0.0.9:9090 (50 checks could not be judged)",
        "P1 UNKNOWN cluster eu (1 check could not be judged)",
    ]
    assert said.count("connection refused") == 2 + 2  # each headline, and each annotation


def test_fifty_dependents_are_one_row_of_the_summary(fifty: tuple[Project, str]) -> None:
    made, _ = fifty
    text = (made.out / "summary.md").read_text()
    rows = [line for line in text.splitlines() if re.match(r"\| P\d ", line)]
    assert [row.split("|")[1].strip() for row in rows] == ["P2 violated", "P0 unknown", "P1 unknown"]
    assert "prometheus 10.0.0.9:9090 (50 checks could not be judged): " in rows[1]
    assert "and 42 more" in rows[1]


def test_fifty_dependents_are_one_line_of_the_suite_in_junit(fifty: tuple[Project, str]) -> None:
    made, _ = fifty
    (suite,) = ET.parse(made.out / "junit.xml").getroot()
    assert (suite.findtext("system-err") or "").splitlines() == [
        "could not look: prometheus 10.0.0.9:9090 (50 checks could not be judged): connection refused",
        "could not look: cluster eu (1 check could not be judged): connection refused",
    ]
    assert suite.get("errors") == "51"
    causes = [each.get("value") for each in suite.iter("property") if each.get("name") == "cause"]
    assert causes.count("prometheus 10.0.0.9:9090") == 50


def test_fifty_dependents_are_one_annotation(fifty: tuple[Project, str]) -> None:
    _, said = fifty
    found = [line for line in said.splitlines() if "could not look" in line and line.startswith("::error")]
    assert len(found) == 2
    assert "title=P0 could not look%3A prometheus 10.0.0.9%3A9090::prometheus 10.0.0.9:9090 (50 checks could not be judged)" in found[0]
