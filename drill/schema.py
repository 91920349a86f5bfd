"""What a database is made of, everything but its rows, and what is missing or different in another one.

An inventory is plain data, so that the last good drill's can be kept where production may not be asked.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from drill import catalog
from drill.asks import Asks, ask
from drill.canonical import canonical
from drill.names import shown, written
from muster.probes import CouldNotLook
from muster.text import cut

OLDEST = 130000
RANKS = (
    *("schema", "table", "foreign table", "column", "constraint", "extension", "type", "enum label", "sequence", "index"),
    *("materialized view", "view", "function", "procedure", "aggregate", "trigger", "policy", "role"),
)
"""Kinds in the order of how bad it is to lose one; all others come last."""
JOINED = {"constraint": "on", "trigger": "on", "policy": "on", "enum label": "of"}
"""Things whose names are unique only within what they belong to."""
REPRINTED = ("view", "materialized view")
"""Kinds whose definitions another major version prints in other words."""
LONGEST = 120


@dataclass(frozen=True)
class Thing:
    """One object of a database."""

    kind: str
    name: str
    within: str = ""
    """The key of what it belongs to and is lost with."""
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """`table public.orders`: unique in a database."""
        return f"{self.kind} {self.name}"


@dataclass(frozen=True)
class Inventory:
    """Everything that a database is made of."""

    version: int
    """Of the server, as `server_version_num` says it: 150018."""
    things: tuple[Thing, ...]

    def to_plain(self) -> dict[str, Any]:
        """As JSON takes it."""
        return {"version": self.version, "things": [[each.kind, each.name, each.within, dict(each.facts)] for each in self.things]}

    @classmethod
    def from_plain(cls, plain: Any) -> "Inventory":
        """What `to_plain` gave. Raises ValueError for anything else."""
        from pydantic import TypeAdapter

        rows = TypeAdapter(list[tuple[str, str, str, dict[str, str]]]).validate_python(plain.get("things"))
        return cls(TypeAdapter(int).validate_python(plain.get("version")), tuple(Thing(*row) for row in rows))

    def of(self, kind: str) -> tuple[Thing, ...]:
        """The things of one kind."""
        return tuple(each for each in self.things if each.kind == kind)


def inventory(database: Asks) -> Inventory:
    """Read what a database is made of. Raises CouldNotLook."""
    version = int(ask(database, catalog.VERSION)[0][0])
    if version < OLDEST:
        raise CouldNotLook(
            f"the server has version {version}, and an inventory needs {OLDEST} (PostgreSQL 13) or later",
            cause=getattr(database, "name", "the database"),
        )
    things = [_thing(*row) for statement in catalog.STATEMENTS for row in ask(database, statement)]
    return Inventory(version, tuple(sorted(things, key=lambda each: each.key)))


def _thing(kind: str, parts: list[str], owner_kind: str | None, owner: list[str] | None, facts: dict[str, str]) -> Thing:
    """One row of the catalog."""
    within = f"{owner_kind} {_name(owner_kind, owner)}" if owner_kind and owner else ""
    name = _name(kind, parts)
    if kind in JOINED:
        name += f" {JOINED[kind]} {_name(owner_kind or '', owner or [])}"
    return Thing(kind, name, within, facts)


def _name(kind: str, parts: list[str]) -> str:
    """The parts as one name; a function's last part are its arguments, and other kinds are named by the server."""
    if kind == "constraint" and len(parts) == 3:  # told as what an index belongs to
        return f"{written(parts[0])} {JOINED[kind]} {written(*parts[1:])}"
    if kind in ("function", "procedure", "aggregate"):
        return written(*parts[:-1]) + parts[-1]
    return written(*parts) if kind in RANKS else parts[0]


def differences(expected: Inventory, found: Inventory, ignore: Sequence[str] = (), *, versions: bool = False) -> tuple[str, ...]:
    """One line for each thing that is missing, different, not valid or unexpected in `found`, the worst first.

    What belongs to a missing thing is not listed beside it. `ignore` holds patterns of the shell's kind for names
    (`public.tmp_*`) or for kind and name (`table public.tmp_*`); what belongs to an ignored thing is ignored with it.
    With `versions` an extension of another version is different.
    """
    was, now = ({thing.key: thing for thing in each.things} for each in (expected, found))
    unwanted = _matcher(ignore)
    reprinted = REPRINTED if expected.version // 10_000 != found.version // 10_000 else ()
    lines: list[tuple[int, int, str]] = []
    for key, thing in was.items():
        if any(unwanted(each) for each in _line_up(thing, was)):
            continue
        if key not in now:
            if _is_lost(thing, was, now):
                lines.append((0, _rank(thing), f"missing: {key}"))
            continue
        lines += [(1, _rank(thing), each) for each in _changes(thing, now[key], reprinted, versions=versions)]
        if now[key].facts.get("valid") == "no" != thing.facts.get("valid"):
            lines.append((2, _rank(thing), f"not valid: {key}"))
    for key, thing in now.items():
        new = key not in was and thing.kind != "role" and not (thing.within and thing.within not in was)
        if new and not any(unwanted(each) for each in _line_up(thing, now)):
            lines.append((3, _rank(thing), f"unexpected: {key}"))
    return tuple(shown(line) for _, _, line in sorted(lines))


def _matcher(patterns: Sequence[str]) -> Any:
    """A predicate of things."""
    return lambda thing: any(fnmatchcase(thing.name, each) or fnmatchcase(thing.key, each) for each in patterns)


def _line_up(thing: Thing, things: Mapping[str, Thing]) -> Iterator[Thing]:
    """The thing, what it belongs to, and what that belongs to."""
    each: Thing | None = thing
    while each is not None:
        yield each
        each = things.get(each.within)


def _is_lost(thing: Thing, was: Mapping[str, Thing], now: Mapping[str, Thing]) -> bool:
    """Whether a missing thing is a headline: not with what it belongs to, and not an invalid index, which no dump holds."""
    if thing.kind == "index" and thing.facts.get("valid") == "no":
        return False
    return all(each.key in now for each in list(_line_up(thing, was))[1:])


def _rank(thing: Thing) -> int:
    return RANKS.index(thing.kind) if thing.kind in RANKS else len(RANKS)


def _changes(was: Thing, now: Thing, reprinted: Sequence[str], *, versions: bool) -> Iterator[str]:
    """A line for each fact that changed, its validity aside."""
    for name in sorted({*was.facts, *now.facts} - {"valid"}):
        old, new = was.facts.get(name), now.facts.get(name)
        if old == new or (name == "version" and not versions) or (name == "definition" and was.kind in reprinted):
            continue
        if old is not None and new is not None and canonical(old) == canonical(new):
            continue
        if name == "digest":
            yield f"different: {was.key} has another definition"
        else:
            new, old = _beside(new, old)
            yield f"different: {was.key}{'' if name == 'type' else f': {name}'} is {new}, was {old}"


def _beside(one: str | None, other: str | None) -> tuple[str, str]:
    """Two values of a fact, each in one line; of long ones the place where they begin to differ."""
    lines = ["none" if each is None else re.sub(r"\s+", " ", each).strip() for each in (one, other)]
    same = next((place for place, pair in enumerate(zip(*lines, strict=False)) if pair[0] != pair[1]), min(map(len, lines)))
    start = same - LONGEST // 4 if max(map(len, lines)) > LONGEST and same > LONGEST // 2 else 0
    new, old = (("..." if start else "") + cut(line[start:], LONGEST) for line in lines)
    return new, old
