"""`runbook.yaml`: which sentence of a runbook is proven by which check, entity and fault, and which alert leads to which heading.

Numbers live elsewhere, but for one: how soon each severity is answered.
"""

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

from muster.expectations import Many, Model, Reason, Severity
from muster.units import Duration
from muster.yamlfile import ConfigError, Problem, load

Bound = Annotated[str, Field(pattern=r"^test_\w+\[[^\]]+\]$")]
"""A check and its entity: `check[entity]`."""


class Row(Model):
    """One sentence of the runbook."""

    id: str = Field(pattern=r"^[A-Z][A-Z0-9]*-\d+$")
    heading: str
    """Where it stands: `Daily Operations / Morning Health Check`."""
    expects: str
    """What it expects, in our words."""
    check: str | None = None
    """Name of the check's function."""
    entity: str | None = None
    """The entity it is about, `name` or `name@connection`."""
    fault: str | None = None
    """The sandbox's fault that turns it red; a runbook outside this repository may do without."""
    missing: Reason | None = None
    """Why nothing checks it yet: the source it waits for."""
    see: str | None = None
    """What the runbook says to do when it does not hold, in a line."""
    alerts: Many[str] = ()
    """Alerts that lead here, beside those of the heading."""

    @model_validator(mode="after")
    def _bound_or_missing(self) -> "Row":
        if (self.check is None) != (self.entity is None) or (self.check is None) == (self.missing is None):
            raise PydanticCustomError("row", "a row names a check and an entity, or says what is missing")
        return self


class Section(Model):
    """A heading that somebody is called to: by which alerts, and what the runbook says to do."""

    heading: str
    """As rows name it."""
    alerts: Many[str] = ()
    """Alerts that lead here, as Alertmanager names them."""
    next: str | None = None
    """What the runbook says to do, in a sentence or two."""
    also: Many[Bound] = ()
    """What else tells something here and has its row under another heading, or none: `test_pods_stay_stable[platform-service]`."""


class Runbook(Model):
    """A whole runbook."""

    runbook: str
    """Its title."""
    url: str | None = None
    """Where it can be read; a heading is added as its anchor."""
    response: dict[Severity, Duration] = Field(default_factory=dict)
    """How soon each severity is answered: `{P0: 0s, P1: 30m}`; 0s is at once."""
    rows: Many[Row]
    headings: Many[Section] = ()
    """The headings that alerts lead to."""

    @model_validator(mode="after")
    def _stand_somewhere(self) -> "Runbook":
        known, named = {row.heading for row in self.rows}, [each.heading for each in self.headings]
        if wrong := sorted({each for each in named if each not in known or named.count(each) > 1}):
            raise PydanticCustomError(
                "headings", "no row stands under it, or it is listed twice: {headings}", {"headings": "; ".join(wrong)}
            )
        return self

    @field_validator("rows")
    @classmethod
    def _unique(cls, rows: tuple[Row, ...]) -> tuple[Row, ...]:
        ids = [row.id for row in rows]
        twice = sorted({each for each in ids if ids.count(each) > 1})
        if twice:
            raise PydanticCustomError("twice", "an id stands twice: {ids}", {"ids": ", ".join(twice)})
        return rows

    def link(self, heading: str) -> str:
        """Address of a heading: the last part of it as the anchor that Markdown viewers make."""
        if not self.url or not heading:
            return ""
        anchor = re.sub(r"[^a-z0-9 -]", "", heading.rpartition(" / ")[2].lower()).replace(" ", "-")
        return f"{self.url}#{anchor}"


def load_runbook(folder: Path) -> Runbook | None:
    """Read `<folder>/runbook.yaml`; None when there is none. Raises ConfigError."""
    path = folder / "runbook.yaml"
    if not path.exists():
        return None
    node = load(path)
    try:
        return Runbook.model_validate(node.plain())
    except ValidationError as error:
        problems = []
        for each in error.errors(include_url=False):
            place, where = node.find(each["loc"])
            problems.append(Problem.at(place.mark, where, each["msg"]))
        raise ConfigError(problems) from error


@dataclass(frozen=True)
class Passage:
    """What the runbook says of a check: heading, link, what to do, the ids of its rows and what they expect."""

    heading: str = ""
    link: str = ""
    see: str = ""
    ids: tuple[str, ...] = ()
    sentence: str = ""


class Library:
    """The runbooks of the selected systems, asked by check and entity."""

    def __init__(self, folders: dict[str, Path]) -> None:
        self._rows: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
        self.systems = tuple(folders)
        self.books: dict[str, Runbook] = {}
        for system, folder in folders.items():
            book = load_runbook(folder)
            if book is None:
                continue
            self.books[system] = book
            for row in book.rows:
                if row.check and row.entity:
                    self._rows[system, row.check, row.entity].append(row)

    def passage(self, system: str, check: str, entity: str) -> Passage:
        """The passage for a check of an entity; for an entity behind several connections, that of its plain name."""
        rows = self._rows.get((system, check, entity)) or self._rows.get((system, check, entity.partition("@")[0])) or []
        if not rows:
            return Passage()
        first = rows[0]
        see = next((row.see for row in rows if row.see), "")
        sentence = "; ".join(row.expects for row in rows)
        return Passage(first.heading, self.books[system].link(first.heading), see, tuple(row.id for row in rows), sentence)

    def response(self, system: str) -> dict[str, float]:
        """How soon each severity is answered, in seconds, as far as the system's runbook says."""
        book = self.books.get(system)
        return {name: float(within) for name, within in sorted(book.response.items())} if book else {}
