"""Several namespaces through one account: what is forbidden, gone or broken in one says nothing about the others."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from muster import journal
from muster.verdicts import EXIT_HOLDS, EXIT_UNKNOWN, EXIT_VIOLATED, Verdict
from sandbox.processes import child_environment
from sandbox.services.running import Running, start_facade
from sandbox.world import Cluster, Object, Trouble, World
from tests.probes.small_cluster import READ, container, pod

ROOT = Path(__file__).parents[2]
SHOPS = ("shop-a", "shop-b")
HOLDS, VIOLATED, UNKNOWN = Verdict.HOLDS, Verdict.VIOLATED, Verdict.UNKNOWN


Said = tuple[int, dict[str, Verdict], str]


@dataclass
class Shops:
    """Two namespaces with a pod each."""

    running: Running
    folder: Path
    runs: int = 0

    def run(
        self, *pods: Object, namespaces: tuple[str, ...] = SHOPS, trouble: tuple[Trouble, ...] = ()
    ) -> tuple[int, dict[str, Verdict], str]:
        """The exit code, the verdict of each workload's readiness, and what was said."""
        rules: list[Object] = [{"apiGroups": ["*"], "resources": ["*"], "verbs": READ, "namespaces": list(namespaces)}]
        cluster = Cluster(objects=list(pods), tokens={"reader": rules}, namespace=SHOPS[0], trouble=list(trouble))
        self.running.put_world(World(cluster=cluster))
        workloads = [
            {"name": name, "connection": "cluster", "namespace": name, "selector": "app=web", "expect": {"ready": 1}} for name in SHOPS
        ]
        connections = {"cluster": {"kubernetes": {"kubeconfig": self.running.addresses["kubeconfig"]}}}
        made = {"system": "shops", "owner": "team", "connections": connections, "workloads": workloads}
        place = self.folder / "environments" / "shops"
        place.mkdir(parents=True, exist_ok=True)
        (place / "production.yaml").write_text(json.dumps(made))
        self.runs += 1
        out = self.folder / f"run-{self.runs}"
        command = [sys.executable, "-m", "pytest", "checks/daily", "-k", "test_enough_pods_are_ready", "--env", "shops/production"]
        command += ["--environments", str(self.folder / "environments"), "--reports", str(out), "-p", "no:cacheprovider"]
        done = subprocess.run(command, cwd=ROOT, env=child_environment(), capture_output=True, text=True, timeout=120, check=False)
        found = {each.entity: each.verdict for each in journal.results(out / journal.FILE)}
        return done.returncode, found, done.stdout


def serving(namespace: str, *, ready: bool = True) -> Object:
    """A pod in that namespace."""
    made = pod("web-a", container())
    made["metadata"]["namespace"] = namespace
    made["status"]["containerStatuses"][0]["ready"] = ready
    made["status"]["conditions"] = [{"type": "Ready", "status": str(ready)}]
    return made


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shops]:
    folder = tmp_path_factory.mktemp("shops")
    with start_facade(World(), folder / "facade") as running:
        yield Shops(running, folder)


def test_with_both_in_order_both_hold(shops: Shops) -> None:
    assert shops.run(*map(serving, SHOPS))[:2] == (EXIT_HOLDS, {"shop-a": HOLDS, "shop-b": HOLDS})


def test_a_namespace_that_is_forbidden_is_unknown_and_the_other_is_decided(shops: Shops) -> None:
    code, found, said = shops.run(*map(serving, SHOPS), namespaces=("shop-b",))
    assert (code, found) == (EXIT_UNKNOWN, {"shop-a": UNKNOWN, "shop-b": HOLDS})
    assert "not allowed to list pods in namespace shop-a" in " ".join(said.split())


def test_what_is_violated_beside_a_forbidden_namespace_is_violated(shops: Shops) -> None:
    code, found, _ = shops.run(serving("shop-a"), serving("shop-b", ready=False), namespaces=("shop-b",))
    assert (code, found) == (EXIT_VIOLATED, {"shop-a": UNKNOWN, "shop-b": VIOLATED})


def test_a_namespace_that_does_not_exist_is_not_a_healthy_one(shops: Shops) -> None:
    code, found, _ = shops.run(serving("shop-b"))
    assert (code, found) == (EXIT_VIOLATED, {"shop-a": VIOLATED, "shop-b": HOLDS})


def test_an_api_that_fails_for_one_namespace_is_unknown_for_that_alone(shops: Shops) -> None:
    trouble = (Trouble("/api/v1/namespaces/shop-a", status=503, message="etcd is slow"),)
    code, found, _ = shops.run(*map(serving, SHOPS), trouble=trouble)
    assert (code, found) == (EXIT_UNKNOWN, {"shop-a": UNKNOWN, "shop-b": HOLDS})
