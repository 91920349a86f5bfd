"""Faults that nobody has listed: of the families of the listed ones, and what the checks must make of them.

Each is an edit of the healthy world with what must not hold afterwards. Unlike a fault's declaration this is not
complete: that a check beside these changes too is no error here, as long as nothing named in `holds` does.
"""

from collections.abc import Callable
from dataclasses import dataclass

from muster.verdicts import Verdict
from sandbox.world import World

POD = "platform-service-7c9d8b6f5-b8m2p"
VIOLATED, UNKNOWN = Verdict.VIOLATED, Verdict.UNKNOWN


@dataclass(frozen=True)
class Unlisted:
    """One fault: what is edited, which verdict which checks must reach, what one of them must say, what must still hold."""

    name: str
    edit: Callable[[World], None]
    verdict: Verdict
    checks: tuple[str, ...]
    tells: str
    holds: tuple[str, ...] = ()
