"""When a verdict changes too often to be believed: the rule of Nagios, over the last runs that `--state` remembers.

Nagios keeps the last 21 results of a service and counts the changes of state between them, of 20 that are possible; it flaps from
a high share of these on, and until that share falls below a lower one ("Detection and Handling of State Flapping", the manual of
Nagios Core). All changes weigh the same here, and the limits are 30 % and 25 %.
"""

from itertools import pairwise
from typing import Any

from muster import past
from muster.verdicts import Verdict

RESULTS = 21
CHANGES = RESULTS - 1
HIGH, LOW = 0.30, 0.25


def trail(known: dict[str, Any], verdict: Verdict) -> str:
    """A letter for each of the last verdicts that are remembered of a result, the newest last, with one more."""
    return past.longer(past.trail_of(known), verdict)


def changes(letters: str) -> int:
    """How often the verdict changed."""
    return sum(one != other for one, other in pairwise(letters[-RESULTS:]))


def flaps(known: dict[str, Any], verdict: Verdict) -> bool:
    """Whether a result flaps, with one more verdict; `known` is what is remembered of it."""
    share = changes(trail(known, verdict)) / CHANGES
    return share >= (LOW if known.get("flapping") else HIGH)


def remembered(known: dict[str, Any], verdict: Verdict) -> dict[str, Any]:
    """What is remembered of it from now on."""
    return {"trail": trail(known, verdict), **({"flapping": True} if flaps(known, verdict) else {})}


def told(known: dict[str, Any], verdict: Verdict) -> str:
    """How often it changed in its last runs; empty when it does not flap."""
    letters = trail(known, verdict)[-RESULTS:]
    return f"changed {changes(letters)} times in its last {len(letters)} runs" if flaps(known, verdict) else ""
