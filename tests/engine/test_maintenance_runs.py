"""What a maintenance makes of a run: what it covers, that it hides nothing, and that it ends."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from muster.__main__ import main
from tests.engine.agreement import agree
from tests.engine.project import PLUGINS, ROOT, Project, project, reading
from tests.waiver_files import waiver, write

ENDED = "test_maintenance_has_ended[platform/sandbox/move]"
FLAG = {"reading": "flag", "equals": 1}


@pytest.fixture
def made(tmp_path: Path) -> Project:
    """A full disk, a reading whose source is dead, one that is fine, and a flag of the system."""
    seen = {"disk": {"value": 90}, "gone": {"error": "refused", "cause": "x"}, "ok": {"value": 0}, "flag": {"value": 1}}
    made_project = project(tmp_path, **seen)
    for path in ("fixtures/maintenance.py", "checks/daily/test_maintenance.py"):
        made_project.write(path, (ROOT / path).read_text())
    return made_project.write("conftest.py", f"pytest_plugins = {[*PLUGINS, 'fixtures.maintenance']!r}\n")


def window(made: Project, **fields: Any) -> Project:
    """The environment with one maintenance."""
    readings = [reading(name, expect={"at_most": 85}) for name in ("disk", "gone", "ok", "flag")]
    usual = {"name": "move", "reason": "the database moves, OPS-7", "owner": "team-dba", "scope": {"everything": True}}
    return made.environment("platform/sandbox", readings, maintenance=[{**usual, **fields}])


def moment(hours: float) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat()


def one_line(run: CompletedProcess[str]) -> str:
    return " ".join(run.stdout.split())


def verdicts(made: Project) -> dict[str, str]:
    return {name.rpartition("/")[2].rstrip("]"): verdict for name, verdict in agree(made.out).items()}


def test_what_is_violated_or_unknown_is_told_as_in_maintenance_and_what_holds_holds(made: Project) -> None:
    run = window(made, start=moment(-1), end=moment(1)).run()

    assert run.returncode == 0, run.stdout
    assert verdicts(made) == {"disk": "waived", "gone": "waived", "ok": "holds", "flag": "holds"}
    told = one_line(run)
    assert "IN MAINTENANCE platform/sandbox move, until " in told
    assert "the database moves, OPS-7 (2 checks)" in told
    assert "P2 disk: The value is low enough; expected <= 85, observed 90" in told
    assert "P2 gone: The value is low enough; UNKNOWN: x" in told
    for name in ("summary.md", "junit.xml", "summary.json"):
        assert "in maintenance move" in (made.out / name).read_text() or "IN MAINTENANCE" in (made.out / name).read_text()
    allowance = made.results()["test_reading_is_low[platform/sandbox/disk]"].allowance
    assert (allowance["kind"], allowance["name"], allowance["owner"], allowance["instead"]) == (
        "maintenance",
        "move",
        "team-dba",
        "violated",
    )


def test_outside_its_scope_and_its_times_everybody_is_called(made: Project) -> None:
    assert window(made, start=moment(-1), end=moment(1), scope={"entities": ["readings/gone"]}).run().returncode == 1
    assert verdicts(made)["gone"] == "waived"
    assert window(made, start=moment(-2), end=moment(-1)).run().returncode == 1
    assert window(made, start=moment(1), end=moment(2)).run().returncode == 1
    assert "waived" not in verdicts(made).values()


def test_a_flag_of_the_system_turns_it_on_and_off_again(made: Project) -> None:
    window(made, end=moment(1), read=FLAG)
    assert made.run().returncode == 0
    assert verdicts(made) == {"disk": "waived", "gone": "waived", "ok": "holds", "flag": "holds", "move": "holds"}

    made.observations["flag"] = {"value": 0}
    assert made.run().returncode == 1
    assert verdicts(made) == {"disk": "violated", "gone": "unknown", "ok": "holds", "flag": "holds", "move": "holds"}


def test_one_that_outlasts_its_declared_end_is_violated_and_covers_nothing(made: Project) -> None:
    run = window(made, end=moment(-1), read=FLAG).run()

    assert run.returncode == 1
    assert verdicts(made) == {"disk": "violated", "gone": "unknown", "ok": "holds", "flag": "holds", "move": "violated"}
    found = made.results()[ENDED]
    assert (found.expected, found.observed[:2], found.severity, found.owner) == ("<= 0ms", "1h", "P1", "team-dba")
    assert "flag is 1; it should have ended " in found.reason
    assert "IN MAINTENANCE" not in run.stdout


def test_it_is_part_of_the_gate(made: Project) -> None:
    assert window(made, end=moment(-1), read=FLAG).run("-m", "gate").returncode == 1
    assert verdicts(made) == {"move": "violated"}


def test_without_any_end_it_is_remembered_since_when_it_is_on(made: Project) -> None:
    window(made, read=FLAG, at_most="2h")
    assert made.run().returncode == 0
    state = made.out / "state/platform/sandbox.json"
    known = json.loads(state.read_text())
    since = known["allowed"]["maintenance move"]
    made.run()
    assert json.loads(state.read_text())["allowed"]["maintenance move"] == since
    known["allowed"]["maintenance move"] = since - 3 * 3600
    state.write_text(json.dumps(known))

    assert made.run().returncode == 1
    assert verdicts(made)["move"] == "violated"
    made.observations["flag"] = {"value": 0}
    made.run()
    assert json.loads(state.read_text())["allowed"] == {}


def test_a_crash_of_ours_is_covered_by_nothing(made: Project) -> None:
    made.observations |= {"ok": {"crash": "a bug"}, "disk": {"value": 0}}

    run = window(made, start=moment(-1), end=moment(1)).run()

    assert run.returncode == 10
    assert verdicts(made) == {"disk": "holds", "gone": "waived", "ok": "unknown", "flag": "holds"}


def test_a_flag_that_cannot_be_read_covers_nothing_and_is_unknown_itself(made: Project) -> None:
    made.observations["flag"] = {"error": "refused", "cause": "the flag's source"}

    assert window(made, end=moment(1), read=FLAG).run().returncode == 1
    assert verdicts(made) == {"disk": "violated", "gone": "unknown", "ok": "holds", "flag": "unknown", "move": "unknown"}


def test_the_flag_is_looked_at_once_and_also_for_a_single_check(made: Project) -> None:
    assert window(made, end=moment(1), read=FLAG).run("-k", "disk").returncode == 0
    # Both at once, so in either order; each once.
    assert sorted(made.looks()) == ["platform/sandbox/readings/disk", "platform/sandbox/readings/flag"]
    assert "platform/sandbox/readings/flag" in made.results()["test_reading_is_low[platform/sandbox/disk]"].observations[-1]


def test_a_waiver_comes_first_and_what_nobody_needs_is_not_covered(made: Project) -> None:
    window(made, start=moment(-1), end=moment(1))
    write(made.folder / "environments", "platform/sandbox", waiver(), waiver(entity="gone", ticket="OPS-2"))

    assert made.run().returncode == 0
    results = made.results()
    assert results["test_reading_is_low[platform/sandbox/disk]"].allowance["kind"] == "waiver"
    assert results["test_reading_is_low[platform/sandbox/gone]"].allowance["kind"] == "maintenance"


def test_replay_and_finalise_say_what_the_run_said(made: Project) -> None:
    first = window(made, end=moment(1), read=FLAG).run()
    before = verdicts(made)
    summary = (made.out / "summary.md").read_text()
    path = made.out / "journal.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    main(["finalise", "--reports", str(made.out)])
    assert verdicts(made) == before
    assert (made.out / "summary.md").read_text().splitlines()[4:] == summary.splitlines()[4:]

    again = made.run("--replay", str((made.out / "observations.jsonl").rename(made.folder / "saved.jsonl")))

    assert (again.returncode, verdicts(made)) == (first.returncode, before)


def test_a_saved_run_is_judged_by_the_time_at_which_it_was_looked_at(made: Project) -> None:
    window(made, start="2024-02-29T23:00:00Z", end="2024-03-01T00:00:00Z").run()
    lines = [json.loads(line) for line in (made.out / "observations.jsonl").read_text().splitlines()]
    for when, covered in (("2024-02-29T23:59:59.9+00:00", True), ("2024-03-01T00:00:00+00:00", False)):
        at = datetime.fromisoformat(when).timestamp()
        saved = made.folder / "saved.jsonl"
        saved.write_text("".join(json.dumps({**each, "at": at}) + "\n" for each in lines))
        made.run("--replay", str(saved))
        assert (verdicts(made)["disk"] == "waived") is covered
