"""What the terminal says at the end of a run, as lines of text; colours are names that the terminal may ignore."""

import textwrap
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from muster import causes, gating, waived
from muster.digest import CALM, Digest, counted
from muster.steadiness import repeated, seen, unsteady
from muster.text import count, cut, span
from muster.verdicts import Result, Verdict, merged
from muster.wording import compared, since

LONGEST = 900
"""Characters of one value on the terminal; the reports have the rest."""
LISTED = 8
"""Names in a list before it says how many more there are."""
AROUND, ROWS, SEVERAL = 8, 3, 6
"""Lines of a second look around one entity, rows of each on the terminal, and entities around which such lines are shown."""
COLOURS = {"P0": ("red", "bold"), "P1": ("red",), "P2": ("yellow",), "P3": ("cyan",)}


@dataclass(frozen=True)
class Line:
    """One line, with markup for the whole of it."""

    text: str = ""
    markup: tuple[str, ...] = ()


def report(digest: Digest, width: int = 80, *, verbose: bool = False) -> Iterator[Line]:
    """Everything about the verdicts: violated, unknown, not run, not asked, then a line for each environment."""
    results = digest.worst_first()
    told: dict[str, list[str]] = {}
    for each in results:
        if each.verdict is Verdict.VIOLATED:
            yield from violated(each, width, gating.excuse(digest, each))
            yield from followed(*digest.follow_ups.get(each.id, ("", [])), told, width)
            yield Line()
    yield from unknown(results, digest, width, verbose=verbose)
    yield from not_run([each for each in results if each.verdict is Verdict.NOT_RUN], digest, width, verbose=verbose)
    yield from allowed(digest, width, verbose=verbose)
    yield from fewer(digest.fewer, width)
    yield from not_asked([each for each in results if each.verdict is Verdict.NOT_ASKED], digest.deselected, width)
    yield from looks(digest, width)
    for environment in digest.environments:
        yield closing(environment, digest.of(environment))


def violated(result: Result, width: int, excuse: str = "") -> Iterator[Line]:
    """One violation in five or six lines; `excuse` says why it does not stop a gate."""
    head = f"{result.severity} VIOLATED {result.system}/{result.environment}  {result.entity}: {result.title}"
    yield from _wrapped(head, width, "", COLOURS.get(result.severity, ()))
    yield from _wrapped(f"does not stop the gate: {excuse}" if excuse else "", width)
    yield from _wrapped(compared(result), width)
    yield from _wrapped(result.reason, width)
    yield from _wrapped(seen(result), width)
    yield from _wrapped(f"owner {result.owner}; {since(result)}" + (f"; {result.where}" if result.where else ""), width)
    yield from _wrapped(_passage(result), width)
    yield from _wrapped(f"next: {result.next}" if result.next else "", width)


def followed(entity: str, said: list[str], told: dict[str, list[str]], width: int) -> Iterator[Line]:
    """What the second look around an entity has seen, below the first of its violations; `told` is what came before."""
    if not said or entity in told:
        return
    alike = next((each.rpartition("/")[2] for each, lines in told.items() if lines == said), "")
    told[entity] = said
    if alike or len({tuple(lines) for lines in told.values()}) > SEVERAL:
        yield from _wrapped(f"looked again: {f'the same as around {alike}' if alike else 'see the report'}", width)
        return
    yield from _wrapped("looked again:", width)
    shown = said if len(said) <= AROUND else said[: AROUND - 1]
    for line in shown:
        yield from _wrapped(line, width, "      ", rows=ROWS)
    if len(said) > len(shown):
        yield from _wrapped(f"and {count(len(said) - len(shown), 'more line')} in the report", width, "      ")


def _passage(result: Result) -> str:
    """The runbook's heading with the ids of its rows, and the link."""
    if not result.heading:
        return ""
    rows = f" ({', '.join(result.expectation_ids)})" if result.expectation_ids else ""
    return f"runbook: {result.heading}{rows}" + (f" {result.runbook}" if result.runbook else "")


def unknown(results: list[Result], digest: Digest, width: int, *, verbose: bool) -> Iterator[Line]:
    """Unknowns under their cause: a dead source is one headline, however many checks depend on it."""
    for group in causes.groups(results):
        members, reasons = group.results, group.reasons
        yield from _wrapped(f"{group.severity} UNKNOWN {group.head()}", width, "", ("purple", "bold"))
        excused = Counter(excuse for each in members if (excuse := gating.excuse(digest, each)))
        for excuse, times in excused.items():
            of = f" ({times} of {len(members)} checks)" if times < len(members) else ""
            yield from _wrapped(f"does not stop the gate: {excuse}{of}", width)
        for reason, times in reasons[:3]:
            yield from _wrapped(reason + (f" ({count(times, 'check')})" if len(reasons) > 1 else ""), width)
        if len(reasons) > 3:
            yield from _wrapped(f"and {count(len(reasons) - 3, 'other reason')}: see the report", width)
        yield from _wrapped(f"not judged: {places(members, verbose=verbose)}", width)
        often = {seen(each) for each in members}
        yield from _wrapped(often.pop() if len(often) == 1 else "", width)
        hints = {each.next for each in members}
        if len(hints) == 1:  # else each is about its own check, not about the source
            yield from _wrapped(f"next: {hints.pop()}", width)
        yield Line()


def not_run(results: list[Result], digest: Digest, width: int, *, verbose: bool) -> Iterator[Line]:
    """What was planned and reached no verdict, and what the look had not reached when it was interrupted."""
    missing = digest.looked.get("missing") or []
    if missing:
        total = len(missing) + int(digest.looked.get("outcomes", 0))
        yield from _wrapped(f"INTERRUPTED: {len(missing)} of {count(total, 'look')} had no answer yet", width, "", ("yellow", "bold"))
        shown = missing if verbose else missing[:LISTED]
        for key in shown:
            yield from _wrapped(f"not looked at: {key}", width)
        if len(missing) > len(shown):
            yield from _wrapped(f"and {len(missing) - len(shown)} more (-v lists them all)", width)
        yield Line()
    groups: dict[str, list[Result]] = defaultdict(list)
    for each in results:
        groups[each.reason].append(each)
    for reason, members in groups.items():
        yield from _wrapped(f"NOT RUN {count(len(members), 'check')}: {reason}", width, "", ("purple", "bold"))
        yield from _wrapped(places(members, verbose=verbose), width)
        yield Line()


def allowed(digest: Digest, width: int, *, verbose: bool) -> Iterator[Line]:
    """What is accepted for now, by a waiver or in maintenance; and which waivers end, or are not needed."""
    for text in waived.waivers(digest):
        yield from _wrapped(text, width, "", ("cyan",))
    for text, members in waived.maintenances(digest):
        yield from _wrapped(text, width, "", ("cyan",))
        shown = members if verbose else members[:LISTED]
        for each in shown:
            yield from _wrapped(waived.covered(each), width)
        if len(members) > len(shown):
            yield from _wrapped(f"and {len(members) - len(shown)} more (-v lists them all)", width)
    for text in waived.notices(digest):
        yield from _wrapped(text, width, "", ("yellow",))
    if any(digest.waivers) or any(each.allowance for each in digest.results.values()):
        yield Line()


def fewer(gone: dict[str, int], width: int) -> Iterator[Line]:
    """How many checks are gone with a change of an environment's files: wanted, most likely, and still not to be overlooked."""
    for environment, checks in gone.items():
        said = f"{environment}: {count(checks, 'check')} fewer than its last plan, whose files have changed since"
        yield from _wrapped(said, width, "", ("yellow",))


def history(digest: Digest, width: int, *, verbose: bool) -> Iterator[Line]:
    """What is not known for want of a history; with `verbose`, what is."""
    for each in digest.history.values():
        if each["missing"] or verbose:
            unknown = f"; not known therefore: {each['missing']}" if each["missing"] else ""
            yield from _wrapped(f"history of {each['environment']} in {each['where']}: {each['said']}{unknown}", width, "")


def pushed(digest: Digest, width: int) -> Iterator[Line]:
    """What other servers were told, and what they could not be told."""
    for each in digest.pushes:
        where = f"{each['environment']} to {each['to']}"
        said = f"NOT PUSHED {where}: {each['failed']}" if each["failed"] else f"pushed {where}: {each['said']}"
        yield from _wrapped(said, width, "", ("red", "bold") if each["failed"] else ())


def lost(told: list[str], width: int) -> Iterator[Line]:
    """What could not be written; above are the verdicts that it should have held."""
    for each in told:
        yield from _wrapped(f"NOT WRITTEN {each}", width, "", ("red", "bold"))


def not_asked(results: list[Result], deselected: list[tuple[str, str]], width: int) -> Iterator[Line]:
    """What this run did not ask, each with its reason."""
    groups: dict[str, list[Result]] = defaultdict(list)
    for each in results:
        groups[each.reason].append(each)
    for reason, members in sorted(groups.items()):
        yield from _wrapped(f"not asked, {reason}: {places(members, verbose=False)}", width, "")
    for reason, times in sorted(Counter(reason for _, reason in deselected).items()):
        yield from _wrapped(f"deselected, {reason}: {count(times, 'check')}", width, "")
    if groups or deselected:
        yield Line()


def looks(digest: Digest, width: int) -> Iterator[Line]:
    """What holds and did not, what changes too often, and what all further looks came to."""
    for head, told in unsteady(digest):
        yield from _wrapped(head, width, "", ("yellow", "bold"))
        for each in told[:LISTED]:
            yield from _wrapped(each, width)
        if len(told) > LISTED:
            yield from _wrapped(f"and {len(told) - LISTED} more: see the report", width)
        yield Line()
    for each in repeated(digest):
        yield from _wrapped(each, width, "")


def closing(environment: str, results: list[Result]) -> Line:
    """The line of counts of an environment, coloured by its verdict."""
    if not results:
        return Line(f"{environment}: nothing selected", ("yellow",))
    return Line(f"{environment}: {counted(results)}", _coloured(results))


def verdict(digest: Digest) -> Line:
    """The last word: the verdict of all together, and what the process exits with."""
    found = merged(each.verdict for each in digest.results.values())
    sandbox = " (SANDBOX: nothing real was looked at)" if any(each.endswith("/sandbox") for each in digest.environments) else ""
    results = [*digest.results.values()]
    flaky = f", {sum(each.flaky for each in results)} flaky" if any(each.flaky for each in results) else ""
    return Line(f"verdict: {found.upper()}{flaky}, exit code {digest.exit}{sandbox}", _coloured(results))


def _coloured(results: list[Result]) -> tuple[str, ...]:
    verdict = merged(each.verdict for each in results)
    if verdict in CALM:
        return ("yellow",) if any(each.flaky or each.flapping for each in results) else ("green",)
    return ("red", "bold") if verdict is Verdict.VIOLATED else ("purple", "bold")


def looked(entities: int, digest: Digest) -> str:
    """The line that ends the look: `looked at 214 entities in 1.9 s, 2 unknown`."""
    if digest.replay:
        return f"judging {count(digest.looked['outcomes'], 'saved observation')} of {cut(digest.replay, 200)}; nothing was looked at now"
    look = digest.looked
    missing = f", {len(look['missing'])} not looked at" if look.get("missing") else ""
    how = f"{span(look['took'])} ({count(look['outcomes'], 'look')})"
    return f"looked at {count(entities, 'entity', 'entities')} in {how}, {look['unknown']} unknown{missing}"


def holds(digest: Digest, amounts: dict[str, int], entities: int, width: int) -> Iterator[Line]:
    """The calm end of a run in which nobody is called, with how much was looked at."""
    judged = sum(each.verdict is Verdict.HOLDS for each in digest.results.values())
    most = sorted(amounts.items(), key=lambda item: -item[1])
    seen = ", ".join(f"{number:,} {unit}" for unit, number in most[:LISTED])
    seen += f" and {len(most) - LISTED} more kinds of things" if len(most) > LISTED else ""
    accepted = sum(each.verdict is Verdict.WAIVED for each in digest.results.values())
    head = f"Everything asked holds or is waived ({accepted})" if accepted else "Everything asked holds"
    said = f"{head}: {count(judged, 'check')} of {count(entities, 'entity', 'entities')}"
    return _wrapped(f"{said}; looked at {seen}." if seen else f"{said}.", width, "", _coloured([*digest.results.values()]))


def places(results: Iterable[Result], *, verbose: bool) -> str:
    """Which entities, with how many checks each; with `verbose`, every id."""
    if verbose:
        return ", ".join(sorted(each.id for each in results))
    several = len({(each.system, each.environment) for each in results}) > 1
    names = Counter(f"{each.system}/{each.environment} {each.entity}" if several else each.entity for each in results)
    shown = [name if times == 1 else f"{name} ({times})" for name, times in names.most_common(LISTED)]
    return ", ".join(shown) + (f" and {len(names) - LISTED} more" if len(names) > LISTED else "")


def _wrapped(text: str, width: int, indent: str = "    ", markup: tuple[str, ...] = (), rows: int | None = None) -> Iterator[Line]:
    """The text cut and folded, into `rows` at most; lines after the first stand further in. Else a long word (a link) stays whole."""
    folded = textwrap.wrap(
        cut(text, LONGEST), width=max(width, 40), initial_indent=indent, subsequent_indent=indent + "  ",
        break_long_words=rows is not None, break_on_hyphens=False, max_lines=rows, placeholder=" ...",
    )  # fmt: skip
    return (Line(each, markup) for each in folded)
