"""What each check came to, look after look of one run: since when, how often it changed, and whether a pass is plain green."""

import time
from dataclasses import dataclass, replace

from muster.digest import CALM
from muster.state import State
from muster.verdicts import ORDER, Result, Verdict
from muster.wording import compared

EARLIER = 5
"""Earlier stretches that are told of, and the very first."""


@dataclass
class Stretch:
    """Looks in a row at which a check came to the same verdict."""

    verdict: Verdict
    first: float
    last: float
    attempt: int
    """The last of these looks."""
    said: str
    settled: bool
    """Whether it began while the run waited for a deploy to settle: then holding is what was waited for."""
    looks: int = 1

    def __str__(self) -> str:
        """`violated at 06:00:01 UTC: expected <= 0, observed 7`."""
        when = (
            f"at {_moment(self.first)}" if self.looks == 1 else f"from {_moment(self.first)} to {_moment(self.last)} ({self.looks} looks)"
        )
        return f"{self.verdict} {when}" + (f": {self.said}" if self.said else "")


class Course:
    """The stretches of every check, by its id."""

    def __init__(self) -> None:
        self.settling = False
        """Whether the run waits until everything holds."""
        self._known: dict[str, list[Stretch]] = {}

    def told(self, result: Result, state: State, *, replays: bool) -> Result:
        """The result, with all that is to be said of its looks; judging one look again adds none.

        `state` knows what earlier runs saw. A run that `replays` another tells nothing of how runs follow each other.
        """
        stretches = self._taken(result)
        *before, now = stretches
        told = [str(each) for each in before]
        del told[1:-EARLIER]
        since = now.first if before else state.since(replace(result, at=now.first))
        recovered = any(each.verdict is Verdict.HOLDS and not each.settled for each in stretches[1:])
        return replace(
            result, since=since, looks=sum(each.looks for each in stretches), earlier=tuple(told),
            flaky=result.verdict is Verdict.HOLDS and recovered,
            flapping=_flapping(stretches) or ("" if replays else state.flapping(result)),
        )  # fmt: skip

    def failing(self, key: str) -> int:
        """At how many looks in a row, up to the last, a check did not hold."""
        number = 0
        for each in reversed(self._known.get(key, [])):
            if each.verdict in CALM:
                break
            number += each.looks
        return number

    def _taken(self, result: Result) -> list[Stretch]:
        stretches = self._known.setdefault(result.id, [])
        said = "; ".join(filter(None, (compared(result), result.reason))) if result.verdict not in CALM else ""
        fresh = Stretch(result.verdict, result.at, result.at, result.attempt, said, self.settling)
        last = stretches[-1] if stretches else None
        if last is None or last.attempt < result.attempt:
            if last is not None and last.verdict is result.verdict:
                last.last, last.attempt, last.said, last.looks = result.at, result.attempt, said, last.looks + 1
            else:
                stretches.append(fresh)
        elif ORDER.index(result.verdict) < ORDER.index(last.verdict):  # the same look, and its teardown failed
            last.looks -= 1
            stretches[-1:] = [last, fresh] if last.looks else [fresh]
        return stretches


def _flapping(stretches: list[Stretch]) -> str:
    changed = len(stretches) - 1
    return f"changed {changed} times in {sum(each.looks for each in stretches)} looks of this run" if changed > 1 else ""


def _moment(at: float) -> str:
    return time.strftime("%H:%M:%S UTC", time.gmtime(at))
