"""pytest's part of a drill: its fences, when others are asked whether to refuse; the drill, before the look; its record, at the end."""

import time
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from drill.held import Held
from drill.progress import Progress
from muster import drills
from muster.case import Case
from muster.kinds.drills import Drill
from muster.kinds.readings import Reading
from muster.plugin import RUN
from muster.run import Run
from muster.verdicts import ORDER, Result, Verdict

if TYPE_CHECKING:  # what restores is loaded when something is to be restored: every run collects these checks
    from drill.prepared import Prepared
    from drill.run import Drilling

PREPARED: "list[Prepared]" = []
DRILLED: "list[Drilling]" = []
OPEN = Held()
"""What the drills of this run hold: the locks of their scratch servers."""


def drills_of(run: Run, cases: list[Case]) -> list[Drill]:
    """The drills that these cases need, each once: their own, and those in which readings are asked."""
    wanted: dict[str, Drill] = {}
    for case in cases:
        entity = case.entity
        if isinstance(entity, Reading) and entity.restored:
            every = run.environment_of(case).entities
            entity = next(each for each in every if isinstance(each, Drill) and each.name == entity.drill)
        if isinstance(entity, Drill) and case.expectation != "passed_within":
            wanted[entity.key] = entity
    return list(wanted.values())


@pytest.hookimpl
def pytest_muster_refuse(config: pytest.Config, run: Run, cases: list[Case]) -> list[str]:
    """Why a drill must not begin. What it takes to find that out is only looked at; what would be restored is said in any case."""
    wanted = drills_of(run, cases) if run.replay is None else []
    if not wanted:
        return []
    from drill.prepared import prepare
    from drill.scratch import Busy

    told: list[str] = []
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    for drill in wanted:
        try:
            made = prepare(run, drill, OPEN)
        except Busy as busy:
            told.append(f"{drill.name}: {busy}")
            continue
        PREPARED.append(made)
        if made.artefact is not None or made.trouble is not None:
            Progress(drill.name, reporter).told(made.told())
        told += [f"{drill.name}: {sentence}" for sentence in made.refusals]
    if told:
        OPEN.close()
    return told


@pytest.hookimpl
def pytest_muster_act(config: pytest.Config, run: Run, cases: list[Case]) -> None:
    """Drill, one after the other; what came of each is in the store, whatever happens."""
    if not PREPARED:
        return
    from drill.evidence import tell
    from drill.run import Drilling

    reporter = config.pluginmanager.get_plugin("terminalreporter")
    try:
        for made in PREPARED:
            readings = [each for each in made.environment.entities if isinstance(each, Reading) and each.drill == made.drill.name]
            with Progress(made.drill.name, reporter).ticking() as progress:
                DRILLED.append(Drilling(run, made, readings, progress))
                DRILLED[-1].go()
            tell(run, cases, DRILLED[-1])
    finally:
        OPEN.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, Any, Any]:
    """When all is judged: what is kept of each drill."""
    done = yield
    run = session.config.stash.get(RUN, None)
    if run is not None and run.journal is not None:
        for each in DRILLED:
            _keep(run, each)
    return done


def _keep(run: Run, each: "Drilling") -> None:
    """A line in the history; of a drill that passed also what the next one is compared with."""
    from drill import history

    results, fields = list(_results(run, each)), _fields(each)
    verdict = min((one.verdict for one in results), key=ORDER.index, default=Verdict.NOT_RUN)
    failed = sorted(one.check for one in results if one.verdict is not Verdict.HOLDS)
    run.drilled.setdefault(fields["environment"], {})[f"drill/{each.drill.name}"] = (fields["ended"], float(verdict is Verdict.HOLDS))
    try:
        drills.append(run.out, {**fields, "verdict": verdict, "failed": failed})
        if verdict is Verdict.HOLDS and each.verifying is not None:
            history.keep(run.state.folder, each.drill, each.verifying.proofs)
    except OSError as error:
        run.lose(f"{drills.FILE}: {error.strerror}")


def _results(run: Run, each: "Drilling") -> Iterator[Result]:
    """The verdicts about a drill and about the readings in its copy."""
    assert run.journal is not None
    names = {each.drill.key, *(reading.key for reading in each.readings)}
    for identity, result in run.journal.digest.verdicts.items():
        if run.cases[identity].entity.key in names and run.cases[identity].expectation != "passed_within":
            yield result


def _fields(each: "Drilling") -> dict[str, Any]:
    found, made = each.made.artefact, each.made
    artefact = (
        {"place": found.seen, "name": found.name, "version": found.version, "size": found.size, "written": found.written} if found else {}
    )
    return {
        "environment": made.environment.id, "drill": made.drill.name, "id": each.lease.name, "began": made.began, "ended": time.time(),
        "took": each.took, "phases": each.seconds,
        "size": found.size if found else 0, "artefact": artefact | (each.restored.told() if each.restored else {}),
        "restored": each.restored.size if each.restored else 0,
        "counts": each.verifying.proofs.counts if each.verifying else {},
    }  # fmt: skip
