"""After the judging: a second look around each entity of which something is violated, for whoever is called at night.

A table by kind of entity says how: functions that `@follow_up` registers, read-only like probes, with the same store, caps,
fence and guard. What comes is told and decides nothing; whatever goes wrong with it is one of its lines.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any, TypeVar

import pytest

from muster.kinds.base import Entity
from muster.plugin import RUN
from muster.probes import Call, CouldNotLook, Observation, Probe
from muster.run import Run
from muster.store import Outcome, Store
from muster.text import cut
from muster.units import Duration
from muster.verdicts import Verdict

TIMEOUT = 5.0
"""Seconds for one entity."""
OVERALL = 15.0
"""Seconds for all of them."""
LINES, LONGEST, MOST = 40, 300, 4096
"""Of one entity: lines, characters of each, characters together."""

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


def withheld(what: str, switch: str) -> str:
    """The line that says what is not shown, and what would show it: `withheld("3 log lines", "log_lines: 3")`."""
    return f"withheld: {what}; `samples: {{{switch}}}` in the environment's file shows that"


class Lines(Observation):
    """What a follow-up has to say; `note` holds it, a line each."""


def _look(entity: Entity) -> Lines:
    return Lines(looked_at=1, of="entities", note="\n".join(_bounded(_said(entity))))


PROBE = Probe("follow_up", _look, ("entity",), TIMEOUT)


def _said(entity: Entity) -> Iterator[str]:
    try:
        yield from FOLLOW_UPS[type(entity)](entity)
    except CouldNotLook as error:
        yield f"could not look: {error.reason}"
    except Exception as error:  # noqa: BLE001 - a bug in a follow-up is no reason to lose what the others say
        yield f"could not look: {type(error).__name__}: {error}"


def _bounded(lines: Iterable[str]) -> Iterator[str]:
    """At most `LINES` lines and `MOST` characters, each line legible and without secrets."""
    left = MOST
    for number, line in enumerate(lines):
        told = cut(line, min(LONGEST, left))
        if number == LINES or not told:
            yield "(there is more)"
            return
        yield told
        left = max(0, left - len(told) - 1)


def look_around(run: Run, progress: Callable[[int, int], None] | None = None) -> None:
    """Look again at each entity with a violated check, once, and note in the journal what was seen."""
    assert run.journal is not None
    checks: dict[str, list[str]] = {}
    calls: dict[str, Call] = {}
    for result in run.journal.digest.verdicts.values():
        entity = run.cases[result.id].entity
        if result.verdict is Verdict.VIOLATED and type(entity) in FOLLOW_UPS:
            checks.setdefault(entity.key, []).append(result.id)
            calls[entity.key] = Call.of(PROBE, {"entity": entity.model_copy(update={"timeout": Duration(TIMEOUT)})})
    if not calls:
        return
    store = Store()
    try:
        store.look(calls.values(), overall=OVERALL, progress=progress)
    finally:
        for key, call in calls.items():
            if call.key in store.outcomes:
                run.journal.write("follow_up", entity=key, checks=checks[key], lines=_lines(store.outcomes[call.key]))


def _lines(outcome: Outcome) -> list[str]:
    if outcome.error is not None:
        return [cut(f"could not look: {outcome.error.reason}", LONGEST)]
    return [line for line in outcome.value.note.split("\n") if line]


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
    terminal = config.pluginmanager.get_plugin("muster.terminal")
    look_around(run, terminal.bar(config) if terminal else None)
