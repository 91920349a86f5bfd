"""What no single value shows: names that lead nowhere, things declared twice, entities that check nothing."""

import difflib
from typing import Any
from urllib.parse import urlsplit

from muster.document import entities_of
from muster.expectations import Terms
from muster.fence import refusal
from muster.kinds.base import Entity
from muster.kinds.drills import BACKUPS, Drill
from muster.kinds.maintenance import Maintenance
from muster.kinds.readings import Reading
from muster.yamlfile import Node, Problem

Place = tuple[str | int, ...]


def cross_check(made: Any, node: Node, folder: str) -> list[Problem]:
    """Everything that is wrong with a valid document; `folder` is the name of the folder it lies in."""
    checker = _Checker(made, node)
    checker.reach()
    if made.system != folder:
        checker.refuse(("system",), f"the folder is named {folder}", made.system)
    seen: set[Place] = set()
    for index, entity in entities_of(made):
        where: Place = (entity.section, index)
        if (entity.section, entity.name) in seen:
            checker.refuse((*where, "name"), f"a second entry of {entity.section} with this name", entity.name)
        seen.add((entity.section, entity.name))
        if not entity.absent:
            checker.connections(where, entity)
            checker.names(where, entity)
            checker.drills(where, entity)
            checker.scope(where, entity)
            checker.expectations(where, entity)
    return checker.problems


class _Checker:
    """Collects what is wrong with one document."""

    def __init__(self, made: Any, node: Node) -> None:
        self.made, self.node = made, node
        self.readings = {entity.name for _, entity in entities_of(made) if entity.section == "readings"}
        self.problems: list[Problem] = []

    def refuse(self, where: Place, rule: str, value: str = "") -> None:
        place, path = self.node.find(where)
        self.problems.append(Problem.at(place.mark, path, rule, value))

    def mention(self, where: Place, name: str) -> Place:
        """The place below an entity that names something."""
        return (*where, *_mention(self.node.find(where)[0], name))

    def connections(self, where: Place, entity: Entity) -> None:
        wanted = [(name, entity.connects) for name in entity.named()] + [(name, (kind,)) for name, kind in entity.also_named()]
        for name, kinds in wanted:
            place = self.mention(where, name)
            reach = self.made.connections.get(name)
            if reach is None:
                self.refuse(place, f"no connection has this name; there are: {_listed(self.made.connections)}", name)
            elif kinds and reach.connection.kind not in kinds:
                self.refuse(place, f"a {' or '.join(kinds)} connection is needed, this is {reach.connection.kind}", name)

    def reach(self) -> None:
        """Hosts that stand in the file may be connected to; what names and variables turn out to be is judged at the look."""
        hosts: list[tuple[Place, str]] = []
        for name, each in self.made.connections.items():
            connection = each.connection
            written = {field: getattr(connection, field, None) for field in ("host", "url", "server", "endpoint", "sts")}
            hosts += [(("connections", name, connection.kind, field), text) for field, text in written.items() if text]
        hosts += [(("push", *place, "url"), outlet.url) for place, outlet in (self.made.push.outlets() if self.made.push else ())]
        for at, entity in entities_of(self.made):
            hosts += [((entity.section, at, field), text) for field in ("host", "url") if (text := getattr(entity, field, None))]
        for where, text in hosts:
            host = urlsplit(text).hostname if "://" in text else text
            if host and not text.startswith(("env:", "${", "/")) and (why := refusal(host, self.made.reach)):
                self.refuse(where, why, host)

    def names(self, where: Place, entity: Entity) -> None:
        if entity.during and entity.during not in self.made.hours:
            self.refuse((*where, "during"), f"no hours have this name; there are: {_listed(self.made.hours)}", entity.during)
        for name in (*((entity.when.reading,) if entity.when else ()), *entity.other_readings()):
            if name not in self.readings:
                self.refuse(self.mention(where, name), f"no reading has this name; there are: {_listed(self.readings)}", name)

    def drills(self, where: Place, entity: Entity) -> None:
        """What a drill restores, where to, and which drill a restored reading is about."""
        drills = {each.name for each in self.made.drills}
        if isinstance(entity, Reading) and entity.restored and entity.drill not in drills:
            self.refuse((*where, "drill"), f"no drill has this name; there are: {_listed(drills)}", entity.drill or "")
        if not isinstance(entity, Drill):
            return
        backups = [each.name for _, each in entities_of(self.made) if each.section in BACKUPS and not each.absent]
        for field, names in (("backup", backups), ("scratch", self.made.scratch)):
            if getattr(entity, field) not in names:
                self.refuse((*where, field), f"no {field} has this name; there are: {_listed(names)}", getattr(entity, field))
        place = self.made.scratch.get(entity.scratch)
        if place is not None and entity.timeout is not None and place.ttl <= entity.timeout:
            self.refuse(
                (*where, "scratch"),
                f"its ttl, {place.ttl}, ends before a drill of {entity.timeout}: another could remove it",
                entity.scratch,
            )
        if backups.count(entity.backup) > 1:
            self.refuse((*where, "backup"), f"two of {' and '.join(BACKUPS)} have this name", entity.backup)

    def scope(self, where: Place, entity: Entity) -> None:
        """What a maintenance covers exists: a slip would leave everybody called, or nobody."""
        if not isinstance(entity, Maintenance):
            return
        known = [each for _, each in entities_of(self.made) if not isinstance(each, Maintenance)]
        sections = {each.section for each in known}
        names = {name for each in known for one in (each.name, *_instances(each)) for name in (one, f"{each.section}/{one}")}
        for index, name in enumerate(entity.scope.entities):
            if name not in names:
                self.refuse((*where, "scope", "entities", index), f"no entity has this name; nearest: {_nearest(name, names)}", name)
        for index, name in enumerate(entity.scope.sections):
            if name not in sections:
                self.refuse(
                    (*where, "scope", "sections", index), f"nothing is declared in this section; there are: {_listed(sections)}", name
                )

    def expectations(self, where: Place, entity: Entity) -> None:
        wanted = expected(entity)
        if not any(wanted.values()):
            self.refuse(where, "an entity without an expectation checks nothing")
        for expectation, value in wanted.items():
            keys = limit_keys(value) if isinstance(value, tuple) else []
            if len(keys) != len(set(keys)):
                self.refuse((*where, "expect", expectation), "two limits for the same occasion and severity")


def expected(entity: Entity) -> dict[str, Any]:
    """What is said of an entity's expectations, by name; those that are not expected are left out."""
    values = {name: entity.expect.wanted(name) for name in entity.expectations()}
    return {name: value for name, value in values.items() if value is not None}


def limit_keys(limits: tuple[Terms, ...]) -> list[str]:
    """What tells the limits of one expectation apart: the occasion, and the severity where one occasion has several."""
    occasions = [terms.on or "" for terms in limits]
    several = [terms.severity if occasions.count(terms.on or "") > 1 and terms.severity else "" for terms in limits]
    return ["-".join(filter(None, [on, severity.lower()])) for on, severity in zip(occasions, several, strict=True)]


def _mention(node: Node, name: str) -> Place:
    """The way to the value below an entity that names something, as itself or as `${name}`; its own name aside."""
    children = node.value.items() if isinstance(node.value, dict) else enumerate(node.value) if isinstance(node.value, list) else ()
    for step, child in children:
        if step != "name" and (child.value == name or (isinstance(child.value, str) and f"${{{name}}}" in child.value)):
            return (step,)
        if below := _mention(child, name):
            return (step, *below)
    return ()


def _instances(entity: Entity) -> list[str]:
    """The ids of an entity that is looked at through several connections."""
    several = getattr(entity, "connection", None)
    return [f"{entity.name}@{each}" for each in several] if isinstance(several, tuple) else []


def _nearest(name: str, names: set[str]) -> str:
    return ", ".join(difflib.get_close_matches(name, names, 3, 0.5)) or "none"


def _listed(names: Any) -> str:
    return ", ".join(sorted(names)) or "none"
