"""`python -m muster finalise`: what it completes, what it refuses, and what it exits with."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from muster.__main__ import main
from muster.journal import Journal, read
from muster.verdicts import Result, Verdict
from tests.engine.agreement import agree
from tests.engine.project import project, reading
from tests.engine.results import journal, made

Lines = list[dict[str, Any]]


def killed(folder: Path, *results: Result, planned: tuple[Result, ...] = ()) -> Path:
    """A journal without its last line."""
    path = journal(folder, *results, planned=planned)
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    return path


def edit(path: Path, change: Callable[[Lines], Any]) -> None:
    """Change the lines of a journal."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    change(lines)
    path.write_text("".join(json.dumps(each) + "\n" for each in lines))


def finalise(folder: Path, *arguments: str) -> int:
    return main(["finalise", "--reports", str(folder), *arguments])


@pytest.mark.parametrize(("verdict", "code"), [(Verdict.VIOLATED, 1), (Verdict.UNKNOWN, 10), (Verdict.HOLDS, 10)])
def test_a_killed_run_is_never_green(tmp_path: Path, verdict: Verdict, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    killed(tmp_path, made(verdict), planned=(made(entity="lost"),))

    assert finalise(tmp_path) == code

    assert f"1 judged, 1 not run; exit code {code}" in capsys.readouterr().out
    assert agree(tmp_path) == {made().id: verdict.value, made(entity="lost").id: "not run"}


def test_a_run_that_judged_all_and_did_not_end_is_not_green_either(tmp_path: Path) -> None:
    killed(tmp_path, made())

    assert finalise(tmp_path) == 10
    assert agree(tmp_path) == {made().id: "holds"}


def test_a_complete_run_stays_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = journal(tmp_path, made(Verdict.VIOLATED)).read_bytes()

    assert finalise(tmp_path) == 1

    assert "is complete: exit code 1" in capsys.readouterr().out
    assert [file.name for file in tmp_path.iterdir()] == ["journal.jsonl"]
    assert (tmp_path / "journal.jsonl").read_bytes() == before


def test_without_a_journal_there_is_nothing_to_complete(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert finalise(tmp_path) == 4
    assert "journal.jsonl: no journal, so no run got as far as its plan" in capsys.readouterr().err


def test_half_a_character_of_a_name_does_not_make_a_journal_unreadable(tmp_path: Path) -> None:
    killed(tmp_path, made(Verdict.VIOLATED, observed="x\ud800y"))

    assert finalise(tmp_path) == 1
    assert agree(tmp_path) == {made().id: "violated"}


def test_a_torn_last_line_is_replaced(tmp_path: Path) -> None:
    path = killed(tmp_path, made(), planned=(made(entity="lost"),))
    with path.open("a") as file:
        file.write('{"schema": 1, "run": "2026')

    assert finalise(tmp_path) == 10

    assert read(path).exit == 10
    assert agree(tmp_path)[made(entity="lost").id] == "not run"


def test_a_run_that_is_alive_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    writer = Journal(tmp_path / "journal.jsonl", "20261120T000000Z-0badcafe")
    writer.write("run", started=0.0, environments=[], replay=None, checks=0)

    assert finalise(tmp_path) == 4

    assert "still goes on" in capsys.readouterr().err
    writer.close()
    assert finalise(tmp_path) == 10


def test_a_second_run_into_the_same_folder_is_refused_while_the_first_is_alive(tmp_path: Path) -> None:
    made_project = project(tmp_path, slow={"sleep": 60}).environment("platform/sandbox", [reading("slow")])
    first = subprocess.Popen(made_project.command(), cwd=tmp_path, env=made_project.process_environment(), stdout=subprocess.DEVNULL)
    try:
        while not made_project.looks():
            assert first.poll() is None
        before = (made_project.out / "journal.jsonl").read_bytes()
        second = made_project.run()
        assert second.returncode == 4
        assert "another run writes into reports/out" in second.stderr
        assert (made_project.out / "journal.jsonl").read_bytes() == before
    finally:
        first.kill()
        first.wait()


def test_results_go_where_the_run_wrote_them(tmp_path: Path) -> None:
    killed(tmp_path, made())

    finalise(tmp_path, "--alluredir", str(tmp_path / "elsewhere"))

    agree(tmp_path, tmp_path / "elsewhere")
    assert not (tmp_path / "allure-results").exists()


def test_a_report_that_cannot_be_written_is_told_and_can_be_made_later(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = killed(tmp_path, made())
    (tmp_path / "allure-results").write_text("a file in the way")

    assert finalise(tmp_path) != 0
    assert "NOT WRITTEN allure-results: File exists" in capsys.readouterr().out
    assert read(path).exit is None
    (tmp_path / "allure-results").unlink()
    assert finalise(tmp_path) == 10
    agree(tmp_path)


# Lines: run, planned, planned, looked, verdict.
@pytest.mark.parametrize(
    ("change", "line", "says"),
    [
        (lambda lines: lines[0].update(schema=0), 1, "schema 0, this version reads 1"),
        (lambda lines: lines[4].update(verdict="fine"), 5, "verdict: Input should be"),
        (lambda lines: lines[4].update(entity="another"), 5, "which the plan does not name"),
        (lambda lines: lines[4].update(at="yesterday"), 5, "at: Input should be a valid number"),
        (lambda lines: lines[4].pop("owner"), 5, "owner: Field required"),
        (lambda lines: lines[4].update(event="verdikt"), 5, "no event is named verdikt"),
        (lambda lines: lines[2].update(run="another"), 3, "planned of run another does not belong here"),
        (lambda lines: lines.pop(0), 1, "does not belong here"),
        (lambda lines: lines.append(lines[0]), 6, "does not belong here"),
        (lambda lines: lines.pop(2), 3, "the plan was to name 2 checks, and 1 are here"),
        (lambda lines: lines[3].update(took=None), 4, "took: Input should be a valid number"),
        (lambda lines: lines.__setitem__(3, [1]), 4, "not a line of this journal"),
    ],
)  # fmt: skip
def test_a_line_that_no_run_wrote_is_refused_with_its_place(
    tmp_path: Path, change: Callable[[Lines], Any], line: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = killed(tmp_path, made(), planned=(made(entity="lost"),))
    edit(path, change)

    assert finalise(tmp_path) == 4

    said = capsys.readouterr().err
    assert f"journal.jsonl:{line}: " in said
    assert says in said
    assert [file.name for file in tmp_path.iterdir()] == ["journal.jsonl"]


def test_a_line_that_is_no_json_is_refused_with_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = killed(tmp_path, made())
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([lines[0], "{torn in the middle\n", *lines[1:]]))

    assert finalise(tmp_path) == 4
    assert "journal.jsonl:2: not a line of this journal" in capsys.readouterr().err
