"""The document that two files make: its model, and pydantic's errors turned into places in the files."""

import difflib
import re
from datetime import datetime
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError, create_model, field_validator
from pydantic_core import ErrorDetails

from muster.connections import Reach
from muster.expectations import Many, Model, Name
from muster.fence import Rule
from muster.kinds import SECTIONS, kind_of
from muster.kinds.base import Entity
from muster.push import Push
from muster.samples import NONE, Samples
from muster.scratch import Scratch
from muster.yamlfile import ConfigError, Node, Problem

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SPAN = r"(mon|tue|wed|thu|fri|sat|sun)(-(mon|tue|wed|thu|fri|sat|sun))?"


class Hours(Model):
    """Named hours, for `during:`; `days` is one day or a span of days."""

    days: str = Field(default="mon-sun", pattern=f"^{_SPAN}$")
    since: str = Field(alias="from", pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    """Start, HH:MM."""
    to: str = Field(pattern=r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$")
    """End, HH:MM, later than the start."""
    zone: str = "UTC"
    """IANA name of the time zone."""

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError("not a time zone, such as Europe/Berlin") from error
        return zone

    def cover(self, moment: datetime) -> bool:
        """Whether an aware moment lies inside."""
        from zoneinfo import ZoneInfo

        local = moment.astimezone(ZoneInfo(self.zone))
        first, _, last = self.days.partition("-")
        start, end = _DAYS.index(first), _DAYS.index(last or first)
        span = {(start + step) % 7 for step in range((end - start) % 7 + 1)}
        return local.weekday() in span and self.since <= f"{local:%H:%M}" < self.to


class Head(Model):
    """The keys of an environment that are not entities."""

    system: Name
    """The product, as its folder is named."""
    owner: str
    """Who is called, for every entity that names nobody else."""
    extends: Literal["system.yaml"] | None = None
    """The file beside this one that says what exists; this one then says what differs."""
    protected: bool = False
    """Production: header and journal say so, and nothing is looked at with an identity that could do more than look."""
    reach: Many[Rule] = ()
    """All that may be connected to: hosts (`db.internal`), domains (`*.internal`), networks (`10.0.0.0/8`); without it, anything but
    link-local and metadata addresses, which are never talked to. A name that is listed may have any other address."""
    connections: dict[Name, Reach] = Field(default_factory=dict)
    """How each source is reached here; entities refer to them by name."""
    hours: dict[Name, Hours] = Field(default_factory=dict)
    """Named hours, for `during:`."""
    scratch: dict[Name, Scratch] = Field(default_factory=dict)
    """Where restore drills may write: places that are not production's."""
    push: Push | None = None
    """Where `--push` tells others what a run has found."""
    samples: Samples = NONE
    """What of other people's data reports may show, and for how long: `{log_lines: 3, values: true, events: true, keep: 14d}`."""


@cache
def document(present: frozenset[str] = frozenset(SECTIONS)) -> type[BaseModel]:
    """The model of a merged file: the head, and a list for each kind of entity.

    Building a kind's model takes longer than reading its entities; only those that are `present` in the file are built.
    """
    sections: dict[str, Any] = dict.fromkeys(SECTIONS, (tuple[()], ()))
    for section in present:
        kind: Any = kind_of(section)
        sections[section] = (Many[kind], Field(default=(), description=kind.__doc__))
    return create_model("Environment", __base__=Head, **sections)


def validated(node: Node) -> Any:
    """The document of a merged node, as an instance of `document()`. Raises ConfigError with every violation."""
    present = [section for section in SECTIONS if section in node.value] if isinstance(node.value, dict) else SECTIONS
    try:
        return document(frozenset(present)).model_validate(node.plain())
    except ValidationError as error:
        raise ConfigError([_problem(node, each) for each in error.errors(include_url=False)]) from error


_SECRETIVE = re.compile(r"passw|secret|token|key|bearer", re.IGNORECASE)


def _problem(node: Node, error: ErrorDetails) -> Problem:
    place, path = node.find(error["loc"])
    last = str(error["loc"][-1]) if error["loc"] else ""
    rule, value = error["msg"].removeprefix("Value error, "), error["input"]
    if error["type"] == "extra_forbidden":
        known = _suggest(last, error["loc"])
        return Problem.at(place.key_mark or place.mark, path, f"unknown key{known}")
    if error["type"] == "missing":
        return Problem.at(place.mark, path, f"{last} is missing")
    secretive = error["type"] == "literal_secret" or _SECRETIVE.search(path) or isinstance(value, (dict, list, tuple))
    return Problem.at(place.mark, path, rule, "" if secretive else str(value))


def _suggest(key: str, location: tuple[Any, ...]) -> str:
    section = kind_of(location[0]) if location and location[0] in SECTIONS else None
    if section is None:
        names = set(document().model_fields)
    else:
        names = set(section.expectations()) if "expect" in location else set(section.model_fields)
    close = difflib.get_close_matches(key, names, 1)
    return f"; did you mean {close[0]}?" if close else ""


def entities_of(made: Any) -> list[tuple[int, Entity]]:
    """Every entity of a document, with its place in its section."""
    return [(index, entity) for section in SECTIONS for index, entity in enumerate(getattr(made, section))]
