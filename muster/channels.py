"""The channels of a run of checks that are not files of ours: terminal, log records, reports, pytest's own trace.

Our files are written through `muster.scrubber` where they are written. What is installed here stays until the process ends:
what is printed last, by a thread or an interpreter that goes down, is text like any other.
"""

import atexit
import logging
import re
import resource
import sys
from collections.abc import Generator
from typing import Any, TextIO

import pytest

from muster.options import concerns_checks
from muster.scrubber import Stream, scrub, scrubbed
from muster.text import plain

_streams: dict[TextIO, Stream] = {}
_ACTS = re.compile(
    r"\x1b(?!\[[0-9;]*m|\]9;4;[0-9;]*\x1b\\|\\)|[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]"
)
"""What a terminal acts on, apart from colours and pytest's progress: no pod's name or log line moves the cursor or sets a title."""
CHECKS = pytest.StashKey[bool]()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Install what scrubs, before anything of the run is printed."""
    config.stash[CHECKS] = concerns_checks(config)
    if not config.stash[CHECKS]:
        return
    _no_core_dumps()
    logging.setLogRecordFactory(Record)
    for stream in (sys.stdout, sys.stderr):
        _intercept(stream)
    root = config.pluginmanager.trace.root
    if root._writer is not None:  # noqa: SLF001 - `--debug` has no other place to ask
        root.setwriter(Stream(root._writer).write)  # noqa: SLF001


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """Print what was held back."""
    _release()


class Record(logging.LogRecord):
    """A log record whose text and traceback are scrubbed for every handler, whoever installs it."""

    def getMessage(self) -> str:  # noqa: N802 - logging's name
        """The text, with its arguments."""
        return scrub(super().getMessage())

    def __setattr__(self, name: str, value: Any) -> None:
        """Formatters keep the texts of tracebacks here."""
        super().__setattr__(name, scrub(value) if name in ("exc_text", "stack_info") and isinstance(value, str) else value)


def _intercept(stream: TextIO | None) -> None:
    """Replace `write` in place: pytest, logging and others hold on to the stream itself since before there were plugins."""
    if stream is not None and stream not in _streams:
        raw = stream.write
        _streams[stream] = held = Stream(lambda text: raw(_ACTS.sub(lambda found: plain(found.group()), text)))
        stream.write = held.write  # type: ignore[method-assign]


@atexit.register
def _release() -> None:
    for stream, held in _streams.items():
        if not stream.closed:
            held.release()


def _no_core_dumps() -> None:
    """A dump of our memory would hold every secret."""
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, most))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """The last word on a report, whoever made it."""
    report = yield
    return _clean(report) if item.config.stash[CHECKS] else report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Likewise for a module that did not import."""
    report = yield
    return _clean(report) if collector.config.stash[CHECKS] else report


def _clean(report: Any) -> Any:
    """A report as every plugin may write it down: its text, captured output and properties."""
    text = str(report.longrepr or "")
    clean = scrub(text)
    if clean != text:
        report.longrepr = scrubbed(report.longrepr) if isinstance(report.longrepr, tuple) else clean
    report.sections = scrubbed(report.sections)
    if hasattr(report, "user_properties"):
        report.user_properties = scrubbed(report.user_properties)
    return report
