"""How often a run looks: `--confirm`, `--settle` and `--hold`, read and checked before anything is looked at."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from muster.store import OVERALL
from muster.text import count
from muster.units import Duration

MOST = 10
"""Looks that may confirm one."""
LONGEST = Duration(86400.0)
EVERY = "15s"


NEVER = Duration(0.0)


@dataclass(frozen=True)
class Repeats:
    """When to look again, in seconds; zero: not at all."""

    confirm: int = 0
    confirm_after: Duration = NEVER
    settle: Duration = NEVER
    settle_every: Duration = NEVER
    hold: Duration = NEVER
    hold_every: Duration = NEVER

    def __bool__(self) -> bool:
        """Whether there is more than one look."""
        return bool(self.confirm or self.settle or self.hold)

    def bound(self) -> Duration:
        """The longest that all looks and waits can take together."""
        confirming = max(self.confirm, 1 if self.hold else 0) * (self.confirm_after + OVERALL)
        settling = self.settle + OVERALL if self.settle else 0.0
        holding = self.hold + OVERALL + confirming if self.hold else 0.0
        return Duration(OVERALL + settling + confirming + holding)

    def header(self) -> Iterator[str]:
        """What the run does, before it does it."""
        if self.settle:
            yield f"settle: looks at everything every {self.settle_every} until it holds, for {self.settle}"
        if self.confirm:
            yield f"confirm: up to {count(self.confirm, 'more look')}, {self.confirm_after} apart, at what does not hold"
        if self.hold:
            yield f"hold: then looks at everything every {self.hold_every} for {self.hold}, until something is violated"
        yield f"all looks together take at most {self.bound()}"


def add(parser: pytest.Parser) -> None:
    """Add the options to the group `muster`."""
    group = parser.getgroup("muster")
    group.addoption("--confirm", metavar="N", help="look up to N more times at what does not hold, before it is said (1 to 10)")
    group.addoption("--confirm-after", metavar="TIME", help=f"wait before each of these looks (default: {EVERY})")
    group.addoption("--settle", metavar="TIME", help="look at everything again until it holds, for at most this long: after a deploy")
    group.addoption("--settle-every", metavar="TIME", help=f"wait between these looks (default: {EVERY})")
    group.addoption("--hold", metavar="TIME", help="keep looking at everything for this long; stop at the first violation")
    group.addoption("--hold-every", metavar="TIME", help=f"wait between these looks (default: {EVERY})")


def repeats(config: pytest.Config) -> Repeats:
    """What the command line asks for. Raises UsageError."""
    given = {name: config.getoption(f"--{name}") for name in ("confirm", "settle", "hold")}
    pauses = {"confirm": "--confirm-after", "settle": "--settle-every", "hold": "--hold-every"}
    for name, pause in pauses.items():
        if config.getoption(pause) is not None and given[name] is None and not (name == "confirm" and given["hold"]):
            raise pytest.UsageError(f"{pause} {config.getoption(pause)} says nothing without --{name}")
    asked = [f"--{name}" for name, value in given.items() if value is not None]
    if asked and config.getoption("--replay"):
        raise pytest.UsageError(f"{asked[0]} with --replay: a saved run is judged by the looks that it has")
    if asked and config.getoption("--drill"):
        raise pytest.UsageError(f"{asked[0]} with --drill: a drill restores once and is judged by that")
    if not asked:
        return Repeats()
    every = {name: _duration(pause, config.getoption(pause) or EVERY) for name, pause in pauses.items()}
    lengths = {name: _duration(f"--{name}", given[name]) for name in ("settle", "hold") if given[name] is not None}
    for name, length in lengths.items():
        if every[name] > length:
            raise pytest.UsageError(f"--{name} {length} is over before the next look: {pauses[name]} is {every[name]}")
    return Repeats(
        _number(given["confirm"]), every["confirm"], lengths.get("settle", NEVER), every["settle"],
        lengths.get("hold", NEVER), every["hold"],
    )  # fmt: skip


def _number(text: str | None) -> int:
    if text is None:
        return 0
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MOST):
        raise pytest.UsageError(f"--confirm {text}: a number of further looks, 1 to {MOST}")
    return int(text)


def _duration(option: str, text: str) -> Duration:
    try:
        length = Duration.parse(text)
    except ValueError as error:
        raise pytest.UsageError(f"{option} {text}: {Duration.rule}") from error
    if not 1.0 <= length <= LONGEST:
        raise pytest.UsageError(f"{option} {text}: at least 1s, at most {LONGEST}")
    return length
