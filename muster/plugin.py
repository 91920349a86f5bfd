"""The pytest plugin: thin hooks around a Run. They concern items under `checks/` only; `pytest tests` passes untouched."""

import gc
from collections.abc import Generator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from muster import allowances, hooks, occasions, options, plans, reports, stopping, transport
from muster.arguments import arguments
from muster.case import Case
from muster.filling import fill
from muster.judging import describe, documentation, refuse_silence, result, told
from muster.kinds.maintenance import Maintenance
from muster.observations import ReplayError
from muster.protection import protect
from muster.run import CASE, NOTHING, Run
from muster.scrubber import scrubbed
from muster.selection import SelectionError, load_all, shown
from muster.state import History, StateError
from muster.text import cut
from muster.verdicts import EXIT_CONFIGURATION, Result, Verdict
from muster.windows import Phase
from muster.yamlfile import ConfigError

pytest_plugins = [
    *("muster.channels", "muster.follow_up", "muster.looking_again", "muster.ci_plugin", "muster.gate", "muster.called"),
]
RUN = pytest.StashKey[Run]()


def pytest_addoption(parser: pytest.Parser) -> None:
    gc.disable()  # until all is collected: nearly everything that is loaded stays
    options.add(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    pluginmanager.add_hookspecs(hooks)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    options.register_markers(config)
    if not options.concerns_checks(config):
        gc.enable()
        return
    out = Path(config.getoption("--reports"))
    replay = config.getoption("--replay")
    lost = [] if config.option.collectonly else _begin(config, out)
    options.refuse_unusable(config)
    try:
        environments = load_all(Path(config.getoption("--environments")), config.getoption("--env"))
        config.stash[RUN] = run = Run(environments, out, options.shelf(config, out), Path(replay) if replay else None)
        config.pluginmanager.register(arguments({type(entity) for each in environments for entity in each.entities}), "muster.kinds")
        run.state.load([each.id for each in environments])
        run.allowances = allowances.load(environments, config.rootpath / "checks", shown(Path(config.getoption("--environments"))))
    except (ConfigError, SelectionError, ReplayError, StateError) as error:
        raise pytest.UsageError(*str(error).splitlines()) from error
    run.lost += lost
    protect(config, [each.id for each in environments if each.protected])
    transport.install()
    stopping.install()
    config.hook.pytest_muster_validate(config=config, environments=environments)
    config.option.continue_on_collection_errors = True  # the other modules still run; the exit code says that one did not


def _begin(config: pytest.Config, out: Path) -> list[str]:
    folder, cleaned = config.stash.get(options.ALLURE, (None, False))
    try:
        return reports.begin(out, folder, cleaned=cleaned, replays=config.getoption("--replay") is not None)
    except reports.StillRunning as error:
        raise pytest.UsageError(str(error)) from error


def pytest_unconfigure(config: pytest.Config) -> None:
    if RUN in config.stash:
        stopping.uninstall()
        transport.uninstall()


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    run, marker = metafunc.config.stash.get(RUN, None), metafunc.definition.get_closest_marker("expects")
    if run is None or marker is None:
        return
    if "case" not in metafunc.fixturenames:
        raise pytest.UsageError(f"{metafunc.function.__name__} takes neither `limit` nor an entity")
    made = run.cases_of(metafunc.function, marker.args[0], metafunc.fixturenames, metafunc.definition.path.parent.name)
    params = [pytest.param(each.identity.parameter, id=each.identity.parameter, marks=occasions.marks(each.terms)) for each in made]
    metafunc.parametrize("case", params or [pytest.param(NOTHING, id=NOTHING)], indirect=True)


@pytest.fixture
def case(request: pytest.FixtureRequest) -> Case:
    """The expectation under judgement: its entity, its limit, its identity."""
    run = request.config.stash[RUN]
    made = run.cases[f"{request.function.__name__}[{request.param}]"]
    run.require_condition(made)
    return made


@pytest.fixture
def terms(case: Case) -> Any:
    """The whole limit, with what belongs to it, such as a window."""
    return case.terms


@pytest.fixture
def limit(case: Case) -> Any:
    """The value that the check compares with."""
    return case.terms.value


@pytest.fixture
def history(request: pytest.FixtureRequest, case: Case) -> History:
    """Facts that earlier looks at this environment remembered: for each its (time, value) pairs, oldest first."""
    return request.config.stash[RUN].state.history(case.identity.place)


@pytest.fixture
def drills(request: pytest.FixtureRequest, case: Case) -> list[tuple[float, bool]]:
    """Past drills of the entity: when each ended (Unix seconds), and whether it passed; oldest first."""
    return request.config.stash[RUN].drills(case)


@pytest.fixture
def maintenance_phase(request: pytest.FixtureRequest, case: Case) -> Phase:
    """What the maintenance that is judged is now, as the look saw it."""
    run, window = request.config.stash[RUN], case.entity
    assert isinstance(window, Maintenance), case
    return run.allowances.phase(run, window, case.identity.place)


@pytest.fixture
def observations(request: pytest.FixtureRequest, case: Case) -> Any:
    """What the look remembers by which this expectation is judged; probes read it."""
    return request.config.stash[RUN].seen(case)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    run = config.stash.get(RUN, None)
    if run is None:
        return
    if run.allowances.unmatched:
        raise pytest.UsageError(*map(str, sorted(set(run.allowances.unmatched))))
    kept: list[pytest.Item] = []
    dropped: list[pytest.Item] = []
    for item in items:
        parameter = options.parameter_of(item)
        if parameter is None:  # a test of this project that was asked for along with checks
            kept.append(item)
        elif parameter != NOTHING:
            made = item.stash[CASE] = run.cases[f"{item.function.__name__}[{parameter}]"]  # type: ignore[attr-defined]
            reason = occasions.unwanted(config, item, made, called=config.stash[RUN].called is not None)
            (dropped if reason else kept).append(item)
            if reason:
                run.deselected[item.nodeid] = reason
    items[:] = kept
    if dropped:
        config.hook.pytest_deselected(items=dropped)


def pytest_deselected(items: list[pytest.Item]) -> None:
    for item in items:
        run = item.config.stash.get(RUN, None)
        if run is not None:
            run.deselected.setdefault(item.nodeid, "not selected by -m or -k")


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Plan, then look; the judging is pytest's own loop, which runs after this returns None."""
    run = session.config.stash.get(RUN, None)
    if run is None or session.config.option.collectonly or session.config.option.setupplan or not session.items:
        return
    run.broken = session.testsfailed > 0  # nothing has run yet, so these are modules that did not import
    items = [(item, item.stash[CASE]) for item in session.items if CASE in item.stash]
    run.plan(items, plans.selection(session.config))
    items = _drop(run, session, items, lambda case: _outside_hours(run, case))
    if run.replay is None and any(each.sandboxed for each in run.environments):
        parts = {part for _, case in items for part in run.parts(case)}
        pasts = session.config.hook.pytest_muster_prepare(config=session.config, environments=run.environments, parts=parts)
        for environment, history in (each for past in pasts for each in past.items()):
            run.state.suppose(environment, history)
    cases = [case for _, case in items]
    told = session.config.hook.pytest_muster_refuse(config=session.config, connections=run.connections(cases), run=run, cases=cases)
    if refused := [sentence for each in told for sentence in each] or run.refusals(cases):
        run.refuse(refused)
        raise pytest.UsageError(*(cut(each, 4000) for each in refused))
    progress = session.config.pluginmanager.get_plugin("muster.terminal")
    act = partial(session.config.hook.pytest_muster_act, config=session.config, run=run, cases=cases)
    run.look(items, act, progress.bar(session.config) if progress else None)
    _drop(run, session, items, run.asked)


def _outside_hours(run: Run, case: Case) -> str:
    if case.entity.during is None:
        return ""
    inside = run.environment_of(case).hours[case.entity.during].cover(datetime.now(UTC))
    return "" if inside else f"outside {case.entity.during}"


def _drop(run: Run, session: pytest.Session, items: list[tuple[pytest.Item, Case]], why_not: Any) -> list[tuple[pytest.Item, Case]]:
    """Take out what is not asked in this run; each is counted with its reason, so that nothing vanishes."""
    kept = []
    for item, case in items:
        reason = why_not(case)
        if reason and isinstance(item, pytest.Function):
            run.settle(result(item, case, {"verdict": Verdict.NOT_ASKED, "title": documentation(item.function)[0], "reason": reason}))
            session.items.remove(item)
        else:
            kept.append((item, case))
    session.testscollected = len(session.items)
    return kept


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    run, made = item.config.stash.get(RUN, None), item.stash.get(CASE, None)
    if run is not None and made is not None and isinstance(item, pytest.Function):
        fill(item, run, made)


def pytest_collection_finish() -> None:
    """What is loaded and collected stays: the collector of garbage need not look through it again and again."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    made = pyfuncitem.stash.get(CASE, None)
    if made is not None:
        refuse_silence(pyfuncitem, made)
    return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    run, made = item.config.stash.get(RUN, None), item.stash.get(CASE, None)
    if run is None or made is None or not isinstance(item, pytest.Function) or (call.when != "call" and call.excinfo is None):
        return report
    fields = describe(item, made, call) | run.evidence(made)
    fields["next"] = fields["next"] or run.passage(made).see
    found = run.allowances.applied(run, result(item, made, fields), made, gate=run.gate is not None)
    found = scrubbed(run.course.told(found, run.state, replays=run.replay is not None))
    run.settle(found)
    item.stash[RESULT] = found
    report.muster = found  # type: ignore[attr-defined]  # reports are open for attributes
    if found.verdict is Verdict.WAIVED:  # what pytest makes of an expected failure; a mark could not know bounds, causes and ends
        report.outcome, report.wasxfail, report.longrepr = "skipped", found.reason, told(found)
    elif found.verdict is Verdict.VIOLATED and report.passed:
        report.outcome = "failed"  # it holds, and a waiver that nobody needs is in the way
    if report.failed:  # pytest's own text shows arguments and, with -l, every local: credentials among them
        report.longrepr = told(found)
    return report


RESULT = pytest.StashKey[Result]()


def pytest_report_teststatus(report: Any) -> tuple[str, str, str] | None:
    found: Result | None = getattr(report, "muster", None)
    words = {
        Verdict.VIOLATED: ("failed", "F", "VIOLATED"),
        Verdict.UNKNOWN: ("error", "E", "UNKNOWN"),
        Verdict.WAIVED: ("xfailed", "x", "WAIVED"),
    }
    return words.get(found.verdict) if found else None


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> Generator[None, None, None]:
    run = session.config.stash.get(RUN, None)
    if run is None:
        return (yield)
    broken = run.broken or (run.journal is None and exitstatus == 1)  # with -x or --collect-only nothing else ran
    status = EXIT_CONFIGURATION if broken and exitstatus not in (2, 3) else int(exitstatus)
    if run.journal is None:
        session.exitstatus = status
        return (yield)
    session.config.hook.pytest_muster_judged(config=session.config, run=run)
    stopping.ignore()  # what is left takes moments; ended here, everything would still have to be finalised
    session.exitstatus = run.end(status, session.config.stash.get(options.ALLURE, (None, False))[0])
    return (yield)
