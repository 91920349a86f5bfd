"""Each kind of waiver, and a maintenance that ends, on the sandbox: a real platform, broken in several places, and whole runs."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from muster import journal
from muster.verdicts import Verdict
from sandbox.faults import builder, find
from sandbox.platform import Platform
from sandbox.processes import child_environment
from sandbox.state import RUNNING
from sandbox.world import World
from tests.engine.agreement import agree
from tests.proof.harness import ROOT, SYSTEM, Proof, Seen, short
from tests.waiver_files import today, waiver, write

READY, SPACE, ENDED = "test_every_pod_is_ready", "test_reading_is_below", "test_maintenance_has_ended"
ASKED = f"{READY} or {SPACE} or {ENDED}"
KEY = "example.com/maintenance"
FLAG = f"{{annotation: {{connection: cluster, object: platform-service, key: {KEY}}}}}"


@dataclass
class Sandbox:
    """A platform that keeps running, and environments of our own for it."""

    platform: Platform
    folder: Path
    runs: int = 0

    def broken(self, *edits: Callable[[World], None]) -> "Sandbox":
        """A healthy world with these edits."""
        world = builder(SYSTEM)(self.platform.epoch)
        for edit in edits:
            edit(world)
        self.platform.apply(world)
        return self

    def declared(self, *waivers: dict[str, Any], maintenance: str = "") -> "Sandbox":
        """The system's own environment with these waivers and this maintenance."""
        files = self.folder / "environments" / SYSTEM
        shutil.rmtree(files, ignore_errors=True)
        shutil.copytree(ROOT / "environments" / SYSTEM, files)
        write(self.folder / "environments", f"{SYSTEM}/sandbox", *waivers)
        if maintenance:
            with (files / "sandbox.yaml").open("a") as file:
                file.write(f"maintenance:\n  - {maintenance}\n")
        return self

    def run(self) -> Seen:
        """The checks that these tests are about; all reports have to agree."""
        self.runs += 1
        reports = self.folder / f"run-{self.runs}"
        command = [sys.executable, "-m", "pytest", "checks/daily", "-k", ASKED, "-p", "no:cacheprovider", "--no-follow-ups"]
        command += ["--environments", str(self.folder / "environments"), "--reports", str(reports)]
        variables = child_environment() | {RUNNING: str(self.platform.folder), **self.platform.addresses}
        done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=120, check=False)
        output = " ".join((done.stdout + done.stderr).split())
        if not (reports / "summary.json").exists():
            return Seen(done.returncode, {}, output, reports)
        agree(reports)
        return Seen(done.returncode, {each.id: each for each in journal.results(reports / "journal.jsonl")}, output, reports)


@pytest.fixture(scope="module")
def sandbox(proof: Proof, tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    return Sandbox(proof.platform, tmp_path_factory.mktemp("sandbox"))


def fault(name: str) -> Callable[[World], None]:
    return find(name).fault.edit


def annotated(value: str) -> Callable[[World], None]:
    """The deployment says that it is in maintenance, or until when."""

    def edit(world: World) -> None:
        assert world.cluster is not None
        found = [each for each in world.cluster.objects if (each["kind"], each["metadata"]["name"]) == ("Deployment", "platform-service")]
        found[0]["metadata"]["annotations"][KEY] = value

    return edit


def said(seen: Seen) -> dict[str, Verdict]:
    """Whatever does not simply hold."""
    return seen.not_holding()


PODS, VOLUME, WINDOW = f"{READY}[platform-service]", f"{SPACE}[volume-space]", f"{ENDED}[move]"


def test_a_waiver_of_exact_ids_waives_them_and_nothing_else(sandbox: Sandbox) -> None:
    sandbox.broken(fault("pod-not-ready"), fault("volume-full"))
    sandbox.declared(waiver(check=READY, entity=None, entities=["platform-service", "postgres"]))

    seen = sandbox.run()

    assert (seen.code, said(seen)) == (1, {PODS: Verdict.WAIVED, VOLUME: Verdict.VIOLATED})
    waived = next(each for each in seen.results.values() if short(each) == PODS)
    assert "platform-service-7c9d8b6f5-b8m2p" in waived.observed
    assert (
        "P0 WAIVED platform-service/sandbox platform-service: Every pod that should serve is Ready; expected <= 0, observed 1"
        in seen.output
    )


@pytest.mark.parametrize(("bound", "code", "verdict"), [("96%", 0, Verdict.WAIVED), ("90%", 1, Verdict.VIOLATED)])
def test_a_waiver_with_a_bound_holds_as_far_as_it_says(sandbox: Sandbox, bound: str, code: int, verdict: Verdict) -> None:
    sandbox.broken(fault("volume-full")).declared(waiver(check=SPACE, entity="volume-space", **{"while": {"at_most": bound}}))

    seen = sandbox.run()

    assert (seen.code, said(seen)) == (code, {VOLUME: verdict})
    assert ("the waiver OPS-1 (team-data) allows at most 90%, and this is beyond it" in seen.output) is bool(code)


def test_a_waiver_of_a_dead_source_waives_only_what_is_unknown_because_of_it(sandbox: Sandbox) -> None:
    sandbox.broken(fault("kubernetes-api-stopped")).declared(waiver(check=READY, entity="platform-service"))
    dead = sandbox.run()
    assert (dead.code, said(dead)[PODS]) == (10, Verdict.UNKNOWN)
    cause = next(each.cause for each in dead.results.values() if short(each) == PODS)

    seen = sandbox.declared(waiver(check=READY, entity="platform-service", cause=cause)).run()

    assert (seen.code, said(seen)) == (10, {PODS: Verdict.WAIVED, f"{READY}[postgres]": Verdict.UNKNOWN})
    assert f"Every pod that should serve is Ready; UNKNOWN: {cause}; OPS-1 (team-data)" in seen.output


def test_a_waiver_that_has_ended_and_one_that_soon_will_are_named(sandbox: Sandbox) -> None:
    sandbox.broken(fault("pod-not-ready"), fault("volume-full")).declared(
        waiver(check=READY, entity="platform-service", expires=today() - timedelta(days=1)),
        waiver(check=SPACE, entity="volume-space", ticket="OPS-2", expires=today() + timedelta(days=2)),
    )

    seen = sandbox.run()

    assert (seen.code, said(seen)) == (1, {PODS: Verdict.VIOLATED, VOLUME: Verdict.WAIVED})
    assert f"waiver OPS-1 (team-data) ended with {today() - timedelta(days=1)}, and waives nothing" in seen.output
    assert f"waiver OPS-2 (team-data) ends with {today() + timedelta(days=2)}, in 2 days" in seen.output


def test_a_waiver_that_names_nothing_is_refused_with_what_is_nearest(sandbox: Sandbox) -> None:
    seen = sandbox.broken().declared(waiver(check=READY, entity="platform-servise")).run()

    assert seen.code == 4
    assert f"{SYSTEM}/sandbox.waivers.yaml:3:13: waivers[OPS-1].entity: {READY} is asked of no such entity here" in seen.output
    assert "nearest: platform-service (got platform-servise)" in seen.output


def test_a_waiver_is_not_needed_while_all_is_well(sandbox: Sandbox) -> None:
    seen = sandbox.broken().declared(waiver(check=READY, entity="platform-service")).run()

    assert (seen.code, said(seen)) == (0, {})
    assert next(each for each in seen.results.values() if short(each) == PODS).allowance["state"] == "not needed"


def test_a_maintenance_begins_outlasts_its_end_and_ends(sandbox: Sandbox) -> None:
    soon, past = ((datetime.now(UTC) + timedelta(hours=hours)).isoformat(timespec="seconds") for hours in (1, -1))
    line = f"{{name: move, reason: the database moves, read: {FLAG}, scope: {{sections: [workloads], entities: [volume-space]}}}}"
    sandbox.declared(maintenance=line)
    stopped = (fault("pod-not-ready"), fault("volume-full"))

    during = sandbox.broken(*stopped, annotated(soon)).run()
    assert (during.code, said(during)) == (0, {PODS: Verdict.WAIVED, VOLUME: Verdict.WAIVED})
    assert "IN MAINTENANCE platform-service/sandbox move, until " in during.output
    left_on = sandbox.broken(*stopped, annotated(past)).run()
    assert (left_on.code, said(left_on)) == (1, {PODS: Verdict.VIOLATED, VOLUME: Verdict.VIOLATED, WINDOW: Verdict.VIOLATED})
    assert "it should have ended " in left_on.output
    over = sandbox.broken(annotated("false")).run()
    assert (over.code, said(over)) == (0, {})


def test_an_annotation_of_a_deployment_that_is_gone_covers_nothing(sandbox: Sandbox) -> None:
    flag = FLAG.replace("object: platform", "object: plattform")
    line = f"{{name: move, reason: the database moves, read: {flag}, scope: {{everything: true}}}}"

    seen = sandbox.broken(fault("pod-not-ready")).declared(maintenance=line).run()

    assert (seen.code, said(seen)) == (1, {PODS: Verdict.VIOLATED, WINDOW: Verdict.UNKNOWN})
    assert "nothing says whether it is on: no Deployment plattform-service in namespace platform" in seen.output
