"""After the judging: a second look around each entity of which something is violated, for whoever is called at night.

A table by kind of entity says how: functions that `@follow_up` registers, read-only like probes, with the same store, caps,
fence and guard. What comes is told and decides nothing; whatever goes wrong with it is one of its lines.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest

from muster.kinds.base import Entity
from muster.plugin import RUN
from muster.probes import Call, CouldNotLook, Observation, Probe
from muster.run import Run
from muster.samples import Samples
from muster.store import Outcome, Store
from muster.text import cut
from muster.verdicts import Verdict

TIMEOUT = 5.0
"""Seconds for one entity."""
OVERALL = 15.0
"""Seconds for all of them."""
ENTITIES = 40
"""Entities that are looked at again, worst first."""
LINES, LONGEST, MOST = 40, 300, 4096
"""Of one entity: lines, characters of each, characters together."""
MORE = "(there is more)"

F = TypeVar("F", bound=Callable[[Any], Iterable[str]])
FOLLOW_UPS: dict[type[Entity], Callable[[Any], Iterable[str]]] = {}


def follow_up(*kinds: type[Entity]) -> Callable[[F], F]:
    """Register what is looked at once more when an entity of these kinds is violated.

    The function takes the entity and yields lines, the most telling first: the terminal shows only a few. It runs in a
    thread, within `TIMEOUT`; what it yielded before it raised CouldNotLook counts. Other people's data only as far as
    `muster.samples.shown` allows; what is left out it says with `withheld`.
    """

    def register(function: F) -> F:
        FOLLOW_UPS.update(dict.fromkeys(kinds, function))
        return function

    return register


def each_of(*parts: Iterable[str]) -> Iterator[str]:
    """The lines of all parts; one that could not look says so, and takes no other with it."""
    for part in parts:
        try:
            yield from part
        except CouldNotLook as error:
            yield f"could not look: {error.reason}"


def withheld(what: str, switch: str) -> str:
    """The line that says what is not shown, and what would show it: `withheld("3 log lines", "log_lines: 3")`."""
    return f"withheld: {what}; `samples: {{{switch}}}` in the environment's file shows that"


@dataclass(frozen=True)
class Around:
    """An entity that is looked at again, and what was said of it so far: a thread that hangs later takes none of that back."""

    entity: Entity
    said: list[str] = field(default_factory=list)
    timeout: float = TIMEOUT
    """In place of what the entity gives its own probes."""

    @property
    def key(self) -> str:
        """See `muster.probes.Argument`, for this and all below."""
        return self.entity.key

    def target(self) -> str:
        """The origin that is asked."""
        return self.entity.target()

    def at_once(self) -> int:
        """Concurrent calls that this takes."""
        return self.entity.at_once()

    def parts(self) -> set[str]:
        """Kinds of the connections."""
        return self.entity.parts()

    def reach(self) -> tuple[str, ...]:
        """What may be connected to."""
        return self.entity.reach()

    def samples(self) -> Samples:
        """What may be shown."""
        return self.entity.samples()


def _look(around: Around) -> Observation:
    for line in _bounded(_told(around.entity)):
        around.said.append(line)
    return Observation(looked_at=1, of="entities")


PROBE = Probe("follow_up", _look, ("around",), TIMEOUT)


def _told(entity: Entity) -> Iterator[str]:
    try:
        yield from each_of(FOLLOW_UPS[type(entity)](entity))
    except Exception as error:  # noqa: BLE001 - a bug here is no reason to lose what came before it
        yield f"could not look: {type(error).__name__}: {error}"


def _bounded(lines: Iterable[str]) -> Iterator[str]:
    """At most `LINES` lines and `MOST` characters, each line legible and without secrets."""
    left = MOST
    for number, line in enumerate(lines):
        told = cut(line, LONGEST)
        if number == LINES or len(told) > left:
            yield MORE
            return
        yield told
        left -= len(told) + 1


def look_around(run: Run, progress: Callable[[int, int], None] | None = None) -> None:
    """Look again at the entities with a violated check, once each, and note in the journal what was seen."""
    assert run.journal is not None
    checks = _violated(run)
    around = {key: Around(run.cases[ids[0]].entity) for key, ids in list(checks.items())[:ENTITIES]}
    calls = {key: Call.of(PROBE, {"around": each}) for key, each in around.items()}
    if not calls:
        return
    store = Store()
    trouble = "it was interrupted"
    try:
        store.look(calls.values(), overall=OVERALL, progress=progress)
    except Exception as error:  # noqa: BLE001 - the verdicts stand, whatever becomes of this
        trouble = f"{type(error).__name__}: {error}"
    finally:
        for key, ids in checks.items():
            outcome = store.outcomes.get(calls[key].key) if key in calls else None
            run.journal.write("follow_up", entity=key, checks=ids, lines=_lines(around.get(key), outcome, trouble))


def _violated(run: Run) -> dict[str, list[str]]:
    """The entities of whose kind something is registered, worst first, each with the ids of its violated checks."""
    assert run.journal is not None
    checks: dict[str, list[str]] = {}
    for result in run.journal.digest.worst_first():
        needless = result.allowance.get("state") == "needless"  # it holds, and only its waiver is in the way
        if result.verdict is Verdict.VIOLATED and not needless and type(entity := run.cases[result.id].entity) in FOLLOW_UPS:
            checks.setdefault(entity.key, []).append(result.id)
    return checks


def _lines(around: Around | None, outcome: Outcome | None, trouble: str) -> list[str]:
    """What was said until the look came back, or was given up."""
    if around is None:
        return [f"not looked at again: the {ENTITIES} worst are, and this is none of them"]
    error = outcome.error.reason if outcome and outcome.error else "" if outcome else trouble
    return [*around.said, *([cut(f"could not look: {error}", LONGEST)] if error else [])]


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """The second look, when all is judged, or when `-x` has seen enough."""
    try:
        done = yield
    except session.Failed:
        _follow(session.config)
        raise
    _follow(session.config)
    return done


def _follow(config: pytest.Config) -> None:
    run = config.stash.get(RUN, None)
    if run is None or run.journal is None or run.replay is not None or config.getoption("--no-follow-ups"):
        return
    if any(each.verdict is Verdict.VIOLATED for each in run.journal.digest.results.values()):
        config.hook.pytest_muster_look_around(config=config)
    terminal = config.pluginmanager.get_plugin("muster.terminal")
    look_around(run, terminal.bar(config) if terminal else None)
