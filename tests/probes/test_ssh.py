"""The way to a host: one verified connection a look, nothing left behind, and every trouble of the way is unknown."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from fixtures.hosts import client, session
from fixtures.once import forget
from muster.connections import Local, Ssh
from muster.probes import CouldNotLook, begin
from muster.secrets import Setting
from sandbox.world import HostFile
from tests.probes.host_servers import Machine, a_look, look, running_machine

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with running_machine(tmp_path_factory.mktemp("host")) as made:
        yield made


@pytest.fixture
def machine(server: Machine) -> Iterator[Machine]:
    with a_look(server, "ssh") as made:
        yield made


def held(pattern: str) -> list[int]:
    """Processes whose arguments hold a text."""
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if pattern in each.read_bytes().replace(b"\0", b" ").decode(errors="replace"):
                found.append(int(each.parent.name))
        except OSError:
            continue
    return found


def gone(pattern: str, seconds: float = 30.0) -> bool:
    deadline = time.monotonic() + seconds
    while held(pattern):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def logins(machine: Machine) -> int:
    return machine.server._log.read_text().count("Accepted publickey")


def test_a_look_opens_one_connection_however_many_commands_it_runs(machine):
    before = logins(machine)

    for _ in range(5):
        client.ask(machine.connection, "true")

    assert logins(machine) - before == 1


def test_a_long_path_of_temporary_files_does_not_keep_us_from_connecting(machine, monkeypatch, tmp_path):
    folder = tmp_path / ("x" * 120)
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))

    assert client.ask(machine.connection, "echo here").lines == ["here"]


def test_after_a_look_no_process_and_no_socket_is_left(machine):
    client.ask(machine.connection, "true")
    (opened,) = session._open

    session.close_all()

    assert opened.process.poll() is not None
    assert not opened.path.parent.exists()


def test_a_look_that_is_killed_leaves_no_connection_open(machine):
    program = """
import sys, time
from fixtures.hosts.client import ask
from muster.connections import Ssh
ask(Ssh.model_validate({"host": "backup-host", "config": sys.argv[1]}), "true")
print("asked", flush=True)
time.sleep(600)
"""
    config = machine.server.addresses["CONFIG"]
    # The folder of its socket is all that such a death leaves: empty, and in a folder of ours here.
    scratch = tempfile.mkdtemp(dir="/tmp")
    environment = os.environ | {"TMPDIR": scratch}
    with subprocess.Popen([sys.executable, "-c", program, config], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "asked\n"
        assert held(f"{config} -o BatchMode")
        process.send_signal(signal.SIGKILL)

    assert gone(f"{config} -o BatchMode")
    shutil.rmtree(scratch)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"stopped": True}, "nothing listens"),
        ({"key": "another"}, "the host key has changed"),
        ({"welcome": False}, "refuses our key"),
    ],
)
def test_every_trouble_of_the_way_is_unknown_and_said(machine, changes, words):
    machine.become({"a": HostFile("x")}, **changes)

    with pytest.raises(CouldNotLook, match=words) as caught:
        look("file_state", machine.file("a", expect={"exists": False}))

    assert caught.value.cause == "ssh backup-host"


def test_a_host_that_nobody_has_introduced_is_not_talked_to(machine, tmp_path):
    (tmp_path / "known_hosts").touch()
    before = logins(machine)
    machine.connection = machine.ssh(known_hosts=str(tmp_path / "known_hosts"))

    with pytest.raises(CouldNotLook, match="not in known_hosts"):
        look("file_state", machine.file("a"))

    assert logins(machine) == before
    assert (tmp_path / "known_hosts").read_text() == ""


def test_a_configuration_file_cannot_weaken_the_connection(machine, tmp_path):
    (tmp_path / "known_hosts").touch()
    text = (machine.server._folder / "config").read_text().replace("UserKnownHostsFile", "#")
    weak = f"    StrictHostKeyChecking no\n    UserKnownHostsFile {tmp_path}/known_hosts\n    ForwardAgent yes\n"
    (tmp_path / "config").write_text(text + weak)
    machine.connection = machine.ssh(config=str(tmp_path / "config"))

    with pytest.raises(CouldNotLook, match="not in known_hosts"):
        look("file_state", machine.file("a"))


def test_without_a_configuration_file_the_fields_say_everything(machine):
    folder = machine.server._folder
    fields = {"host": "127.0.0.1", "port": machine.server.port, "user": "muster", "identity": f"file:{folder}/identity"}
    machine.connection = Ssh.model_validate({**fields, "known_hosts": f"{folder}/known_hosts"})

    seen = look("file_state", machine.file("/etc/passwd"))

    assert seen.exists
    assert seen.seen.startswith(f"ssh muster@127.0.0.1:{machine.server.port}, host ")


def test_a_key_that_others_can_read_is_named_as_the_trouble(machine, tmp_path):
    folder = machine.server._folder
    (tmp_path / "identity").write_bytes((folder / "identity").read_bytes())
    (tmp_path / "identity").chmod(0o644)
    fields = {"host": "127.0.0.1", "port": machine.server.port, "user": "muster", "known_hosts": f"{folder}/known_hosts"}
    machine.connection = Ssh.model_validate({**fields, "identity": f"file:{tmp_path}/identity"})

    with pytest.raises(CouldNotLook, match=r"others can read|refuses our key"):
        look("file_state", machine.file("/etc/passwd"))


def test_a_connection_that_is_lost_in_the_middle_is_unknown(machine):
    client.ask(machine.connection, "true")
    machine.become(stopped=True)
    (opened,) = session._open
    opened.process.kill()
    opened.process.wait()

    with pytest.raises(CouldNotLook, match="the ssh connection was lost"):
        client.ask(machine.connection, "true")


@pytest.mark.parametrize("place", ["ssh", "local"])
def test_a_command_that_hangs_ends_at_the_deadline_here_and_on_the_host(server, place):
    with a_look(server, place) as machine:
        client.ask(machine.connection, "true")
        begin(2)
        with pytest.raises(CouldNotLook, match=r"deadline|in time"):
            client.ask(machine.connection, "sleep 61179")

        assert gone("sleep 61179")


@pytest.mark.parametrize("place", ["ssh", "local"])
def test_a_script_that_fails_or_breaks_off_is_unknown(server, place):
    with a_look(server, place) as machine:
        for script, words in (("exit 3", "exit status 3"), ("exit 0", "cut short"), ("nonsense-command; exit $?", "exit status 127")):
            with pytest.raises(CouldNotLook, match=words):
                client.ask(machine.connection, script)


@pytest.mark.parametrize("place", ["ssh", "local"])
def test_an_endless_answer_is_unknown(server, place):
    with a_look(server, place) as machine, pytest.raises(CouldNotLook, match="longer than"):
        client.ask(machine.connection, "yes")


def test_a_server_that_accepts_and_never_answers_is_unknown_at_the_deadline(machine, tmp_path):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        machine.connection = Ssh.model_validate({"host": "127.0.0.1", "port": silent.getsockname()[1]})
        begin(1.5)
        started = time.monotonic()
        with pytest.raises(CouldNotLook, match=r"deadline|timed out|does not answer"):
            look("file_state", machine.file("/etc/passwd"))

    assert time.monotonic() - started < 60


def test_a_command_is_given_none_of_our_credentials(machine, monkeypatch):
    monkeypatch.setenv("CANARY_PASSWORD", "canary")

    assert "canary" not in client.ask(Local(), "env").text
    assert "canary" not in client.ask(machine.connection, "env").text


def test_a_login_shell_that_chatters_does_not_change_an_answer(machine):
    assert client._answer("name\n1700000000\nrest", Local(), 0.0).text == "rest"
    done = client.ask(machine.connection, "echo one; echo two")
    assert done.lines == ["one", "two"]


@pytest.mark.parametrize("name", ["-oProxyCommand=touch canary", "a b", "a;b", "a\nb", "$(id)", "user@host", ""])
def test_the_name_of_a_host_is_no_option_and_no_command(machine, monkeypatch, name):
    monkeypatch.setenv("CHOSEN_HOST", name)
    for fields in ({"host": "env:CHOSEN_HOST"}, {"host": "backup-host", "user": "env:CHOSEN_HOST"}):
        machine.connection = machine.ssh(**fields)
        with pytest.raises(CouldNotLook, match="not the name of a"):
            look("file_state", machine.file("a"))


def test_an_identity_is_a_file_and_nothing_else():
    with pytest.raises(ValidationError, match="file:PATH"):
        Ssh.model_validate({"host": "h", "identity": "env:KEY"})


def test_a_host_without_an_ssh_client_is_told_what_is_missing(machine, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    forget()

    with pytest.raises(CouldNotLook, match="cannot run ssh"):
        look("file_state", machine.file("a"))


def test_a_port_is_a_number(machine, monkeypatch):
    monkeypatch.setenv("CHOSEN_PORT", "22 -oProxyCommand=x")
    machine.connection = machine.ssh(port=Setting("env:CHOSEN_PORT"))

    with pytest.raises(CouldNotLook, match="not a port"):
        look("file_state", machine.file("a"))
    assert os.environ["CHOSEN_PORT"]
