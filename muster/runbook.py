"""`runbook.yaml`: which sentence of a runbook is proven by which check, entity and fault. Numbers live elsewhere."""

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

from muster.expectations import Many, Model, Reason
from muster.yamlfile import ConfigError, Problem, load


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

    @model_validator(mode="after")
    def _bound_or_missing(self) -> "Row":
        if (self.check is None) != (self.entity is None) or (self.check is None) == (self.missing is None):
            raise PydanticCustomError("row", "a row names a check and an entity, or says what is missing")
        return self


class Runbook(Model):
    """A whole runbook."""

    runbook: str
    """Its title."""
    url: str | None = None
    """Where it can be read; a heading is added as its anchor."""
    rows: Many[Row]

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
    """What the runbook says of a check: heading, link, what to do, and the ids of its rows."""

    heading: str = ""
    link: str = ""
    see: str = ""
    ids: tuple[str, ...] = ()


class Library:
    """The runbooks of the selected systems, asked by check and entity."""

    def __init__(self, folders: dict[str, Path]) -> None:
        self._rows: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
        self._books: dict[str, Runbook] = {}
        for system, folder in folders.items():
            book = load_runbook(folder)
            if book is None:
                continue
            self._books[system] = book
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
        return Passage(first.heading, self._books[system].link(first.heading), see, tuple(row.id for row in rows))
