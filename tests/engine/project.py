"""A whole tiny project in a temporary folder, run as a process: real pytest, real plugins, observations from a file.

    result = project(tmp_path).run("--fault-free", "-v")

`observations` maps a reading's name to what is seen of it: `{"value": 3}`, with `looked_at`, `of`, `seen`, `note`;
`{"error": reason, "cause": ..., "hint": ...}` for a source that did not let us look; `{"crash": text}` for a bug in a
probe; `{"sleep": seconds}` for one that hangs. A reading without an entry is seen as 0.
"""

import json
import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from muster import journal
from muster.verdicts import Result

ROOT = Path(__file__).parents[2]
PLUGINS = ("muster.plugin", "muster.terminal", "muster.evidence", "fixtures.fake")

INI = """
[pytest]
testpaths = checks
pythonpath = .
addopts = --import-mode=importlib --strict-markers --strict-config --disable-plugin-autoload -p allure_pytest.plugin
filterwarnings = error
"""

FAKE = '''
"""Sees what observations.json says."""
import json
import time
from dataclasses import dataclass
from pathlib import Path

from muster.kinds.readings import Reading
from muster.probes import CouldNotLook, Observation, probe


@dataclass(frozen=True, kw_only=True)
class Seen(Observation):
    value: float | int | str | None = None


@probe
def measured(reading: Reading) -> Seen:
    """What the file says about this reading."""
    known = json.loads(Path("observations.json").read_text())
    token = "".join(reversed("f3a8-yranac"))  # a credential that a client holds while it looks
    said = known.get(reading._environment + "/" + reading.id, known.get(reading.id, {"value": 0}))
    with Path("looks.txt").open("a") as looks:
        looks.write(reading.key + "\\n")
    time.sleep(said.get("sleep", 0))
    if "error" in said:
        error = CouldNotLook(said["error"], cause=said.get("cause", ""), hint=said.get("hint", ""))
        raise error from ConnectionError("as a client says it")
    if "crash" in said:
        raise RuntimeError(said["crash"] if token else "")
    return Seen(
        value=said.get("value"),
        looked_at=said.get("looked_at", 1),
        of=said.get("of", "rows"),
        seen=said.get("seen", ""),
        note=said.get("note", ""),
    )
'''

CHECKS = '''
import pytest


@pytest.mark.expects("at_most")
def test_reading_is_low(measured, limit):
    """The value is low enough

    Next: look at the dashboard of this reading.
    """
    assert measured.value <= limit


@pytest.mark.gate
@pytest.mark.expects("at_least")
def test_reading_is_high(measured, limit):
    """The value is high enough"""
    assert measured.value >= limit
'''


@dataclass
class Project:
    """A project on disk; the methods write it, `run` starts pytest in it."""

    folder: Path
    observations: dict[str, dict[str, Any]] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)

    def environment(self, name: str, readings: list[dict[str, Any]], **head: Any) -> "Project":
        """Write an environment, such as `platform/staging`, that has these readings."""
        system, _, file = name.partition("/")
        connections = {"metrics": {"prometheus": {"url": "http://127.0.0.1:9"}}}
        made = {"system": system, "owner": "team-platform", "connections": connections, **head, "readings": readings}
        self.write(f"environments/{system}/{file}.yaml", json.dumps(made))  # JSON is YAML
        return self

    def write(self, path: str, text: str) -> "Project":
        """Write any file of the project."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(textwrap.dedent(text), encoding="utf-8")
        return self

    def command(self, *arguments: str) -> list[str]:
        """The command line that `run` starts."""
        return [sys.executable, "-m", "pytest", *arguments]

    def process_environment(self) -> dict[str, str]:
        """The variables that it starts with: this repository importable, bytecode kept, no colours, no wrapped lines by width."""
        self.write("observations.json", json.dumps(self.observations))
        unwanted = ("PYTHONDONTWRITEBYTECODE", "PYTEST_ADDOPTS", "COLUMNS", "FORCE_COLOR", "PY_COLORS", "GITHUB_ACTIONS")
        kept = {name: value for name, value in os.environ.items() if name not in unwanted}
        return {**kept, "PYTHONPATH": str(ROOT), **self.variables}

    def run(self, *arguments: str, timeout: float = 120) -> "subprocess.CompletedProcess[str]":
        """Run pytest to its end."""
        return subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self.process_environment(),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    @property
    def out(self) -> Path:
        """Where a run leaves its files."""
        return self.folder / "reports" / "out"

    def results(self) -> dict[str, Result]:
        """The verdicts of the last run, by id."""
        return {each.id: each for each in journal.results(self.out / "journal.jsonl")}

    def looks(self) -> list[str]:
        """Keys of the readings that the probes of all runs so far really looked at."""
        file = self.folder / "looks.txt"
        return file.read_text().splitlines() if file.exists() else []


def reading(name: str, **fields: Any) -> dict[str, Any]:
    """A reading for `environment`; without `expect`, at most 0."""
    return {"name": name, "connection": "metrics", "promql": "up", "expect": {"at_most": 0}, **fields}


def project(folder: Path, **observations: dict[str, Any]) -> Project:
    """A project with two checks and one environment, `platform/sandbox`, whose only reading is `errors: {at_most: 0}`."""
    made = Project(folder, observations)
    made.write("pytest.ini", INI).write("conftest.py", f"pytest_plugins = {list(PLUGINS)!r}\n")
    made.write("fixtures/__init__.py", "").write("fixtures/fake.py", FAKE).write("checks/daily/test_readings.py", CHECKS)
    return made.environment("platform/sandbox", [reading("errors")])
