"""Names are data: whatever a path holds, it reaches the command as one argument, and no part of it is ever run."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from fixtures.hosts import client
from muster.host_names import path_problem
from muster.kinds.hosts import Backup, Host, HostFile
from muster.probes import CouldNotLook
from tests.probes.host_servers import Machine, a_look, look, running_machine

CANARY = "canary-file"
PIECES = [*"ab$`'\"\\;&|<>(){}[]*?!#~%=- \t.,:@^+é☃", "$(", "')", "${IFS}", CANARY]
METACHARACTERS = st.lists(st.sampled_from(PIECES), min_size=1, max_size=40).map("".join)
ANYTHING = st.text(min_size=1, max_size=60)
TOUCHES = (
    f"$(touch {CANARY})",
    f"`touch {CANARY}`",
    f"';touch {CANARY};'",
    f'";touch {CANARY};"',
    f"|touch {CANARY}",
    f"& touch {CANARY} &",
    "%s%s%n",
    "%",
)
QUICKLY = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def examples(test):
    for text in TOUCHES:
        test = example(text)(test)
    return test


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with running_machine(tmp_path_factory.mktemp("host")) as made:
        yield made


@pytest.fixture(params=["ssh", "local"])
def machine(server: Machine, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    monkeypatch.chdir(tmp_path)
    with a_look(server, request.param) as made:
        yield made
        assert list(tmp_path.iterdir()) == []


def no_canary(machine: Machine) -> bool:
    return not list(machine.root.parent.rglob(CANARY)) and not Path(CANARY).exists()


@QUICKLY
@examples
@given(METACHARACTERS | ANYTHING)
def test_an_argument_arrives_as_it_was_given(machine, text):
    if "\0" in text or any(0xD800 <= ord(each) < 0xE000 for each in text):
        return  # no program can be given such an argument

    seen = client.ask(machine.connection, 'printf "%s" "$1" | od -An -v -tx1; printf "%s" "$#"', text)

    *octets, count = seen.text.split()
    assert bytes.fromhex("".join(octets)) == text.encode()
    assert count == "1"
    assert no_canary(machine)


@QUICKLY
@examples
@given(METACHARACTERS)
def test_a_file_of_any_name_is_found_and_its_name_is_not_run(machine, name):
    if "/" in name or path_problem(name) or name in (".", "..") or len(name.encode()) > 200:
        with pytest.raises((ValidationError, CouldNotLook, AssertionError)):
            assert look("file_state", machine.file(name)).exists
        return
    file = machine.root / f"{name}.gz"
    file.write_bytes(b"x")
    try:
        for probe, entity in (("file_state", machine.file(f"{name}.gz")), ("backup_file", machine.backup(f"{name}.gz"))):
            assert look(probe, entity).path == str(file)
        assert look("backup_content", machine.backup(f"{name}.gz")).intact is False
        look("file_text", machine.file(f"{name}.gz", expect={"valid": "yaml"}))
        look("backup_sizes", machine.backup(f"{name}.gz"))
    finally:
        file.unlink()
    assert no_canary(machine)


@pytest.mark.parametrize(
    "path", ["-rf", "--help", "a\nb", "a\rb", "a\0b", "", "../etc/passwd", "a/../../b", "x" * 1025, "a\x1b[2Jb", "\ud800"]
)
@pytest.mark.parametrize("kind", [HostFile, Backup])
def test_a_path_that_is_an_option_or_holds_a_line_break_is_refused(kind, path):
    with pytest.raises(ValidationError):
        kind.model_validate({"name": "it", "connection": "here", "path": path})


@pytest.mark.parametrize(
    "fields",
    [
        {"mounts": ["relative"]},
        {"mounts": ["/a\nb"]},
        {"expect": {"units": {"active": ["--all"]}}},
        {"expect": {"units": {"active": ["a b"]}}},
        {"expect": {"units": {"active": ["a;id"]}}},
        {"expect": {"processes": {"running": {"-a": 1}}}},
        {"expect": {"processes": {"running": {"a\n": 1}}}},
        {"expect": {"listening": {"ports": [0]}}},
        {"expect": {"listening": {"ports": [65536]}}},
    ],
)
def test_names_on_a_host_are_names(fields):
    with pytest.raises(ValidationError):
        Host.model_validate({"name": "it", "connection": "here", **fields})


def test_a_mount_with_metacharacters_is_looked_for_and_not_run(machine):
    seen = look("machine_disks", machine.host(mounts=["/", f"/$(touch {CANARY})"]))

    assert seen.unmounted.things == (f"/$(touch {CANARY})",)
    assert no_canary(machine)


def test_the_canary_would_sing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    subprocess.run(["sh", "-c", TOUCHES[0]], check=False)

    assert Path(CANARY).exists()
