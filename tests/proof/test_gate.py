"""The gate against the sandbox: green, stopped by what is violated and by what nobody could see, never in the cure's way."""

import copy
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from muster import journal
from muster.verdicts import EXIT_HOLDS, EXIT_UNKNOWN, EXIT_VIOLATED, Verdict
from sandbox.faults import builder, find
from sandbox.platform import Platform
from sandbox.state import RUNNING
from sandbox.world import World
from sandbox.worlds.platform_service import cluster_edits
from tests.proof.harness import BARE, ROOT, SYSTEM, Proof, without_sandbox

BROKEN = "registry.example/platform-service:v1.2.0"
ASKED = {
    "test_rollout_is_complete", "test_pods_run_the_same_image", "test_rollback_has_a_target", "test_config_map_has_its_keys",
    "test_secret_has_its_keys", "test_reading_equals", "test_backup_is_recent", "test_stored_backup_is_recent", "test_alert_is_not_firing",
    "test_config_map_has_its_values", "test_rolling_update_finds_room", "test_rollback_finds_room",
    "test_images_of_the_rollback_can_be_pulled",
}  # fmt: skip
"""What a gate before a deploy asks of platform-service, beside much that is asked daily too."""


@dataclass(frozen=True)
class Done:
    """A gate that has ended."""

    code: int
    output: str
    reports: Path

    @property
    def last(self) -> str:
        """The last line."""
        return self.output.splitlines()[-1]

    @property
    def checks(self) -> set[str]:
        """Names of the checks that were asked."""
        return {each.check for each in journal.results(self.reports / "journal.jsonl")}


class Sandbox:
    """A platform that keeps running, and gates against it."""

    def __init__(self, platform: Platform, folder: Path) -> None:
        self.platform, self.folder, self.runs = platform, folder, 0

    def gate(self, *arguments: str, edits: tuple[Callable[[World], None], ...] = (), asked: tuple[str, ...] = ("-m", "gate")) -> Done:
        """Run a gate in a world with these edits."""
        world = builder(SYSTEM)(self.platform.epoch)
        for edit in edits:
            edit(world)
        self.platform.apply(world)
        self.runs += 1
        reports = self.folder / str(self.runs)
        command = [sys.executable, "-m", "pytest", "checks", *asked, *BARE, "--no-follow-ups", "--reports", str(reports)]
        variables = without_sandbox() | {RUNNING: str(self.platform.folder), **self.platform.addresses}
        done = subprocess.run([*command, *arguments], cwd=ROOT, env=variables, capture_output=True, text=True, timeout=120, check=False)
        return Done(done.returncode, done.stdout, reports)


@pytest.fixture(scope="module")
def sandbox(proof: Proof, tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    return Sandbox(proof.platform, tmp_path_factory.mktemp("gates"))


def fault(name: str) -> Callable[[World], None]:
    """What a fault does to a world."""
    return find(name).fault.edit


def broken_release(world: World) -> None:
    """v1.2.0 is being rolled out, and its first pod crashes: the three of v1.1.0 still serve."""
    assert world.cluster is not None
    fault("rollout-stuck")(world)
    deployment = cluster_edits.find(world, "Deployment", "platform-service")
    deployment["spec"]["template"]["spec"]["containers"][0]["image"] = BROKEN
    fresh = copy.deepcopy(cluster_edits.find(world, "ReplicaSet", "platform-service-7c9d8b6f5"))
    fresh["metadata"] |= {"name": "platform-service-6d5c4b3a2", "uid": "uid-fresh"}
    fresh["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": "3"}
    fresh["spec"] |= {"replicas": 1, "template": copy.deepcopy(deployment["spec"]["template"])}
    pod = copy.deepcopy(cluster_edits.find(world, "Pod", "platform-service-7c9d8b6f5-b8m2p"))
    pod["metadata"] |= {
        "name": "platform-service-6d5c4b3a2-z9x8c",
        "uid": "uid-crashing",
        "creationTimestamp": cluster_edits.ago(world, 1800),
    }
    pod["metadata"]["labels"]["pod-template-hash"] = "6d5c4b3a2"
    pod["metadata"]["ownerReferences"][0] |= {"name": "platform-service-6d5c4b3a2", "uid": "uid-fresh"}
    world.cluster.objects += [fresh, pod]
    cluster_edits.image(world, pod["metadata"]["name"], BROKEN, f"{BROKEN.rpartition(':')[0]}@sha256:{'a' * 64}")
    cluster_edits.container_fails(world, pod["metadata"]["name"], "CrashLoopBackOff", "back-off restarting failed container")


def no_room_at_all(world: World) -> None:
    """Every node is full."""
    fault("nodes-full")(world)


def test_a_healthy_platform_passes_and_everything_of_the_list_was_asked(sandbox: Sandbox) -> None:
    done = sandbox.gate()
    assert done.code == EXIT_HOLDS, done.output
    assert done.last.startswith("gate before a deploy: holds, exit code 0; ")
    assert ASKED - done.checks == set()
    assert "test_pods_run_with_the_current_configuration" not in done.checks


def test_after_a_deploy_it_asks_what_must_hold_then(sandbox: Sandbox) -> None:
    done = sandbox.gate("--after-deploy", edits=(fault("config-edited"),))
    assert done.code == EXIT_VIOLATED, done.output
    assert {"test_rollout_is_complete", "test_pods_run_the_same_image", "test_pods_run_with_the_current_configuration"} <= done.checks
    assert not {"test_rollback_has_a_target", "test_rolling_update_finds_room"} & done.checks
    assert sandbox.gate(edits=(fault("config-edited"),)).code == EXIT_HOLDS  # the deploy is what restarts them


@pytest.mark.parametrize("name", ["rollout-stuck", "migration-missing"])
def test_a_violation_stops_it_in_its_own_words(sandbox: Sandbox, name: str) -> None:
    done = sandbox.gate("--gate-severity", "P1", edits=(fault(name),))
    assert done.code == EXIT_VIOLATED, done.output
    assert done.last.startswith("gate before a deploy: stopped: violated, exit code 1; ")


def test_what_nobody_could_see_stops_it_in_other_words(sandbox: Sandbox) -> None:
    done = sandbox.gate(edits=(fault("kubernetes-api-stopped"),))
    assert done.code == EXIT_UNKNOWN, done.output
    assert done.last.startswith("gate before a deploy: stopped: could not look, exit code 10; ")
    assert "VIOLATED" not in done.output


def test_below_the_floor_a_violation_is_shown_and_does_not_stop(sandbox: Sandbox) -> None:
    done = sandbox.gate("--gate-severity", "P1", edits=(fault("health-slow"),))
    assert done.code == EXIT_HOLDS, done.output
    assert "P2 VIOLATED" in done.output
    assert "does not stop the gate: P2 is below the floor P1" in done.output


def test_an_override_lets_one_gate_pass(sandbox: Sandbox) -> None:
    done = sandbox.gate("--override", "OPS-4711", edits=(fault("rollout-stuck"),))
    assert done.code == EXIT_HOLDS, done.output
    assert "passes by override OPS-4711, would be stopped: violated" in done.last


def test_a_broken_release_stops_the_next_deploy_and_not_the_rollback(sandbox: Sandbox) -> None:
    stopped = sandbox.gate(edits=(broken_release,))
    assert stopped.code == EXIT_VIOLATED, stopped.output
    done = sandbox.gate("--rollback", edits=(broken_release, no_room_at_all))  # the old pods still run: going back adds none
    assert done.code == EXIT_HOLDS, done.output
    assert done.last.startswith("gate before a rollback: holds, exit code 0; 3 hold")
    assert done.checks == {"test_rollback_has_a_target", "test_rollback_finds_room", "test_images_of_the_rollback_can_be_pulled"}


def test_a_rollback_without_a_target_or_without_its_image_is_stopped(sandbox: Sandbox) -> None:
    assert sandbox.gate("--rollback", edits=(fault("rollback-impossible"),)).code == EXIT_VIOLATED
    assert sandbox.gate("--rollback", edits=(fault("rollback-image-gone"),)).code == EXIT_VIOLATED
    unseen = sandbox.gate("--rollback", edits=(fault("rollback-image-unseen"),))
    assert (unseen.code, "on_unknown: warn" in unseen.last) == (EXIT_HOLDS, True), unseen.output


def test_a_cluster_a_database_and_an_account_that_are_gone_are_a_headline_each_in_every_report(sandbox: Sandbox) -> None:
    gone = ("kubernetes-api-stopped", "database-stopped", "bucket-keys-rotated")
    done = sandbox.gate(edits=tuple(map(fault, gone)), asked=())
    unknown = [each for each in journal.results(done.reports / "journal.jsonl") if each.verdict is Verdict.UNKNOWN]
    causes = {each.cause for each in unknown}
    assert len(unknown) > 60
    assert len(causes) == 3, causes
    assert done.output.count(" UNKNOWN ") == 3
    assert len(re.findall(r"^\| P\d unknown \|", (done.reports / "summary.md").read_text(), re.MULTILINE)) == 3
    (suite,) = ET.parse(done.reports / "junit.xml").getroot()
    headlines = (suite.findtext("system-err") or "").splitlines()
    assert len(headlines) == 3
    for cause in causes:
        number = sum(each.cause == cause for each in unknown)
        assert f"could not look: {cause} ({number} checks could not be judged)" in "\n".join(headlines)
