"""Allure results: pytest's own listener collects them, and each is completed from the journal's verdict before it is written.

Written to `<--reports>/allure-results` unless `--alluredir` says otherwise; only there are results of an earlier run removed.
"""

import json
import os
import platform
import shutil
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import allure_commons
import pytest
from allure_commons.logger import AllureFileLogger
from allure_commons.model2 import Attachment, TestResult
from allure_pytest.listener import AllureListener  # type: ignore[import-untyped]

from muster import observations
from muster.allure_result import complete, key, standalone
from muster.options import concerns_checks
from muster.plugin import RUN
from muster.run import Run
from muster.summary import Digest, written
from muster.text import moment
from muster.verdicts import Result, Verdict

MOST = 64 * 1024
"""Bytes of one attached observation."""
REPORT = Path(__file__).parents[1] / "reports"
STALE = ("*-result.json", "*-container.json", "*-globals.json", "*-attachment.*", "*.properties", "executor.json", "categories.json")
FOLDER = pytest.StashKey[Path]()
EVIDENCE = pytest.StashKey["Evidence"]()


class Evidence(AllureFileLogger):
    """Writes results into a folder. Containers (one for each fixture and test, with tracebacks) are left out."""

    def __init__(self, folder: Path, run: Run, crashes: dict[str, str]) -> None:
        super().__init__(str(folder))  # type: ignore[no-untyped-call]
        self.folder, self.run, self.crashes = folder, run, crashes

    @allure_commons.hookimpl
    def report_result(self, result: TestResult) -> None:
        """Complete a result that belongs to a verdict; any other test's stays as it is."""
        found = self.run.results.get(key(result))
        if found is not None:
            complete(result, found, self.crashes.get(found.node, ""))
            result.attachments += self.attached(found)
        self._report_item(result)  # type: ignore[no-untyped-call]

    def report_container(self, container: Any) -> None:
        """Not a hook here, unlike in the base class."""

    def attached(self, found: Result) -> list[Attachment]:
        """Write each observation that the verdict was judged by; return what refers to them."""
        outcomes = [self.run.store.outcomes[each] for each in found.observations if each in self.run.store.outcomes]
        return [self._attach(each.call.key, observations.as_dict(each)) for each in outcomes]

    def _attach(self, name: str, content: dict[str, Any]) -> Attachment:
        text = json.dumps(content, indent=1, ensure_ascii=False).encode("utf-8", "backslashreplace")
        whole = len(text) <= MOST
        if not whole:
            note = f"\n... cut at {MOST} of {len(text)} bytes; all of it: observations.jsonl\n"
            text = text[:MOST].decode("utf-8", "ignore").encode() + note.encode()
        file = f"{uuid4()}-attachment.{'json' if whole else 'txt'}"
        (self.folder / file).write_bytes(text)
        return Attachment(name=f"observation {name}", source=file, type="application/json" if whole else "text/plain")

    def remaining(self, digest: Digest) -> None:
        """Results of ids that pytest never ran: not asked, or not run."""
        for each in digest.results.values():
            if each.verdict in (Verdict.NOT_ASKED, Verdict.NOT_RUN):
                self._report_item(standalone(each, digest.started))  # type: ignore[no-untyped-call]


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Take the place of allure-pytest's own listener; its option is emptied so that it stays quiet."""
    if not concerns_checks(config) or config.option.collectonly:
        return
    given = config.option.allure_report_dir
    folder = Path(given or Path(config.getoption("--reports")) / "allure-results")
    if not given or config.option.clean_alluredir:
        _clean(folder)
    config.stash[FOLDER] = folder
    config.option.allure_report_dir = None


def _clean(folder: Path) -> None:
    """Remove what an earlier run wrote, and nothing else: a second run's results would look like retries of the first."""
    for pattern in STALE:
        for file in folder.glob(pattern):
            file.unlink()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Start to collect, now that the configuration is known to be sound."""
    config = session.config
    if FOLDER not in config.stash or RUN not in config.stash:
        return
    from muster.terminal import CRASHES

    writer, listener = Evidence(config.stash[FOLDER], config.stash[RUN], config.stash.get(CRASHES, {})), AllureListener(config)
    config.stash[EVIDENCE] = writer
    config.pluginmanager.register(listener, "allure_listener")
    for each in (listener, writer):
        allure_commons.plugin_manager.register(each)
        config.add_cleanup(partial(allure_commons.plugin_manager.unregister, each))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Add what belongs to the run as a whole."""
    writer, digest = session.config.stash.get(EVIDENCE, None), written(session.config)
    if writer is None or digest is None:
        return
    writer.remaining(digest)
    (writer.folder / "environment.properties").write_text(_properties(digest), encoding="ascii")
    (writer.folder / "executor.json").write_text(json.dumps(_executor(digest)), encoding="utf-8")
    shutil.copyfile(REPORT / "categories.json", writer.folder / "categories.json")


def _properties(digest: Digest) -> str:
    known = {
        "run": digest.run,
        "started": moment(digest.started),
        "environments": " ".join(digest.environments),
        "exit": str(digest.exit),
        "replay": digest.replay or "no",
        "python": platform.python_version(),
        "pytest": pytest.__version__,
    }
    return "".join(f"{name}={_property(value)}\n" for name, value in known.items())


def _property(value: str) -> str:
    """A value of a Java properties file: ASCII, with escapes."""
    escaped = "".join(f"\\{each}" if each in "\\=:#!" else each for each in value.replace("\n", " "))
    return "".join(each if each.isascii() else f"\\u{ord(each) & 0xFFFF:04x}" for each in escaped)


def _executor(digest: Digest) -> dict[str, str]:
    """Who ran it: the CI job when its variables say so."""
    made = {"name": "Muster", "type": "muster", "buildName": digest.run}
    job = os.environ.get("CI_JOB_URL") or os.environ.get("BUILD_URL")
    return {**made, "buildUrl": job} if job else made
