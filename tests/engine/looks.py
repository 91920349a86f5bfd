"""A tiny project whose readings change from look to look, and whose waits are counted instead of waited for.

`Looking.sees(errors=[7, 7, 0])`: a number for each look at the reading, the last one from then on; or what `tests.engine.project`
takes. Each wait stands in `waits.txt`; `at_wait(2, "SIGKILL")` sends the run a signal in its second wait.
"""

import json
from pathlib import Path
from typing import Any

from tests.engine.project import PLUGINS, Project, project, reading

FAKE_MORE = """

_whole = json.loads


def _at_this_look(text):
    known, seen = _whole(text), Path("looks.txt").read_text().splitlines() if Path("looks.txt").exists() else []
    for name, said in known.items():
        if isinstance(said, list):
            times = sum(each.endswith("/" + name) for each in seen)
            said = said[min(times, len(said) - 1)]
            known[name] = said if isinstance(said, dict) else {"value": said}
    return known


json = type("json", (), {"loads": staticmethod(_at_this_look)})
"""
CLOCK = '''
"""Counts waits; a signal may come in one of them."""
import json
import os
import signal
from pathlib import Path

from muster.clock import Clock
from muster.looking_again import CLOCK


class Counted(Clock):
    def __init__(self):
        self.at = 0.0
        self.waits = 0

    def now(self):
        return self.at

    def wait(self, seconds):
        self.at += seconds
        self.waits += 1
        with Path("waits.txt").open("a") as waits:
            waits.write(f"{seconds:g}\\n")
        told = json.loads(os.environ.get("AT_WAIT", "{}"))
        if str(self.waits) in told:
            os.kill(os.getpid(), getattr(signal, told[str(self.waits)]))


def pytest_configure(config):
    config.stash[CLOCK] = Counted()
'''
NEXT = {"error": "the connection is refused", "cause": "prometheus 10.0.0.1:9090", "hint": "is it running?"}
"""What is seen of a source that does not let us look."""


class Looking(Project):
    """A project of which the readings change."""

    def sees(self, **looks: Any) -> "Looking":
        """What each look at a reading sees; the readings are those named here."""
        self.observations = looks
        self.environment("platform/sandbox", [reading(name) for name in looks])
        return self

    def at_wait(self, number: int, signal: str) -> "Looking":
        """Send the run a signal in one of its waits."""
        self.variables["AT_WAIT"] = json.dumps({str(number): signal})
        return self

    def waits(self) -> list[float]:
        """Seconds of each wait of all runs so far."""
        file = self.folder / "waits.txt"
        return [float(line) for line in file.read_text().splitlines()] if file.exists() else []

    def looked(self) -> list[str]:
        """Names of the readings in the order in which they were looked at."""
        return [each.rpartition("/")[2] for each in self.looks()]

    def events(self, name: str) -> list[dict[str, Any]]:
        """Lines of the journal of one kind."""
        lines = [json.loads(line) for line in (self.out / "journal.jsonl").read_text().splitlines()]
        return [each for each in lines if each["event"] == name]

    def one(self, entity: str = "errors") -> Any:
        """The result of a reading."""
        return next(each for each in self.results().values() if each.entity == entity)

    def summary(self) -> Any:
        """`summary.json`."""
        return json.loads((self.out / "summary.json").read_text())

    def allure(self, entity: str = "errors") -> list[dict[str, Any]]:
        """Allure's results of a reading, by the time of their look."""
        found = [json.loads(each.read_text()) for each in (self.out / "allure-results").glob("*-result.json")]
        return sorted((each for each in found if each["name"].startswith(entity)), key=lambda each: each["start"])


def looking(folder: Path, **looks: Any) -> Looking:
    """A project with these readings, which counts its waits."""
    made = project(folder)
    fake = (folder / "fixtures/fake.py").read_text()
    made.write("fixtures/fake.py", fake + FAKE_MORE).write("fixtures/counted.py", CLOCK)
    made.write("conftest.py", f"pytest_plugins = {[*PLUGINS, 'fixtures.counted']!r}\n")
    return Looking(folder).sees(**looks)
