"""`<environment>.waivers.yaml`: what is accepted for a while, by exact ids, with a reason, a ticket, an owner and a last day."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from muster.expectations import Many, Model, Reason
from muster.yamlfile import ConfigError, Mark, Node, Problem, load

SUFFIX = ".waivers.yaml"
LONGEST = 90
"""Days that a waiver may last from today."""
SOON = 7
"""Days before its end from which on a waiver is listed as ending."""
_CREDENTIALS = re.compile(r"://[^/\s@]*:[^/\s@]*@")
BUGS = ("check ", "probe ", "this run", "configuration")
"""Beginnings of causes that are no source: our own bugs, runs and files are mended, not waived."""


def _no_credentials(text: str) -> str:
    if _CREDENTIALS.search(text):
        raise PydanticCustomError("literal_secret", "an address holds no credentials: every report shows this text")
    return text


Text = Annotated[str, Field(min_length=1, max_length=300), AfterValidator(_no_credentials)]


class Bound(Model):
    """How far a waived value may go, in the unit of the check's limit: `{at_most: 92%}` or `{at_least: 2}`."""

    at_most: float | int | str | None = None
    """Where the check says that the value is at most its limit, or below it."""
    at_least: float | int | str | None = None
    """Where the check says that the value is at least its limit, or above it."""

    @model_validator(mode="after")
    def _one(self) -> "Bound":
        if (self.at_most is None) == (self.at_least is None):
            raise PydanticCustomError("bound", "either at_most or at_least")
        return self

    @property
    def side(self) -> str:
        """Which of the two it is."""
        return "at_most" if self.at_most is not None else "at_least"

    @property
    def written(self) -> Any:
        """The bound as the file has it."""
        return self.at_most if self.at_most is not None else self.at_least


class Waiver(Model):
    """An exception: this check may be violated for these entities until a day, or be unknown because of this source."""

    check: Text
    """Name of the check's function, as every report shows it."""
    entity: Text | None = None
    """Exact id of the entity: `name`, or `name@connection`, and `:limit` where an expectation has several: `health:gate`."""
    entities: Many[Text] = ()
    """Or several of them."""
    reason: Annotated[Reason, AfterValidator(_no_credentials)]
    """Why this is accepted."""
    ticket: str = Field(pattern=r"^[^\s/:@]{1,80}$")
    """Where it is going to be mended: `OPS-412`."""
    owner: Text
    """Who mends it, and who is called when the waiver is no longer needed."""
    expires: date
    """Its last day (UTC), to the end; at most 90 days ahead."""
    bound: Bound | None = Field(default=None, alias="while")
    """It holds only as long as the value stays within this: beyond it the check is violated again."""
    cause: Text | None = None
    """The dead source, in the words of the report's headline. Then no violation is waived, only what is unknown because of it."""

    @model_validator(mode="after")
    def _sound(self) -> "Waiver":
        if (self.entity is None) == (not self.entities):
            raise PydanticCustomError("entity", "either entity, or a list of entities that is not empty")
        if len(set(self.entities)) != len(self.entities):
            raise PydanticCustomError("twice", "an entity stands twice in the list")
        if self.cause is not None and self.cause.startswith(BUGS):
            raise PydanticCustomError("cause", "no source: a check, a probe, a run or a configuration is mended, not waived")
        if self.cause is not None and self.bound is not None:
            raise PydanticCustomError("bound", "with a cause nothing is compared: leave while out")
        return self

    @property
    def named(self) -> tuple[str, ...]:
        """The ids of its entities."""
        return self.entities or (self.entity or "",)

    def over(self, day: date) -> bool:
        """Whether its last day lies before this day (UTC)."""
        return day > self.expires

    def soon(self, day: date) -> bool:
        """Whether it still waives on this day, and ends within a week."""
        return not self.over(day) and self.expires - day <= timedelta(days=SOON)

    @property
    def who(self) -> str:
        """`OPS-412 (team-data)`."""
        return f"{self.ticket} ({self.owner})"


class Waivers(Model):
    """A whole file."""

    waivers: Many[Waiver]
    """Any number, in any order."""


@dataclass(frozen=True)
class Entry:
    """A waiver with its place."""

    waiver: Waiver
    node: Node

    def problem(self, rule: str, value: str, *way: Any) -> Problem:
        """Something that is wrong below this entry."""
        place, path = self.node.find(way)
        return Problem.at(place.mark, f"waivers[{self.waiver.ticket}]" + (f".{path}" if path else ""), rule, value)

    def id_problem(self, index: int, rule: str) -> Problem:
        """Something that is wrong with one of its entities."""
        way = ("entities", index) if self.waiver.entities else ("entity",)
        return self.problem(rule, self.waiver.named[index], *way)

    @property
    def mark(self) -> Mark:
        """Where it begins."""
        return self.node.mark


def read(folder: Path, name: str, shown: Path, today: date) -> tuple[Entry, ...]:
    """The waivers of an environment; none without a file. Raises ConfigError with all that one file shows by itself."""
    path = folder / f"{name}{SUFFIX}"
    if not path.exists():
        return ()
    node = load(path, str(shown / path.name))
    try:
        made = Waivers.model_validate(node.plain())
    except ValidationError as error:
        raise ConfigError([_problem(node, each) for each in error.errors(include_url=False)]) from error
    entries = tuple(Entry(waiver, node.value["waivers"].value[index]) for index, waiver in enumerate(made.waivers))
    latest = today + timedelta(days=LONGEST)
    late = [each for each in entries if each.waiver.expires > latest]
    if late:
        rule = f"at most {LONGEST} days ahead, so no later than {latest}; it can be prolonged then, if it still has to be"
        raise ConfigError([each.problem(rule, str(each.waiver.expires), "expires") for each in late])
    return entries


def _problem(node: Node, error: Any) -> Problem:
    place, path = node.find(error["loc"])
    last, value = str(error["loc"][-1]) if error["loc"] else "", error["input"]
    if error["type"] == "extra_forbidden":
        return Problem.at(place.key_mark or place.mark, path, f"unknown key; a waiver has {', '.join(_keys())}")
    if error["type"] == "missing":
        return Problem.at(place.mark, path, f"{last} is missing")
    quiet = error["type"] == "literal_secret" or isinstance(value, (dict, list, tuple))
    return Problem.at(place.mark, path, error["msg"], "" if quiet else str(value))


def _keys() -> list[str]:
    return [field.alias or name for name, field in Waiver.model_fields.items()]


def strays(folder: Path, shown: Path) -> list[Problem]:
    """Files of waivers beside which no environment has that name: a slip that would waive nothing, silently."""
    names = {file.stem for file in folder.glob("*.yaml") if not file.name.endswith(SUFFIX)} - {"system", "runbook"}
    known = ", ".join(sorted(names))
    return [
        Problem.at(Mark(str(shown / file.name), 1, 1), "", f"waivers of an environment that does not exist; there are: {known}")
        for file in sorted(folder.glob(f"*{SUFFIX}"))
        if file.name.removesuffix(SUFFIX) not in names
    ]


def day_of(moment: float) -> date:
    """The day (UTC) of a moment in Unix seconds."""
    return datetime.fromtimestamp(moment, UTC).date()
