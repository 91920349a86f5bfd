"""What was remembered of each result before a run: a letter for each of its last verdicts, the newest last.

It stands in the journal from before the first probe, so that reports that are completed later know it too. Most results have
the same past; so the journal says the usual one once, and by name only those that have another.
"""

from collections import Counter
from typing import Any

from typing_extensions import TypedDict

from muster.digest import Digest
from muster.verdicts import Result, Verdict

KEPT = 30
"""Verdicts that are kept of each result."""
LETTERS = {"v": Verdict.VIOLATED, "u": Verdict.UNKNOWN, "w": Verdict.WAIVED, "h": Verdict.HOLDS}
CALLED = "vu"
"""Letters of verdicts for which somebody was called."""


class Past(TypedDict):
    """A result that was remembered before this run: a letter for each of its last verdicts, and since when the last has been."""

    trail: str
    since: float


class Earlier(TypedDict):
    """What was remembered of an environment: its last run, the most usual trail, and every planned result with another one."""

    environment: str
    last: str
    """Id of the last run; empty when none is remembered."""
    usual: str
    results: dict[str, Past]


def longer(trail: str, verdict: Verdict) -> str:
    """A trail with one more verdict."""
    return (trail + verdict.value[0])[-KEPT:]


def trail_of(known: dict[str, Any]) -> str:
    """The trail of what is remembered of a result; of what was remembered before there were trails, its last verdict alone."""
    return str(known.get("trail", known.get("verdict", "")[:1]))


def told(results: dict[str, dict[str, Any]], planned: list[str]) -> dict[str, Any]:
    """The fields of the journal's line `earlier`, from what is remembered of an environment."""
    trails = {key: trail_of(results.get(key, {})) for key in planned}
    calm = Counter(trail for trail in trails.values() if trail[-1:] not in tuple(CALLED))  # of the others it matters since when
    usual = calm.most_common(1)[0][0] if calm else ""
    others = {
        key: {"trail": trail, "since": float(results.get(key, {}).get("since", 0.0))} for key, trail in trails.items() if trail != usual
    }
    return {"last": max((each["run"] for each in results.values()), default=""), "usual": usual, "results": others}


def remembered(digest: Digest, result: Result) -> dict[str, Any]:
    """`trail` and `since` of a result before this run; an empty trail when nobody judged it before."""
    known = digest.earlier.get(f"{result.system}/{result.environment}", {"usual": "", "results": {}})
    found: dict[str, Any] = known["results"].get(result.id, {"trail": known["usual"], "since": 0.0})
    return found


def last_run(digest: Digest, environment: str) -> str:
    """The id of the last run that is remembered of an environment; empty when none is."""
    return str(digest.earlier.get(environment, {}).get("last", ""))
