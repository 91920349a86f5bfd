"""Allure results: their identity, what they say, and that nothing of pytest's own leaks into them."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from muster.__main__ import main
from muster.allure_files import MOST
from muster.allure_result import complete, description
from tests.engine.project import Project, project, reading
from tests.engine.results import made

SECRET = "hunter2-do-not-print"
RUNBOOK = """
    runbook: Platform
    url: https://runbooks.example.com/platform.md
    rows:
      - {id: PLAT-01, heading: Daily / Morning Check, expects: no errors, check: test_reading_is_low, entity: errors}
"""


def results(folder: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """The results in a folder, by environment and name."""
    read = [json.loads(file.read_text()) for file in folder.glob("*-result.json")]
    return {(labels(each)["environment"][0], each["name"]): each for each in read}


def labels(result: dict[str, Any]) -> dict[str, list[str]]:
    """Labels by name."""
    found: dict[str, list[str]] = {}
    for each in result["labels"]:
        found.setdefault(each["name"], []).append(each["value"])
    return found


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that was run once: violated, unknown, holds, not asked, a gate's limit, a crash, a huge observation."""
    project_made = project(
        tmp_path_factory.mktemp("allure"),
        errors={"value": 3, "note": "<script>alert(1)</script>", "seen": "db-1"},
        orders={"error": "connection refused", "cause": "prometheus 10.0.0.9:9090", "hint": "is it running?"},
        huge={"value": 0, "seen": "✓" * MOST},
        text={"value": "abc"},
    )
    never = {"never": {"days": "mon-sun", "from": "00:00", "to": "00:00", "zone": "UTC"}}
    readings = [reading(each) for each in ("orders", "huge", "text", "fine")]
    readings += [reading("errors", severity="P0"), reading("night", during="never")]
    project_made.environment("platform/sandbox", readings, hours=never).environment("other/sandbox", [reading("fine")])
    project_made.write("environments/platform/runbook.yaml", RUNBOOK)
    assert project_made.run().returncode == 1
    return project_made


@pytest.fixture(scope="module")
def found(mixed: Project) -> dict[tuple[str, str], dict[str, Any]]:
    return results(mixed.out / "allure-results")


def of(found: dict[tuple[str, str], dict[str, Any]], entity: str, environment: str = "platform/sandbox") -> dict[str, Any]:
    """The one result of an entity."""
    return next(each for (where, name), each in found.items() if where == environment and name.startswith(f"{entity}:"))


def test_a_violation_carries_all_that_the_reader_needs(found: dict[tuple[str, str], dict[str, Any]]) -> None:
    result = of(found, "errors")
    assert result["name"] == "errors: The value is low enough"
    assert result["status"] == "failed"
    assert result["statusDetails"] == {"message": "P0 violated; expected <= 0, observed 3; <script>alert(1)</script>"}
    has = labels(result)
    assert {name: has[name] for name in ("severity", "owner", "parentSuite", "suite", "subSuite")} == {
        "severity": ["blocker"],
        "owner": ["team-platform"],
        "parentSuite": ["platform"],
        "suite": ["sandbox"],
        "subSuite": ["readings"],
    }
    assert has["tag"] == ["P0", "PLAT-01", "daily"]
    assert [(each["url"], each["name"]) for each in result["links"]] == [
        ("https://runbooks.example.com/platform.md#morning-check", "Runbook: Daily / Morning Check")
    ]
    assert "<td><b>&lt;= 0</b></td><td><b>3</b></td>" in result["descriptionHtml"]
    assert "look at the dashboard of this reading." in result["descriptionHtml"]


def test_no_value_becomes_markup(found: dict[tuple[str, str], dict[str, Any]]) -> None:
    assert "<script" not in of(found, "errors")["descriptionHtml"]
    assert "&lt;script&gt;" in of(found, "errors")["descriptionHtml"]


@pytest.mark.parametrize(
    ("entity", "status"), [("errors", "failed"), ("orders", "broken"), ("text", "broken"), ("fine", "passed"), ("night", "skipped")]
)
def test_a_verdict_becomes_its_status(found: dict[tuple[str, str], dict[str, Any]], entity: str, status: str) -> None:
    assert of(found, entity)["status"] == status


def test_what_was_not_asked_says_why(found: dict[tuple[str, str], dict[str, Any]]) -> None:
    result = of(found, "night")
    assert result["name"] == "night: The value is low enough"
    assert result["statusDetails"]["message"] == "P2 not asked; outside never"


def test_a_crash_brings_its_traceback_and_a_violation_none(found: dict[tuple[str, str], dict[str, Any]]) -> None:
    assert "TypeError" in of(found, "text")["statusDetails"]["trace"]
    assert "trace" not in of(found, "errors")["statusDetails"]


def test_the_observation_is_attached_and_a_huge_one_is_cut(mixed: Project, found: dict[tuple[str, str], dict[str, Any]]) -> None:
    folder = mixed.out / "allure-results"
    (small,) = of(found, "errors")["attachments"]
    content = json.loads((folder / small["source"]).read_text())
    assert content["key"] == "measured|platform/sandbox/readings/errors"
    assert content["value"]["value"] == 3
    (huge,) = of(found, "huge")["attachments"]
    text = (folder / huge["source"]).read_bytes()
    assert len(text) < MOST + 200
    assert b"cut at 65536 of" in text


def test_a_result_keeps_its_identity_between_runs_and_shares_it_with_no_other(
    mixed: Project, found: dict[tuple[str, str], dict[str, Any]]
) -> None:
    ids = {name: each["historyId"] for name, each in found.items()}
    assert len(set(ids.values())) == len(ids)
    mixed.observations["errors"] = {"value": 0}
    mixed.run()
    again = results(mixed.out / "allure-results")
    assert {name: each["historyId"] for name, each in again.items()} == ids
    assert of(again, "errors")["status"] == "passed"


def test_what_counts_for_identity_in_allure_3_is_the_identity_alone(found: dict[tuple[str, str], dict[str, Any]]) -> None:
    for result in found.values():
        counted = {each["name"] for each in result["parameters"] if not each.get("excluded")}
        assert counted == {"system", "environment", "entity"}
    counted_values = [
        (each["fullName"], *(one["value"] for one in each["parameters"] if not one.get("excluded"))) for each in found.values()
    ]
    assert len(set(counted_values)) == len(found)


def test_the_folder_has_this_runs_results_alone_and_no_containers(tmp_path: Path) -> None:
    made_project = project(tmp_path)
    folder = made_project.out / "allure-results"
    for _ in range(2):
        made_project.run()
        assert len(list(folder.glob("*-result.json"))) == 1
        assert len(list(folder.glob("*-attachment.*"))) == 1
    assert not list(folder.glob("*-container.json"))
    (folder / "notes.txt").write_text("not ours")
    made_project.run("--env", "nowhere")
    assert [file.name for file in folder.iterdir()] == ["notes.txt"]


def test_a_folder_that_was_named_is_added_to(tmp_path: Path) -> None:
    made_project = project(tmp_path)
    for _ in range(2):
        made_project.run("--alluredir", str(tmp_path / "both"))
    assert len(list((tmp_path / "both").glob("*-result.json"))) == 2
    made_project.run("--alluredir", str(tmp_path / "both"), "--clean-alluredir")
    assert len(list((tmp_path / "both").glob("*-result.json"))) == 1


def test_collecting_alone_touches_nothing(tmp_path: Path) -> None:
    made_project = project(tmp_path)
    made_project.run()
    before = sorted(file.name for file in (made_project.out / "allure-results").iterdir())
    made_project.run("--collect-only")
    assert sorted(file.name for file in (made_project.out / "allure-results").iterdir()) == before


def test_the_run_describes_itself(mixed: Project) -> None:
    folder = mixed.out / "allure-results"
    properties = dict(line.split("=", 1) for line in (folder / "environment.properties").read_text().splitlines())
    assert properties["environments"] == "other/sandbox platform/sandbox"
    assert json.loads((folder / "executor.json").read_text())["buildName"] == properties["run"]
    assert json.loads((folder / "categories.json").read_text())[0]["matchedStatuses"] == ["failed"]


def test_steps_and_attachments_of_a_check_stay(tmp_path: Path) -> None:
    check = """
        import allure, pytest

        @pytest.mark.expects("at_most")
        def test_reading_is_low(measured, limit):
            \"\"\"Low\"\"\"
            with allure.step("look closely"):
                allure.attach("text", "note")
            assert measured.value <= limit
        """
    made_project = project(tmp_path).write("checks/daily/test_readings.py", check)
    made_project.run()
    result = of(results(made_project.out / "allure-results"), "errors")
    assert [each["name"] for each in result["steps"]] == ["look closely"]


EVERYTHING = """
    import allure, pytest

    @pytest.fixture
    def chatty():
        print("from a fixture")

    @allure.tag("by-mark")
    @allure.link("https://example.com/mark", name="mark")
    @allure.label("layer", "storage")
    @allure.description("described by mark")
    @pytest.mark.expects("at_most")
    def test_reading_is_low(measured, limit, chatty):
        \"\"\"Low\"\"\"
        allure.dynamic.tag("by-call")
        allure.dynamic.link("https://example.com/call", name="call")
        allure.dynamic.parameter("shard", "7")
        allure.attach("text", "note")
        assert measured.value <= limit
    """


@pytest.mark.parametrize("finalised", [False, True])
def test_what_marks_and_calls_of_allure_add_appears_also_after_a_kill(tmp_path: Path, *, finalised: bool) -> None:
    made_project = project(tmp_path).write("checks/daily/test_readings.py", EVERYTHING)
    made_project.run()
    if finalised:
        path = made_project.out / "journal.jsonl"
        path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
        for file in (made_project.out / "allure-results").glob("*-result.json"):
            file.unlink()
        assert main(["finalise", "--reports", str(made_project.out)]) == 10
    result = of(results(made_project.out / "allure-results"), "errors")
    has = labels(result)
    assert {"by-mark", "by-call"} < set(has["tag"])
    assert has["layer"] == ["storage"]
    assert {each["name"] for each in result["links"]} == {"mark", "call"}
    assert "described by mark" in result["descriptionHtml"]
    assert {"name": "shard", "value": "'7'", "excluded": True} in result["parameters"]
    contents = {each["name"]: (made_project.out / "allure-results" / each["source"]).read_text() for each in result["attachments"]}
    assert contents["note"] == "text"
    assert contents["stdout"] == "from a fixture\n"


def test_other_tests_that_run_along_have_their_results_from_allure_pytest(tmp_path: Path) -> None:
    test = "import allure\n\ndef test_own():\n    with allure.step('a step'):\n        allure.dynamic.tag('own')\n"
    made_project = project(tmp_path).write("tests/test_own.py", test)
    made_project.run("checks", "tests")
    read = [json.loads(file.read_text()) for file in (made_project.out / "allure-results").glob("*-result.json")]
    (own,) = [each for each in read if each["name"] == "test_own"]
    assert (own["status"], own["steps"][0]["name"]) == ("passed", "a step")
    assert "own" in labels(own)["tag"]
    assert len(read) == 2


def test_results_that_share_an_observation_share_its_file(tmp_path: Path) -> None:
    made_project = project(tmp_path).environment("platform/sandbox", [reading("errors", expect={"at_most": 0, "at_least": 0})])
    made_project.run()
    folder = made_project.out / "allure-results"
    read = [json.loads(file.read_text()) for file in folder.glob("*-result.json")]
    assert len(read) == 2
    assert len({attached["source"] for each in read for attached in each["attachments"]}) == 1


def test_arguments_and_locals_of_a_crash_reach_no_file_and_no_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METRICS_TOKEN", SECRET)
    check = """
        import os
        import pytest

        @pytest.fixture
        def token():
            return os.environ["METRICS_TOKEN"]

        @pytest.mark.expects("at_most")
        def test_reading_is_low(measured, limit, token):
            \"\"\"Low\"\"\"
            again = token
            raise KeyError("boom")
        """
    made_project = project(tmp_path).write("checks/daily/test_readings.py", check)
    said = made_project.run("-v")
    assert "KeyError: 'boom'" in said.stdout
    assert SECRET not in said.stdout
    written = [file for file in made_project.out.rglob("*") if file.is_file()]
    assert any("KeyError: 'boom'" in file.read_text() for file in written if file.name.endswith("-result.json"))
    assert not [file for file in written if SECRET in file.read_text()]


def test_times_are_those_of_the_look() -> None:
    collected = complete(made(at=1_700_000_000.0, took=2.5), "run")
    assert (collected.start, collected.stop) == (1_700_000_000_000, 1_700_000_002_500)


def test_a_description_shows_no_empty_lines() -> None:
    assert "Runbook" not in description(made())
    assert "Why" not in description(made())


@pytest.mark.skipif(shutil.which("allure") is None, reason="the npm package allure is not installed")
def test_the_report_renders_and_asks_nobody_for_anything(mixed: Project) -> None:
    render = Path(__file__).parents[2] / "reports" / "render.mjs"
    subprocess.run(["node", str(render)], cwd=mixed.folder, check=True, capture_output=True, timeout=120)
    page = (mixed.out / "allure-report" / "index.html").read_text()
    assert "googletagmanager" not in page
    assert "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'unsafe-inline' data: blob:;" in page


def test_without_node_one_sentence_says_so_and_results_and_summary_stay(mixed: Project) -> None:
    command = [sys.executable, str(Path(__file__).parents[2] / "reports" / "report.py"), "reports/out"]
    done = subprocess.run(command, cwd=mixed.folder, env={"PATH": "/nonexistent"}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "Node is not installed, so Allure makes no page: reports/out/summary.html, summary.md and allure-results/ say the same.\n"
    )
    assert all((mixed.out / name).exists() for name in ("summary.html", "summary.md", "allure-results"))


def test_without_results_there_is_nothing_to_render(tmp_path: Path) -> None:
    command = [sys.executable, str(Path(__file__).parents[2] / "reports" / "report.py"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert "no results; run checks first" in done.stderr
