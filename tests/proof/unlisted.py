"""Faults that nobody has listed: of the families of the listed ones, and what the checks must make of them.

Each is an edit of the healthy world with what must not hold afterwards. Unlike a fault's declaration this is not
complete: that a check beside these changes too is no error here, as long as nothing named in `holds` does.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from muster.verdicts import Verdict
from sandbox.world import World
from tests.proof.groups import Edited, packed
from tests.proof.harness import Edit, Proof, Seen, told

POD = "platform-service-7c9d8b6f5-b8m2p"
VIOLATED, UNKNOWN, HOLDS = Verdict.VIOLATED, Verdict.UNKNOWN, Verdict.HOLDS


@dataclass(frozen=True)
class Unlisted:
    """One fault: what is edited, which verdict which checks must reach, what one of them must say, what must still hold."""

    name: str
    edit: Callable[[World], None]
    verdict: Verdict
    checks: tuple[str, ...]
    tells: str
    holds: tuple[str, ...] = ()

    def missed(self, seen: Seen) -> str:
        """What the checks should have said and did not, in a line; empty when they said it."""
        found = seen.not_holding()
        for name in self.checks:
            if found.get(name, Verdict.HOLDS) is not self.verdict:
                return f"{name} {found.get(name, Verdict.HOLDS)} instead of {self.verdict}"
        for name in self.holds:
            if name in found:
                return f"{name} {found[name]} instead of {Verdict.HOLDS}"
        said = [told(each) for name in self.checks for each in seen.named(name)]
        return "" if any(self.tells in each for each in said) else f"nobody says {self.tells!r}: {said}"


def together(proof: Proof, faults: Sequence[Unlisted], prepared: Edit | None = None) -> Callable[[Unlisted], Seen]:
    """The run with a fault of these: one of a group that leave each other alone; its own when it was missed in that.

    `prepared` makes of the system's healthy world the one that is broken.
    """
    edits = (
        Edited.of(each, each.edit, (*each.checks, *each.holds), alone=each.verdict is Verdict.UNKNOWN, prepared=prepared) for each in faults
    )
    group = {each.name: members for members in packed(edits) for each in members}
    known: dict[str, Seen] = {}
    before = [prepared] if prepared else []

    def run(fault: Unlisted) -> Seen:
        members = group[fault.name]
        first = members[0].name
        if first not in known:
            known[first] = proof.broken(*before, *(each.edit for each in members))
        missed = len(members) > 1 and fault.missed(known[first])
        return proof.broken(*before, fault.edit) if missed else known[first]

    return run
