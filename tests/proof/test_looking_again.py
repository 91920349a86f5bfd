"""Several looks at the sandbox: what heals, what stays, what is asked a second time, and the same verdicts offline."""

import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from muster import journal
from muster.__main__ import main
from muster.verdicts import Result, Verdict
from sandbox.faults import builder, find
from sandbox.platform import Platform
from sandbox.state import RUNNING
from sandbox.world import Trouble, World
from tests.proof.harness import BARE, ROOT, SYSTEM, Edit, Proof, short, without_sandbox

CHECKS = ("checks/daily/test_endpoints.py", "checks/daily/test_workloads.py", "-k", "not quick")
HEALTH = "test_endpoint_answers_with_its_status[health]"
PODS = "/api/v1/namespaces/platform/pods"


@dataclass(frozen=True)
class Seen:
    """One run: exit code, what it printed, where its reports are, and what the stand-ins were asked meanwhile."""

    code: int
    output: str
    reports: Path
    asked: Counter[str]

    @property
    def results(self) -> dict[str, Result]:
        """The verdicts by "check[entity]"."""
        return {short(each): each for each in journal.results(self.reports / journal.FILE)}

    def verdicts(self) -> dict[str, Verdict]:
        """What each id came to."""
        return {name: each.verdict for name, each in self.results.items()}

    def not_holding(self) -> set[str]:
        """What does not hold."""
        return {name for name, verdict in self.verdicts().items() if verdict is not Verdict.HOLDS}


class Gate:
    """A platform that keeps running, and runs that look at its workloads and endpoints."""

    def __init__(self, platform: Platform, folder: Path) -> None:
        self.platform, self.folder, self.runs = platform, folder, 0

    def run(self, *arguments: str, **variables: str) -> Seen:
        """A run with these arguments; what the stand-ins were asked before is forgotten."""
        self.runs += 1
        facade: Any = self.platform.facade.running
        facade.clear_requests()
        reports = self.folder / f"run-{self.runs}"
        command = [sys.executable, "-m", "pytest", *CHECKS, *BARE, "-p", "tests.proof.waits", "--no-follow-ups"]
        environment = {**without_sandbox(), **self.platform.addresses, RUNNING: str(self.platform.folder), **variables}
        done = subprocess.run(
            [*command, "--reports", str(reports), *arguments],
            cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        asked = Counter(f"{each['server']} {each['path']}" for each in facade.requests())
        return Seen(done.returncode, done.stdout + done.stderr, reports, asked)

    def broken(self, edit: Edit, *arguments: str, **variables: str) -> Seen:
        """A run while the world is healthy but for one edit."""
        self.become(edit)
        return self.run(*arguments, **variables)

    def become(self, *edits: Edit) -> None:
        """Be healthy but for these edits."""
        world = builder(SYSTEM)(self.platform.epoch)
        for edit in edits:
            edit(world)
        self.platform.apply(world)

    def replayed(self, seen: Seen) -> Seen:
        """The same run judged again, offline."""
        again = self.run("--replay", str(seen.reports / "observations.jsonl"))
        assert again.asked == Counter()
        return again


def unwell(**how: Any) -> Edit:
    """The health endpoint answers 503 to some requests."""

    def edit(world: World) -> None:
        world.sites["api"].trouble.append(Trouble(path="/health", status=503, **how))

    return edit


def refused(world: World) -> None:
    """The first list of pods is refused."""
    assert world.cluster is not None
    world.cluster.trouble.append(Trouble(path=PODS, status=500, times=1))


@pytest.fixture(scope="module")
def gate(proof: Proof, tmp_path_factory: pytest.TempPathFactory) -> Gate:
    """A healthy platform."""
    return Gate(proof.platform, tmp_path_factory.mktemp("gate"))


@pytest.fixture(scope="module")
def healthy(gate: Gate) -> Seen:
    """One look at a healthy world: what it asks."""
    gate.become()
    seen = gate.run("--confirm", "2")
    assert seen.code == 0, seen.output
    assert seen.asked["site:api /health"] > 0
    assert "looking at" not in seen.output
    return seen


def test_a_flap_is_confirmed_away_and_only_that_is_asked_again(gate: Gate, healthy: Seen) -> None:
    once = healthy.asked["site:api /health"]

    seen = gate.broken(unwell(times=once), "--confirm", "2")

    assert seen.code == 0, seen.output
    assert seen.results[HEALTH].flaky
    assert "verdict: HOLDS" in seen.output
    assert " flaky, exit code 0" in seen.output
    assert seen.asked - healthy.asked == Counter({"site:api /health": once})
    again = gate.replayed(seen)
    assert (again.code, again.verdicts()) == (0, seen.verdicts())
    assert again.results[HEALTH].flaky


def test_a_stuck_rollout_is_violated_at_every_look_and_no_site_is_asked_again(gate: Gate, healthy: Seen) -> None:
    seen = gate.broken(find("rollout-stuck").fault.edit, "--confirm", "2")

    assert seen.code == 1
    stuck = next(each for each in seen.results.values() if each.check == "test_no_rollout_is_stuck" and each.verdict is Verdict.VIOLATED)
    assert (stuck.looks, stuck.attempt) == (3, 3)
    more = seen.asked - healthy.asked
    assert more
    assert [each for each in more if each.startswith("site:")] == []
    assert gate.replayed(seen).verdicts() == seen.verdicts()


def test_an_unknown_becomes_known(gate: Gate, healthy: Seen) -> None:
    first = gate.broken(refused)
    assert first.code == 10
    assert first.not_holding()

    seen = gate.broken(refused, "--confirm", "1")

    assert seen.code == 0, seen.output
    assert {name for name, each in seen.results.items() if each.flaky} == first.not_holding()
    assert [each for each in seen.asked - healthy.asked if each.startswith("site:")] == []
    assert gate.replayed(seen).verdicts() == seen.verdicts()


def test_a_deploy_settles_and_everything_is_asked_each_time(gate: Gate, healthy: Seen) -> None:
    once = healthy.asked["site:api /health"]

    seen = gate.broken(unwell(times=3 * once), "--settle", "5m")

    assert seen.code == 0, seen.output
    assert "settled after 45.0 s (4 looks); last to hold: health" in seen.output
    assert "flaky" not in seen.output
    assert seen.asked["site:api /health"] == 4 * once
    assert seen.asked[f"kubernetes {PODS}"] == 4 * healthy.asked[f"kubernetes {PODS}"] > 0
    assert gate.replayed(seen).verdicts() == seen.verdicts()


def test_a_deploy_that_does_not_settle_is_violated_when_time_is_up(gate: Gate, healthy: Seen) -> None:
    seen = gate.broken(find("pod-not-ready").fault.edit, "--settle", "40s", "--confirm", "2")

    assert seen.code == 1
    assert "not settled within 40s (4 looks)" in seen.output
    assert seen.asked["site:api /health"] == 4 * healthy.asked["site:api /health"]
    assert gate.replayed(seen).verdicts() == seen.verdicts()


def test_a_hold_ends_at_the_first_violation(gate: Gate, healthy: Seen) -> None:
    once = healthy.asked["site:api /health"]

    seen = gate.broken(unwell(after=2 * once), "--hold", "10m")

    assert seen.code == 1
    assert "not held: after 30.0 s health" in seen.output
    assert seen.asked["site:api /health"] == 3 * once
    assert gate.replayed(seen).verdicts() == seen.verdicts()


def test_a_healthy_system_holds_throughout(gate: Gate, healthy: Seen) -> None:
    gate.become()

    seen = gate.run("--settle", "1m", "--hold", "1m", "--confirm", "2")

    assert seen.code == 0, seen.output
    assert "held for 1m: 4 looks at everything" in seen.output
    assert seen.asked["site:api /health"] == 5 * healthy.asked["site:api /health"]
    assert {each.attempt for each in seen.results.values()} == {5}
    assert gate.replayed(seen).verdicts() == seen.verdicts()


def test_a_gate_that_is_killed_between_two_looks_has_the_verdicts_of_the_first(gate: Gate, capsys: pytest.CaptureFixture[str]) -> None:
    seen = gate.broken(find("pod-not-ready").fault.edit, "--confirm", "2", AT_WAIT="1:SIGKILL")
    assert seen.code == -9

    assert main(["finalise", "--reports", str(seen.reports)]) == 1

    assert " 0 not run" in capsys.readouterr().out
    assert Verdict.VIOLATED in seen.verdicts().values()
    assert json.loads((seen.reports / "summary.json").read_text())["exit"] == 1
    assert gate.replayed(seen).verdicts() == seen.verdicts()
