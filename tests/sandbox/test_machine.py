"""What a host says of itself over ssh: what its world says, and for the rest what holds for this machine."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.machine import FileSystem, Machine, Unit
from sandbox.processes import Port
from sandbox.services.ssh import SshServer
from sandbox.world import Host, HostFile, World

SPACE = "stat -f -c 'space|%S|%b|%f|%a|%c|%d' -- {}"
SHOW = "systemctl show --no-pager --property=Id,LoadState,ActiveState,SubState,Result -- {}"
WHOLE = Machine(
    mounts={
        "/": FileSystem(),
        "/srv/my backups": FileSystem("/dev/sdb1", "xfs", "ro", size=4096_000, used=0.75, inodes=100, inodes_used=0.5),
    },
    load=3.5,
    cores=64,
    clock=7200,
    units={"relay.service": Unit("failed", "failed", "exit-code"), "backup.timer": Unit(sub="waiting")},
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    made = SshServer("box", tmp_path_factory.mktemp("ssh"), lambda _folder: None)
    yield made
    made.stop()


def said(server: SshServer, command: str) -> str:
    path = f"{os.environ['PATH']}:{server.addresses.get('PATH', '')}"
    call = ["ssh", "-F", server.addresses["CONFIG"], "-o", "BatchMode=yes", "box", command]
    return subprocess.run(call, env={"PATH": path}, capture_output=True, text=True, timeout=120, check=True).stdout


def become(server: SshServer, machine: Machine | None, files: dict[str, HostFile] | None = None) -> None:
    server.apply(Host(files or {}, machine=machine), time.time())


def test_it_says_what_its_world_says(server: SshServer) -> None:
    become(server, WHOLE)

    assert said(server, "cat /proc/self/mounts") == "/dev/sda1 / ext4 rw,relatime 0 0\n/dev/sdb1 /srv/my\\040backups xfs ro 0 0\n"
    assert said(server, SPACE.format("'/srv/my backups'")) == "space|4096|1000|250|250|100|50\n"
    assert said(server, "cat /proc/loadavg; getconf _NPROCESSORS_ONLN").split()[2::2] == ["3.50", "4711"]
    assert said(server, "getconf _NPROCESSORS_ONLN") == "64\n"
    assert abs(int(said(server, "date +%s")) - time.time() - 7200) < 600


def test_its_units_are_loaded_or_not_found(server: SshServer) -> None:
    become(server, WHOLE)

    failed, waiting, unknown = said(server, SHOW.format("relay backup.timer other")).split("\n\n")

    assert {"Id=relay.service", "ActiveState=failed", "Result=exit-code"} < set(failed.split())
    assert {"Id=backup.timer", "ActiveState=active", "SubState=waiting"} < set(waiting.split())
    assert {"Id=other.service", "LoadState=not-found"} < set(unknown.split())


def test_everything_else_is_this_machines(server: SshServer) -> None:
    become(server, WHOLE, {"a": HostFile("text")})
    folder = server.addresses["ROOT"]

    assert said(server, f"cat {folder}/a; echo more | cat") == "textmore\n"
    assert said(server, f"stat -L -c '%s|%U' -- {folder}/a").startswith("4|")
    assert said(server, "getconf PAGESIZE") == f"{os.sysconf('SC_PAGESIZE')}\n"
    assert said(server, SPACE.format("/proc")) == subprocess.check_output(SPACE.format("/proc"), shell=True, text=True)


def test_an_owner_is_said_of_the_file_that_has_it(server: SshServer) -> None:
    become(server, None, {"a": HostFile("text", owner="relay:mail"), "b": HostFile("text")})
    look = f"stat -L -c '%U:%G|%s' -- {server.addresses['ROOT']}/"

    assert said(server, f"{look}a") == "relay:mail|4\n"
    assert "relay" not in said(server, f"{look}b")


def test_a_change_needs_no_restart_and_can_be_taken_back(server: SshServer) -> None:
    become(server, WHOLE)
    pid = server.pid

    become(server, None)

    assert server.pid == pid
    assert said(server, "cat /proc/self/mounts") != ""
    assert "/srv/my" not in said(server, "cat /proc/self/mounts")
    assert abs(int(said(server, "date +%s")) - time.time()) < 600


def named(name: str) -> int:
    """How many processes the kernel knows by a name."""
    return sum(_name(each) == name for each in Path("/proc").glob("[0-9]*/comm"))


def _name(comm: Path) -> str:
    try:
        return comm.read_text().strip()
    except OSError:  # it has ended
        return ""


def test_processes_run_and_ports_are_listened_at_as_long_as_the_world_says_so(server: SshServer) -> None:
    port = Port()
    name = f"relay-{port.number}"
    try:
        become(server, Machine(processes={name: 2}, ports=[port.number]))
        assert named(name) == 2
        socket.create_connection(("127.0.0.1", port.number), timeout=10).close()

        become(server, Machine(processes={name: 1}))
        assert named(name) == 1
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port.number), timeout=10)

        become(server, None)
        assert named(name) == 0
    finally:
        become(server, None)
        port.release()


def test_a_world_with_machines_survives_json() -> None:
    world = World(hosts={"box": Host({"a": HostFile(owner="relay")}, machine=WHOLE), "other": Host()})

    assert World.from_json(world.to_json()) == world
