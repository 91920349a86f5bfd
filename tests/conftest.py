"""A skipped test counts as a failure, unless its reason is on the list in `skips.txt`."""

import signal
from pathlib import Path

import pytest

ALLOWED = [
    line.partition("|")[0].strip() for line in (Path(__file__).parent / "skips.txt").read_text().splitlines() if line[:1] not in ("", "#")
]
UNLISTED = pytest.StashKey[list[str]]()


def pytest_configure(config):
    # A shell starts a background job with Ctrl-C ignored, and the processes that tests interrupt would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    config.stash[UNLISTED] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not any(allowed in reason for allowed in ALLOWED):
            item.config.stash[UNLISTED].append(f"{item.nodeid}: {reason}")
    return report


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    if session.config.stash[UNLISTED] and session.exitstatus == 0:
        session.exitstatus = 1


def pytest_terminal_summary(terminalreporter, config):
    for line in config.stash[UNLISTED]:
        terminalreporter.write_line(f"SKIPPED WITHOUT BEING LISTED {line}", red=True)
