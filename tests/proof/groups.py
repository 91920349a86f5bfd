"""Which faults are applied together: those that edit different things, and that are noticed at different entities.

Whether faults of a group really leave each other alone is seen, not assumed: all that does not hold must be the sum of what
they declare, and each must be told in the words that belong to it. Where it is not so, the group is halved.
"""

import pickle
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, is_dataclass
from functools import cache
from typing import Any, Generic, Self, TypeVar

from muster.verdicts import Result, Verdict
from sandbox.faults import Found, builder, faults
from sandbox.world import Fault, Series, World
from tests.proof.harness import SYSTEM, Edit, Proof, Seen, seen_by_drills, short, told
from tests.proof.tellings import TELLS

Path = tuple[str, ...]
T = TypeVar("T")


@dataclass(frozen=True)
class Outcome:
    """What the checks say of a fault: while it lasts, less what its companions declare; and what of it does not hold once it is healed."""

    seen: Seen
    healed: dict[str, Verdict]


class Outcomes:
    """What the checks say of each fault; faults of one group share a run.

    The world is healed after each group, and whatever had changed is asked again. That nothing else has been left behind is seen by
    the next run, which asks everything.
    """

    def __init__(self, proof: Proof) -> None:
        self.proof = proof
        self.healthy = proof.broken()
        self._group = {found.name: group for group in groups() for found in group}
        self._known: dict[tuple[Found, ...], Outcome] = {}

    def of(self, found: Found) -> Outcome:
        """The outcome of a fault: of its group, or of the part of it that does what it declares; at last alone."""
        group = self._group.get(found.name, (found,))
        while True:
            outcome = self._outcome(group)
            if len(group) == 1:
                return outcome
            merged = {name: verdict for each in group for name, verdict in declared(each.fault).items()}
            if outcome.seen.not_holding() == merged and all(is_told(each.fault, outcome.seen) for each in group):
                return Outcome(outcome.seen.without(set(merged) - set(declared(found.fault))), outcome.healed)
            half = len(group) // 2
            group = group[:half] if found in group[:half] else group[half:]

    def _outcome(self, group: tuple[Found, ...]) -> Outcome:
        if group not in self._known:
            seen = self.proof.broken(*(each.fault.edit for each in group))
            changed = {name for each in group for name in declared(each.fault)} | seen.not_holding().keys()
            healed = self.proof.broken(only=changed)
            assert {short(each) for each in healed.results.values()} == changed
            self._known[group] = Outcome(seen, healed.not_holding())
        return self._known[group]


def declared(fault: Fault) -> dict[str, Verdict]:
    """All that a fault says it changes: "check[entity]" -> verdict."""
    return dict.fromkeys(fault.hides, Verdict.UNKNOWN) | dict.fromkeys(fault.violates, Verdict(fault.verdict))


def is_told(fault: Fault, seen: Seen) -> bool:
    """Whether one of a fault's own checks says the words that belong to it."""
    return any(TELLS[fault.name] in told(each) for each in _broken(fault, seen))


def _broken(fault: Fault, seen: Seen) -> list[Result]:
    return [each for name in fault.violates for each in seen.named(name) if each.verdict is not Verdict.HOLDS]


def wrong(fault: Fault, seen: Seen) -> str:
    """What the checks should have said of a fault and did not, in a line; empty when all is as declared."""
    expected, found = declared(fault), seen.not_holding()
    for name in dict.fromkeys([*expected, *found]):
        if expected.get(name) != found.get(name):
            return f"{name} {_verdict(found.get(name))} instead of {_verdict(expected.get(name))}"
    return "" if is_told(fault, seen) else f"nobody says {TELLS[fault.name]!r}"


def _verdict(verdict: Verdict | None) -> str:
    return str(verdict or Verdict.HOLDS)


@dataclass(frozen=True)
class Edited(Generic[T]):
    """Something that breaks a world: what it changes there, and at which entities it is noticed."""

    what: T
    changes: frozenset[Path]
    entities: frozenset[str]
    alone: bool = False
    """Whether it may hide a whole source from others."""

    @classmethod
    def of(cls, what: T, edit: Edit, checks: Iterable[str], *, alone: bool, prepared: Edit | None = None) -> Self:
        """What `edit` makes of a healthy world, or of a `prepared` one; `checks` are those that notice it, as "check[entity]"."""
        healthy, kept = _healthy(prepared)
        world: World = pickle.loads(kept)
        edit(world)
        return cls(what, frozenset(map(_place, changes(healthy, world))), frozenset(name.partition("[")[2] for name in checks), alone)

    def leaves_alone(self, other: "Edited[T]") -> bool:
        """Whether both can be applied together."""
        apart = not (self.alone or other.alone or self.entities & other.entities)
        return apart and not any(_touch(one, two) for one in self.changes for two in other.changes)


def packed(edits: Iterable[Edited[T]]) -> Iterator[tuple[T, ...]]:
    """All of them in groups: what is noticed at most entities begins a group, and others join it."""
    found: list[list[Edited[T]]] = []
    for edit in sorted(edits, key=lambda each: -len(each.entities)):
        into = next((group for group in found if all(edit.leaves_alone(each) for each in group)), None)
        if into is None:
            found.append([edit])
        else:
            into.append(edit)
    for group in found:
        yield tuple(each.what for each in group)


def groups() -> Iterator[tuple[Found, ...]]:
    """The faults of the system's own world."""
    return packed(
        Edited.of(found, found.fault.edit, declared(found.fault), alone=found.fault.verdict != Verdict.VIOLATED)
        for found in faults(SYSTEM)
        if not seen_by_drills(found.fault)
    )


@cache
def _healthy(prepared: Edit | None) -> tuple[World, bytes]:
    """The healthy world, and a copy that is quicker to load than the world is to build."""
    world = builder(SYSTEM)(0.0)
    if prepared is not None:
        prepared(world)
    return world, pickle.dumps(world)


def _place(path: Path) -> Path:
    """A log belongs to its pod, a file to its folder; a rule may read every series, and sessions share what their server has of them."""
    if path[:2] == ("cluster", "logs") and len(path) > 2:
        return ("cluster", "objects", f"Pod/{path[2].split('/')[1]}")
    if path[2:3] == ("files",) and len(path) > 3:
        return (*path[:3], *path[3].rpartition("/")[:1])
    if path[:2] == ("metrics", "rules"):
        return path[:1]
    return path[:3] if path[:1] == ("databases",) and path[2:3] == ("sessions",) else path


def changes(before: Any, after: Any, path: Path = ()) -> set[Path]:
    """The places at which two worlds differ, as paths of names."""
    if before == after:
        return set()
    old, new = _parts(before), _parts(after)
    if old is None or new is None or type(before) is not type(after):
        return {path}
    found = {(*path, name) for name in old.keys() ^ new.keys()}
    for name in old.keys() & new.keys():
        found |= changes(old[name], new[name], (*path, name))
    return found or {path}


def _parts(value: Any) -> dict[str, Any] | None:
    if is_dataclass(value):
        return vars(value)
    if isinstance(value, list):
        return {_name(each): each for each in value}
    return value if isinstance(value, dict) else None


def _name(element: Any) -> str:
    """What an element of a list is known by."""
    if isinstance(element, Series):
        return f"{element.name} {element.labels} {element.target}"
    if isinstance(element, dict) and "metadata" in element:
        return f"{element['kind']}/{element['metadata']['name']}"
    named = element if isinstance(element, dict) else {}
    return str(named.get("name") or named.get("alert") or element)


def _touch(one: Path, two: Path) -> bool:
    """Whether one place is, or lies in, the other."""
    shorter = min(len(one), len(two))
    return one[:shorter] == two[:shorter]
