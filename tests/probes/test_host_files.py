"""Files on hosts, through a real OpenSSH server and on this machine: both see the same."""

import os
import time
from collections.abc import Iterator

import pytest

from fixtures.hosts.files import aged
from muster.connections import Local
from muster.probes import CouldNotLook
from sandbox.world import HostFile
from tests.probes.host_servers import Machine, a_look, look, running_machine

HOUR = 3600.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with running_machine(tmp_path_factory.mktemp("host")) as made:
        yield made


@pytest.fixture(params=["ssh", "local"])
def machine(server: Machine, request: pytest.FixtureRequest) -> Iterator[Machine]:
    with a_look(server, request.param) as made:
        yield made


def test_a_file_is_seen_with_its_size_age_and_permissions(machine):
    machine.become({"a/b.csv": HostFile("x" * 1234, written=2 * HOUR, mode="0640")})

    seen = look("file_state", machine.file("a/b.csv"))

    assert (seen.exists, seen.size, seen.mode, seen.looked_at) == (True, 1234, "0640", 1)
    assert 2 * HOUR - 60 < seen.age < 3 * HOUR
    assert seen.path == str(machine.root / "a/b.csv")
    assert os.uname().nodename in seen.seen


def test_a_link_is_followed_to_its_file_whose_age_counts(machine):
    machine.become({"old.gz": HostFile("x", written=48 * HOUR), "latest": HostFile(link="old.gz")})

    seen = look("file_state", machine.file("latest"))

    assert seen.path == str(machine.root / "old.gz")
    assert seen.age > 47 * HOUR


@pytest.mark.parametrize(
    ("path", "looked_at", "words"),
    [
        ("a/missing", 1, "no such file"),
        ("a/dangling", 1, "leads nowhere"),
        ("b/missing", 0, "folder that it would lie in"),
        ("a", 1, "directory"),
    ],
)
def test_what_is_not_there_is_seen_not_to_be(machine, path, looked_at, words):
    machine.become({"a/b": HostFile("x"), "a/dangling": HostFile(link="gone")})

    seen = look("file_state", machine.file(path))

    assert (seen.exists, seen.looked_at) == (False, looked_at)
    assert words in seen.note


def test_a_name_is_looked_for_in_every_folder_but_those_of_git(machine):
    entity = machine.file(".env.prod*", everywhere=True, expect={"exists": False})
    machine.become({"a/b/README": HostFile("x"), ".git/objects/.env.prod": HostFile("x")})
    assert (look("file_state", entity).exists, look("file_state", entity).looked_at) == (False, 1)

    machine.become({"a/b/README": HostFile("x"), "a/b/.env.production": HostFile("x")})

    seen = look("file_state", entity)
    assert (seen.exists, seen.looked_at) == (True, 2)
    assert "a/b/.env.production" in seen.note


@pytest.mark.parametrize("everywhere", [True, False])
def test_in_an_empty_folder_nothing_was_looked_at(machine, everywhere):
    assert look("file_state", machine.file(".env", everywhere=everywhere, expect={"exists": False})).looked_at == 0


@pytest.mark.parametrize("everywhere", [True, False])
def test_a_folder_that_we_may_not_enter_hides_what_is_absent(server, everywhere):
    with a_look(server, "ssh") as machine:
        machine.become({"a/b": HostFile("x")})
        path = ".env" if everywhere else "a/.env"
        (machine.root / "a").chmod(0)
        try:
            with pytest.raises(CouldNotLook, match="Permission denied"):
                look("file_state", machine.file(path, everywhere=everywhere, expect={"exists": False}))
        finally:
            (machine.root / "a").chmod(0o755)


def test_without_the_root_of_the_connection_nothing_is_known(machine):
    machine.connection = machine.connection.model_copy(update={"root": type(machine.connection.root)(str(machine.root / "gone"))})

    with pytest.raises(CouldNotLook, match="there is no folder"):
        look("file_state", machine.file(".env.production", expect={"exists": False}))


def test_a_relative_path_on_this_machine_needs_a_root(machine):
    machine.connection = Local()

    with pytest.raises(CouldNotLook, match="has no root"):
        look("file_state", machine.file("some/file"))


def test_a_folder_that_we_may_not_enter_is_unknown(server):
    with a_look(server, "ssh") as machine:
        machine.become({"a/b": HostFile("x")})
        (machine.root / "a").chmod(0)
        try:
            with pytest.raises(CouldNotLook, match="Permission denied"):
                look("file_state", machine.file("a/b"))
            with pytest.raises(CouldNotLook, match="Permission denied"):
                look("backup_file", machine.backup("a", newest=True, siblings="*.gz"))
        finally:
            (machine.root / "a").chmod(0o755)


def test_a_file_from_the_future_has_no_age(machine):
    machine.become({"a": HostFile("x", written=-2 * HOUR)})

    with pytest.raises(CouldNotLook, match="after the host's own time"):
        aged(look("file_state", machine.file("a")))


def test_a_file_is_compared_with_the_next_older_one_of_its_kind(machine):
    files = {"n-1.csv": HostFile("x" * 1000, written=48 * HOUR), "n-2.csv": HostFile("x" * 800, written=24 * HOUR)}
    others = {"big.log": HostFile("x" * 9000, written=30 * HOUR), "later.csv": HostFile("x" * 9000, written=1 * HOUR)}
    machine.become({**files, **others, "n-3.csv": HostFile("x" * 200, written=2 * HOUR)})

    seen = look("file_sizes", machine.file("n-3.csv"))

    assert (seen.share, seen.looked_at) == (0.25, 2)
    assert "n-2.csv" in seen.note


def test_without_an_older_one_nothing_was_looked_at(machine):
    machine.become({"n-1.csv": HostFile("x", written=HOUR), "n-2.csv": HostFile("x", written=2 * HOUR)})

    assert look("file_sizes", machine.file("n-2.csv")).looked_at == 0


def test_a_name_with_a_line_break_does_not_pretend_to_be_another_file(machine):
    machine.become({"n-2.csv": HostFile("x" * 10, written=HOUR)})
    hostile = machine.root / "x\n7|regular file|1000|5|n-1.csv"
    hostile.write_text("x" * 1000)
    try:
        assert look("file_sizes", machine.file("n-2.csv")).looked_at == 0
    finally:
        hostile.unlink()


def test_the_newest_is_the_one_that_was_written_last_whatever_its_name(machine):
    machine.become({"b/dump-9.gz": HostFile("x", written=90 * HOUR), "b/dump-1.gz": HostFile("xy", written=HOUR)})

    seen = look("backup_file", machine.backup("b", newest=True, siblings="dump-*.gz"))

    assert seen.path.endswith("dump-1.gz")


def test_no_file_that_matches_is_nothing_to_look_at(machine):
    machine.become({"b/other.txt": HostFile("x")})

    assert look("backup_file", machine.backup("b", newest=True, siblings="*.gz")).looked_at == 0


def test_many_files_are_all_compared(machine):
    files = {f"b/dump-{number:04}-{'x' * 150}.gz": HostFile("x", written=HOUR * (number + 2)) for number in range(1500)}
    machine.become({**files, "b/a.gz": HostFile("xy", written=HOUR)})

    seen = look("backup_sizes", machine.backup("b", newest=True, siblings="*.gz"))

    assert (seen.share, seen.looked_at) == (2.0, 1500)


@pytest.mark.parametrize(
    ("text", "wanted", "found"),
    [
        ("a: 1\n", "yaml", "yaml"),
        ("a: [1\n", "yaml", "not yaml"),
        ("---\n", "yaml", "nothing"),
        ('{"a": 1}', "json", "json"),
        ("<html>", "json", "not json"),
    ],
)
def test_a_format_is_what_the_text_can_be_read_as(machine, text, wanted, found):
    machine.become({"it": HostFile(text)})

    assert look("file_text", machine.file("it", expect={"valid": wanted})).format == found


def test_patterns_are_looked_for_line_by_line(machine):
    machine.become({"it": HostFile("kind: Secret\nstringData:\n")})

    seen = look("file_text", machine.file("it", expect={"contains": {"patterns": ["^kind: Secret$", "^data:"]}}))

    assert seen.found == {"^kind: Secret$": True, "^data:": False}


def test_of_a_file_no_text_is_kept(machine):
    machine.become({"it": HostFile("password: hunter2-canary\n: [")})

    seen = look("file_text", machine.file("it", expect={"valid": "yaml", "contains": {"patterns": ["x"]}}))

    assert "hunter2" not in repr(seen)


def test_a_file_that_is_too_large_to_be_a_manifest_is_not_read(machine):
    machine.become({"it": HostFile("x" * 300_000)})

    with pytest.raises(CouldNotLook, match="too much to read"):
        look("file_text", machine.file("it", expect={"valid": "yaml"}))


def test_ages_are_judged_by_the_clock_of_the_host(machine):
    machine.become({"a": HostFile("x", written=HOUR)})

    seen = look("file_state", machine.file("a"))

    assert abs(seen.now - time.time()) < 60
