"""Whole runs from outside, each with a sandbox of its own: exit code, what is said, and that nothing is left behind."""

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from muster import journal
from muster.verdicts import EXIT_UNKNOWN, EXIT_VIOLATED, Result, Verdict
from sandbox.binaries import POSTGRESQL_CHOICE, PROMETHEUS_CHOICE, REDIS_CHOICE
from sandbox.cache import cache_folder
from sandbox.state import ELSEWHERE
from tests.proof.harness import ROOT, without_sandbox
from tests.proof.test_platform_faults import THROUGH, module

MARK = "MUSTER_PROOF_OF_ORPHANS"


@dataclass(frozen=True)
class Done:
    """A run that has ended, and the folders that its sandbox had."""

    code: int
    output: str
    results: list[Result]
    folders: list[Path]
    mark: str


def run(folder: Path, *arguments: str, **variables: str) -> Done:
    """`pytest checks/daily` with these arguments and variables, to its end."""
    mark = str(uuid4())
    command = [sys.executable, "-m", "pytest", "checks/daily", "-p", "no:cacheprovider", "--reports", str(folder), *arguments]
    environment = without_sandbox() | {MARK: mark, "COLUMNS": "400"} | variables
    with (folder / "output.txt").open("w+") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        folders: set[Path] = set()
        while process.poll() is None:
            folders |= folders_of(process.pid)
            time.sleep(0.05)
        output.seek(0)
        return Done(process.returncode, output.read(), journal.results(folder / "journal.jsonl"), sorted(folders), mark)


def folders_of(pid: int) -> set[Path]:
    """The state folder of the sandbox that a process has booted, and those that belong to it elsewhere."""
    found: set[Path] = set()
    for state in (cache_folder() / "run").glob(f"*-{pid}-*"):
        file = state / ELSEWHERE
        found |= {state, *(Path(line) for line in (file.read_text().splitlines() if file.exists() else []))}
    return found


def processes_with(mark: str) -> list[str]:
    """Command lines of living processes that were started with this mark in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}".encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue  # it has ended, or is another user's
    return found


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """A run without the Kubernetes API."""
    return run(tmp_path_factory.mktemp("stopped"), "--fault", "kubernetes-api-stopped")


@pytest.fixture(scope="module")
def unready(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """A run with one pod that is not ready."""
    return run(tmp_path_factory.mktemp("unready"), "--fault", "pod-not-ready")


def test_without_the_kubernetes_api_a_run_exits_10_and_has_no_green_line_about_kubernetes(stopped: Done) -> None:
    assert stopped.code == EXIT_UNKNOWN, stopped.output
    looked = [each for each in stopped.results if module(each) in THROUGH["kubernetes-api-stopped"]]
    assert len(looked) > 30
    assert {each.verdict for each in looked} == {Verdict.UNKNOWN}
    assert len(re.findall("the Kubernetes API refused the connection", stopped.output)) == 1
    assert not re.search(r"\bVIOLATED platform-service/sandbox ", stopped.output)


def test_a_pod_that_is_not_ready_is_named_with_its_workload_and_both_numbers(unready: Done) -> None:
    assert unready.code == EXIT_VIOLATED, unready.output
    # The terminal's lines are wrapped.
    blocks = [" ".join(each.split()) for each in unready.output.split("\n\n")]
    block = next(each for each in blocks if "Every pod that should serve is Ready" in each)
    assert "platform-service-7c9d8b6f5-b8m2p: container platform-service runs but is not ready since 20m" in block
    assert "P0 VIOLATED platform-service/sandbox platform-service: Every pod that should serve is Ready." in block
    assert re.search(r"expected <= 0, observed 1 \(platform-service-7c9d8b6f5-b8m2p", block)
    assert "PLAT-01" in block
    enough = next(each for each in blocks if "expected >= 3" in each)
    assert re.search(r"expected >= 3, observed 2\b", enough)


@pytest.mark.parametrize(
    ("variable", "fault"),
    [(PROMETHEUS_CHOICE, "prometheus-stopped"), (POSTGRESQL_CHOICE, "database-stopped"), (REDIS_CHOICE, "redis-stopped")],
    ids=["prometheus", "postgresql", "redis"],
)
def test_checks_of_a_part_that_this_machine_cannot_provide_are_unknown(tmp_path: Path, variable: str, fault: str) -> None:
    done = run(tmp_path, **{variable: "none"})
    assert done.code == EXIT_UNKNOWN, done.output
    assert f"switched off by {variable}=none" in done.output
    looked = [each for each in done.results if module(each) in THROUGH[fault]]
    assert len(looked) > 5
    assert {each.verdict for each in looked} == {Verdict.UNKNOWN}
    assert [each.id for each in done.results if each.verdict is Verdict.VIOLATED] == []


def test_no_process_and_no_folder_is_left_behind(stopped: Done, unready: Done) -> None:
    for done in (stopped, unready):
        assert len(done.folders) >= 2
        assert [folder for folder in done.folders if folder.exists()] == []
        assert processes_with(done.mark) == []


def test_a_left_over_process_would_be_found() -> None:
    mark = str(uuid4())
    with subprocess.Popen(["sleep", "60"], env=os.environ | {MARK: mark}) as left:
        while not (found := processes_with(mark)):  # its environment shows a moment after its start
            assert left.poll() is None
        assert found == ["sleep 60 "]
        left.kill()
