"""What past drills took: the trend of the recovery time, and when it will break the promise."""

import statistics
from dataclasses import dataclass

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
