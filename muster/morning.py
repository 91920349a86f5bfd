"""The morning digest: what is new, still wrong and recovered since the last run, on one screen; and the same as data.

`digest.md` and `digest.json` are always written; `--digest` shows it on the terminal. Made from the journal alone.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from muster import SCHEMA_VERSION, past
from muster.digest import Digest
from muster.lines import COLOURS, Line
from muster.markdown import cell
from muster.scrubber import dumps, scrub
from muster.steadiness import unsteady
from muster.text import count, fold, moment, plain, span
from muster.values import brief
from muster.verdicts import Result, Verdict, merged
from muster.waived import notices

FILES = ("digest.json", "digest.md")
ROWS = 22
"""Lines of the screen; two more are the verdict and the next prompt."""
MOST = 4
"""Names, units or environments that a line lists."""
NEW, STILL, RECOVERED = "new", "still", "recovered"


@dataclass(frozen=True)
class Entry:
    """One thing that somebody has to do with: a violated check, or all that one dead source left unknown, or what is well again."""

    change: str
    severity: str
    verdict: str
    environment: str
    what: str
    """The entity; of unknowns, their cause."""
    sentence: str
    """What is expected of it; of unknowns, how many checks depend on the cause."""
    said: str
    """What was seen; of unknowns, why not."""
    owner: str
    since: float
    """Unix seconds; of what recovered, since when it was wrong."""
    within: float | None
    """Seconds within which the runbook wants it answered; None where it does not say."""
    checks: tuple[str, ...]
    """Ids."""


@dataclass(frozen=True)
class Morning:
    """A run as who comes in the morning wants it."""

    run: str
    started: float
    exit: int | None
    verdict: str
    environments: dict[str, str]
    """Each with its counts in words."""
    compared_with: dict[str, str]
    """The last run that is remembered of each environment; empty when none is."""
    entries: tuple[Entry, ...]
    """New and still wrong, worst first, then recovered."""
    looked: str
    """How much was looked at."""
    notes: tuple[str, ...] = field(default=())
    """What else must not be overlooked."""

    def of(self, change: str) -> list[Entry]:
        """The entries of one kind."""
        return [each for each in self.entries if each.change == change]


def of(digest: Digest) -> Morning:
    """The morning's view of a run."""
    results = list(digest.results.values())
    wrong = [each for each in results if each.verdict in (Verdict.VIOLATED, Verdict.UNKNOWN)]
    well = [each for each in results if each.verdict in (Verdict.HOLDS, Verdict.WAIVED) and _was_wrong(digest, each)]
    entries = [*_entries(digest, wrong), *(_entry(digest, RECOVERED, [each]) for each in well)]
    order = (NEW, STILL, RECOVERED)
    return Morning(
        run=digest.run,
        started=digest.started,
        exit=digest.exit,
        verdict=merged(each.verdict for each in results).value,
        environments={each: brief(found) if (found := digest.of(each)) else "nothing selected" for each in digest.environments},
        compared_with={each: past.last_run(digest, each) for each in digest.environments},
        entries=tuple(sorted(entries, key=lambda each: (each.change == RECOVERED, each.severity, order.index(each.change), each.what))),
        looked=_looked(digest, results),
        notes=tuple(_notes(digest, results)),
    )


def _was_wrong(digest: Digest, result: Result) -> bool:
    trail = past.remembered(digest, result)["trail"]
    return bool(trail) and trail[-1] in past.CALLED


def _entries(digest: Digest, wrong: list[Result]) -> Iterator[Entry]:
    """One for each violation, and one for each cause of unknowns of one environment that are equally new."""
    groups: dict[tuple[str, ...], list[Result]] = defaultdict(list)
    for each in wrong:
        change = STILL if _was_wrong(digest, each) else NEW
        key = each.cause if each.verdict is Verdict.UNKNOWN else each.id
        groups[change, each.system, each.environment, each.verdict, key].append(each)
    for (change, *_), members in groups.items():
        yield _entry(digest, change, sorted(members, key=lambda each: each.severity))


def _entry(digest: Digest, change: str, members: list[Result]) -> Entry:
    worst = members[0]
    environment = f"{worst.system}/{worst.environment}"
    unknown = worst.verdict is Verdict.UNKNOWN
    since = past.remembered(digest, worst)["since"] if change == RECOVERED else worst.since
    owners = dict.fromkeys(each.owner for each in members)
    return Entry(
        change, worst.severity, worst.verdict.value, environment,
        (worst.cause or "unknown cause") if unknown else worst.entity,
        f"{count(len(members), 'check')} could not be judged" if unknown else worst.sentence or worst.title.rstrip("."),
        worst.reason if unknown else _compared(worst), ", ".join(owners), since,
        digest.response.get(environment, {}).get(worst.severity), tuple(each.id for each in members),
    )  # fmt: skip


def _compared(result: Result) -> str:
    """What was seen, and what should have been."""
    said = f"{result.observed or 'nothing'}, wanted {result.expected}" if result.expected or result.observed else result.reason
    return said if result.verdict is not Verdict.VIOLATED or not result.note else f"{said}; {result.note}"


def _looked(digest: Digest, results: list[Result]) -> str:
    entities = {(each.system, each.environment, each.entity) for each in results if each.observations}
    amounts = sorted(digest.looked.get("amounts", {}).items(), key=lambda item: -item[1])
    seen = ", ".join(f"{number:,} {unit}" for unit, number in amounts[:MOST])
    judged = sum(each.verdict in (Verdict.HOLDS, Verdict.VIOLATED, Verdict.WAIVED) for each in results)
    return f"{count(judged, 'check')} of {count(len(entities), 'entity', 'entities')}" + (f"; saw {seen}" if seen else "")


def _notes(digest: Digest, results: list[Result]) -> Iterator[str]:
    """What is not known, what was planned before and is not now, what is accepted or was not asked."""
    blind = [each for each in digest.environments if not past.last_run(digest, each)]
    if blind:
        yield f"no earlier run of {_some(blind)} is remembered: what is new or recovered there, nobody can say"
    missing = [each for each in results if each.verdict is Verdict.NOT_RUN]
    vanished = [each for each in missing if "reason" in digest.planned[each.id]]
    if vanished:
        names = _some([each.entity for each in vanished])
        yield f"{count(len(vanished), 'check')} of the last plan vanished although no file changed: {names}"
    if len(missing) > len(vanished):
        yield f"{count(len(missing) - len(vanished), 'check')} planned and not judged"
    for environment, fewer in digest.fewer.items():
        yield f"{count(fewer, 'check')} fewer in {environment} than its last plan, whose files have changed"
    waived = [each for each in results if each.verdict is Verdict.WAIVED]
    if waived:
        yield f"{count(len(waived), 'check')} waived: {_some([each.entity for each in waived])}"
    for environment, known in digest.history.items():
        if passed := known.get("overrides"):
            yield f"gates of {environment} passed by override: {_some(passed)}"
    yield from (f"{head}: {_some([line.split(': ')[0] for line in told])}" for head, told in unsteady(digest))
    yield from notices(digest)
    if digest.replay:
        yield "saved observations, judged again; nothing was looked at now"


def _some(names: list[str]) -> str:
    names = list(dict.fromkeys(names))
    return ", ".join(names[:MOST]) + (f" and {len(names) - MOST} more" if len(names) > MOST else "")


def answered(within: float | None) -> str:
    """How soon a severity is answered, in words."""
    return "" if within is None else "answer at once" if within == 0 else f"answer within {span(within)}"


def since(entry: Entry, started: float) -> str:
    """Since when, in words."""
    if entry.change == RECOVERED:
        return f"was wrong since {moment(entry.since)}" if entry.since else "was wrong before"
    return "new" if entry.change == NEW else f"since {moment(entry.since)} ({span(max(0.0, started - entry.since))})"


def headline(made: Morning) -> str:
    """How many of each, or that all holds."""
    wrong = len(made.of(NEW)) + len(made.of(STILL))
    if not wrong and made.verdict in (Verdict.HOLDS, Verdict.WAIVED):
        return f"All holds: {made.looked}"
    return f"{len(made.of(NEW))} new, {len(made.of(STILL))} still, {len(made.of(RECOVERED))} recovered"


def screen(made: Morning, width: int = 80, rows: int = ROWS) -> Iterator[Line]:
    """At most `rows` lines: three for each entry as long as all fit, then two, then one, then the worst."""
    head = [_short(f"{moment(made.started)}  {headline(made)}", width, ("bold",))]
    if len(made.environments) > 1 or made.entries:
        head += [_short(f"{name}: {said}", width) for name, said in list(made.environments.items())[:MOST]]
        head += [Line(f"and {len(made.environments) - MOST} more environments")] if len(made.environments) > MOST else []
    foot = [Line(line, ("yellow",)) for each in made.notes[:MOST] for line in fold(each, width)[:2]]
    room = rows - len(head) - len(foot)
    yield from head
    yield from _fitting(made, width, room)
    yield from foot


def _fitting(made: Morning, width: int, room: int) -> list[Line]:
    told: list[Line] = []
    for most in (3, 2, 1):
        told = [line for each in made.entries for line in _told(each, made, width, most)]
        if len(told) <= room:
            return told
    left = len(made.entries) - room + 1
    return [*told[: room - 1], Line(f"and {left} more: see digest.json, summary.html")]


def _told(entry: Entry, made: Morning, width: int, most: int) -> Iterator[Line]:
    """One entry in `most` lines: what is expected; what was seen; who answers, how soon, and since when it is so."""
    several = f"{entry.environment} " if len(made.environments) > 1 else ""
    word = {NEW: "NEW", STILL: "STILL", RECOVERED: "well"}[entry.change]
    unknown = "unknown " if entry.verdict == Verdict.UNKNOWN else ""
    colours = ("green",) if entry.change == RECOVERED else COLOURS.get(entry.severity, ())
    lasts = "" if entry.change == NEW or not entry.since else f"for {span(max(0.0, made.started - entry.since))}"
    who = "; ".join(filter(None, (answered(entry.within) if entry.change != RECOVERED else "", entry.owner, lasts)))
    yield _short(f"{entry.severity} {word:5} {unknown}{several}{entry.what}: {entry.sentence}", width, colours)
    if most == 2:
        said = _short(entry.said, max(20, width - len(who) - 11)).text
        yield _short(f"         {said}; {who}", width)
    elif most == 3:
        yield _short(f"         {entry.said}", width)
        yield _short(f"         {who}", width)


def _short(text: str, width: int, markup: tuple[str, ...] = ()) -> Line:
    shown = plain(scrub(text))
    return Line(shown if len(shown) <= width else shown[: width - 3] + "...", markup)


def as_data(made: Morning) -> dict[str, Any]:
    """The content of `digest.json`."""
    return {"schema": SCHEMA_VERSION, **asdict(made), "headline": headline(made)}


def as_markdown(made: Morning) -> str:
    """The content of `digest.md`: at most a screen."""
    lines = [f"**{moment(made.started)}: {made.verdict.upper()}.** {cell(headline(made))}", ""]
    lines += [f"- {cell(name)}: {said}" for name, said in made.environments.items()]
    shown = made.entries[:ROWS]
    if shown:
        lines += ["", "| | what | seen | since | owner | answer |", "|---" * 6 + "|"]
    for each in shown:
        cells = (
            f"{each.severity} {each.change}",
            f"{each.environment} {each.what}: {each.sentence}",
            each.said,
            since(each, made.started),
            each.owner,
        )
        lines.append("| " + " | ".join(map(cell, (*cells, answered(each.within).removeprefix("answer ")))) + " |")
    if len(made.entries) > len(shown):
        lines += ["", f"And {len(made.entries) - len(shown)} more in digest.json and summary.html."]
    lines += ["", *(f"- {cell(each)}" for each in made.notes)] if made.notes else []
    return "\n".join(lines) + "\n"


def write(digest: Digest, folder: Path) -> None:
    """Write both files. Raises OSError when the disk does not take them."""
    made = of(digest)
    (folder / "digest.json").write_text(dumps(as_data(made), indent=1) + "\n", encoding="utf-8", errors="replace")
    (folder / "digest.md").write_text(scrub(as_markdown(made)), encoding="utf-8", errors="backslashreplace")
