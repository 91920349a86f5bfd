"""What the engineer on call reads: header, progress of the look, and the verdicts in place of pytest's own sections."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from muster import called, lines, reports, values
from muster.digest import CALM, Digest
from muster.environment import Environment, Switched
from muster.plugin import RUN
from muster.run import CASE, Run
from muster.text import count, cut
from muster.verdicts import Result, Verdict

ENTITIES = pytest.StashKey[int]()
SHOWN = 12
"""Lines about what is absent, off or unobservable in one environment; `-v` shows all."""


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Silence pytest's own sections about checks, unless they were asked for by name (`--tb`, `-r`)."""
    if RUN not in config.stash:
        return
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if config.option.tbstyle == "auto":
        config.option.tbstyle = "no"
    if reporter is not None and config.option.reportchars == "fE":
        reporter.reportchars = reporter.reportchars.replace("f", "").replace("E", "")
    if reporter is not None and config.option.verbose <= 0:
        reporter.showfspath = False


def pytest_report_header(config: pytest.Config) -> list[str]:
    """The environments, and what in them is not looked at."""
    run = config.stash.get(RUN, None)
    if run is None:
        return []
    made = [line for each in run.environments for line in _environment(each, everything=config.option.verbose > 0)]
    return [*made, f"replay: {cut(str(run.replay), 200)} - nothing is looked at now"] if run.replay else made


def _environment(environment: Environment, *, everything: bool) -> list[str]:
    loud = "  SANDBOX - nothing real is looked at" if environment.sandboxed else "  PROTECTED" if environment.protected else ""
    made = [f"environment: {environment.id}{loud}"]
    counts = Counter(each.state for each in environment.switched)
    if counts:
        made.append(f"  not checked here: {', '.join(f'{number} {state}' for state, number in counts.items())}")
    told = _switched(environment.switched)
    shown = told if everything else told[:SHOWN]
    made += [f"    {each}" for each in shown]
    return [*made, f"    and {len(told) - len(shown)} more (-v shows them)"] if len(told) > len(shown) else made


def _switched(switched: tuple[Switched, ...]) -> list[str]:
    """A line for each entity and reason, with all expectations that share it."""
    groups: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for each in switched:
        groups[each.state, each.entity, each.reason].append(each.expectation)
    return [f"{' '.join([*key[:2], ', '.join(names)]).strip()}: {cut(key[2], 120)}" for key, names in groups.items()]


def bar(config: pytest.Config) -> Callable[[int, int], None]:
    """What the look calls with (done, total); draws on a terminal only."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not reporter.isatty() or config.option.verbose < 0:
        return _unseen

    def draw(done: int, total: int) -> None:
        filled = 30 * done // max(total, 1)
        reporter.rewrite(f"looking [{'#' * filled}{'.' * (30 - filled)}] {done}/{total}", erase=True)
        reporter.flush()

    return draw


def _unseen(done: int, total: int) -> None:
    """Not on a terminal, or not wanted: nothing is drawn."""


def _erase(reporter: Any) -> None:
    if reporter.isatty():
        reporter.rewrite("", erase=True)
        reporter.write_raw("\r")


def pytest_runtestloop(session: pytest.Session) -> None:
    """After the look (whose hook comes first), before the judging: the line that ends the look."""
    run, reporter = session.config.stash.get(RUN, None), session.config.pluginmanager.get_plugin("terminalreporter")
    if run is None or run.journal is None or reporter is None:
        return
    session.testscollected = len(session.items)
    session.config.stash[ENTITIES] = entities(session, run)
    _erase(reporter)
    if session.config.option.verbose >= 0:
        reporter.write_line(lines.looked(session.config.stash[ENTITIES], run.journal.digest))


def entities(session: pytest.Session, run: Run) -> int:
    """How many distinct entities had a look that came back, with a value or without one."""
    cases = [item.stash[CASE] for item in session.items if CASE in item.stash]
    return len({case.entity.key for case in cases if any(key in run.store.outcomes for key in run.looked_for[str(case.identity)])})


@pytest.hookimpl(tryfirst=True)
def pytest_report_teststatus(report: Any, config: pytest.Config) -> tuple[str, str, str] | None:
    """No letters for checks: what they came to stands below, in words."""
    found: Result | None = getattr(report, "muster", None)
    if found is None or config.option.verbose > 0:
        return None
    category = {Verdict.VIOLATED: "failed", Verdict.UNKNOWN: "error", Verdict.HOLDS: "passed", Verdict.WAIVED: "xfailed"}.get(found.verdict)
    return (category, "", "") if category else None


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Everything about the verdicts, from the journal, in place of FAILURES, ERRORS and the short summary."""
    run = config.stash.get(RUN, None)
    if run is None:
        return
    _erase(terminalreporter)
    if config.option.tbstyle == "no":
        _others(terminalreporter)
    if run.journal is None:
        return
    digest = run.journal.digest
    width = config.get_terminal_writer().fullwidth if terminalreporter.isatty() else 80
    short = called.screen(config, digest, width)
    for each in lines.report(digest, width, verbose=config.option.verbose > 0) if short is None else short:
        terminalreporter.write_line(each.text, **dict.fromkeys(each.markup, True))
    _crashes(terminalreporter, config, digest)
    for each in _last(config, run, width, short=short is not None):
        terminalreporter.write_line(each.text, **dict.fromkeys(each.markup, True))
    if short is None and not run.lost:
        terminalreporter.write_line(f"report: {config.getoption('--reports')}/summary.md, junit.xml, allure-results/")


def _last(config: pytest.Config, run: Run, width: int, *, short: bool) -> Iterator[lines.Line]:
    """What stands below the results; `short`: on the one screen of somebody who was called."""
    assert run.journal is not None
    digest = run.journal.digest
    if not short and digest.results and all(each.verdict in CALM for each in digest.results.values()) and not run.broken:
        yield from lines.holds(digest, digest.looked.get("amounts", {}), config.stash[ENTITIES], width)
    if not short:
        yield from lines.history(digest, width, verbose=config.option.verbose > 0)
    yield from (*lines.pushed(digest, width), *lines.lost(run.lost, width))
    if digest.gate is None:  # a gate has its own last line, below everything
        yield from values.verdict(digest, width) if short else [lines.verdict(digest)]


def _others(reporter: Any) -> None:
    """What pytest's own sections would show of failures that are no verdicts: modules that do not import, other tests."""
    for category in ("error", "failed"):
        for report in reporter.stats.get(category, []):
            if not hasattr(report, "muster"):
                reporter.write_sep("_", f"{getattr(report, 'when', '')} {report.nodeid}".strip(), red=True)
                report.toterminal(reporter.config.get_terminal_writer())
                reporter.write_line("")


def _crashes(reporter: Any, config: pytest.Config, digest: Digest) -> None:
    """Where the tracebacks of crashes are; with `-v` they are here too."""
    crashes = {each.node: each.crash for each in digest.verdicts.values() if each.crash}
    if not crashes:
        return
    path = f"{config.getoption('--reports')}/{reports.CRASHES}"
    reporter.write_line(f"{count(len(crashes), 'crash', 'crashes')} of a check or probe: a bug. Tracebacks: {path}, or -v")
    if config.option.verbose > 0:
        for node, text in crashes.items():
            reporter.write_sep("_", cut(node, 60), red=True)
            for line in text.splitlines():
                reporter.write_line(cut(line, 300))
