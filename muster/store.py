"""The look: every planned call once, in daemon threads, each under its own total deadline; and the memory of what came.

An outcome is a value or the reason why there is none; both are handed out any number of times.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any

from muster.probes import RESETS, Call, CouldNotLook, Observation, Probe, begin

AT_ONCE = 200
"""Threads at once, whatever the number of targets."""
OVERALL = 120.0
"""Seconds after which a look ends, whatever is still under way."""


@dataclass(frozen=True)
class Outcome:
    """What became of one call."""

    call: Call
    value: Any = None
    error: CouldNotLook | None = None
    at: float = 0.0
    """When the look began, Unix seconds."""
    took: float = 0.0
    """Seconds."""
    attempt: int = 1
    traceback: TracebackType | None = None
    """Where the error arose; every reader gets this one, so that it does not grow from reader to reader."""

    def get(self) -> Any:
        """The value, or the error again with its first traceback."""
        if self.error is not None:
            raise self.error.with_traceback(self.traceback)
        return self.value


@dataclass
class _Target:
    """The calls of one origin: how many may run, which wait, and whether one of them hung."""

    at_once: int
    waiting: deque[Call] = field(default_factory=deque)
    running: int = 0
    hung: bool = False


class Store:
    """Remembers outcomes by call key. `look` fills it, `get` reads it, `load` fills it from an earlier run."""

    def __init__(self) -> None:
        self.outcomes: dict[str, Outcome] = {}
        self.interrupted: list[str] = []

    def get(self, probe: Probe, arguments: dict[str, Any]) -> Any:
        """The outcome of a call: its value, or CouldNotLook. A call that was never made is *unknown*, not made late."""
        call = Call.of(probe, arguments)
        outcome = self.outcomes.get(call.key)
        if outcome is None:
            raise CouldNotLook(
                f"{call.key} was not looked at", cause="this run", hint="look again without --replay, or complete the observations"
            )
        return outcome.get()

    def look(self, calls: Iterable[Call], *, overall: float = OVERALL, progress: Callable[[int, int], None] | None = None) -> None:
        """Make every call that is not remembered yet. KeyboardInterrupt ends it at once; `interrupted` then says what is missing."""
        for reset in RESETS:
            reset()
        wanted = {call.key: call for call in calls if call.key not in self.outcomes}
        look = _Look(self, wanted, overall, progress or (lambda _done, _total: None))
        try:
            look.run()
        finally:
            self.interrupted = [key for key in wanted if key not in self.outcomes]


class _Look:
    """One pass over the wanted calls. Everything but the probes runs in the caller's thread, so that Ctrl-C reaches it."""

    def __init__(self, store: Store, wanted: dict[str, Call], overall: float, progress: Callable[[int, int], None]) -> None:
        self.store, self.wanted, self.overall, self.progress = store, wanted, overall, progress
        self.targets: dict[str, _Target] = {}
        self.running: dict[str, tuple[Call, _Target, float, float]] = {}  # key -> call, target, started, deadline
        self.finished: SimpleQueue[Outcome] = SimpleQueue()
        self.started = time.monotonic()

    def run(self) -> None:
        for call in self.wanted.values():
            self.queue(call)
        while self.running or any(target.waiting for target in self.targets.values()):
            self.start_what_may()
            self.collect()
            self.expire()
            self.progress(self.done(), len(self.wanted))

    def done(self) -> int:
        return sum(key in self.store.outcomes for key in self.wanted)

    def queue(self, call: Call) -> None:
        """Put a call behind its target; one whose target cannot even be named is decided here."""
        try:
            names = [(argument.target(), argument.at_once()) for argument in call.arguments.values()]
        except CouldNotLook as error:
            self.settle(Outcome(call, error=error, at=time.time()))
            return
        name, at_once = names[0] if names else (call.probe.name, AT_ONCE)
        self.targets.setdefault(name, _Target(at_once)).waiting.append(call)

    def start_what_may(self) -> None:
        for target in self.targets.values():
            while target.waiting and target.running < target.at_once and len(self.running) < AT_ONCE:
                call = target.waiting.popleft()
                now = time.monotonic()
                timeout = _timeout(call)
                self.running[call.key] = (call, target, now, now + timeout)
                target.running += 1
                threading.Thread(target=_make, args=(call, timeout, self.finished), name=call.key, daemon=True).start()

    def collect(self) -> None:
        """Wait for the next thing to happen, then take all that has."""
        now = time.monotonic()
        ends = [deadline for *_, deadline in self.running.values()]
        patience = max(0.0, min([*ends, now + 0.1, self.started + self.overall]) - now)
        try:
            self.settle(self.finished.get(timeout=patience))
            while True:
                self.settle(self.finished.get_nowait())
        except Empty:
            return

    def expire(self) -> None:
        now = time.monotonic()
        over = now - self.started >= self.overall
        for call, target, started, deadline in list(self.running.values()):
            if over or now >= deadline:
                target.hung = True
                self.settle(self.late(call, now - started, f"no answer within {_timeout(call):g} s" if not over else self.ran_out()))
        for target in self.targets.values():
            for call in [call for call in target.waiting if over or (target.hung and now - self.started >= _timeout(call))]:
                target.waiting.remove(call)
                reason = self.ran_out() if over else f"waited {now - self.started:.0f} s behind calls that got no answer"
                self.settle(self.late(call, 0.0, reason))

    def ran_out(self) -> str:
        return f"the look as a whole ended after {self.overall:g} s"

    def late(self, call: Call, took: float, reason: str) -> Outcome:
        error = CouldNotLook(
            reason, cause=_source(call), hint="is it reachable from here? a higher `timeout:` of the entity only helps a slow one"
        )
        return Outcome(call, error=error, at=time.time() - took, took=took)

    def settle(self, outcome: Outcome) -> None:
        """Remember an outcome, unless its call was given up before."""
        key = outcome.call.key
        if key in self.store.outcomes:
            return
        entry = self.running.pop(key, None)
        if entry is not None:
            entry[1].running -= 1
        self.store.outcomes[key] = outcome


def _timeout(call: Call) -> float:
    own = [argument.timeout for argument in call.arguments.values() if getattr(argument, "timeout", None)]
    return float(own[0]) if own else call.probe.timeout


def _source(call: Call) -> str:
    return " ".join(dict.fromkeys(argument.target() for argument in call.arguments.values())) or call.probe.name


def _observation(value: object) -> Observation:
    if not isinstance(value, Observation):
        raise TypeError(f"returned {type(value).__name__}, not an Observation")
    return value


def _make(call: Call, timeout: float, finished: "SimpleQueue[Outcome]") -> None:
    """Run one probe in its thread. Whatever it raises means that we could not look; an AssertionError of a client too."""
    begin(timeout)
    at, started = time.time(), time.monotonic()
    value, error = None, None
    try:
        value = _observation(call.probe.function(**call.arguments))
    except CouldNotLook as raised:
        error = raised
    except BaseException as raised:  # noqa: BLE001 - a thread that dies silently would leave its call without an outcome
        error = CouldNotLook(
            f"the probe {call.probe.name} crashed: {type(raised).__name__}: {raised}",
            cause=f"probe {call.probe.name}",
            hint="a bug: report it",
        )
        error.__cause__ = raised
    finished.put(Outcome(call, value, error, at, time.monotonic() - started, traceback=error.__traceback__ if error else None))
