"""allure-pytest's part in a run of checks: its options, and what checks add to their own results with `allure.*`.

A check's marks stand in the plan and its steps, attachments, dynamic labels and links in the journal, from which
`muster.allure_files` makes all results at the end. Other tests that run along get their results from allure-pytest itself.
Written to `<--reports>/allure-results` unless `--alluredir` says otherwise; only there are results of an earlier run removed.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import allure_commons
import pytest
from allure_commons.logger import AllureFileLogger
from allure_commons.model2 import TestResult
from allure_commons.types import AttachmentType
from allure_pytest import utils  # type: ignore[import-untyped]
from allure_pytest.listener import AllureListener  # type: ignore[import-untyped]
from attr import asdict

from muster.options import ALLURE, concerns_checks
from muster.plugin import RUN
from muster.run import CASE, Run
from muster.scrubber import scrub
from muster.text import legible

ADDED = ("name", "description", "descriptionHtml", "steps", "attachments", "parameters", "labels", "links")
"""What a check may add to its result."""


class Writer(AllureFileLogger):
    """Writes attachments, and results of tests that are no checks. No containers: one for each fixture, with tracebacks."""

    def __init__(self, folder: Path, run: Run) -> None:
        self._report_dir = folder.absolute()
        self.run = run

    def report_container(self, container: Any) -> None:
        """Not a hook here, unlike in the base class."""

    @allure_commons.hookimpl
    def report_attached_data(self, body: str | bytes, file_name: str) -> None:
        """What was attached: captured logs and output, for one. Not when there may be another look."""
        if self.run.quiet:
            return
        text = scrub(body if isinstance(body, str) else body.decode("utf-8", "surrogateescape"))
        clean = legible(text) if isinstance(body, str) else text
        self._attempt(super().report_attached_data, clean.encode("utf-8", "surrogateescape"), file_name)

    @allure_commons.hookimpl
    def report_attached_file(self, source: str, file_name: str) -> None:
        """A file that a check attached."""
        self.report_attached_data(Path(source).read_bytes(), file_name)

    def _report_item(self, item: Any) -> None:
        self._attempt(super()._report_item, item)

    def _attempt(self, write: Callable[..., None], *arguments: Any) -> None:
        """Write; a disk that does not take it decides no verdict."""
        try:
            self._report_dir.mkdir(parents=True, exist_ok=True)
            write(*arguments)
        except OSError as error:
            self.run.lose(f"{self._report_dir.name}: {error.strerror}")


class Listener(AllureListener):  # type: ignore[misc]
    """Takes what checks add with `allure.*`: allure-pytest's own listener without its hooks around every fixture and phase.

    They cost more than all else in a run of many small checks. For a test that is no check its own listener takes over.
    """

    pytest_runtest_setup = pytest_runtest_call = pytest_runtest_teardown = pytest_runtest_makereport = None
    pytest_fixture_setup = pytest_fixture_post_finalizer = pytest_runtest_logfinish = None

    def __init__(self, config: pytest.Config, run: Run) -> None:
        super().__init__(config)
        self.run = run
        self.made: TestResult | None = None

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Open a result for what the check adds; into the journal with it when it added something."""
        if CASE not in item.stash:
            with _own_listener(self):
                return (yield)
        self.made = TestResult()
        self.allure_logger.schedule_test(item.nodeid, self.made)
        try:
            return (yield)
        finally:
            self.allure_logger.drop_test(item.nodeid)
            added = {name: value for name in ADDED if (value := getattr(self.made, name))}
            self.made = None
            if added:
                self.run.add(item.stash[CASE], asdict(TestResult(**added), filter=lambda _, value: value or value is False))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Attach what was logged and printed around a check."""
        if report.when == "teardown" and report.sections and self.made is not None and self.config.option.attach_capture:
            for name, text in (("log", report.caplog), ("stdout", report.capstdout), ("stderr", report.capstderr)):
                if text:
                    self.attach_data(text, name, AttachmentType.TEXT, None)


@contextmanager
def _own_listener(instead_of: Listener) -> Iterator[None]:
    """allure-pytest as it comes, for one test."""
    own = AllureListener(instead_of.config)
    instead_of.config.pluginmanager.register(own)
    allure_commons.plugin_manager.unregister(instead_of)
    allure_commons.plugin_manager.register(own)
    try:
        yield
    finally:
        allure_commons.plugin_manager.unregister(own)
        allure_commons.plugin_manager.register(instead_of)
        instead_of.config.pluginmanager.unregister(own)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Take the place of allure-pytest's own listener; its option is emptied so that it stays quiet."""
    if concerns_checks(config) and not config.option.collectonly:
        given = config.option.allure_report_dir
        folder = Path(given or Path(config.getoption("--reports")) / "allure-results")
        config.stash[ALLURE] = folder, not given or config.option.clean_alluredir
        config.option.allure_report_dir = None


def pytest_sessionstart(session: pytest.Session) -> None:
    """Start to collect, now that the configuration is known to be sound."""
    config = session.config
    run = config.stash.get(RUN, None)
    if run is None or ALLURE not in config.stash:
        return
    run.marks = marks
    listener = Listener(config, run)
    config.pluginmanager.register(listener, "allure_listener")
    for each in (listener, Writer(config.stash[ALLURE][0], run)):
        allure_commons.plugin_manager.register(each)
        config.add_cleanup(partial(allure_commons.plugin_manager.unregister, each))


def marks(item: pytest.Item) -> dict[str, Any]:
    """What the marks of a check add to its results in Allure: tags, labels, links, a description."""
    labels = {(str(name), str(value)) for name, value in utils.allure_labels(item)} | {("tag", name) for name in utils.pytest_markers(item)}
    said = {
        "labels": [{"name": name, "value": value} for name, value in sorted(labels)],
        "links": [{"type": kind, "url": url, "name": name} for kind, url, name in utils.allure_links(item)],
        "description": utils.get_marker_value(item, utils.ALLURE_DESCRIPTION_MARK),
        "descriptionHtml": utils.allure_description_html(item),
    }
    return {name: value for name, value in said.items() if value}
