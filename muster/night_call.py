"""Somebody was called at night: which checks tell of an alert, or of a heading of the runbook, whatever their cadence."""

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from typing_extensions import TypedDict

from muster.case import Case
from muster.runbook import Library, Row, Runbook, Section

CLOSE = 3
"""Names that are suggested in place of one that nothing has."""


class Passage(TypedDict):
    """What a runbook says under a heading that somebody was called to."""

    system: str
    heading: str
    link: str
    next: str


class Called(TypedDict):
    """What this run was asked about at night, what the runbook says there, and what of it nobody looks at."""

    asked: list[str]
    passages: list[Passage]
    unlooked: list[str]


class UnknownCall(Exception):
    """No runbook of the selected systems knows the alert or heading; the text names the nearest."""


@dataclass
class Call:
    """What was asked for, and what tells of it."""

    asked: list[str]
    passages: list[Passage] = field(default_factory=list)
    wanted: dict[tuple[str, str, str], str] = field(default_factory=dict)
    """System, check and entity -> the sentence, in the order of the runbooks."""
    unlooked: list[str] = field(default_factory=list)
    found: set[tuple[str, str, str]] = field(default_factory=set)

    def wants(self, case: Case) -> bool:
        """Whether this case tells of what was asked."""
        who = case.identity
        keys = {(who.system, who.check, who.entity), (who.system, who.check, case.entity.name)} & self.wanted.keys()
        self.found |= keys
        return bool(keys)

    def entry(self) -> dict[str, Any]:
        """The fields of the journal's line, once all cases were asked about."""
        missing = [
            f"{sentence} ({system}: no {check}[{entity}] is among what was collected)"
            for (system, check, entity), sentence in self.wanted.items()
            if (system, check, entity) not in self.found
        ]
        return {"asked": self.asked, "passages": self.passages, "unlooked": [*self.unlooked, *missing]}


def call_of(library: Library, alerts: list[str], headings: list[str]) -> Call:
    """What tells of these alerts and headings in the runbooks. Raises UnknownCall for one that no runbook has."""
    made = Call([*(f"alert {each}" for each in alerts), *(f"runbook {each}" for each in headings)])
    for alert in alerts:
        _take(made, library, alert, "alert", _led_here)
    for heading in headings:
        _take(made, library, heading, "heading", _below)
    return made


def _take(made: Call, library: Library, name: str, what: str, choose: Any) -> None:
    """Add the rows that a runbook ties to a name, and what it says there."""
    chosen = [(system, *choose(book, name)) for system, book in library.books.items()]
    if not any(rows for _, rows, _ in chosen):
        raise UnknownCall(_unknown(library, name, what))
    for system, rows, sections in chosen:
        book = library.books[system]
        for heading in dict.fromkeys(row.heading for row in rows):
            said = next((each.next for each in book.headings if each.heading == heading), None) or ""
            passage = Passage(system=system, heading=heading, link=book.link(heading), next=said)
            made.passages += [] if passage in made.passages or not (said or sections) else [passage]
        for row in rows:
            if row.check and row.entity:
                made.wanted.setdefault((system, row.check, row.entity), row.expects)
            else:
                made.unlooked.append(f"{row.expects} ({row.id}, missing: {row.missing})")
        for bound in (each for section in sections for each in section.also):
            check, _, entity = bound.rstrip("]").partition("[")
            made.wanted.setdefault((system, check, entity), f"{check} of {entity}")


def _led_here(book: Runbook, alert: str) -> tuple[list[Row], list[Section]]:
    """The rows and sections that an alert leads to."""
    sections = [each for each in book.headings if _named(alert, each.alerts)]
    headings = {each.heading for each in sections}
    return [row for row in book.rows if row.heading in headings or _named(alert, row.alerts)], sections


def _named(name: str, names: Iterable[str]) -> bool:
    return name.casefold() in (each.casefold() for each in names)


def _below(book: Runbook, heading: str) -> tuple[list[Row], list[Section]]:
    """The rows and sections under a heading: `High Error Rate`, or with what stands above it."""
    inside = [row.heading for row in book.rows if _within(heading, row.heading)]
    return [row for row in book.rows if row.heading in inside], [each for each in book.headings if each.heading in inside]


def _within(wanted: str, heading: str) -> bool:
    """Whether a path of headings holds the wanted one, as a whole or as neighbouring parts."""
    parts, own = ([part.strip().casefold() for part in text.split("/")] for text in (wanted, heading))
    return any(own[start : start + len(parts)] == parts for start in range(len(own)))


def alerts_of(book: Runbook) -> Iterator[str]:
    """Every alert that leads somewhere."""
    for section in book.headings:
        yield from section.alerts
    for row in book.rows:
        yield from row.alerts


def _unknown(library: Library, name: str, what: str) -> str:
    """The refusal, with the nearest names, or all when none is near."""
    known = {
        each
        for book in library.books.values()
        for each in (alerts_of(book) if what == "alert" else (row.heading.rpartition(" / ")[2] for row in book.rows))
    }
    alike = {each.casefold(): each for each in known}
    near = [alike[each] for each in difflib.get_close_matches(name.casefold(), alike, CLOSE, 0.4)]
    says = f"no runbook.yaml of {', '.join(library.systems)} has the {what} {name!r}"
    return f"{says}; did you mean {' or '.join(near)}?" if near else f"{says}; there are: {', '.join(sorted(known)) or 'none'}"
