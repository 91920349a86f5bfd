"""Environments: two files merged, validated, cross-checked and turned into entities with their connections.

Nothing here opens a socket or reads a secret.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from muster.case import Case, Identity
from muster.connections import Connection
from muster.crosscheck import cross_check, expected, limit_keys
from muster.document import Hours, entities_of, validated
from muster.expectations import Off, Terms, Unobservable
from muster.kinds.base import Entity, bind
from muster.kinds.drills import Drill
from muster.kinds.identities import OwnIdentity, implied
from muster.kinds.maintenance import Maintenance
from muster.kinds.readings import Reading
from muster.push import Push
from muster.samples import NONE, Samples
from muster.scratch import Scratch
from muster.yamlfile import ConfigError, Mark, Node, load, merge


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
    samples: Samples = NONE
    scratch: dict[str, Scratch] = field(default_factory=dict)
    push: Push | None = None
    reach: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """`system/environment`."""
        return f"{self.system}/{self.name}"

    def kept(self) -> dict[str, float]:
        """For how many seconds reports may be kept, when they hold samples."""
        return {"keep": float(self.samples.keep)} if self.samples.any else {}

    @property
    def sandboxed(self) -> bool:
        """Whether this is the built-in sandbox, where nothing real is looked at."""
        return self.name == "sandbox"

    def origin(self, entity: Entity, expectation: str = "") -> Mark | None:
        """Where an entity or its expectation stands; None for a default of the model."""
        section = self.node.value.get(entity.section)
        node = next((item for item in section.value if item.value["name"].value == entity.name), None) if section else None
        if node is None:  # implied by a connection, and so is what is expected of it
            return None if expectation else self.node.value["connections"].value[entity.named()[0]].key_mark
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
    made = validated(node)
    problems = cross_check(made, node, folder.name)
    if problems:
        raise ConfigError(problems)
    return _build(made, node, folder, name)


def _build(made: Any, node: Node, folder: Path, name: str) -> Environment:
    connections = {key: reach.connection for key, reach in made.connections.items()}
    entities: list[Entity] = []
    switched: list[Switched] = []
    for _, entity in entities_of(made):
        if entity.absent:
            switched.append(Switched(entity.name, "", "absent", entity.absent))
            continue
        several = entity.named() if isinstance(getattr(entity, "connection", None), tuple) else ("",)
        bound = [bind(entity, f"{made.system}/{name}", connections, instance) for instance in several]
        entities += bound
        for expectation, value in expected(bound[0]).items():
            if isinstance(value, Off):
                switched.append(Switched(entity.name, expectation, "off", value.off))
            elif isinstance(value, Unobservable) and not expired(value):
                switched.append(Switched(entity.name, expectation, "unobservable", f"{value.unobservable}, until {value.until}"))
    entities = [each.met(tuple(entities), made.scratch) if isinstance(each, Drill) else each for each in entities]
    readings = {entity.name: entity for entity in entities if isinstance(entity, Reading)}
    for entity in entities:
        if isinstance(entity, Maintenance):
            entity.meet(readings)
    entities += _identities(made, entities, connections, f"{made.system}/{name}")
    for entity in entities:
        entity.fenced(made.reach, made.samples)
    for reading in readings.values():
        reading.meet(readings)
    parts = (connections, made.hours, tuple(entities), tuple(switched), folder, node, made.samples, made.scratch, made.push, made.reach)
    return Environment(made.system, name, made.protected, made.owner, *parts)


def _identities(made: Any, entities: list[Entity], connections: dict[str, Connection], environment: str) -> list[Entity]:
    """Who we are behind each connection that is looked through, where nobody wrote it down; all of them learn what is looked at."""
    declared = {name for each in made.identities for name in each.named()}
    kinds = {name: connection.kind for name, connection in connections.items()}
    added: list[Entity] = [bind(each, environment, connections) for each in implied(tuple(entities), declared, kinds)]
    for each in (*entities, *added):
        if isinstance(each, OwnIdentity):
            each.meet(tuple(entities))
    return added


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
        for terms, key in zip(value, limit_keys(value), strict=True):
            identity = Identity(environment.system, environment.name, check, entity.id, key)
            severity = terms.severity or entity.severity or entity.severities.get(expectation, "P2")
            made.append(Case(identity, entity, expectation, terms, severity, entity.owner or environment.owner))
    return made
