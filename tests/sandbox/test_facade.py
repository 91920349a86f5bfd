"""The process of the stand-ins: how it starts, what it refuses, and when it ends."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from sandbox.services.running import ROOT, Running, start_facade
from sandbox.world import Cluster, Metrics, Route, Series, Served, Session, Site, World
from sandbox.world import Database as WorldDatabase

PARENT = """
import sys, time
from pathlib import Path
from sandbox.services.running import start_facade
from sandbox.world import World
print(start_facade(World(), Path(sys.argv[1])).process.pid, flush=True)
time.sleep(600)
"""


def alive(pid: int) -> bool:
    """Whether a process runs; one that ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def gone(pid: int) -> bool:
    """Whether a process ends within a generous while."""
    deadline = time.monotonic() + 30
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not alive(pid)


def test_a_world_survives_the_round_trip_through_json() -> None:
    world = World(
        cluster=Cluster(objects=[{"kind": "Pod", "spec": {"a": [1, None]}}], tokens={"t": [{"verbs": ["get"]}]}),
        sites={"shop": Site(routes={"/": Route(json=[1], token="x")}, certificate=Served(), certificates={"a": Served(key="rsa2048")})},
        metrics=Metrics(series=[Series("c", {"a": "b"}, "counter", {86400: 1, 0: float("inf")})], targets={"t": {"job": "x"}}),
        databases={"main": WorldDatabase(sessions=[Session("select 1")])},
    )
    assert World.from_json(world.to_json()) == world


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"sites": {"shop": {"rutes": {}}}}', r"world\.sites\[shop\]: Site has no field 'rutes'"),
        ('{"sites": {"shop": {"stopped": "yes"}}}', r"world\.sites\[shop\]\.stopped: str does not fit here"),
        ('{"cluster": {"trouble": [[]]}}', r"world\.cluster\.trouble\[0\]: list does not fit here"),
    ],
)
def test_a_misspelt_world_is_refused_with_its_path(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        World.from_json(text)


def test_a_facade_that_cannot_render_its_world_ends_and_says_why(tmp_path: Path) -> None:
    broken = World(cluster=Cluster(objects=[{"apiVersion": "v1", "kind": "Nonsense", "metadata": {"name": "a"}}]))
    with pytest.raises(RuntimeError, match="serves no Nonsense of v1"):
        start_facade(broken, tmp_path)


def test_stopping_ends_the_process_and_takes_its_addresses_away(tmp_path: Path) -> None:
    with start_facade(World(), tmp_path, epoch=1_000_000.0) as running:
        assert json.loads((tmp_path / "facade.json").read_text())["epoch"] == 1_000_000.0
    assert running.process.returncode == 0
    assert not (tmp_path / "facade.json").exists()


def test_it_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    assert gone(pid)


def test_it_outlives_the_thread_that_started_it(tmp_path: Path) -> None:
    started: list[Running] = []
    thread = threading.Thread(target=lambda: started.append(start_facade(World(), tmp_path)))
    thread.start()
    thread.join()
    with started[0] as running:
        assert running.requests() == []
        assert running.process.poll() is None


def test_one_that_is_kept_outlives_its_parent(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT.replace("sys.argv[1])", "sys.argv[1]), keep=True"), str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    try:
        assert alive(pid)
        token = (tmp_path / "control.token").read_text()
        assert token
    finally:
        os.kill(pid, signal.SIGTERM)
    assert gone(pid)
