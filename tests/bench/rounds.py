"""Runs variants of the same work side by side, and judges ratios: what the machine does meanwhile hits all of them.

Each round runs every variant once, in an order that rotates. A goal is judged by the median of its per-round ratios. Two
variants are controls, the floor (the same harness around nothing) and the reference tool: a round in which one of them is
further than `DRIFT` from its median is thrown away and run again. Verdicts come first: a variant that sees something else
than the others is wrong, however fast it is.
"""

import os
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

ROUNDS = 5
DRIFT = 0.25
"""Share by which a control may differ from its own median."""
REPEATS = 3
"""Rounds that may be run again, of each benchmark."""


@dataclass(frozen=True)
class Ran:
    """One run of a variant."""

    seconds: float
    verdicts: Any
    """What was found out, comparable: equal for all variants."""
    figures: dict[str, float] = field(default_factory=dict)
    """What else was measured, such as peak memory in MiB or connections at the server."""


Round = dict[str, Ran]


@dataclass(frozen=True)
class Goal:
    """A ratio, and what it must not exceed or fall below. With neither it is only told."""

    says: str
    share: Callable[[Round], float]
    at_most: float | None = None
    at_least: float | None = None
    needs: tuple[str, ...] = ()
    """Variants that it compares with; where one of them is absent, the goal is not measured."""
    headline: str = ""
    """What the README calls it; empty: the README does not show it."""

    def limit(self) -> str:
        """The limit, as it stands in the table."""
        if self.at_most is not None:
            return f"at most {self.at_most:g}"
        return f"at least {self.at_least:g}" if self.at_least is not None else "(told)"

    def reached(self, value: float) -> bool:
        """Whether a median is good enough."""
        return (self.at_most is None or value <= self.at_most) and (self.at_least is None or value >= self.at_least)


@dataclass(frozen=True)
class Benchmark:
    """Variants of one piece of work, and what is expected of their ratios."""

    name: str
    title: str
    variants: dict[str, Callable[[], Ran]]
    floor: str
    reference: str
    goals: Sequence[Goal]
    absent: dict[str, str] = field(default_factory=dict)
    """Variants that this machine does not have, with the reason."""
    silent: tuple[str, ...] = ()
    """Variants that find nothing out, such as a floor; their verdicts are not compared."""


@dataclass(frozen=True)
class Judged:
    """What became of one goal."""

    goal: Goal
    verdict: str
    """pass, missed, noisy, wrong, told, absent, or too few rounds."""
    ratios: tuple[float, ...] = ()

    @property
    def median(self) -> float:
        """Of the ratios of all rounds that were kept."""
        return statistics.median(self.ratios)


@dataclass(frozen=True)
class Measured:
    """What became of a benchmark."""

    benchmark: Benchmark
    rounds: tuple[Round, ...]
    goals: tuple[Judged, ...]
    repeated: int
    load: tuple[float, float]
    """Lowest and highest load average (one minute) at the start of a round."""
    wrong: tuple[str, ...]
    """Variants that found out something else than the reference."""


def measure(benchmark: Benchmark, rounds: int = ROUNDS, *, warm: bool = True) -> Measured:
    """Run the rounds of a benchmark and judge its goals. With `warm`, a first round fills caches and does not count."""
    names = list(benchmark.variants)
    loads: list[float] = []
    turn = 0

    def one() -> Round:
        nonlocal turn
        loads.append(os.getloadavg()[0])
        order = names[turn % len(names) :] + names[: turn % len(names)]
        turn += 1
        ran = {name: benchmark.variants[name]() for name in order}
        return {name: ran[name] for name in names}

    if warm:
        one()
    kept = [one() for _ in range(rounds)]
    repeated = 0
    while (away := drifted(benchmark, kept)) and repeated < REPEATS:
        kept[away[0]] = one()
        repeated += 1
    wrong = differing(benchmark, kept)
    judged = tuple(judge(goal, benchmark, kept, noisy=bool(away), wrong=bool(wrong)) for goal in benchmark.goals)
    return Measured(benchmark, tuple(kept), judged, repeated, (min(loads), max(loads)), wrong)


def drifted(benchmark: Benchmark, kept: Sequence[Round]) -> list[int]:
    """Places of the rounds in which a control is too far from its median, the farthest first."""
    distances = [0.0] * len(kept)
    for control in {benchmark.floor, benchmark.reference} & benchmark.variants.keys():
        middle = statistics.median(ran[control].seconds for ran in kept)
        for place, ran in enumerate(kept):
            distances[place] = max(distances[place], abs(ran[control].seconds / middle - 1))
    return sorted((place for place, distance in enumerate(distances) if distance > DRIFT), key=lambda place: -distances[place])


def differing(benchmark: Benchmark, kept: Sequence[Round]) -> tuple[str, ...]:
    """Variants whose verdicts are not those of the reference in every round."""
    speaking = [name for name in benchmark.variants if name not in benchmark.silent]
    if not speaking:
        return ()
    standard = kept[0][benchmark.reference if benchmark.reference in speaking else speaking[0]].verdicts
    return tuple(name for name in speaking if any(ran[name].verdicts != standard for ran in kept))


def judge(goal: Goal, benchmark: Benchmark, kept: Sequence[Round], *, noisy: bool, wrong: bool) -> Judged:
    """One goal over all rounds. What is missed is missed, also on a noisy machine; what passes on one is only noisy."""
    if any(name not in benchmark.variants for name in goal.needs):
        return Judged(goal, "absent")
    ratios = tuple(goal.share(ran) for ran in kept)
    if wrong:
        return Judged(goal, "wrong", ratios)
    if goal.at_most is None and goal.at_least is None:
        return Judged(goal, "told", ratios)
    if not goal.reached(statistics.median(ratios)):
        return Judged(goal, "missed", ratios)
    if len(kept) < ROUNDS:
        return Judged(goal, "too few rounds", ratios)
    return Judged(goal, "noisy" if noisy else "pass", ratios)


def times(name: str, than: str) -> Callable[[Round], float]:
    """How many times as long `than` takes as `name`."""
    return lambda ran: ran[than].seconds / ran[name].seconds


def share(name: str, of: str) -> Callable[[Round], float]:
    """How long `name` takes, as a share of `of`."""
    return lambda ran: ran[name].seconds / ran[of].seconds


def figure(name: str, what: str) -> Callable[[Round], float]:
    """What was measured of `name` beside its time."""
    return lambda ran: ran[name].figures[what]
