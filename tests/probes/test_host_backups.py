"""Backups on hosts: whether the archive is intact and the dump in it complete, read on the host itself."""

import bz2
import gzip
import lzma
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from fixtures.hosts import client
from fixtures.hosts.backups import backup_end
from muster.kinds.hosts import Complete
from muster.probes import CouldNotLook, Nothing
from tests.probes.host_servers import Machine, a_look, look, running_machine

ENDING = "\n--\n-- PostgreSQL database dump complete\n--\n\n"
ROWS = "".join(f"{number}\tcustomer-{number * 7919}\n" for number in range(20_000))
FOUND = {"PostgreSQL database dump complete": True}


def zstd(data: bytes) -> bytes:
    return subprocess.run(["zstd", "-qc"], input=data, stdout=subprocess.PIPE, check=True).stdout


PROGRAMS = {"gz": "gzip", "xz": "xz", "bz2": "bzip2", "zst": "zstd"}
KNOWN = {"gz": gzip.compress, "xz": lzma.compress, "bz2": bz2.compress, "zst": zstd}
COMPRESS = {ending: compress for ending, compress in KNOWN.items() if shutil.which(PROGRAMS[ending])}
"""Those that this machine has; gzip is on every one."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with running_machine(tmp_path_factory.mktemp("host")) as made:
        yield made


@pytest.fixture(params=["ssh", "local"])
def machine(server: Machine, request: pytest.FixtureRequest) -> Iterator[Machine]:
    with a_look(server, request.param) as made:
        yield made


def put(machine: Machine, name: str, content: bytes) -> None:
    (machine.root / name).unlink(missing_ok=True)
    (machine.root / name).write_bytes(content)
    (machine.root / name).chmod(0o644)


def content_of(machine: Machine, name: str, **expect: object) -> object:
    return look("backup_content", machine.backup(name, expect={"complete": True, **expect}))


@pytest.mark.parametrize("ending", COMPRESS)
def test_a_whole_archive_is_intact_and_complete(machine, ending):
    put(machine, f"d.sql.{ending}", COMPRESS[ending]((ROWS + ENDING).encode()))

    seen = content_of(machine, f"d.sql.{ending}")

    assert (seen.intact, seen.markers) == (True, FOUND)


@pytest.mark.parametrize("ending", COMPRESS)
def test_an_archive_that_breaks_off_is_not_intact(machine, ending):
    put(machine, f"d.sql.{ending}", COMPRESS[ending]((ROWS + ENDING).encode())[:-500])

    seen = content_of(machine, f"d.sql.{ending}")

    assert seen.intact is False
    assert "ended with" in seen.note


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: whole[:2000] + b"\0\0\0\0" + whole[2004:],
        lambda whole: whole[:-8] + b"\0" * 8,
        lambda whole: whole + b"garbage after it",
        lambda _whole: b"<html>Sign in</html>",
        lambda _whole: b"",
    ],
    ids=["a-changed-byte", "a-wrong-checksum", "something-after-it", "a-page-instead", "nothing"],
)
def test_an_archive_that_is_damaged_is_not_intact(machine, damage):
    put(machine, "d.sql.gz", damage(gzip.compress((ROWS + ENDING).encode())))

    assert content_of(machine, "d.sql.gz").intact is False


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        (ROWS + ENDING, True),
        (ROWS + ENDING + "\\unrestrict AbCdEf\n\n", True),
        (ROWS, False),
        ("-- PostgreSQL database dump complete\n" + ROWS, False),
        ("", False),
    ],
    ids=["complete", "with-a-newer-ending", "died-half-way", "marker-far-from-the-end", "empty"],
)
def test_a_dump_is_complete_when_its_last_lines_say_so(machine, text, complete):
    put(machine, "d.sql.gz", gzip.compress(text.encode()))

    seen = content_of(machine, "d.sql.gz")

    assert seen.intact is True
    assert seen.markers == {"PostgreSQL database dump complete": complete}


def test_a_dump_that_is_not_compressed_is_read_as_it_is(machine):
    put(machine, "d.sql", (ROWS + ENDING).encode())

    entity = machine.backup("d.sql", expect={"complete": True})

    assert look("backup_content", entity).markers == FOUND
    assert entity.expect.intact is None


def test_a_marker_of_an_archive_that_breaks_off_later_does_not_count(machine):
    whole = gzip.compress((ROWS + ENDING).encode())
    put(machine, "d.sql.gz", whole[:-4])

    seen = content_of(machine, "d.sql.gz")

    assert seen.markers == FOUND
    assert backup_end.__wrapped__(seen, Complete()).complete is False


def test_of_a_dump_no_row_is_kept(machine):
    put(machine, "d.sql.gz", gzip.compress((ROWS + "7\tcanary-customer\n").encode()))

    assert "canary-customer" not in repr(content_of(machine, "d.sql.gz"))


def test_a_backup_that_is_not_there_is_nothing(machine):
    assert isinstance(content_of(machine, "gone.sql.gz"), Nothing)


def test_an_archive_that_we_may_not_read_is_unknown(server):
    with a_look(server, "ssh") as machine:
        put(machine, "d.sql.gz", gzip.compress(b"x"))
        (machine.root / "d.sql.gz").chmod(0)

        with pytest.raises(CouldNotLook, match="may not be read"):
            content_of(machine, "d.sql.gz")


def test_a_program_that_the_host_lacks_is_named(machine, monkeypatch):
    put(machine, "d.sql.gz", gzip.compress(b"x"))
    monkeypatch.setattr("muster.kinds.hosts.Backup.compression", lambda _self: "no-such-program")

    with pytest.raises(CouldNotLook, match="no-such-program is not installed"):
        content_of(machine, "d.sql.gz")


def test_a_large_archive_is_read_to_its_end_and_only_its_end_is_sent(machine, monkeypatch):
    monkeypatch.setattr(client, "MOST", 20_000)
    put(machine, "d.sql.gz", gzip.compress(b"0" * 50_000_000 + ENDING.encode(), compresslevel=1))

    seen = content_of(machine, "d.sql.gz")

    assert (seen.intact, seen.markers) == (True, FOUND)
