"""Journals of runs that were not the first: results with a remembered past, hostile names, several environments."""

from pathlib import Path
from typing import Any

from muster import past
from muster.digest import PLANNED
from muster.journal import Journal
from muster.verdicts import Result

STARTED = 1_795_000_000.0
HOSTILE = (
    "<script>document.title='RAN'</script><img src=x onerror=\"document.title='RAN'\"> \" onmouseover='x' style='x' "
    "</style></title></textarea>--><!-- &lt;b&gt; \x1b[31mred\x1b]0;t\x07 \x00 \u202egnirts\u2066 javascript:alert(1) ]]>"
)


def journal(
    folder: Path, *results: Result, trails: dict[str, str] | None = None, first: bool = False, called: dict[str, Any] | None = None,
    follow_ups: dict[str, list[str]] | None = None, planned: tuple[Result, ...] = (),
) -> Path:  # fmt: skip
    """A journal of these results; `trails` by id are what earlier runs came to ("h" for all others, nothing when it is the `first`)."""
    writer = Journal(folder / "journal.jsonl", "20261120T000000Z-0badcafe")
    every = (*results, *planned)
    environments = dict.fromkeys(f"{each.system}/{each.environment}" for each in every)
    response = {"P0": 0.0, "P1": 1800.0, "P2": 7200.0, "P3": 86400.0}
    places = [{"id": each, "protected": False, "response": response} for each in environments]
    writer.write("run", started=STARTED, environments=places, replay=None, checks=len(every))
    for each in every:
        writer.write("planned", id=each.id, **{name: getattr(each, name) for name in PLANNED})
    for place in environments:
        known = {each.id: _known((trails or {}).get(each.id, "h")) for each in every if f"{each.system}/{each.environment}" == place}
        writer.write("earlier", environment=place, **past.told({} if first else known, list(known)))
    if called:
        writer.write("called", **called)
    amounts = {"pods": 12, "rows": 3}
    writer.write("looked", outcomes=len(results), unknown=0, took=1.5, missing=[], amounts=amounts)
    for each in results:
        writer.verdict(each)
    for key, lines in (follow_ups or {}).items():
        writer.write("follow_up", entity=f"platform/production/readings/{key}", checks=[key], lines=lines)
    writer.write("end", exit=1)
    writer.close()
    return writer.path


def _known(trail: str) -> dict[str, Any]:
    return {"verdict": "violated", "trail": trail, "since": STARTED - 86400, "run": "20261119T000000Z-0badcafe"} if trail else {}
