"""Results and journals made by hand, for what is written from them."""

from pathlib import Path
from typing import Any

from muster.digest import PLANNED
from muster.journal import Journal
from muster.verdicts import Result, Verdict


def made(verdict: Verdict = Verdict.HOLDS, **fields: Any) -> Result:
    """A result of `test_reading_is_low` for platform/production and the entity `errors`."""
    usual = {
        "system": "platform",
        "environment": "production",
        "check": "test_reading_is_low",
        "entity": "errors",
        "limit": "",
        "node": "checks/daily/test_readings.py::test_reading_is_low",
        "severity": "P1",
        "owner": "team-platform",
        "title": "The value is low enough",
        "at": 1_700_000_000.0,
        "since": 1_700_000_000.0,
        "took": 0.25,
    }
    return Result(verdict=verdict, **{**usual, **fields})


def journal(folder: Path, *results: Result, planned: tuple[Result, ...] = (), **looked: Any) -> Path:
    """A journal of these results; `planned` stand in the plan and reach no verdict."""
    writer = Journal(folder / "journal.jsonl", "20261120T000000Z-0badcafe")
    environments = dict.fromkeys(f"{each.system}/{each.environment}" for each in (*results, *planned))
    places = [{"id": each, "protected": False} for each in environments]
    writer.write("run", started=1_700_000_000.0, environments=places, replay=None, checks=len(results) + len(planned))
    for each in (*results, *planned):
        writer.write("planned", id=each.id, **{name: getattr(each, name) for name in PLANNED})
    writer.write("looked", **{"outcomes": len(results), "unknown": 0, "took": 1.5, "missing": [], **looked})
    for each in results:
        writer.verdict(each)
    writer.write("end", exit=1)
    writer.close()
    return writer.path
