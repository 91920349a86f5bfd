"""The gate on the command line: its options, what it refuses, what fails beside its checks, and its last line."""

import re
from collections.abc import Generator
from typing import Any

import pytest

from muster import gating, occasions
from muster.plugin import RUN
from muster.run import CASE
from muster.verdicts import EXIT_HOLDS

TICKET = re.compile(r"[A-Za-z][A-Za-z0-9]{0,19}-?[0-9]{1,12}|#[0-9]{1,12}")
OPTIONS = {"after_deploy": "--after-deploy", "rollback": "--rollback", "gate_severity": "--gate-severity", "override": "--override"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the gate."""
    group = parser.getgroup("muster")
    group.addoption("--after-deploy", action="store_true", help="the gate asks what must hold after a deploy, instead of before one")
    group.addoption("--rollback", action="store_true", help="the gate asks only what a rollback needs")
    group.addoption(
        "--gate-severity", choices=("P0", "P1", "P2", "P3"), metavar="P1", help="what is less severe is shown and does not stop the gate"
    )
    group.addoption("--override", metavar="TICKET", help="let this one run of the gate pass; every report and the digest say so")


def pytest_configure(config: pytest.Config) -> None:
    """Raise UsageError for what no gate can be asked; tell the run what it is."""
    run = config.stash.get(RUN, None)
    if run is None:
        return
    given = [name for option, name in OPTIONS.items() if getattr(config.option, option)]
    if given and not occasions.gates(config):
        raise pytest.UsageError(f"{', '.join(given)}: only a gate knows that; run `pytest checks -m gate`")
    if config.option.rollback and config.option.after_deploy:
        raise pytest.UsageError("--rollback asks what the way back needs, --after-deploy what holds behind it: give one of them")
    ticket = config.option.override
    if ticket is not None and not TICKET.fullmatch(ticket):
        raise pytest.UsageError(f"--override {ticket!r}: a ticket looks like OPS-123, INC0012345 or #123")
    if occasions.gates(config):
        run.gate = gating.Gate(occasions.phase(config), config.option.gate_severity or gating.LOWEST, ticket or "")


def pytest_report_header(config: pytest.Config) -> list[str]:
    """What kind of gate this is, before anything is looked at."""
    run = config.stash.get(RUN, None)
    if run is None or run.gate is None:
        return []
    floor = f", stopped by {run.gate.severity} and worse" if run.gate.severity != gating.LOWEST else ""
    said = [f"gate: {gating.PHASES[run.gate.phase]}{floor}"]
    return said + ([f"OVERRIDE {run.gate.override}: this run passes, whatever it finds"] if run.gate.override else [])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note a failure that is no check's: neither floor nor override excuses it."""
    report = yield
    run = item.config.stash.get(RUN, None)
    if run is not None and report.failed and CASE not in item.stash:
        run.outside = True
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, None, None]:
    """The last line of all, below pytest's own."""
    yield
    run: Any = session.config.stash.get(RUN, None)
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if run is None or run.gate is None or reporter is None or session.config.option.collectonly or session.config.option.setupplan:
        return
    if run.journal is None:
        words = gating.WORDS.get(int(session.exitstatus), "stopped")
        reporter.write_line(f"gate {gating.PHASES[run.gate.phase]}: {words}, exit code {session.exitstatus}")
    else:
        holds = run.journal.digest.exit == EXIT_HOLDS
        reporter.write_line(gating.line(run.journal.digest), **dict.fromkeys(("green",) if holds else ("red", "bold"), True))
