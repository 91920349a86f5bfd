"""What past drills say: the trend and its month, what a drill without live is compared with, and when one last passed."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from drill.trend import trend
from muster import drills as history
from muster.state import State
from muster.verdicts import Verdict
from tests.drill.runs.declared import drill, shop
from tests.drill.runs.harness import ROOT, Drills, Ran

DAY = 86400.0


def record(**fields: object) -> dict[str, object]:
    return {"environment": "shop/test", "drill": "blind", "ended": 0.0, "took": 1.0, "size": 1, "restored": 0, "verdict": "holds", **fields}


def test_a_line_is_drawn_through_three_drills_and_reaches_the_limit_where_it_does() -> None:
    line = trend([(0.0, 100.0), (10.0, 110.0), (20.0, 120.0)])
    assert line is not None
    assert (line.slope, line.last, line.at) == (pytest.approx(1.0), pytest.approx(120.0), 20.0)
    assert line.breach(150.0) == pytest.approx(50.0)
    assert line.breach(120.0) == 20.0
    assert trend([(0.0, 100.0), (10.0, 110.0)]) is None
    assert trend([(0.0, 100.0), (0.0, 110.0), (0.0, 120.0)]) is None


@pytest.mark.parametrize("taken", [(100.0, 100.0, 100.0), (120.0, 110.0, 100.0), (100.0, 100.0 + 1e-12, 100.0 + 2e-12)])
def test_a_line_that_does_not_rise_or_not_in_this_century_breaks_nothing(taken: tuple[float, ...]) -> None:
    line = trend([(at * DAY, seconds) for at, seconds in enumerate(taken)])
    assert line is not None
    assert line.breach(3600.0) is None


def test_without_live_a_drill_is_compared_with_the_last_that_passed_and_its_trend_told(drills: Drills) -> None:
    reports = drills.folder_of_reports()
    first = drills.run("blind", reports=reports)
    assert first.not_holding() == {
        "restored_schema_is_that_of_live": Verdict.UNKNOWN,
        "restored_tables_hold_what_they_last_did": Verdict.UNKNOWN,
        "recovery_time_holds_for_a_while": Verdict.UNKNOWN,
    }
    assert "live is not named, and no drill has passed before" in first.results["restored_schema_is_that_of_live"].reason

    # What a drill that passed would have kept: that of the first, which had nothing to be compared with.
    kept = drills.run("plain", reports=reports)
    assert kept.not_holding() == {}
    folder = reports / "state" / "drills" / "shop" / "test"
    (folder / "plain.json").rename(folder / "blind.json")
    now = time.time()
    for ago, took in ((90, 36.0), (60, 37.0), (30, 38.0)):
        history.append(reports, record(ended=now - ago * DAY, took=took))
    second = drills.run("blind", reports=reports)
    assert second.not_holding() == {}, second.output
    assert "compared with the last drill that passed" in second.observed("drill_schema")["value"]["note"]
    assert "the trend of 4 drills does not rise" in second.observed("drill_time")["value"]["note"]

    (reports / "drills.jsonl").unlink()
    for ago, took in ((90, 0.001), (60, 0.002), (30, 0.003)):
        history.append(reports, record(ended=now - ago * DAY, took=took))
    third = drills.run("blind", reports=reports)
    assert third.not_holding() == {"recovery_time_holds_for_a_while": Verdict.VIOLATED}
    assert re.search(r"the trend of 4 drills reaches the limit in [A-Z][a-z]+ 20\d\d", third.observed("drill_time")["value"]["note"])


def test_a_table_that_lost_rows_since_the_last_drill_is_violated(drills: Drills) -> None:
    reports = drills.folder_of_reports()
    assert drills.run("plain", reports=reports).not_holding() == {}
    file = reports / "state" / "drills" / "shop" / "test" / "plain.json"
    known = json.loads(file.read_text())
    known["counts"]["public.refunds"] *= 2
    (file.parent / "blind.json").write_text(json.dumps(known))
    ran = drills.run("blind", reports=reports)
    assert ran.results["restored_tables_hold_what_they_last_did"].verdict is Verdict.VIOLATED
    assert "public.refunds" in ran.results["restored_tables_hold_what_they_last_did"].observed
    assert ran.results["restored_schema_is_that_of_live"].verdict is Verdict.HOLDS


def test_a_memory_that_nobody_can_read_refuses_the_drill(drills: Drills) -> None:
    reports = drills.folder_of_reports()
    file = reports / "state" / "drills" / "shop" / "test" / "plain.json"
    file.parent.mkdir(parents=True)
    file.write_text('{"inventory": 7}')
    ran = drills.run("plain", reports=reports)
    assert ran.code == 4
    assert "not what a drill keeps" in ran.output.replace("\n", " ")


# The history itself


def test_torn_and_foreign_lines_say_nothing_and_take_no_other_with_them(tmp_path: Path) -> None:
    file = tmp_path / history.FILE
    history.append(tmp_path, record(ended=1.0))
    good = file.read_text()
    foreign = [
        "[]",
        "null",
        "7",
        "\x00\xff",
        '{"schema": 99}',
        json.dumps({"schema": 1, "environment": "shop/test", "drill": "blind", "ended": "soon"}),
    ]
    foreign += [json.dumps({**json.loads(good), "took": value}) for value in (None, "1", True, float("nan"))]
    file.write_text("\n".join([*foreign, good + good[: len(good) // 2]]), errors="replace")  # torn: no end of line
    history.append(tmp_path, record(ended=2.0))
    history.append(tmp_path, record(ended=3.0, drill="another"))
    assert [each["ended"] for each in history.records(tmp_path, "shop/test", "blind")] == [1.0, 2.0]


def test_runs_that_append_at_once_tear_nothing(tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
from muster import drills
for number in range(200):
    record = {"environment": "shop/test", "drill": "blind", "verdict": "holds"} | {"ended": number, "took": 1, "size": 1, "restored": 1}
    drills.append(Path(sys.argv[1]), record | {"counts": {f"public.table_{each}": each for each in range(100)}})
"""
    writers = [subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], cwd=ROOT) for _ in range(3)]
    assert [each.wait() for each in writers] == [0, 0, 0]
    assert len(history.records(tmp_path, "shop/test", "blind")) == 600


# The monthly check


def test_the_monthly_check_wants_a_drill_that_passed_recently(tmp_path: Path) -> None:
    document = shop("http://127.0.0.1:9/health")
    names = ("recent", "old", "never", "failed", "recovered", "elsewhere")
    document["drills"] = [drill(name, expect={"passed_within": "31d"}) for name in names]
    del document["readings"]
    (tmp_path / "environments" / "shop").mkdir(parents=True)
    (tmp_path / "environments" / "shop" / "test.yaml").write_text(json.dumps(document))
    now = time.time()
    past = [("recent", 3, "holds"), ("old", 40, "holds"), ("failed", 2, "violated"), ("failed", 5, "unknown"), ("recovered", 40, "holds"),
            ("recovered", 20, "violated"), ("recovered", 10, "holds"), ("recovered", 1, "unknown")]  # fmt: skip
    for name, ago, verdict in past:
        history.append(tmp_path, record(drill=name, ended=now - ago * DAY, verdict=verdict))

    State(tmp_path / "state").remember([], {"shop/test": {"drill/elsewhere": (now - 3 * DAY, 1.0)}}, "a drill of another machine")

    command = [sys.executable, "-m", "pytest", "checks/monthly", "-p", "no:cacheprovider", "--env", "shop/test", "--reports", str(tmp_path)]
    done = subprocess.run(
        [*command, "--environments", str(tmp_path / "environments")], cwd=ROOT, capture_output=True, text=True, check=False
    )

    results = {each.entity: each for each in Ran(1, tmp_path).all()}
    assert {name: str(each.verdict) for name, each in results.items()} == {
        "recent": "holds", "old": "violated", "never": "violated", "failed": "violated", "recovered": "holds", "elsewhere": "holds",
    }, done.stdout  # fmt: skip
    assert done.returncode == 1
    assert results["old"].observed.startswith("40d")
    assert "no drill of never that passed is recorded" in results["never"].reason
    assert "the last of 2 did not pass" in results["failed"].reason
