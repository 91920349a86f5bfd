"""Drills against one sandbox, each a run of its own with an environment that tests can spoil."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from drill import scratch
from drill.scratch import Place, opened
from muster import journal
from muster.probes import begin
from muster.scratch import ScratchServer
from muster.verdicts import Result, Verdict
from sandbox.faults import builder
from sandbox.platform import Platform
from sandbox.services.postgres import PostgresServer
from tests.drill.runs import declared
from tests.forking import Forking, answered, ask, warm

ROOT = Path(__file__).parents[3]
WARM = "tests.drill.runs.warm"
PARTS = ("postgresql", "ssh", "scratch")


@dataclass(frozen=True)
class Ran:
    """One run: its exit code (a negative signal), its folder."""

    code: int
    reports: Path

    @property
    def results(self) -> dict[str, Result]:
        """Verdicts, by the name of the check without `test_`; those of readings with the reading's name."""
        file = self.reports / "journal.jsonl"
        found = journal.results(file) if file.exists() else []
        return {each.check.removeprefix("test_") + (f"[{each.entity}]" if "reading" in each.check else ""): each for each in found}

    def all(self) -> list[Result]:
        """Every verdict."""
        return journal.results(self.reports / "journal.jsonl")

    @property
    def output(self) -> str:
        return (self.reports / "output.txt").read_text()

    def not_holding(self) -> dict[str, Verdict]:
        """What does not hold."""
        return {name: each.verdict for name, each in self.results.items() if each.verdict is not Verdict.HOLDS}

    def events(self) -> list[dict[str, Any]]:
        """Events of the drill."""
        lines = (self.reports / "journal.jsonl").read_text().splitlines()
        return [event for event in map(json.loads, lines) if event["event"] == "drill"]

    def observed(self, probe: str) -> dict[str, Any]:
        """What is kept of a probe's outcome."""
        lines = (self.reports / "observations.jsonl").read_text().splitlines()
        return next(each for each in map(json.loads, lines) if each.get("key", "").startswith(f"{probe}|"))


class Drills:
    """The sandbox, and a process that is ready to drill in it."""

    def __init__(self, platform: Platform, process: Forking, folder: Path, application: str = "") -> None:
        self.platform, self.process, self.folder, self.application = platform, process, folder, application
        self.variables = dict(platform.addresses) | {
            "TEST_FOLDER": str(folder / "here"),
            "HOME": str(folder / "home"),
            "TEST_PROXY_PORT": "9",
        }
        self._runs = 0

    @property
    def environments(self) -> Path:
        return self.folder / "environments"

    @property
    def scratch(self) -> PostgresServer:
        """The scratch server itself."""
        return self.platform._services["scratch/scratch"]  # type: ignore[return-value]

    @property
    def production(self) -> PostgresServer:
        """The server whose backup is restored."""
        return self.platform._services["postgresql/database"]  # type: ignore[return-value]

    def folder_of_reports(self) -> Path:
        self._runs += 1
        made = self.folder / f"run-{self._runs}"
        made.mkdir()
        return made

    def begin(self, *drills: str, do: tuple[tuple[object, ...], ...] = (), reports: Path | None = None, **variables: str) -> Path:
        """Start a run; `end` waits for it."""
        out = reports or self.folder_of_reports()
        ask(self.process, {"reports": str(out), "drills": drills, "environment": self.variables | variables, "do": do})
        self.pid = answered(self.process, self.folder / "warm.log")
        return out

    def end(self, out: Path) -> Ran:
        return Ran(answered(self.process, self.folder / "warm.log"), out)

    def run(self, *drills: str, do: tuple[tuple[object, ...], ...] = (), reports: Path | None = None, **variables: str) -> Ran:
        """A run, to its end."""
        return self.end(self.begin(*drills, do=do, reports=reports, **variables))

    @contextmanager
    def another(self) -> Iterator["Drills"]:
        """A second process that drills in the same sandbox."""
        log = self.folder / "second.log"
        with warm(WARM, log, str(self.environments)) as process:
            folder = self.folder / "second"
            folder.mkdir()
            assert answered(process, log) == 0, log.read_text()
            made = Drills(self.platform, process, folder)
            made.variables = self.variables
            yield made

    @contextmanager
    def place(self) -> Iterator[Place]:
        """The scratch server as the sweeper of a drill sees it."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.variables.items():
                patch.setenv(name, value)
            begin(30.0)
            patience = time.monotonic() + 10.0
            while True:
                try:
                    with opened(ScratchServer.model_validate(declared.SCRATCH), time.monotonic() + 30.0) as found:
                        yield found
                        return
                except scratch.Busy:  # the server may not have noticed yet that a drill was killed
                    assert time.monotonic() < patience
                    time.sleep(0.01)

    def left(self) -> list[str]:
        """Names of what drills have left on the scratch server."""
        with self.place() as place:
            return [f"{kind} {name}" for kind, name, _ in place.leftovers()]

    def admin(self, *statements: str, dbname: str = "postgres") -> list[tuple[Any, ...]]:
        """What the superuser of the scratch server does; rows of the last statement."""
        with self.scratch.connect(dbname) as connection:
            for statement in statements:
                cursor = connection.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []

    def fingerprint(self) -> tuple[object, ...]:
        """What production holds."""
        with self.production.connect("platform_db") as connection:
            tables = [
                connection.execute(f"select count(*), max(id), max(created_at) from {name}").fetchone() for name in ("orders", "refunds")
            ]
            names = connection.execute("select datname from pg_database union all select rolname from pg_roles order by 1").fetchall()
        return (*tables, *names)


def await_file(path: Path) -> None:
    """Return when the file is there."""
    ends = time.monotonic() + 60.0
    while not path.exists():
        assert time.monotonic() < ends
        time.sleep(0.01)


@contextmanager
def drilling(folder: Path, application_url: str) -> Iterator[Drills]:
    """A healthy sandbox with a scratch server, and a process that is ready to drill."""
    declared.write(folder / "environments", application_url)
    for name in ("here", "home"):
        (folder / name).mkdir()
    # Collecting takes as long as booting: side by side.
    log = folder / "warm.log"
    with warm(WARM, log, str(folder / "environments")) as process, Platform(builder("platform-service"), PARTS) as platform:
        assert answered(process, log) == 0, log.read_text()
        assert platform.not_provided == {}
        yield Drills(platform, process, folder, application_url)
