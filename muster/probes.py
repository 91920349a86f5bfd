"""Looking: what a probe is, what it returns, and how it says that it could not look.

A probe is a plain function with typed arguments that can run early, in a thread, once. `@probe` registers it and puts a
pytest fixture of the same name in its place; the fixture hands out what the store remembers, value or error.
"""

import inspect
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, overload

import pytest

if TYPE_CHECKING:
    from muster.case import Case
    from muster.samples import Samples

DEFAULT_TIMEOUT = 10.0
"""Total deadline of a probe in seconds: DNS, connect, TLS, headers, body and retries together."""


class CouldNotLook(Exception):
    """A source did not let us look, so the verdict is *unknown*.

    `reason` is one sentence for a person; `cause` names the source ("kubernetes https://10.0.0.1:6443"), is equal for all
    who met the same trouble, and makes them one headline; `hint` says what to look at next.
    """

    def __init__(self, reason: str, *, cause: str = "", hint: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.cause = cause
        self.hint = hint


@dataclass(frozen=True, kw_only=True)
class Observation:
    """What a probe saw. Subclasses add the values; zero `looked_at` makes every expectation of it violated (rule 1)."""

    looked_at: int
    """How many things were looked at; the unit is `of`."""
    of: str
    """What was counted: pods, rows, series, bytes, certificates."""
    seen: str = ""
    """Which object this really is, read from the system itself: uid, address, database and server (rule 7)."""
    note: str = ""
    """Why nothing was found, or what else a person should know."""

    def facts(self) -> dict[str, float]:
        """Numbers to remember for later looks, by a name that is unique in the environment: `restarts/<uid>/<container>`."""
        return {}


@dataclass(frozen=True, kw_only=True)
class Nothing(Observation):
    """The named thing does not exist (rule 6): looked for, and not there."""

    looked_at: int = 0
    of: str = "things"


class Argument(Protocol):
    """What a probe may be asked about: an entity, or something several entities share."""

    @property
    def key(self) -> str:
        """Equal for equal looks; two calls with equal keys are one call."""

    def target(self) -> str:
        """The origin (host:port) or service that is asked, for the cap of concurrent calls. May raise CouldNotLook."""

    def at_once(self) -> int:
        """Concurrent calls that this target takes."""

    def parts(self) -> set[str]:
        """Kinds of the connections through which it is looked at."""

    def reach(self) -> tuple[str, ...]:
        """What may be connected to while looking at it, as `muster.fence` takes it; empty: no limit is declared."""

    def samples(self) -> "Samples":
        """What may be shown of other people's data that is found there."""


@dataclass(frozen=True)
class Probe:
    """A registered probe."""

    name: str
    function: Callable[..., Any]
    parameters: tuple[str, ...]
    timeout: float
    once_per: str | None = None


RESETS: list[Callable[[], None]] = []
"""What a source forgets when a new look begins; see `each_look`."""
ENDS: list[Callable[[], None]] = []
"""What a source closes when a look has ended; see `after_look`."""

PREPARES: dict[str, Callable[[], object]] = {}
"""What is done before a look that needs a kind of connection or a probe; see `before`."""

PROBES: dict[str, Probe] = {}
ARGUMENTS: dict[str, Callable[["Case"], Any]] = {}

F = TypeVar("F", bound=Callable[..., Any])


@overload
def probe(function: F, *, timeout: float = DEFAULT_TIMEOUT, once_per: str | None = None) -> Any: ...
@overload
def probe(*, timeout: float = DEFAULT_TIMEOUT, once_per: str | None = None) -> Callable[[F], Any]: ...
def probe(function: F | None = None, *, timeout: float = DEFAULT_TIMEOUT, once_per: str | None = None) -> Any:
    """Register a probe and return the fixture that hands out its outcome.

    `timeout` is the total deadline in seconds. `once_per` names the argument that several entities share ("namespace").
    Every parameter must be an `@argument`; probes never take probes.
    """
    if function is None:
        return lambda real: probe(real, timeout=timeout, once_per=once_per)
    name = function.__name__
    parameters = tuple(inspect.signature(function).parameters)
    if once_per is not None and once_per not in parameters:
        raise TypeError(f"probe {name}: once_per={once_per!r} is not one of its parameters")
    registered = Probe(name, function, parameters, timeout, once_per)
    PROBES[name] = registered

    def outcome(observations: Any, **arguments: Any) -> Any:
        return observations.get(registered, arguments)

    outcome.__doc__ = function.__doc__
    outcome.__name__ = name
    outcome.__module__ = function.__module__
    names = ("observations", *parameters)
    outcome.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(each, inspect.Parameter.POSITIONAL_OR_KEYWORD) for each in names]
    )
    return pytest.fixture(outcome)


def each_look(function: F) -> F:
    """Register a function that empties a source's memory; the store calls it before every look."""
    RESETS.append(function)
    return function


def before(*names: str) -> Callable[[F], F]:
    """Register a function that imports the client of these kinds of connection, or of these probes.

    The store calls it before the clocks start: an import is no time of the source's, and two hundred threads make it a long one.
    """

    def register(function: F) -> F:
        PREPARES.update(dict.fromkeys(names, function))
        return function

    return register


def after_look(function: F) -> F:
    """Register a function that closes what a source has opened; the store calls it after every look."""
    ENDS.append(function)
    return function


def argument(function: F) -> Any:
    """Register a function of a Case as something probes and fixtures can take; it opens nothing and judges nothing."""
    ARGUMENTS[function.__name__] = function
    return pytest.fixture(function)


@dataclass(frozen=True)
class Call:
    """One probe with its arguments: what the store does once and remembers."""

    probe: Probe
    arguments: dict[str, Any] = field(compare=False, hash=False)
    key: str = ""

    @classmethod
    def of(cls, probe: Probe, arguments: dict[str, Any]) -> "Call":
        """Build the call; its key joins the probe's name with the keys of its arguments."""
        return cls(probe, arguments, "|".join([probe.name, *(arguments[name].key for name in probe.parameters)]))


_ends: ContextVar[float] = ContextVar("ends", default=float("inf"))
_length: ContextVar[float] = ContextVar("length", default=0.0)


def remaining() -> float:
    """Seconds left until this probe's total deadline; what a client's own time-out is set to. Never below 0.05."""
    return max(0.05, min(_ends.get() - time.monotonic(), 3600.0))


def left() -> float:
    """Seconds in which a client may still listen: the total deadline but for its last 5 %, in which we say what was seen.

    Negative when they have passed; at most an hour.
    """
    return min(_ends.get() - _length.get() * 0.05 - time.monotonic(), 3600.0)


def begin(timeout: float) -> None:
    """Start the clock of the probe that runs in this thread; the store calls it."""
    _ends.set(time.monotonic() + timeout)
    _length.set(timeout)
