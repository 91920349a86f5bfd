"""A skipped test counts as a failure, unless its reason is on the list in `skips.txt`."""

import importlib
import signal
from pathlib import Path

import hypothesis
import pytest

from fixtures.plugins import SOURCES, modules

# A machine may be slow, and shared: that says nothing about what is tested.
hypothesis.settings.register_profile("shared", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("shared")
for name in (name for source in SOURCES for name in modules(source)):
    importlib.import_module(name)  # registers its probes, which tests call by their names
ALLOWED = [
    line.partition("|")[0].strip() for line in (Path(__file__).parent / "skips.txt").read_text().splitlines() if line[:1] not in ("", "#")
]
UNLISTED: list[str] = []
TOGETHER = ("rights/", "sandbox/", "drill/runs/", "drill/")
"""Folders whose tests share what takes long to start: one process runs them all, and another one file of the others at a time."""
WITH = {"proof/test_runbook.py": "proof/test_faults.py"}
"""A file that goes where another one has looked already."""


def pytest_configure(config):
    # A shell starts a background job with Ctrl-C ignored, and the processes that tests interrupt would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    from xdist.scheduler import LoadScopeScheduling

    class ByFolder(LoadScopeScheduling):
        """Deals out a file at a time, or a folder."""

        def _split_scope(self, nodeid):
            path = nodeid.partition("::")[0].removeprefix("tests/")
            return next((each for each in TOGETHER if path.startswith(each)), WITH.get(path, path))

    return ByFolder(config, log)


def pytest_runtest_logreport(report):
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not any(allowed in reason for allowed in ALLOWED):
            UNLISTED.append(f"{report.nodeid}: {reason}")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    if UNLISTED and session.exitstatus == 0:
        session.exitstatus = 1


def pytest_terminal_summary(terminalreporter):
    for line in UNLISTED:
        terminalreporter.write_line(f"SKIPPED WITHOUT BEING LISTED {line}", red=True)
