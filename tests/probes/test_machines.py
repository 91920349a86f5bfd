"""Hosts: what /proc, stat and systemctl say, through a real OpenSSH server and on this machine."""

import os
import socket
import subprocess
from collections.abc import Iterator

import pytest

from fixtures.hosts import proc
from fixtures.hosts.machines import disk_use, inode_use, ports_missing, processes_missing, units_missing
from muster.kinds.hosts import Listening, Processes, Units
from muster.probes import CouldNotLook, Nothing
from tests.probes.host_servers import Machine, a_look, look, running_machine

LISTENS = "   0: 0100007F:4A38 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0"
ENDED = "   1: 0100007F:2328 0100007F:C350 06 00000000:00000000 03:00000000 00000000     0        0 0 3 0"
OPEN = "   2: 0100007F:2328 0100007F:C350 01 00000000:00000000 03:00000000 00000000     0        0 0 3 0"
SIX = "   0: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 0"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with running_machine(tmp_path_factory.mktemp("host")) as made:
        yield made


@pytest.fixture(params=["ssh", "local"])
def machine(server: Machine, request: pytest.FixtureRequest) -> Iterator[Machine]:
    with a_look(server, request.param) as made:
        yield made


def test_the_root_file_system_is_as_full_as_df_says(machine):
    seen = look("machine_disks", machine.host(mounts=["/"]))

    (system,) = seen.systems
    said = subprocess.run(["df", "--output=pcent", "/"], capture_output=True, text=True, check=True).stdout.split()[1]
    assert abs(system.used - int(said.rstrip("%")) / 100) < 0.02
    assert system.size == os.statvfs("/").f_frsize * os.statvfs("/").f_blocks
    assert disk_use.__wrapped__(seen).share == system.used
    assert 0 <= inode_use.__wrapped__(seen).share <= 1


def test_without_declared_mounts_the_root_is_among_those_that_matter(machine):
    assert "/" in [system.mount for system in look("machine_disks", machine.host()).systems]


def test_a_declared_mount_that_is_only_a_folder_is_not_mounted(machine):
    seen = look("machine_disks", machine.host(mounts=["/", "/etc"]))

    assert seen.unmounted.things == ("/etc",)
    assert [system.mount for system in seen.systems] == ["/"]


def test_no_mounted_file_system_is_nothing_to_look_at(machine):
    seen = look("machine_disks", machine.host(mounts=["/etc"]))

    assert seen.looked_at == 0
    assert isinstance(disk_use.__wrapped__(seen), Nothing)


def test_a_port_counts_when_something_listens_there(machine):
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        used, silent = listening.getsockname()[1], bound.getsockname()[1]
        seen = look("machine_facts", machine.host())

    assert "127.0.0.1" in seen.listening[used]
    missing = ports_missing.__wrapped__(seen, Listening.model_validate({"ports": [used, silent]}))
    assert missing.count.things == (f"port {silent}",)


def test_a_process_counts_by_its_exact_name(machine):
    with subprocess.Popen(["sleep", "600"]) as sleeping:
        seen = look("machine_facts", machine.host())
        sleeping.kill()

    wanted = {"sleep": 1, "slee": 1, "sleeper": 1}
    things = processes_missing.__wrapped__(seen, Processes.model_validate({"running": wanted})).count.things
    assert things == ("slee: 0 of 1", "sleeper: 0 of 1")


def test_fewer_processes_than_wanted_are_missing(machine):
    seen = look("machine_facts", machine.host())

    things = processes_missing.__wrapped__(seen, Processes.model_validate({"running": {"sshd": 999}})).count.things
    assert things[0].startswith("sshd: ")


def test_load_is_counted_by_core_and_the_clock_is_ours(machine):
    seen = look("machine_facts", machine.host())

    assert seen.skew < 5
    assert abs(seen.load - os.getloadavg()[2] / (os.cpu_count() or 1)) < 2
    assert seen.looked_at > 1


def test_a_host_without_systemd_has_no_units_to_judge(server, monkeypatch, tmp_path):
    systemctl(tmp_path, "echo 'System has not been booted with systemd'; exit 1", monkeypatch)

    with a_look(server, "local") as machine, pytest.raises(CouldNotLook, match="has not been booted with systemd"):
        look("machine_units", machine.host(expect={"units": {"active": ["nginx"]}}))


def systemctl(folder, script, monkeypatch):
    (folder / "systemctl").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def test_units_are_told_apart_by_their_state(server, monkeypatch, tmp_path):
    blocks = (
        "Result=success\\nId=a.service\\nLoadState=loaded\\nActiveState=active\\nSubState=running\\n",
        "Result=exit-code\\nId=b.service\\nLoadState=loaded\\nActiveState=failed\\nSubState=failed\\n",
        "Id=c.service\\nLoadState=not-found\\nActiveState=inactive\\nSubState=dead\\n",
    )
    systemctl(tmp_path, f"printf '{chr(10).join(blocks)}'".replace("\n", "\\n"), monkeypatch)
    with a_look(server, "local") as machine:
        seen = look("machine_units", machine.host(expect={"units": {"active": ["c", "a", "b"]}}))

    things = units_missing.__wrapped__(seen, Units.model_validate({"active": ["c", "a", "b"]})).count.things
    assert things == ("c: no such unit", "b: failed (failed), result exit-code")


def test_only_sockets_in_state_listen_count_and_only_their_whole_number():
    assert proc.listening_ports(["  sl  local_address rem_address   st", LISTENS, ENDED, OPEN, SIX]) == {
        19000: ("127.0.0.1",),
        80: ("::1",),
    }


def test_names_of_processes_may_hold_anything_and_zombies_do_not_run():
    lines = ["1 (systemd) S 0", "7 (a) S 1) b) R 1", "8 (nginx) Z 1", "9 ((sd-pam)) S 1", "garbage"]

    assert proc.processes(lines) == {1: "systemd", 7: "a) S 1) b", 9: "(sd-pam)"}


def test_mounts_are_read_with_their_escapes_and_the_last_one_counts():
    lines = [r"/dev/sdb1 /mnt/my\040disk ext4 ro,relatime 0 0", "tmpfs /run tmpfs rw 0 0", "/dev/sda1 / ext4 rw,errors=remount-ro 0 0"]
    found = proc.mounts([*lines, "/dev/sda1 /var/lib/bind ext4 rw 0 0", "nas:/x /srv nfs4 rw 0 0", "/dev/sdc1 /srv xfs rw 0 0"])

    assert found["/mnt/my disk"].read_only
    assert not found["/"].read_only
    assert proc.disks(found) == ["/mnt/my disk", "/", "/srv"]
