"""The look: every planned call once, in daemon threads, each under its own total deadline; and the memory of what came.

Two hundred threads share one interpreter, so whatever is done for each of them delays the last: each event costs the same,
however many calls there are. An outcome is a value or the reason why there is none; both are handed out any number of times.
"""

import _thread
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from queue import Empty, SimpleQueue
from traceback import clear_frames
from types import TracebackType
from typing import Any

from muster import fence, memory, samples
from muster.probes import ENDS, PREPARES, RESETS, Call, CouldNotLook, Observation, Probe, begin

AT_ONCE = 200
"""Threads at once, whatever the number of targets."""
OVERALL = 120.0
"""Seconds after which a look ends, whatever is still under way."""

HUNG = 0.8
"""Share of its deadline from which on a call counts as hung, whether a client gave up by itself or not."""


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
    """The calls of one origin: how many may run at once, and which wait."""

    at_once: int
    waiting: deque[Call] = field(default_factory=deque)
    hung: Outcome | None = None
    """Of its first call that used up its time, so that those behind it may not each do so again."""


class _Workers:
    """Daemon threads that make one call after the other; one that hangs is simply not used again until it comes back."""

    def __init__(self) -> None:
        self.finished: SimpleQueue[Outcome] = SimpleQueue()
        self._jobs: SimpleQueue[tuple[Call, float] | None] = SimpleQueue()
        self._threads = 0
        self._idle = 0

    def make(self, call: Call, timeout: float) -> None:
        """Have a call made now: by a thread that waits for work, else by a new one."""
        self._jobs.put((call, timeout))
        if self._idle:
            self._idle -= 1
            return
        self._threads += 1
        # threading.Thread would wait until the new thread runs, which on a busy machine takes longer than the call itself.
        _thread.start_new_thread(self._work, ())

    def take(self, patience: float) -> Outcome:
        """The next outcome. Raises queue.Empty when none comes within `patience` seconds."""
        outcome = self.finished.get(timeout=patience) if patience else self.finished.get_nowait()
        self._idle += 1
        return outcome

    def dismiss(self) -> None:
        """Let each thread end after the call that it makes now."""
        for _ in range(self._threads):
            self._jobs.put(None)

    def _work(self) -> None:
        while job := self._jobs.get():
            self.finished.put(_made(*job))


class Store:
    """Remembers outcomes by call key. `look` fills it, `get` reads it, `load` fills it from an earlier run."""

    def __init__(self, attempt: int = 1) -> None:
        self.outcomes: dict[str, Outcome] = {}
        self.interrupted: list[str] = []
        self.attempt = attempt
        """Which look of its run this is."""
        self.again: list[Store] = []
        """Later looks at some of the same calls; a check is judged by one look alone, so that it never compares two moments."""
        self.superseded: list[Outcome] = []
        """Of looks at everything that came before this one: what did not hold then was judged by these."""

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
        _prepare(wanted.values())
        memory.share()
        look = _Look(self, wanted, overall, progress or (lambda _done, _total: None))
        try:
            look.run()
        finally:
            self.interrupted = [key for key in wanted if key not in self.outcomes]
            for end in ENDS:
                end()


class _Look:
    """One pass over the wanted calls. Everything but the probes runs in the caller's thread, so that Ctrl-C reaches it."""

    def __init__(self, store: Store, wanted: dict[str, Call], overall: float, progress: Callable[[int, int], None]) -> None:
        self.store, self.wanted, self.overall, self.progress = store, wanted, overall, progress
        self.targets: dict[str, _Target] = {}
        self.free: deque[_Target] = deque()  # a target for each call that it may take now
        self.running: dict[str, tuple[Call, _Target, float]] = {}  # key -> call, target, started
        self.deadlines: list[tuple[float, str]] = []  # a heap; entries of finished calls stay until their time has come
        self.workers = _Workers()
        self.started = time.monotonic()
        self.left = len(wanted)

    def run(self) -> None:
        for call in self.wanted.values():
            self.queue(call)
        for target in self.targets.values():
            self.free.extend([target] * min(target.at_once, len(target.waiting)))
        try:
            while self.left:
                self.start_what_may()
                self.collect()
                self.expire()
                self.progress(len(self.wanted) - self.left, len(self.wanted))
        finally:
            self.workers.dismiss()

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
        while self.free and len(self.running) < AT_ONCE:
            target = self.free.popleft()
            if not target.waiting:
                continue
            call = target.waiting.popleft()
            now = time.monotonic()
            timeout = self.patience(call, target, now)
            self.running[call.key] = (call, target, now)
            heappush(self.deadlines, (now + timeout, call.key))
            self.workers.make(call, timeout)

    def collect(self) -> None:
        """Wait for the next thing to happen, then take all that has."""
        now = time.monotonic()
        patience = max(0.0, min([now + 0.1, self.started + self.overall, *(end for end, _ in self.deadlines[:1])]) - now)
        try:
            while self.left:
                self.settle(self.workers.take(patience))
                patience = 0.0
        except Empty:
            return

    def expire(self) -> None:
        """Give up what took too long, and what waits behind it."""
        now = time.monotonic()
        over = now - self.started >= self.overall
        while self.deadlines and (over or now >= self.deadlines[0][0]):
            _, key = heappop(self.deadlines)
            if key in self.running:
                call, target, started = self.running[key]
                self.settle(self.late(call, now - started, f"no answer within {_timeout(call):g} s" if not over else self.ran_out()))
        for target in self.targets.values() if over else [each for each in self.targets.values() if each.hung]:
            for call in [call for call in target.waiting if over or self.patience(call, target, now) <= _timeout(call) * (1 - HUNG)]:
                target.waiting.remove(call)
                self.settle(self.late(call, 0.0, self.ran_out()) if over else self.behind(call, target, now))

    def patience(self, call: Call, target: _Target, now: float) -> float:
        """Seconds that a call may take when it starts now: behind one that hung, the time that it has waited is gone."""
        return _timeout(call) - (now - self.started if target.hung else 0.0)

    def ran_out(self) -> str:
        return f"the look as a whole ended after {self.overall:g} s"

    def behind(self, call: Call, target: _Target, now: float) -> Outcome:
        """What becomes of a call whose turn did not come: the trouble is that of the one before it."""
        first = target.hung.error if target.hung else None
        waited = f"waited {now - self.started:.0f} s behind calls that got no answer"
        if first is None:
            return self.late(call, 0.0, waited)
        return Outcome(call, error=CouldNotLook(f"{waited}: {first.reason}", cause=first.cause, hint=first.hint), at=time.time())

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
        if key in self.running:
            target = self.running.pop(key)[1]
            if target.hung is None and outcome.took >= HUNG * _timeout(outcome.call):
                target.hung = outcome
            self.free.append(target)
        self.store.outcomes[key] = outcome if self.store.attempt == 1 else replace(outcome, attempt=self.store.attempt)
        self.left -= 1


def _prepare(calls: Iterable[Call]) -> None:
    """Import what the calls need, in this thread, once."""
    needs = {name for call in calls for name in (call.probe.name, *(part for each in call.arguments.values() for part in each.parts()))}
    for prepare in dict.fromkeys(PREPARES[name] for name in sorted(needs) if name in PREPARES):
        prepare()


def _timeout(call: Call) -> float:
    own = [argument.timeout for argument in call.arguments.values() if getattr(argument, "timeout", None)]
    return float(own[0]) if own else call.probe.timeout


def _source(call: Call) -> str:
    return " ".join(dict.fromkeys(argument.target() for argument in call.arguments.values())) or call.probe.name


def _observation(value: object) -> Observation:
    if not isinstance(value, Observation):
        raise TypeError(f"returned {type(value).__name__}, not an Observation")
    return value


def _forget_locals(error: BaseException) -> None:
    """Let go of what the frames of an error and its causes held: bodies of answers, clients, credentials."""
    chain: list[BaseException | None] = [error]
    seen: set[int] = set()
    while chain:
        each = chain.pop()
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            clear_frames(each.__traceback__)
            chain += [each.__cause__, each.__context__]


def _made(call: Call, timeout: float) -> Outcome:
    """Run one probe in its thread. Whatever it raises means that we could not look; an AssertionError of a client too."""
    begin(timeout)
    fence.enter(next((argument.reach() for argument in call.arguments.values()), ()))
    samples.enter(next((argument.samples() for argument in call.arguments.values()), samples.NONE))
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
    if error is not None:
        _forget_locals(error)
    return Outcome(call, value, error, at, time.monotonic() - started, traceback=error.__traceback__ if error else None)
