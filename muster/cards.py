"""The parts of `summary.html`: a card for each violation, one for each dead source, and tables of what is well."""

from functools import cache
from typing import Any

from muster import morning, past
from muster.digest import Digest
from muster.markup import Child, Markup, link, tag
from muster.text import count, moment, span
from muster.values import value
from muster.verdicts import Result, Verdict
from muster.wording import since

NAMES = {"v": "violated", "u": "unknown", "w": "waived", "h": "held"}
LONG = 40
"""Characters of a value that is too long for large letters."""
STEP, HIGH = 7, 12
"""Width of a dot's place and height of a row of dots."""


def card(result: Result, digest: Digest, told: set[str]) -> Markup:
    """One violation: what, seen and expected, who and since when, what to do; the rest folded up. `told` has entities of second looks."""
    fresh = _change(result, digest)
    return tag(
        "article",
        tag("h3", _severity(result), f"{result.entity}: {result.sentence or result.title.rstrip('.')}", _limit(result),
            tag("span", fresh, class_="new") if fresh else None),
        _seen(result),
        _meta(result, digest),
        tag("p", tag("span", result.next), class_="next") if result.next else None,
        _again(result, digest, told),
        _more(result),
        class_=f"card e {result.verdict.value.replace(' ', '-')} {_place(result, digest)}",
    )  # fmt: skip


def _seen(result: Result) -> Markup:
    """The value, what is expected, and why it is not so."""
    value_ = tag("b", result.observed or "nothing", class_="long" if len(result.observed) > LONG else "")
    return tag(
        "div",
        value_,
        f" expected {result.expected}" if result.expected else "",
        f" ({result.reason})" if result.reason else "",
        class_="seen",
    )


def _meta(result: Result, digest: Digest) -> Markup:
    within = digest.response.get(f"{result.system}/{result.environment}", {}).get(result.severity)
    several = len(digest.environments) > 1
    return tag(
        "div",
        tag("span", tag("b", f"{result.system}/{result.environment}")) if several else None,
        tag("span", tag("b", result.owner), f", {morning.answered(within)}" if within is not None else ""),
        tag("span", since(result)) if result.at and not _change(result, digest) else None,
        tag("span", dots(result, digest)),
        tag("span", link(result.runbook, f"Runbook: {result.heading.rpartition(' / ')[2]}")) if result.heading else None,
        class_="meta",
    )


def _again(result: Result, digest: Digest, told: set[str]) -> Child:
    """The second look around the entity, below the first card about it."""
    entity, lines = digest.follow_ups.get(result.id, ("", []))
    if not lines or entity in told:
        return None
    told.add(entity)
    return tag("details", tag("summary", f"Looked again: {lines[0][:90]}"), tag("pre", "\n".join(lines)))


def _more(result: Result) -> Markup:
    """What only who mends it wants to know."""
    rows = {
        "check": result.id, "title": result.title, "compared": f"{result.what} {result.expected}".strip(), "where": result.where,
        "seen on": result.seen, "looked at": result.looked_at, "when": moment(result.at) if result.at else "", "took": span(result.took),
        "runbook": " ".join(filter(None, (result.heading, f"({', '.join(result.expectation_ids)})" if result.expectation_ids else ""))),
        "says": result.sentence,
    }  # fmt: skip
    return tag("details", tag("summary", "How this was measured"), tag("dl", [[tag("dt", k), tag("dd", v)] for k, v in rows.items() if v]))


def group(members: list[Result], digest: Digest) -> Markup:
    """All that one cause left unknown, or that was not run for one reason: one headline."""
    worst = members[0]
    reasons = dict.fromkeys(each.reason for each in members)
    hints = dict.fromkeys(each.next for each in members if each.next)
    head = worst.cause or "unknown cause" if worst.verdict is Verdict.UNKNOWN else "Planned, and not judged"
    rows = [_row(each, digest, (each.entity, _limit(each)), each.title, dots(each, digest)) for each in members]
    return tag(
        "article",
        tag("h3", _severity(worst), f"{head}: {count(len(members), 'check')}"),
        [tag("div", reason, class_="seen") for reason in list(reasons)[:3]],
        tag("div", f"and {len(reasons) - 3} other reasons", class_="soft") if len(reasons) > 3 else None,
        _meta(worst, digest),
        tag("p", tag("span", next(iter(hints))), class_="next") if len(hints) == 1 else None,
        tag("details", tag("summary", "Which checks"), tag("table", rows)),
        class_=f"card e {worst.verdict.value.replace(' ', '-')} {_place(worst, digest)}",
    )


def holding(results: list[Result], digest: Digest) -> Child:
    """What holds, with its values."""
    if not results:
        return None
    heads = tag("tr", [tag("th", each, class_="wide" if each == "runs" else "") for each in ("", "entity", "seen (expected)", "runs")])
    rows = [
        _row(
            each, digest, (_named(each, digest), tag("div", each.sentence or each.title, class_="soft")),
            (value(each), tag("div", each.note, class_="soft") if each.note else None), dots(each, digest),
        )
        for each in results
    ]  # fmt: skip
    summary = tag("summary", f"Holds ({len(results)}): every value that was seen", class_="green")
    return tag("details", summary, tag("table", heads, rows))


def others(results: list[Result], digest: Digest) -> Child:
    """What was not asked, and why."""
    if not results:
        return None
    rows = [_row(each, digest, _named(each, digest), each.reason) for each in results]
    return tag("details", tag("summary", f"Not asked ({len(results)})", class_="soft"), tag("table", rows))


def _row(result: Result, digest: Digest, *cells: Child) -> Markup:
    return tag("tr", tag("td", _severity(result)), [tag("td", each) for each in cells], class_=f"e {_place(result, digest)}")


def passage(said: dict[str, Any]) -> Markup:
    """What the runbook says under a heading that somebody was called to."""
    return tag("div", tag("p", link(said["link"], said["heading"])), tag("p", said["next"], class_="next") if said["next"] else None)


def dots(result: Result, digest: Digest) -> Markup:
    """A dot for each verdict that is remembered, and one with a rim for this one: high is well."""
    letter = result.verdict.value[0] if result.verdict not in (Verdict.NOT_RUN, Verdict.NOT_ASKED) else ""
    return _drawn(past.remembered(digest, result)["trail"], letter)


@cache
def _drawn(trail: str, letter: str) -> Markup:
    """Most results of a report share their history with many others."""
    marks = [_dot(number, each, now=False) for number, each in enumerate(trail)]
    marks += [_dot(len(trail), letter, now=True)] if letter else []
    told = f"last {len(trail)} runs: {', '.join(NAMES[each] for each in trail)}" if trail else "no earlier run is remembered"
    size = f"{max(len(marks), 1) * STEP}"
    return tag("svg", tag("title", told), marks, width=size, height=str(HIGH), viewBox=f"0 0 {size} {HIGH}", role="img")


def _dot(number: int, letter: str, *, now: bool) -> Markup:
    place = {"cx": f"{number * STEP + STEP / 2:g}", "cy": "3.5" if letter in "hw" else "8.5", "r": "2.6"}
    return tag("circle", class_=letter + (" n" if now else ""), **place)


def _change(result: Result, digest: Digest) -> str:
    """`new`, where something is known to compare with."""
    if not past.last_run(digest, f"{result.system}/{result.environment}"):
        return ""
    trail = past.remembered(digest, result)["trail"]
    return "" if trail[-1:] in (*past.CALLED,) else "NEW"


def _named(result: Result, digest: Digest) -> str:
    several = f"{result.system}/{result.environment} " if len(digest.environments) > 1 else ""
    return f"{several}{result.entity}" + (f" ({result.limit})" if result.limit else "")


def _limit(result: Result) -> str:
    return f" ({result.limit})" if result.limit else ""


def _severity(result: Result) -> Markup:
    return tag("span", result.severity, class_=f"sev {result.severity}")


def _place(result: Result, digest: Digest) -> str:
    """The class of the result's environment."""
    return f"e{list(digest.environments).index(f'{result.system}/{result.environment}') + 1}"
