"""A stranger follows docs/first-check.md against a cluster that has troubles, with no right but to get, list and watch."""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from sandbox.services.running import Running
from sandbox.world import Cluster, Trouble, World
from tests.probes.messy_world import ROOT, healthy, messy

MORE = """
jobs: [{name: all-jobs, connection: cluster}]
secrets: [{name: web, connection: cluster, expect: {certificate_valid_for: 30d}}]
logs: [{name: errors, connection: cluster, selector: app=web, level: ERROR, expect: {records: 0}}]
resources:
  - {name: rules, connection: cluster, api_version: networking.k8s.io/v1, kind: NetworkPolicy, expect: {count: 1}}
"""


def written(folder: Path, running: Running, *, more: str = MORE) -> None:
    """The file of docs/first-check.md, with this cluster in the place of the stranger's and without the web site."""
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "first-check.md").read_text(), re.DOTALL)
    text = "".join(blocks).replace("context: prod-eu-1", f"kubeconfig: {running.addresses['kubeconfig']}")
    text = re.sub(r"(?m)^endpoints:\n(?:  .*\n)+", "", text)
    assert "kubeconfig: /" in text
    (folder / "shop").mkdir()
    (folder / "shop" / "production.yaml").write_text(text + more)


def checked(folder: Path, running: Running, world: World, *options: str, more: str = MORE) -> tuple[int, str]:
    """Exit code and folded output of the daily checks."""
    running.put_world(world)
    running.clear_requests()
    written(folder, running, more=more)
    command = [sys.executable, "-m", "pytest", "checks/daily", "--environments", str(folder), "--env", "shop/production"]
    command += ["--reports", str(folder / "out"), "--state", str(folder / "state"), *options]
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    return done.returncode, " ".join((done.stdout + (folder / "out" / "summary.md").read_text()).replace("\\", "").split())


def test_every_trouble_of_a_messy_namespace_is_named(facade: Running, tmp_path: Path) -> None:
    code, told = checked(tmp_path, facade, messy())

    assert code == 1
    for words in (
        r"crash: container web waits: CrashLoopBackOff since 2m\w* after Error \(exit code 1\), 6 restarts",
        r"loop: container web runs since \w+, and crashed 7 times",
        r"never: container web runs but is not ready since 10m",
        r"killed/web: OOMKilled \(exit code 137\) 1h\w* ago",
        r"web: ProgressDeadlineExceeded since 1h",
        r"web-report-29012345 failed 10m\w* ago: BackoffLimitExceeded",
        r"worker-1: Ready is Unknown since 15m",
        r"records of this kind. .*observed 2 ",
    ):
        assert re.search(words, told), words
    assert not re.search(r"evicted: |leaving: |migrate-x: ", told)


def test_what_rights_do_not_show_is_unknown_with_the_right_that_lacks(facade: Running, tmp_path: Path) -> None:
    _, told = checked(tmp_path, facade, messy())

    assert "this environment does not allow a look at secret web" in told
    assert "not allowed to list networkpolicies.networking.k8s.io in namespace shop (403)" in told
    assert "kubectl auth can-i list networkpolicies.networking.k8s.io -n shop" in told


def test_nothing_but_get_and_reviews_of_ourselves_is_sent_and_each_list_once(facade: Running, tmp_path: Path) -> None:
    checked(tmp_path, facade, messy(), "--no-follow-ups")
    sent = facade.requests("kubernetes")
    asked = [each for each in sent if "/selfsubject" not in each["path"]]

    assert {each["agent"] for each in sent} == {"muster"}
    assert {each["method"] for each in asked} == {"GET"}
    assert not [each for each in asked if each["mutating"] or each.get("resource") == "secrets"]
    assert {each.get("subresource") or "" for each in asked} == {"", "log"}
    assert max(Counter(each["path"] for each in asked if each.get("subresource") != "log").values()) == 1


def test_a_healthy_namespace_in_the_middle_of_a_rollout_is_green(facade: Running, tmp_path: Path) -> None:
    code, told = checked(tmp_path, facade, healthy(), more="")

    assert (code, "VIOLATED" in told, "UNKNOWN" in told) == (0, False, False), told


@pytest.mark.parametrize("trouble", [None, Trouble(status=401), Trouble(status=503, message="etcd leader changed")])
def test_a_dead_cluster_is_one_headline_and_no_line_is_green(facade: Running, tmp_path: Path, trouble: Trouble | None) -> None:
    cluster = messy().cluster or Cluster()
    cluster.trouble, cluster.stopped = [trouble] if trouble else [], trouble is None

    code, told = checked(tmp_path, facade, World(cluster=cluster), more="")

    assert code == 10
    assert told.count("could not be judged)") == 2  # on the terminal, and in summary.md
    assert ", 0 hold," in told
    assert re.search("next: (does `kubectl cluster-info`|is the token expired|kubectl get --raw)", told)
