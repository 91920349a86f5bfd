"""The morning digest: new, still and recovered, worst first, on one screen; and what it cannot know."""

import json
from pathlib import Path

import pytest

from muster import journal, morning
from muster.__main__ import main
from muster.verdicts import Result, Verdict
from tests.engine.pasts import HOSTILE, STARTED
from tests.engine.pasts import journal as past_journal
from tests.engine.project import project, reading
from tests.engine.results import made

RUNBOOK = """
    runbook: Platform
    response: {P0: 0s, P1: 30m, P2: 2h, P3: 24h}
    rows:
      - {id: PLAT-01, heading: Daily, expects: Few errors, check: test_reading_is_low, entity: errors}
"""


def violated(entity: str, severity: str = "P1", **fields: object) -> Result:
    seen = {"expected": "<= 0", "observed": "3", "observations": ("measured|x",), "since": STARTED - 7200}
    return made(Verdict.VIOLATED, entity=entity, severity=severity, **{**seen, **fields})


def screen(path: Path, width: int = 80) -> list[str]:
    return [each.text for each in morning.screen(morning.of(journal.read(path)), width)]


def test_new_still_and_recovered_are_told_from_run_to_run(tmp_path: Path) -> None:
    made_project = project(tmp_path, errors={"value": 7}, queue={"value": 0}, slow={"value": 1})
    made_project.environment("platform/sandbox", [reading("errors", severity="P0"), reading("queue", severity="P1"), reading("slow")])
    made_project.write("environments/platform/runbook.yaml", RUNBOOK)

    first = made_project.run("--digest")
    assert "2 new, 0 still, 0 recovered" in first.stdout
    assert "no earlier run of platform/sandbox is remembered: what is new or recovered" in first.stdout
    assert "P0 NEW   errors: Few errors\n         7, wanted <= 0\n         answer at once; team-platform" in first.stdout

    made_project.observations |= {"errors": {"value": 7}, "queue": {"value": 2}, "slow": {"value": 0}}
    second = made_project.run("--digest")
    words = [line.split(":")[0] for line in second.stdout.splitlines() if line[:2] in ("P0", "P1", "P2")]
    assert words == ["P0 STILL errors", "P1 NEW   queue", "P2 well  slow"]
    assert "answer within 30 min; team-platform" in second.stdout
    assert "remembered" not in second.stdout

    data = json.loads((made_project.out / "digest.json").read_text())
    assert [(each["change"], each["what"], each["within"]) for each in data["entries"]] == [
        ("still", "errors", 0.0), ("new", "queue", 1800.0), ("recovered", "slow", 7200.0),
    ]  # fmt: skip
    assert "| P0 still | platform/sandbox errors: Few errors | 7, wanted &lt;= 0 |" in (made_project.out / "digest.md").read_text()

    made_project.observations = {}
    assert "0 new, 0 still" not in (third := made_project.run("--digest").stdout)
    assert "All holds: 3 checks of 3 entities; saw 3 rows" in third
    assert third.count("well") == 2


def test_when_all_holds_one_line_says_how_much_was_looked_at(tmp_path: Path) -> None:
    said = project(tmp_path).run("--digest")
    assert said.returncode == 0
    assert [line.partition("  ")[2] for line in said.stdout.splitlines() if "UTC" in line] == ["All holds: 1 check of 1 entity; saw 1 rows"]
    assert len(said.stdout.strip().splitlines()) < 6


@pytest.mark.parametrize("entries", [1, 5, 9, 30, 300])
@pytest.mark.parametrize("width", [45, 80])
def test_it_is_never_more_than_a_screen_and_the_worst_stays(tmp_path: Path, entries: int, width: int) -> None:
    results = [violated(f"reading-{number}-{'x' * 60}", "P2") for number in range(entries - 1)]
    lines = screen(past_journal(tmp_path, *results, violated("worst", "P0")), width)
    assert len(lines) <= 22
    assert [line for line in lines if len(line) > width] == []
    assert next(line for line in lines if line.startswith("P")).startswith("P0 NEW   worst")
    if entries > 22:
        shown = sum(line.startswith("P") for line in lines)
        assert f"and {entries - shown} more" in lines[-1]


def test_a_dead_source_is_one_entry_and_as_new_as_it_is(tmp_path: Path) -> None:
    unknown = [made(Verdict.UNKNOWN, entity=f"r{n}", cause="prometheus 10.0.0.9", reason="refused", severity=f"P{n % 3}") for n in range(9)]
    lines = screen(past_journal(tmp_path, *unknown, trails={each.id: "hhu" for each in unknown[:4]}))
    assert [line for line in lines if line[:1] == "P"] == [
        "P0 NEW   unknown prometheus 10.0.0.9: 5 checks could not be judged",
        "P0 STILL unknown prometheus 10.0.0.9: 4 checks could not be judged",
    ]


def test_the_worst_come_first_whether_new_or_not_and_what_recovered_last(tmp_path: Path) -> None:
    results = [violated("a", "P1"), violated("b", "P0"), made(entity="c", severity="P0"), violated("d", "P0")]
    path = past_journal(tmp_path, *results, trails={results[1].id: "v", results[2].id: "hv"})
    assert [line.split(":")[0] for line in screen(path) if line[:1] == "P"] == ["P0 NEW   d", "P0 STILL b", "P1 NEW   a", "P0 well  c"]


def test_what_was_planned_and_not_judged_or_is_waived_is_a_line(tmp_path: Path) -> None:
    path = past_journal(tmp_path, made(), made(Verdict.WAIVED, entity="accepted"), planned=(made(entity="lost"),))
    lines = screen(path)
    assert "1 check planned and not judged" in lines
    assert "1 check waived: accepted" in lines
    assert not any("All holds" in line for line in lines)


def test_what_is_green_and_not_plainly_so_is_a_line(tmp_path: Path) -> None:
    flaky = made(entity="flaky", looks=2, earlier=("violated at 06:00:01 UTC: expected <= 0, observed 7",), flaky=True)
    needless = {"state": "needless", "days": "7", "name": "OPS-7", "owner": "team-platform"}
    path = past_journal(tmp_path, flaky, made(entity="waived", allowance=needless))
    notes = "\n".join(morning.of(journal.read(path)).notes)
    assert "FLAKY 1 check holds now, and did not at an earlier look: P1 platform/production flaky" in notes
    assert "waiver OPS-7 (team-platform) was not needed for 7 days running, take it away" in notes


def test_hostile_text_starts_no_markup_and_no_escape(tmp_path: Path) -> None:
    path = past_journal(tmp_path, violated(HOSTILE, observed=HOSTILE, title=HOSTILE, note=HOSTILE))
    morning.write(journal.read(path), tmp_path)
    for text in ("\n".join(screen(path)), (tmp_path / "digest.md").read_text()):
        assert not set(text) & {"\x1b", "\x00", "\x07", "\u202e", "\u2066"}
    assert "<script" not in (tmp_path / "digest.md").read_text()
    assert json.loads((tmp_path / "digest.json").read_text())["entries"][0]["severity"] == "P1"


def test_a_killed_run_has_its_digest_and_its_page_when_it_is_finalised(tmp_path: Path) -> None:
    path = past_journal(tmp_path, violated("a", "P0"), planned=(made(entity="lost"),))
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    assert main(["finalise", "--reports", str(tmp_path)]) == 1
    assert json.loads((tmp_path / "digest.json").read_text())["notes"] == ["1 check planned and not judged"]
    assert "Planned, and not judged" in (tmp_path / "summary.html").read_text()
