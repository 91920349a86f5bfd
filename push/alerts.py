"""Results as alerts of Alertmanager's v2 API. Labels are who an alert is, and stay; what was seen stands in annotations.

violated              firing, `verdict=violated`, for the entity's owner
unknown, vanished     firing, `verdict=unknown`, for the owner of the suite
holds, waived, flaky  ends what fires
not asked, not run    left as it is; it ends by itself, when nobody renews it
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from muster.digest import Digest
from muster.push import Push
from muster.scrubber import scrubbed
from muster.text import cut
from muster.verdicts import Result, Verdict
from muster.wording import compared

Alert = dict[str, Any]
REPORTER = "muster"
"""The label `reporter`: what tells these alerts from everybody else's."""
LONGEST, ROWS = 400, 8
"""Characters of an annotation, and lines of a second look in one."""
LEFT = (Verdict.NOT_ASKED, Verdict.NOT_RUN)
"""Verdicts that say nothing new."""
MOMENT = "%Y-%m-%dT%H:%M:%S.%fZ"


def identity(result: Result, verdict: str, owner: str) -> dict[str, str]:
    """The labels of an alert about a result. No value is among them; an empty one would be no label."""
    labels = {
        "alertname": result.check, "system": result.system, "environment": result.environment, "entity": result.entity,
        "limit": result.limit, "severity": result.severity, "owner": owner, "verdict": verdict, "reporter": REPORTER,
    }  # fmt: skip
    return {name: text for name, text in labels.items() if text}


def firing(digest: Digest, environment: str, owner: str, push: Push, now: float) -> list[Alert]:
    """The alerts about what does not hold, the worst first. `owner`: of the suite. `now`: Unix seconds."""
    results = [each for each in digest.worst_first() if f"{each.system}/{each.environment}" == environment]
    return [scrubbed(_alert(each, digest, owner, push, now)) for each in results if _fires(each, digest)]


def _fires(result: Result, digest: Digest) -> bool:
    vanished = result.verdict is Verdict.NOT_RUN and "reason" in digest.planned[result.id]
    return result.verdict in (Verdict.VIOLATED, Verdict.UNKNOWN) or vanished


def _alert(result: Result, digest: Digest, owner: str, push: Push, now: float) -> Alert:
    violated = result.verdict is Verdict.VIOLATED
    lasts = push.lasts(PurePosixPath(result.node.partition("::")[0]).parent.name)
    made = {
        "labels": identity(result, "violated" if violated else "unknown", result.owner if violated else owner),
        "annotations": dict(_annotations(result, digest)),
        "startsAt": stamp(min(result.since or result.at or now, now)),
        "endsAt": stamp(now + lasts),
    }
    # The server refuses the whole batch for an address that is none.
    return {**made, "generatorURL": result.runbook} if urlsplit(result.runbook).scheme in ("http", "https") else made


def _annotations(result: Result, digest: Digest) -> Iterator[tuple[str, str]]:
    """What a reader is told, without what is empty; each bounded, scrubbed and in one line, but for the second look."""
    entity, lines = digest.follow_ups.get(result.id, ("", []))
    told = {
        "summary": f"{result.system}/{result.environment} {result.entity}: {result.title}", "compared": compared(result),
        "expected": result.expected, "observed": result.observed, "reason": result.reason, "cause": result.cause, "next": result.next,
        "where": result.where, "runbook_url": result.runbook, "heading": result.heading, "check": result.id, "run": digest.run,
    }  # fmt: skip
    yield from ((name, cut(text, LONGEST)) for name, text in told.items() if text)
    if lines:
        shown = [*lines[:ROWS], *([f"and {len(lines) - ROWS} more in the report"] if len(lines) > ROWS else [])]
        yield "looked_again_at", "\n".join([entity, *(cut(each, LONGEST) for each in shown)])


def resolved(digest: Digest, known: Iterable[Alert], fires: Iterable[Alert], now: float) -> list[Alert]:
    """Ends for those alerts that a server knows and this run has judged to be over: the check holds, or fails in another way."""
    still = [each["labels"] for each in fires]
    over = {_who(identity(each, "", "")) for each in digest.verdicts.values() if each.verdict not in LEFT}
    ending = [each for each in known if each["labels"] not in still and _who(each["labels"]) in over]
    kept = ("labels", "annotations", "startsAt")
    return [{**{name: each[name] for name in kept}, "endsAt": stamp(now)} for each in ending]


def _who(labels: dict[str, str]) -> tuple[str, ...]:
    """What stays the same of a check whatever it comes to, and whoever owns it."""
    return tuple(labels.get(name, "") for name in ("alertname", "system", "environment", "entity", "limit"))


def stamp(at: float) -> str:
    """A Unix time as the API takes it."""
    return datetime.fromtimestamp(at, UTC).strftime(MOMENT)
