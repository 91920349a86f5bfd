"""The sandbox as a protected environment: broken as a test wants, and looked at by a run of its own."""

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from muster import drills, journal
from muster.verdicts import EXIT_HOLDS, EXIT_UNKNOWN, Result, Verdict
from sandbox.faults import builder
from sandbox.platform import Platform
from sandbox.processes import child_environment
from sandbox.world import World

ROOT = Path(__file__).parents[2]
SYSTEM = "platform-service"
ENVIRONMENT = f"{SYSTEM}/guarded"
REVIEWS = {"selfsubjectrulesreviews", "selfsubjectaccessreviews", "selfsubjectreviews"}
DRILLED = {"environment": ENVIRONMENT, "drill": "platform-db", "verdict": Verdict.HOLDS, "took": 1, "size": 1, "restored": 1}
"""What the history says of a drill that passed. The run restores nothing."""
Edit = Callable[[World], None]


@dataclass(frozen=True)
class Seen:
    """One run: exit code, what it printed on one line, verdicts, the folder of its reports."""

    code: int
    output: str
    results: list[Result]
    reports: Path

    def of(self, wanted: str) -> list[Result]:
        """Results of "check[entity]"."""
        return [each for each in self.results if f"{each.check}[{each.entity}]" == wanted]

    def holding(self) -> list[Result]:
        """What holds."""
        return [each for each in self.results if each.verdict is Verdict.HOLDS]

    def unknown(self) -> list[str]:
        """What is not known, the comparisons with earlier looks aside: this environment has none."""
        told = [each for each in self.results if each.verdict is Verdict.UNKNOWN and not each.cause.startswith("history of")]
        return [f"{each.check}[{each.entity}]" for each in told]

    def looked(self) -> bool:
        """Whether the run was let through: it judged, and nothing is violated or unknown."""
        return self.code in (EXIT_HOLDS, EXIT_UNKNOWN) and len(self.holding()) > 0 and self.unknown() == []

    def events(self, kind: str) -> list[dict[str, Any]]:
        """Lines of the journal."""
        lines = (self.reports / "journal.jsonl").read_text().splitlines()
        return [each for each in map(json.loads, lines) if each["event"] == kind]


class Guarded:
    """A platform that keeps running, as `platform-service/guarded`."""

    def __init__(self, platform: Platform, folder: Path) -> None:
        self.platform, self.folder, self.runs = platform, folder, 0
        shutil.copytree(ROOT / "environments" / SYSTEM, folder / SYSTEM)
        self.text = (folder / SYSTEM / "sandbox.yaml").read_text()

    @property
    def facade(self) -> Any:
        """The stand-ins, which remember what was asked."""
        return self.platform.facade.running

    def become(self, *edits: Edit) -> None:
        """Be healthy but for these edits, and forget what was asked."""
        world = builder(SYSTEM)(self.platform.epoch)
        for edit in edits:
            edit(world)
        self.platform.apply(world)
        self.facade.clear_requests()

    def run(self, *arguments: str, swap: tuple[str, str] = ("", ""), more: str = "", protected: bool = True) -> Seen:
        """What the checks say now; `swap` replaces a text of the environment's file, `more` is added to it."""
        assert swap[0] in self.text
        (self.folder / SYSTEM / "guarded.yaml").write_text(self.text.replace(*swap, 1) + more + f"protected: {str(protected).lower()}\n")
        self.runs += 1
        reports = self.folder / f"run-{self.runs}"
        reports.mkdir()
        drills.append(reports, DRILLED | {"ended": time.time()})
        command = [sys.executable, "-m", "pytest", "checks", "-q", "-p", "no:cacheprovider", "--reports", str(reports)]
        command += ["--environments", str(self.folder), "--env", ENVIRONMENT, *arguments]
        environment = {**child_environment(), **self.platform.addresses, "COLUMNS": "500"}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
        file = reports / "journal.jsonl"
        results = journal.results(file) if file.exists() else []
        return Seen(done.returncode, re.sub(r"\s+", " ", done.stdout + done.stderr), results, reports)

    def others(self) -> list[str]:
        """What was asked besides what we may do, and which cluster this is."""
        asked = [f"{each['server']} {each['path']}" for each in self.facade.requests() if each.get("resource") not in REVIEWS]
        return [each for each in asked if each != "kubernetes /api/v1/namespaces/kube-system"]
