"""Around a host: load, the largest processes by name, the fullest file systems; through a real OpenSSH server and on this machine."""

import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

import fixtures.follow_ups.hosts
from fixtures.follow_ups.hosts import MOST
from tests.probes.host_servers import Machine, a_look, running_machine
from tests.probes.second_looks import around

CANARY = "--token=canary-4711"
assert fixtures.follow_ups.hosts


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with running_machine(tmp_path_factory.mktemp("host")) as made:
        yield made


@pytest.fixture(params=["ssh", "local"])
def machine(server: Machine, request: pytest.FixtureRequest) -> Iterator[Machine]:
    with a_look(server, request.param) as made:
        yield made


def test_load_processes_and_file_systems_are_told(machine: Machine) -> None:
    said = around(machine.host(mounts=["/"]))
    assert re.fullmatch(r"load [\d.]+ [\d.]+ [\d.]+; \d+ processes, \d+ running, \d+ waiting for a disk, \d+ zombies", said[0])
    largest = [line for line in said if line.endswith(" resident")]
    assert 1 <= len(largest) <= MOST
    assert re.fullmatch(r"/: \d[\d.]*% of \S+(, \d[\d.]*% of its inodes)?(, READ-ONLY)?", said[-1])


def test_a_large_process_is_among_them_without_its_arguments(machine: Machine) -> None:
    script = "import sys; block = bytearray(b'x' * (1 << 29)); print(flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", script, CANARY], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as large:
        assert large.stdout is not None
        large.stdout.readline()
        said = around(machine.host(mounts=["/"]))
        large.kill()
    assert any("python" in line and line.endswith(" resident") for line in said)
    assert CANARY not in "\n".join(said)


def test_the_fullest_file_system_comes_first(machine: Machine) -> None:
    found = [float(line.split("% of")[0].rpartition(": ")[2]) for line in around(machine.host()) if "% of" in line]
    assert found == sorted(found, reverse=True)


def test_a_host_that_does_not_answer_could_not_be_looked_at(server: Machine) -> None:
    with a_look(server, "ssh") as machine:
        machine.become(stopped=True)
        said = around(machine.host(mounts=["/"]))
    assert said
    assert all(line.startswith("could not look: ") for line in said)


def test_a_proc_unlike_linux_is_said_and_the_disks_are_told_all_the_same(server: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fixtures.follow_ups.hosts.FACTS", "echo '== load'; echo '== page'; echo '== processes'")
    with a_look(server, "local") as machine:
        said = around(machine.host(mounts=["/"]))
    assert said[0].startswith("could not look: /proc of the host reads unlike Linux's")
    assert said[-1].startswith("/: ")
