"""A check that the last plan named and this one does not may not vanish quietly."""

import json
from pathlib import Path

import pytest

from tests.engine.agreement import agree
from tests.engine.project import CHECKS, Project, project, reading

LOW, HIGH = (f"test_reading_is_{each}[platform/sandbox/errors]" for each in ("low", "high"))


@pytest.fixture
def made(tmp_path: Path) -> Project:
    """A project with two checks, run once."""
    made_project = project(tmp_path).environment("platform/sandbox", [reading("errors", expect={"at_most": 0, "at_least": 0})])
    assert made_project.run().returncode == 0
    return made_project


def without_high(made_project: Project) -> None:
    """Take one check away, as a slip in a module does."""
    made_project.write("checks/daily/test_readings.py", CHECKS.partition("@pytest.mark.gate")[0])


def test_a_check_that_vanished_while_the_files_stayed_is_not_run(made: Project) -> None:
    without_high(made)

    said = made.run()

    assert said.returncode == 10
    assert "NOT RUN 1 check: run 2" in said.stdout
    assert "nothing does, although no file of the environment has changed" in " ".join(said.stdout.split())
    assert agree(made.out) == {LOW: "holds", HIGH: "not run"}
    assert "The value is high enough" in (made.out / "summary.md").read_text()


def test_the_next_run_takes_the_smaller_plan_for_what_it_is(made: Project) -> None:
    without_high(made)
    made.run()

    assert made.run().returncode == 0
    assert agree(made.out) == {LOW: "holds"}


def test_a_check_that_vanished_with_a_change_of_the_files_is_counted_and_no_more(made: Project) -> None:
    made.environment("platform/sandbox", [reading("errors")])

    said = made.run()

    assert said.returncode == 0
    assert "platform/sandbox: 1 check fewer than its last plan, whose files have changed since" in " ".join(said.stdout.split())
    assert agree(made.out) == {LOW: "holds"}
    assert json.loads((made.out / "summary.json").read_text())["fewer"] == {"platform/sandbox": 1}
    assert "1 check fewer than its last plan" in (made.out / "summary.md").read_text()


@pytest.mark.parametrize("narrower", [["-k", "low"], ["-m", "not gate"], ["checks/daily/test_readings.py::test_reading_is_low"]])
def test_another_selection_has_a_plan_of_its_own(made: Project, narrower: list[str]) -> None:
    assert made.run(*narrower).returncode == 0
    assert "NOT RUN" not in made.run().stdout


def test_plans_are_kept_where_the_state_is(made: Project, tmp_path: Path) -> None:
    without_high(made)

    assert made.run("--state", str(tmp_path / "another")).returncode == 0


def test_checks_of_a_module_that_does_not_import_are_not_run_until_it_does(made: Project) -> None:
    whole = made.folder.joinpath("checks/daily/test_readings.py").read_text()
    for _ in range(2):
        made.write("checks/daily/test_readings.py", "import nothing_of_that_name\n").write("checks/daily/test_more.py", CHECKS_MORE)
        assert made.run().returncode == 4
        said = agree(made.out)
        assert (said[LOW], said[HIGH]) == ("not run", "not run")
    made.write("checks/daily/test_readings.py", whole)
    assert made.run().returncode == 0


CHECKS_MORE = CHECKS.replace("test_reading_is", "test_it_is")


def test_a_replay_is_compared_with_nothing(made: Project, tmp_path: Path) -> None:
    saved = made.out.joinpath("observations.jsonl").rename(tmp_path / "saved.jsonl")
    without_high(made)

    assert made.run("--replay", str(saved)).returncode == 0
    assert agree(made.out) == {LOW: "holds"}
