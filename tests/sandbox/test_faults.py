"""Faults by name: found, refused with what comes near, applied to the world that they belong to."""

import importlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import worlds
from sandbox.alerting import Alertmanager
from sandbox.faults import UnknownName, all_faults, broken, builder, faults, find, systems
from sandbox.world import Host
from tests.sandbox import tiny_world

ROOT = Path(__file__).parents[2]


@pytest.fixture
def two_worlds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The systems tiny-one and tiny-two, both with the tiny world."""
    for name in ("tiny_one", "tiny_two"):
        shutil.copy(Path(tiny_world.__file__), tmp_path / f"{name}.py")
    monkeypatch.setattr(worlds, "__path__", [str(tmp_path)])
    importlib.invalidate_caches()
    yield
    for name in ("tiny_one", "tiny_two"):
        sys.modules.pop(f"sandbox.worlds.{name}", None)


@pytest.mark.usefixtures("two_worlds")
def test_systems_are_the_worlds_that_exist() -> None:
    assert systems() == ["tiny-one", "tiny-two"]


@pytest.mark.usefixtures("two_worlds")
def test_a_fault_is_found_by_its_full_name() -> None:
    found = find("tiny-two/front-unhealthy")
    assert (found.system, found.name) == ("tiny-two", "tiny-two/front-unhealthy")


@pytest.mark.usefixtures("two_worlds")
def test_a_short_name_that_could_be_two_faults_is_refused() -> None:
    with pytest.raises(UnknownName, match=r"could be tiny-one/front-unhealthy, tiny-two/front-unhealthy"):
        find("front-unhealthy")


@pytest.mark.usefixtures("two_worlds")
def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="there is no fault 'kubernets-api-stoped'; nearest: kubernetes-api-stopped"):
        find("kubernets-api-stoped")
    with pytest.raises(UnknownName, match="python -m sandbox faults"):
        find("zzz")
    with pytest.raises(UnknownName, match="no world for the system 'tiny'; there are tiny-one, tiny-two"):
        builder("tiny")


@pytest.mark.usefixtures("two_worlds")
def test_faults_edit_the_world_in_order_and_leave_the_healthy_one_alone() -> None:
    world = broken("tiny-one", [find("tiny-one/front-unhealthy"), find("kubernetes-api-stopped")])(0.0)
    assert world.cluster is not None
    assert world.cluster.stopped
    assert world.sites["front"].routes["/health"].status == 500
    assert builder("tiny-one")(0.0).sites["front"].routes["/health"].status == 200


@pytest.mark.usefixtures("two_worlds")
def test_a_fault_of_another_system_is_refused() -> None:
    with pytest.raises(UnknownName, match="another system than tiny-one"):
        broken("tiny-one", [find("tiny-two/front-unhealthy")])


@pytest.mark.usefixtures("two_worlds")
@pytest.mark.parametrize("name", [found.fault.name for found in all_faults() if found.system is None])
def test_a_platform_fault_stops_its_part_and_says_when_there_is_none(name: str) -> None:
    fault = find(name).fault
    stopped = builder("tiny-one")(0.0)
    stopped.hosts["files"] = Host(ssh=False)
    stopped.alertmanager = Alertmanager()
    fault.edit(stopped)
    assert "stopped=True" in repr(stopped)
    with pytest.raises(UnknownName, match="this world has no"):
        fault.edit(type(stopped)())


def test_every_system_has_faults_with_names_of_their_own() -> None:
    assert systems()
    for system in systems():
        names = [found.fault.name for found in faults(system)]
        assert len(names) == len(set(names))
        assert not set(names) & {found.fault.name for found in all_faults() if found.system is None}


def test_the_command_lists_faults_with_what_they_violate() -> None:
    done = subprocess.run([sys.executable, "-m", "sandbox", "faults"], cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
    assert "kubernetes-api-stopped\n    The Kubernetes API refuses connections" in done.stdout


def test_the_command_lists_only_names_when_asked() -> None:
    command = [sys.executable, "-m", "sandbox", "faults", "--names"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.split() == [found.name for found in all_faults()]


def test_the_command_refuses_a_name_that_does_not_exist() -> None:
    command = [sys.executable, "-m", "sandbox", "up", "--fault", "pod-not-redy"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 4
    assert "there is no fault 'pod-not-redy'" in done.stderr
