"""Reports that show other people's data go when their environment says so: with the next run, and with finalise."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from muster.__main__ import main
from muster.journal import FILE
from tests.engine.project import Project, project, reading

DAY = 86400.0
KEEP = {"samples": {"log_lines": 3, "keep": "7d"}}
REPORTS = {FILE, "observations.jsonl", "junit.xml", "summary.json", "summary.md"}


def shown(folder: Path, **head: Any) -> Project:
    """A project after a run in which one reading was violated; `head` is of its environment."""
    made = project(folder, errors={"value": 3})
    made.environment("platform/sandbox", [reading("errors")], **head)
    assert made.run().returncode == 1
    return made


def aged(out: Path, seconds: float) -> None:
    """Let the run have been so long ago."""
    lines = [json.loads(line) for line in (out / FILE).read_text().splitlines()]
    for each in lines:
        for name in ("started", "at"):
            if name in each:
                each[name] -= seconds
    (out / FILE).write_text("".join(json.dumps(each) + "\n" for each in lines))
    moment = time.time() - seconds
    for file in out.rglob("*"):
        os.utime(file, (moment, moment))


def left(out: Path) -> set[str]:
    """What is there of a run, the memory between runs aside."""
    return {file.name for file in out.iterdir() if file.name != "state" and (file.is_file() or any(file.iterdir()))}


def finalise(out: Path, *arguments: str) -> int:
    return main(["finalise", "--reports", str(out), *arguments])


def test_finalise_removes_reports_whose_samples_are_too_old(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = shown(tmp_path, **KEEP)
    (made.out / "allure-report").mkdir()
    (made.out / "allure-report" / "index.html").write_text("a page")
    aged(made.out, 8 * DAY)

    assert finalise(made.out) == 1

    assert "its reports held samples, which are kept for 7d, and are removed" in capsys.readouterr().out
    assert left(made.out) == set()
    assert (made.out / "state" / "platform" / "sandbox.json").exists()
    assert finalise(made.out) == 4


@pytest.mark.parametrize(
    ("head", "age"),
    [(KEEP, 6 * DAY), ({}, 900 * DAY), ({"samples": {"log_lines": 0, "keep": "7d"}}, 900 * DAY)],
    ids=["young enough", "without samples", "nothing allowed"],
)
def test_all_others_stay(tmp_path: Path, head: dict[str, Any], age: float) -> None:
    made = shown(tmp_path, **head)
    (made.out / "allure-history.jsonl").write_text('{"timestamp": 1}\n')
    aged(made.out, age)

    assert finalise(made.out) == 1

    assert left(made.out) >= REPORTS | {"allure-results", "allure-history.jsonl"}


def test_a_killed_run_that_is_too_old_is_not_completed_any_more(tmp_path: Path) -> None:
    made = shown(tmp_path, **KEEP)
    lines = (made.out / FILE).read_text().splitlines(keepends=True)
    (made.out / FILE).write_text("".join(lines[:-1]))
    aged(made.out, 8 * DAY)

    assert finalise(made.out) == 1
    assert left(made.out) == set()


def test_the_shortest_time_of_several_environments_counts(tmp_path: Path) -> None:
    made = project(tmp_path, errors={"value": 3})
    for name, keep in (("production", "30d"), ("staging", "2d")):
        made.environment(f"platform/{name}", [reading("errors")], samples={"values": True, "keep": keep})
    assert made.run("--env", "platform").returncode == 1
    aged(made.out, 3 * DAY)

    assert finalise(made.out) == 1
    assert left(made.out) == set()


def test_what_was_judged_again_is_as_old_as_its_look(tmp_path: Path) -> None:
    made = shown(tmp_path, **KEEP)
    saved = tmp_path / "saved.jsonl"
    lines = [json.loads(line) for line in (made.out / "observations.jsonl").read_text().splitlines()]
    saved.write_text("".join(json.dumps({**each, "at": each["at"] - 8 * DAY}) + "\n" for each in lines))
    assert made.run("--replay", str(saved), "--reports", "again").returncode == 1

    assert finalise(tmp_path / "again") == 1
    assert left(tmp_path / "again") == set()


def test_any_run_removes_what_is_too_old_in_its_folder_also_what_it_would_judge_again(tmp_path: Path) -> None:
    made = shown(tmp_path, **KEEP)
    (made.out / "allure-report").mkdir()
    aged(made.out, 8 * DAY)

    refused = made.run("--replay", "reports/out/observations.jsonl")

    assert refused.returncode == 4
    assert "observations.jsonl: No such file or directory" in refused.stderr
    assert not (made.out / "allure-report").exists()


@pytest.mark.parametrize("through", ["finalise", "run"])
def test_a_results_folder_of_ones_own_and_the_history_lose_what_is_too_old_and_nothing_else(tmp_path: Path, through: str) -> None:
    made = shown(tmp_path, **KEEP)
    mine = tmp_path / "mine"
    mine.mkdir()
    for name, age in (("old-result.json", 8), ("old-attachment.txt", 8), ("new-result.json", 6), ("notes.txt", 900)):
        (mine / name).write_text("{}")
        os.utime(mine / name, (time.time() - age * DAY,) * 2)
    pages = [json.dumps({"timestamp": (time.time() - age * DAY) * 1000, "name": str(age)}) + "\n" for age in (6, 8)]
    aged(made.out, 8 * DAY)
    (made.out / "allure-history.jsonl").write_text("".join(pages))

    if through == "finalise":
        finalise(made.out, "--alluredir", str(mine))
        assert {file.name for file in mine.iterdir()} == {"new-result.json", "notes.txt"}
    else:
        made.run("--alluredir", str(mine))
        assert {"new-result.json", "notes.txt"} < {file.name for file in mine.iterdir()}
        assert {"old-result.json", "old-attachment.txt"} & {file.name for file in mine.iterdir()} == set()
    assert (made.out / "allure-history.jsonl").read_text() == pages[0]


def test_what_cannot_be_removed_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = shown(tmp_path, **KEEP)
    (made.out / "junit.xml").unlink()
    (made.out / "junit.xml").mkdir()
    aged(made.out, 8 * DAY)

    assert finalise(made.out) == 3
    assert "NOT REMOVED junit.xml: Is a directory" in capsys.readouterr().out


@pytest.mark.parametrize("change", [lambda _: "not a line\n", lambda text: text.replace('"schema":1', '"schema":0')])
def test_a_journal_that_nobody_can_read_keeps_no_run_from_starting(tmp_path: Path, change: Callable[[str], str]) -> None:
    made = shown(tmp_path, **KEEP)
    (made.out / FILE).write_text(change((made.out / FILE).read_text()))
    assert made.run().returncode == 1
