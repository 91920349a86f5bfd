"""What past drills took: the trend of the recovery time, and when it will break the promise."""

import statistics
import time
from dataclasses import dataclass
from typing import Any

from muster.kinds.drills import Drill
from muster.units import Duration

LEAST = 3
"""Drills from which on there is a trend."""


@dataclass(frozen=True)
class Trend:
    """A straight line through the times that past drills took."""

    slope: float
    """Seconds by which a drill takes longer for each second that passes."""
    last: float
    """What the line says for the newest of them, seconds."""
    at: float
    """When that was, Unix seconds."""

    def breach(self, limit: float) -> float | None:
        """The Unix time at which the line reaches `limit` seconds; None when it does not rise, or only in a hundred years."""
        if self.last >= limit:
            return self.at
        if self.slope <= 0:
            return None
        wait = (limit - self.last) / self.slope
        return self.at + wait if wait < 100 * 365 * 86400 else None


def trend(drills: list[tuple[float, float]]) -> Trend | None:
    """The line through (when, seconds) pairs, by least squares; None when there are too few."""
    if len(drills) < LEAST or len({at for at, _ in drills}) < LEAST:
        return None
    times, taken = zip(*drills, strict=True)
    line = statistics.linear_regression(times, taken)
    newest = max(times)
    return Trend(line.slope, line.intercept + line.slope * newest, newest)


def seen(past: list[tuple[float, float]], now: tuple[float, float], drill: Drill) -> dict[str, Any]:
    """What a `DrillTime` says of the trend: the drills that it is made of, the time until it breaks the promise, and when, in words.

    `past` and `now` are (Unix seconds, seconds taken).
    """
    limits = drill.expect.restored_within
    line = trend([*past, now])
    if line is None or not isinstance(limits, tuple):
        return {"note": f"no trend yet: {len(past)} past drills that passed"}
    at = line.breach(min(float(each.value) for each in limits))
    words = "does not rise" if at is None else f"reaches the limit in {time.strftime('%B %Y', time.gmtime(at))}"
    return {
        "note": f"the trend of {len(past) + 1} drills {words}",
        "breach": None if at is None else Duration(max(0.0, at - now[0])),
        "drills": len(past) + 1,
    }
