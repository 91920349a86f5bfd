"""A real OpenSSH server without root, and the files that a world says are on its host."""

import gzip
import os
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.cache import NotProvided
from sandbox.platform import Platform
from sandbox.services.folders import Folder, content
from sandbox.services.ssh import SshServer
from sandbox.world import Host, HostFile, World

DAY = 86400.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    outside: list[Path] = []
    made = SshServer("box", tmp_path_factory.mktemp("ssh"), outside.append)
    yield made
    made.stop()
    assert [folder for folder in outside if folder.exists()] == []


def ssh(server: SshServer, command: str, *options: str, program: str = "ssh") -> "subprocess.CompletedProcess[str]":
    path = f"{os.environ['PATH']}:{server.addresses.get('PATH', '')}"
    strict = ["-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o", "ConnectTimeout=30", *options]
    arguments = [program, "-F", server.addresses["CONFIG"], *strict, "box", command]
    return subprocess.run(arguments, env={"PATH": path}, capture_output=True, text=True, timeout=120, check=False)


def test_its_user_gets_a_shell_that_works_and_knows_nothing_of_the_wrapper(server):
    server.apply(Host(), time.time())

    said = ssh(server, "id -u; echo $0; env")

    uid, shell, *environment = said.stdout.splitlines()
    assert said.returncode == 0, said.stderr
    assert int(uid) != 0
    assert shell.endswith("sh")
    assert not [line for line in environment if "NSS_WRAPPER" in line or "LD_PRELOAD" in line]


def test_nobody_else_is_let_in(server):
    server.apply(Host(), time.time())

    assert ssh(server, "true", "-lnobody").returncode == 255
    assert ssh(server, "true", "-o", "IdentityFile=none", "-o", "IdentityAgent=none", "-o", "PubkeyAuthentication=no").returncode == 255


def test_a_host_that_does_not_welcome_us_or_stands_still_refuses(server):
    for changed, words in ((Host(welcome=False), "Permission denied"), (Host(stopped=True), "refused")):
        server.apply(changed, time.time())
        said = ssh(server, "true")
        assert (said.returncode, words in said.stderr) == (255, True), said.stderr
    server.apply(Host(), time.time())

    assert ssh(server, "true").returncode == 0


def test_another_host_key_is_noticed_and_the_first_one_comes_back(server):
    port = server.port
    server.apply(Host(key="another"), time.time())
    assert "IDENTIFICATION HAS CHANGED" in ssh(server, "true").stderr

    server.apply(Host(), time.time())

    assert ssh(server, "true").returncode == 0
    assert server.port == port


def test_a_change_of_files_does_not_restart_it(server):
    server.apply(Host(), time.time())
    pid = server.pid

    server.apply(Host({"a": HostFile("1")}), time.time())

    assert server.pid == pid
    assert ssh(server, f"cat {server.addresses['ROOT']}/a").stdout == "1"


def test_what_its_user_may_not_read_stays_unread(server):
    server.apply(Host({"a": HostFile("secret", mode="0000")}), time.time())

    assert "Permission denied" in ssh(server, f"cat {server.addresses['ROOT']}/a").stderr


def test_without_a_client_on_the_path_it_brings_one(server, monkeypatch):
    server.apply(Host(), time.time())
    monkeypatch.setattr("sandbox.services.ssh.shutil.which", lambda _name: None)

    client = Path(server.addresses["PATH"]) / "ssh"

    assert ssh(server, "true", program=str(client)).returncode == 0


def test_the_unpacked_packages_hold_no_setuid_program(server):
    programs = [path for path in server._programs.rglob("*") if path.is_file()]

    assert programs
    assert [path for path in programs if path.stat().st_mode & (stat.S_ISUID | stat.S_ISGID)] == []


def test_it_can_be_switched_off(monkeypatch, tmp_path):
    monkeypatch.setenv("MUSTER_SANDBOX_SSH", "none")

    with pytest.raises(NotProvided, match="switched off"):
        SshServer("box", tmp_path, lambda _folder: None)


def test_a_folder_without_the_server_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("MUSTER_SANDBOX_SSH", str(tmp_path))

    with pytest.raises(NotProvided, match="does not hold sbin/sshd"):
        SshServer("box", tmp_path, lambda _folder: None)


def test_a_folder_holds_what_the_world_says_and_nothing_else(tmp_path):
    now = time.time()
    folder = Folder(tmp_path / "root")
    folder.apply({"gone": HostFile("x")}, now)

    folder.apply({"a/b": HostFile("text", written=DAY, mode="0640"), "a/latest": HostFile(link="b")}, now)

    found = tmp_path / "root" / "a" / "b"
    assert sorted(path.name for path in (tmp_path / "root").rglob("*")) == ["a", "b", "latest"]
    assert (found.read_text(), stat.S_IMODE(found.stat().st_mode), str((tmp_path / "root/a/latest").readlink())) == ("text", 0o640, "b")
    assert abs(found.stat().st_mtime - (now - DAY)) < 2


def test_a_dump_is_large_and_ends_as_told_and_can_break_off():
    whole = content("head\n", 1_000_000, "tail\n", compressed=True, kept=1.0)

    text = gzip.decompress(whole).decode()
    assert text.startswith("head\n")
    assert text.endswith("tail\n")
    assert len(whole) > 700_000
    assert content("head\n", 1_000_000, "tail\n", compressed=True, kept=0.5) == whole[: round(len(whole) / 2)]
    assert len(content("", 0, "", compressed=True, kept=1.0)) == 20


def test_a_platform_has_its_hosts_and_their_addresses(tmp_path):
    world = World(hosts={"box": Host({"a": HostFile("x")}), "checkout": Host({"b": HostFile("y")}, ssh=False)})
    with Platform(lambda _now: world, ["ssh", "local"], tmp_path / "runs") as platform:
        assert platform.not_provided == {}
        roots = {name: Path(platform.addresses[f"SANDBOX_{name}_ROOT"]) for name in ("BOX", "CHECKOUT")}
        assert (roots["BOX"] / "a").read_text() + (roots["CHECKOUT"] / "b").read_text() == "xy"
        assert Path(platform.addresses["SANDBOX_BOX_CONFIG"]).is_file()
    assert [root for root in roots.values() if root.exists()] == []


def test_only_the_part_that_is_asked_for_is_started(tmp_path):
    world = World(hosts={"box": Host(), "checkout": Host(ssh=False)})
    with Platform(lambda _now: world, ["local"], tmp_path / "runs") as platform:
        assert "SANDBOX_CHECKOUT_ROOT" in platform.addresses
        assert "SANDBOX_BOX_ROOT" not in platform.addresses


def test_a_machine_without_packages_says_what_is_not_provided(tmp_path, monkeypatch):
    monkeypatch.setenv("MUSTER_SANDBOX_SSH", "none")
    world = World(hosts={"box": Host(), "checkout": Host(ssh=False)})
    with Platform(lambda _now: world, ["ssh", "local"], tmp_path / "runs") as platform:
        assert list(platform.not_provided) == ["ssh/box"]
        assert "SANDBOX_CHECKOUT_ROOT" in platform.addresses
