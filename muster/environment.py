"""Environments: two files merged, validated, cross-checked and turned into entities with their connections.

Nothing here opens a socket or reads a secret.
"""

import difflib
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError, create_model, field_validator
from pydantic_core import ErrorDetails

from muster.case import Case, Identity
from muster.connections import Connection, Reach
from muster.expectations import Many, Model, Name, Off, Terms, Unobservable
from muster.kinds import KINDS
from muster.kinds.base import Entity, bind
from muster.kinds.readings import Reading
from muster.yamlfile import ConfigError, Mark, Node, Problem, load, merge

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
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


class _Head(Model):
    """The keys of an environment that are not entities."""

    system: Name
    """The product, as its folder is named."""
    owner: str
    """Who is called, for every entity that names nobody else."""
    extends: Literal["system.yaml"] | None = None
    protected: bool = False
    """Production: a run refuses rights and options that could write or leak."""
    connections: dict[Name, Reach] = Field(default_factory=dict)
    """How each source is reached here; entities refer to them by name."""
    hours: dict[Name, Hours] = Field(default_factory=dict)
    """Named hours, for `during:`."""


@cache
def document() -> type[BaseModel]:
    """The model of a merged file: the head, and a list for each kind of entity."""
    sections: dict[str, Any] = {kind.section: (Many[kind], Field(default=(), description=kind.__doc__)) for kind in KINDS}  # type: ignore[valid-type]
    return create_model("Environment", __base__=_Head, **sections)


@dataclass(frozen=True)
class Switched:
    """An expectation that is off or unobservable, or an entity that is absent, with the reason."""

    entity: str
    expectation: str
    state: str
    reason: str


@dataclass(frozen=True)
class Environment:
    """A loaded environment."""

    system: str
    name: str
    protected: bool
    owner: str
    connections: dict[str, Connection]
    hours: dict[str, Hours]
    entities: tuple[Entity, ...]
    switched: tuple[Switched, ...]
    folder: Path
    node: Node = field(repr=False)

    @property
    def id(self) -> str:
        return f"{self.system}/{self.name}"

    @property
    def sandboxed(self) -> bool:
        return self.name == "sandbox"

    def origin(self, entity: Entity, expectation: str = "") -> Mark | None:
        """Where an entity or its expectation stands; None for a default of the model."""
        section = self.node.value[entity.section].value
        node = next(item for item in section if item.value["name"].value == entity.name)
        if expectation:
            expect = node.value.get("expect")
            node = expect.value.get(expectation) if expect else None
        return (node.key_mark or node.mark) if node else None


def load_environment(folder: Path, name: str, shown: Path) -> Environment:
    """Load `<folder>/<name>.yaml`. `shown` is the folder as error messages name it. Raises ConfigError."""
    path = shown / f"{name}.yaml"
    node = load(folder / f"{name}.yaml", str(path))
    if "extends" in node.value:
        node = merge(load(folder / "system.yaml", str(shown / "system.yaml")), node)
    try:
        made = document().model_validate(node.plain())
    except ValidationError as error:
        raise ConfigError([_problem(node, each) for each in error.errors(include_url=False)]) from error
    problems = _cross_check(made, node, folder)
    if problems:
        raise ConfigError(problems)
    return _build(made, node, folder, name)


_SECRETIVE = re.compile(r"passw|secret|token|key|bearer", re.IGNORECASE)


def _problem(node: Node, error: ErrorDetails) -> Problem:
    place, path = node.find(error["loc"])
    last = str(error["loc"][-1]) if error["loc"] else ""
    rule, value = error["msg"].removeprefix("Value error, "), error["input"]
    if error["type"] == "extra_forbidden":
        known = _suggest(last, error["loc"], path)
        return Problem.at(place.key_mark or place.mark, path, f"unknown key{known}")
    if error["type"] == "missing":
        return Problem.at(place.mark, path, f"{last} is missing")
    secretive = error["type"] == "literal_secret" or _SECRETIVE.search(path) or isinstance(value, (dict, list, tuple))
    return Problem.at(place.mark, path, rule, "" if secretive else str(value))


def _suggest(key: str, location: tuple[Any, ...], path: str) -> str:
    names: set[str] = set()
    section = next((kind for kind in KINDS if location and kind.section == location[0]), None)
    if section is None:
        names = set(document().model_fields)
    elif "expect" in location:
        names = set(section.expectations())
    else:
        names = set(section.model_fields)
    close = difflib.get_close_matches(key, names, 1)
    return f"; did you mean {close[0]}?" if close else ""


def _entities(made: BaseModel) -> list[tuple[int, Entity]]:
    return [(index, entity) for kind in KINDS for index, entity in enumerate(getattr(made, kind.section))]


def _cross_check(made: Any, node: Node, folder: Path) -> list[Problem]:
    problems: list[Problem] = []

    def refuse(entity: Entity, index: int, rest: tuple[Any, ...], rule: str, value: str = "") -> None:
        place, path = node.find((entity.section, index, *rest))
        problems.append(Problem.at(place.mark, path, rule, value))

    if made.system != folder.name:
        place, path = node.find(("system",))
        problems.append(Problem.at(place.mark, path, f"the folder is named {folder.name}", made.system))
    readings = {entity.name for _, entity in _entities(made) if entity.section == "readings"}
    seen: set[tuple[str, str]] = set()
    for index, entity in _entities(made):
        if (entity.section, entity.name) in seen:
            refuse(entity, index, ("name",), f"a second entry of {entity.section} with this name", entity.name)
        seen.add((entity.section, entity.name))
        if entity.absent:
            continue
        for name in entity.named():
            if name not in made.connections:
                refuse(entity, index, _mention(node.find((entity.section, index))[0], name), f"no connection has this name; there are: {', '.join(made.connections) or 'none'}", name)
            elif entity.connects and made.connections[name].connection.kind not in entity.connects:
                refuse(entity, index, ("connection",), f"a {' or '.join(entity.connects)} connection is needed, this is {made.connections[name].connection.kind}", name)
        for name, kind in entity.also_named():
            if name not in made.connections or made.connections[name].connection.kind != kind:
                refuse(entity, index, (), f"a {kind} connection of this name is needed", name)
        if entity.during and entity.during not in made.hours:
            refuse(entity, index, ("during",), f"no hours have this name; there are: {', '.join(made.hours) or 'none'}", entity.during)
        wanted = [name for name in (entity.when.reading if entity.when else None, *entity.other_readings()) if name]
        for name in wanted:
            if name not in readings:
                refuse(entity, index, ("when", "reading"), f"no reading has this name; there are: {', '.join(sorted(readings)) or 'none'}", name)
        if not any(value for value in _expected(entity).values()):
            refuse(entity, index, (), "an entity without an expectation checks nothing")
        for expectation, value in _expected(entity).items():
            keys = _limit_keys(value) if isinstance(value, tuple) else []
            if len(keys) != len(set(keys)):
                refuse(entity, index, ("expect", expectation), "two limits for the same occasion and severity")
    return problems


def _mention(node: Node, name: str) -> tuple[str | int, ...]:
    """The way to the value below an entity that names a connection, as itself or as `${name}`."""
    children = node.value.items() if isinstance(node.value, dict) else enumerate(node.value) if isinstance(node.value, list) else ()
    for step, child in children:
        if child.value == name or (isinstance(child.value, str) and f"${{{name}}}" in child.value):
            return (step,)
        if below := _mention(child, name):
            return (step, *below)
    return ()


def _expected(entity: Entity) -> dict[str, Any]:
    values = {name: entity.expect.wanted(name) for name in entity.expectations()}
    return {name: value for name, value in values.items() if value is not None}


def _limit_keys(limits: tuple[Terms, ...]) -> list[str]:
    """What tells the limits of one expectation apart: the occasion, and the severity where one occasion has several."""
    occasions = [terms.on or "" for terms in limits]
    return ["-".join(filter(None, [on, (terms.severity or "").lower() if occasions.count(on) > 1 else ""])) for on, terms in zip(occasions, limits, strict=True)]


def _build(made: Any, node: Node, folder: Path, name: str) -> Environment:
    connections = {key: reach.connection for key, reach in made.connections.items()}
    entities: list[Entity] = []
    switched: list[Switched] = []
    for _, entity in _entities(made):
        if entity.absent:
            switched.append(Switched(entity.name, "", "absent", entity.absent))
            continue
        several = entity.named() if isinstance(getattr(entity, "connection", None), tuple) else ("",)
        bound = [bind(entity, f"{made.system}/{name}", connections, instance) for instance in several]
        entities += bound
        for expectation, value in _expected(bound[0]).items():
            if isinstance(value, Off):
                switched.append(Switched(entity.name, expectation, "off", value.off))
            elif isinstance(value, Unobservable) and not expired(value):
                switched.append(Switched(entity.name, expectation, "unobservable", f"{value.unobservable}, until {value.until}"))
    readings = [entity for entity in entities if isinstance(entity, Reading)]
    for reading in readings:
        reading.meet(readings)
    return Environment(
        made.system, name, made.protected, made.owner, connections, made.hours, tuple(entities), tuple(switched), folder, node
    )  # fmt: skip


def expired(value: Unobservable) -> bool:
    """Whether the last day (UTC) of an `unobservable` has passed."""
    return datetime.now(UTC).date() > value.until


def cases(environment: Environment, expectation: str, check: str, kinds: set[type[Entity]] | None = None) -> list[Case]:
    """Every entity of the environment (of `kinds`, when given) that has the expectation, once for each of its limits."""
    made: list[Case] = []
    for entity in environment.entities:
        if kinds is not None and type(entity) not in kinds:
            continue
        value = entity.expect.wanted(expectation)
        if isinstance(value, Unobservable) and expired(value):
            value = (Terms.model_construct(severity=None, on=None),)
        if not isinstance(value, tuple):
            continue
        for terms, key in zip(value, _limit_keys(value), strict=True):
            identity = Identity(environment.system, environment.name, check, entity.id, key)
            severity = terms.severity or entity.severity or entity.severities.get(expectation, "P2")
            made.append(Case(identity, entity, expectation, terms, severity, entity.owner or environment.owner))
    return made
