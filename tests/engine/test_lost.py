"""A disk that takes nothing, a writer that crashes: the verdicts are on the terminal all the same, and nothing is green."""

import resource
import subprocess
from pathlib import Path

import pytest

from tests.engine.agreement import from_junit
from tests.engine.project import Project, project, reading


@pytest.fixture
def made(tmp_path: Path) -> Project:
    """A project of which one reading holds, one does not, and both attach something."""
    made_project = project(tmp_path, errors={"value": 0}, orders={"value": 7})
    return made_project.environment("platform/sandbox", [reading("errors")])


def full_after(made: Project, size: int) -> "subprocess.CompletedProcess[str]":
    """A run in which no file grows beyond `size` bytes, as on a disk that is full; root and others alike."""
    return subprocess.run(
        made.command("-p", "no:cacheprovider"), cwd=made.folder, env=made.process_environment() | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True, text=True, timeout=120, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
    )  # fmt: skip


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6, 0.98])
def test_a_full_disk_is_never_green_and_the_verdicts_are_on_the_terminal(made: Project, share: float) -> None:
    made.run()
    enough = (made.out / "journal.jsonl").stat().st_size

    said = full_after(made, int(enough * share))

    assert said.returncode == 3, said.stdout + said.stderr
    assert "platform/sandbox: 0 violated, 0 unknown, 1 hold, 0 not asked, 0 not run" in said.stdout
    assert "NOT WRITTEN journal.jsonl: " in said.stdout
    assert "exit code 3" in said.stdout
    assert "report:" not in said.stdout


def test_what_is_violated_is_said_on_a_full_disk_too(made: Project) -> None:
    made.environment("platform/sandbox", [reading("errors"), reading("orders")])

    said = full_after(made, 150)

    assert said.returncode == 3
    assert "VIOLATED platform/sandbox  orders: The value is low enough" in said.stdout


def test_a_folder_that_cannot_be_written_is_never_green(made: Project) -> None:
    made.write("file", "not a folder")

    said = made.run("--reports", "file/out", "--state", "state")

    assert said.returncode == 3
    assert "1 hold" in said.stdout
    assert "NOT WRITTEN journal.jsonl: Not a directory" in said.stdout


def test_yesterdays_reports_that_cannot_be_removed_are_told(made: Project) -> None:
    (made.out / "junit.xml" / "in the way").mkdir(parents=True)

    said = made.run()

    assert said.returncode == 3
    assert "NOT WRITTEN junit.xml: Is a directory" in said.stdout


@pytest.mark.parametrize("writer", ["allure_files", "junit", "summary"])
def test_a_writer_that_crashes_takes_neither_verdicts_nor_other_reports_with_it(made: Project, writer: str) -> None:
    made.write("breaks.py", f"from muster import {writer}\n\ndef write(*_):\n    raise KeyError('a bug')\n\n{writer}.write = write\n")

    said = made.run("-p", "breaks")

    assert said.returncode == 3
    assert "1 hold" in said.stdout
    assert "KeyError: 'a bug'" in said.stdout.partition("NOT WRITTEN ")[2]
    files = {"allure_files": "allure-results", "junit": "junit.xml", "summary": "summary.json"}
    assert {name for name, file in files.items() if not (made.out / file).exists()} == {writer}


def test_what_a_check_attaches_decides_no_verdict(made: Project) -> None:
    check = """
        import allure, pytest

        @pytest.mark.expects("at_most")
        def test_reading_is_low(measured, limit):
            \"\"\"Low\"\"\"
            allure.attach("text", "note")
            assert measured.value <= limit
        """
    made.write("checks/daily/test_readings.py", check).write("reports/out/allure-results", "a file in the way")

    said = made.run()

    assert said.returncode == 3
    assert "1 hold" in said.stdout
    assert from_junit(made.out) == {"test_reading_is_low[platform/sandbox/errors]": None}
