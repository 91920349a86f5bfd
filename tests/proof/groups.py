"""Which faults are applied together: those of servers that no check reads together.

A check reads the web servers, or Prometheus, or the database, or the cluster (and perhaps one of the others with it).
So of a fault of each of the first three, applied at once to a healthy cluster, each check can see only one.
"""

import pickle
from collections.abc import Iterator
from itertools import zip_longest

from muster.verdicts import Verdict
from sandbox.faults import Found, builder, faults
from sandbox.world import Fault, World
from tests.proof.harness import SYSTEM, Proof, Seen

ALONE = ("metrics", "sites", "databases")
"""Parts of a world that no check reads together."""


def groups() -> Iterator[tuple[Found, ...]]:
    """All faults; several together where each edits another of ALONE and nothing else."""
    healthy = builder(SYSTEM)(0.0)
    kept = pickle.dumps(healthy)  # to load it is quicker than to build it again
    by_part: dict[str, list[Found]] = {part: [] for part in ALONE}
    for found in faults(SYSTEM):
        edited = _edited(found, healthy, kept)
        if edited in ALONE and found.fault.verdict == Verdict.VIOLATED:
            by_part[edited].append(found)
        else:
            yield (found,)
    for together in zip_longest(*by_part.values()):
        yield tuple(found for found in together if found)


def declared(fault: Fault) -> dict[str, Verdict]:
    """All that a fault says it changes: "check[entity]" -> verdict."""
    return dict.fromkeys(fault.hides, Verdict.UNKNOWN) | dict.fromkeys(fault.violates, Verdict(fault.verdict))


def _edited(found: Found, healthy: World, kept: bytes) -> str:
    """The only part of the world that a fault edits; empty when there are several. `kept` holds a copy of the healthy one."""
    world = pickle.loads(kept)
    found.fault.edit(world)
    parts = [name for name, value in vars(world).items() if value != getattr(healthy, name)]
    return parts[0] if len(parts) == 1 else ""


class Outcomes:
    """What the checks say of each fault; faults of one group share a run."""

    def __init__(self, proof: Proof) -> None:
        self.proof = proof
        self.group = {found.name: group for group in groups() for found in group}
        self.seen: dict[tuple[Found, ...], Seen] = {}

    def of(self, found: Found) -> Seen:
        """The run with this fault, less what its companions declare; alone when they do not all do what they declare."""
        group = self.group[found.name]
        if group not in self.seen:
            self.seen[group] = self.proof.broken(*(each.fault.edit for each in group))
        together = self.seen[group]
        if len(group) == 1:
            return together
        expected = [declared(each.fault) for each in group]
        merged = {name: verdict for each in expected for name, verdict in each.items()}
        if together.not_holding() != merged or len(merged) != sum(map(len, expected)):
            return self.proof.broken(found.fault.edit)
        return together.without(set(merged) - set(declared(found.fault)))
