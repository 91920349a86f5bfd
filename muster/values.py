"""Every value that a run saw, holding or not, on a page that fits a phone's terminal: the worst first, then the most telling."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from muster.digest import Digest, counts
from muster.lines import AROUND, COLOURS, LISTED, Line
from muster.text import count, cut, fold
from muster.verdicts import Result, Verdict, merged
from muster.wording import since

PLAIN = {"0", "0%", "0ms", "0B", "True", "nothing"}
"""Values that say no more than that all is well."""
UNSAID = ("value", "matched")
"""What is compared, where the entity's name says it already."""


def page(digest: Digest, width: int) -> Iterator[Line]:
    """The whole page."""
    yield from _head(digest, width)
    told: dict[str, list[str]] = {}
    for each in digest.worst_first():
        if each.verdict is Verdict.VIOLATED:
            yield from _violated(each, digest, width, told)
    yield from _unknown(digest, width)
    yield from _next(digest, width)
    yield from _rest(digest, width)
    yield from _end(digest, width)


def _head(digest: Digest, width: int) -> Iterator[Line]:
    for each in digest.called.get("asked", ()):
        kind, _, name = each.partition(" ")
        yield from _folded(f"{kind.upper()} {name}", width, "", ("bold",))
    for environment in digest.environments:
        sandbox = " (SANDBOX)" if environment.endswith("/sandbox") else " (PROTECTED)" if digest.environments[environment] else ""
        results = digest.of(environment)
        yield from _folded(f"{environment}{sandbox}: {brief(results) if results else 'nothing is tied to this'}", width, "")
    yield Line()


def _violated(result: Result, digest: Digest, width: int, told: dict[str, list[str]]) -> Iterator[Line]:
    yield from _folded(f"{result.severity} VIOLATED {_place(result, digest)}", width, "", COLOURS.get(result.severity, ()))
    yield from _folded(result.sentence or result.title, width)
    yield from _folded(value(result), width)
    yield from _folded(result.reason, width)
    yield from _folded(f"{since(result)}; {result.owner}", width)
    yield from _folded(f"next: {result.next}" if result.next else "", width)
    entity, said = digest.follow_ups.get(result.id, ("", []))
    if said and entity not in told:
        told[entity] = said
        yield Line("  looked again:")
        shown = said if len(said) <= AROUND else said[: AROUND - 1]
        for line in shown:
            yield from _folded(cut(line, 300), width, "    ")
        if len(said) > len(shown):
            yield Line(f"    and {count(len(said) - len(shown), 'more line')}")
    yield Line()


def _unknown(digest: Digest, width: int) -> Iterator[Line]:
    """What nobody knows, under its cause; what was planned and reached no verdict."""
    groups: dict[str, list[Result]] = defaultdict(list)
    for each in digest.worst_first():
        if each.verdict in (Verdict.UNKNOWN, Verdict.NOT_RUN):
            groups[each.cause or "unknown cause"].append(each)
    for cause, members in groups.items():
        colours = ("purple", "bold")
        yield from _folded(
            f"{members[0].severity} {members[0].verdict.upper()} {cause} ({count(len(members), 'check')})", width, "", colours
        )
        for reason, _ in Counter(each.reason for each in members).most_common(2):
            yield from _folded(reason, width)
        names = list(dict.fromkeys(_place(each, digest) for each in members))
        more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
        yield from _folded(f"not judged: {', '.join(names[:LISTED])}{more}", width)
        yield Line()


def _next(digest: Digest, width: int) -> Iterator[Line]:
    """What the runbook says to do, and what of its heading nobody looks at."""
    for each in digest.called.get("passages", ()):
        yield from _folded(f"RUNBOOK {each['heading']}", width, "", ("bold",))
        yield from _folded(f"next: {each['next']}" if each["next"] else "", width)
        yield from _folded(each["link"], width)
        yield Line()
    unlooked = digest.called.get("unlooked", ())
    if unlooked:
        yield Line("NOBODY LOOKS AT", ("yellow", "bold"))
    for each in unlooked:
        yield from _folded(each, width)
    yield from [Line()] if unlooked else ()


def _rest(digest: Digest, width: int) -> Iterator[Line]:
    """What holds, with its values; what was waived or not asked, with the reason."""
    results = digest.worst_first()
    holding = sorted((each for each in results if each.verdict is Verdict.HOLDS), key=_telling)
    if holding:
        yield Line("HOLDS", ("green", "bold"))
    groups: dict[str, list[Result]] = defaultdict(list)
    for each in holding:
        groups[_place(each, digest)].append(each)
    for place, members in groups.items():
        notes = dict.fromkeys(each.note for each in members if each.note)
        said = "; ".join([*map(value, members), *notes])
        yield from _folded(f"{members[0].severity} {place}: {said}", width, "", more="   ")
    for each in results:
        if each.verdict in (Verdict.WAIVED, Verdict.NOT_ASKED):
            yield from _folded(f"{each.severity} {_place(each, digest)}: {each.verdict}, {each.reason}", width, "", more="   ")
    yield Line()


def _end(digest: Digest, width: int) -> Iterator[Line]:
    """How much was looked at."""
    look = digest.looked
    if look:
        seen = ", ".join(
            f"{number:,} {unit}" for unit, number in sorted(look.get("amounts", {}).items(), key=lambda item: -item[1])[:LISTED]
        )
        yield from _folded(f"looked at {seen or 'nothing'} in {look['took']:.1f} s; {look['unknown']} unknown", width, "")


def brief(results: list[Result]) -> str:
    """`1 violated, 14 hold`: the counts that are not zero."""
    return ", ".join(f"{number} {'hold' if name == Verdict.HOLDS else name}" for name, number in counts(results).items() if number)


def value(result: Result) -> str:
    """A value with what it is and what is expected of it: `idle transactions 0 (<= 0)`."""
    if not result.expected and not result.observed:
        return ""
    first, _, last = result.what.rpartition(".")
    name = "" if last in UNSAID else (first if last in ("count", "share") else last).replace("_", " ")
    return f"{name + ' ' if name else ''}{result.observed or 'nothing'} ({result.expected})"


def _telling(result: Result) -> tuple[str, bool, str]:
    """By severity, then those whose value says more than that all is well."""
    return result.severity, result.observed in PLAIN and not result.note, result.id


def _place(result: Result, digest: Digest) -> str:
    """The entity, with its environment where there are several."""
    several = f"{result.system}/{result.environment} " if len(digest.environments) > 1 else ""
    return f"{several}{result.entity}" + (f" ({result.limit})" if result.limit else "")


def verdict(digest: Digest, width: int) -> Iterator[Line]:
    """The last word, for a narrow terminal."""
    found = merged(each.verdict for each in digest.results.values())
    return _folded(f"verdict: {found.upper()}, exit code {digest.exit}", width, "", ("bold",))


def _folded(text: str, width: int, indent: str = "  ", markup: tuple[str, ...] = (), more: str = "  ") -> Iterator[Line]:
    return (Line(each, markup) for each in fold(text, width, indent, more))
