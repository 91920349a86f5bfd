"""The pytest side of `muster.ci`: nothing that is looked at speaks to the runner, and the annotations come at the end."""

from collections.abc import Generator

import pytest

from muster import ci
from muster.plugin import RUN
from muster.run import Run
from muster.yamlfile import Mark

RESUME = pytest.StashKey[str]()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """From here on the runner takes no command from what is printed."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if not ci.on_github() or reporter is None or RUN not in session.config.stash:
        return
    stop, session.config.stash[RESUME] = ci.silence()
    reporter.write_line(stop)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, None, None]:
    """Annotate, below everything else."""
    yield
    reporter, resume = session.config.pluginmanager.get_plugin("terminalreporter"), session.config.stash.get(RESUME, None)
    if reporter is None or resume is None:
        return
    run = session.config.stash[RUN]
    reporter.ensure_newline()
    reporter.write_line(resume)
    if run.journal is not None:
        for line in ci.annotations(run.journal.digest, ci.places(_origins(run))):
            reporter.write_line(line)


def _origins(run: Run) -> Generator[tuple[str, Mark | None], None, None]:
    """Where in the environment's files the expectation of each case stands, or its entity where the expectation is a default."""
    assert run.journal is not None
    called = {each.id for each in run.journal.digest.results.values() if each.verdict in ci.CALLED}
    for case in run.cases.values():
        if str(case.identity) in called:
            environment = run.environment_of(case)
            yield str(case.identity), environment.origin(case.entity, case.expectation) or environment.origin(case.entity)
