"""Tars made by somebody who wants more than to be unpacked, and tars that are not whole."""

import io
import os
import tarfile
from pathlib import Path

import pytest

from drill.base_backup import unpack
from drill.errors import Damaged
from muster.probes import CouldNotLook
from tests.drill.production import ROOM, member, small_disk


def tar_of(*members, form=tarfile.PAX_FORMAT):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as tar:
        for made, content in members:
            tar.addfile(made, io.BytesIO(content))
    return out.getvalue()


def chunks(content, size=1000):
    return [content[start : start + size] for start in range(0, len(content), size)]


def refused(content, folder, kind=Damaged, at_most=ROOM):
    with pytest.raises(kind) as raised:
        unpack(chunks(content), folder, at_most)
    return str(raised.value)


GOOD = (member("PG_VERSION", content=b"15\n"), member("global/pg_control", content=b"x" * 8192))


def test_a_plain_tar_is_unpacked(tmp_path):
    assert unpack(chunks(tar_of(*GOOD)), tmp_path, ROOM) == tmp_path
    assert (tmp_path / "PG_VERSION").read_text() == "15\n"
    assert {each.stat().st_mode & 0o777 for each in tmp_path.rglob("*")} == {0o700, 0o600}


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_long_names_are_unpacked(tmp_path, form):
    name = "/".join(["base", "1" * 90, "2" * 90])
    unpack(chunks(tar_of(*GOOD, member(name, content=b"here"), form=form)), tmp_path, ROOM)

    assert (tmp_path / name).read_bytes() == b"here"


@pytest.mark.parametrize("name", ["/tmp/muster-hostile", "../outside", "base/../../outside", "./../outside", "base/.."])
def test_names_that_lead_out_are_refused(tmp_path, name):
    inside = tmp_path / "inside"
    inside.mkdir()
    made, content = member(name, content=b"x")

    assert "hostile" in refused(tar_of(*GOOD, (made, content)), inside)
    assert [each.name for each in tmp_path.iterdir()] == ["inside"]
    assert not Path("/tmp/muster-hostile").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_links_are_refused(tmp_path, kind):
    said = refused(tar_of(*GOOD, member("pg_wal", kind, linkname="/etc"), member("pg_wal/passwd", content=b"x")), tmp_path)

    assert said == "the base backup is hostile: member 'pg_wal' is a link"


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.GNUTYPE_SPARSE])
def test_devices_and_other_kinds_are_refused(tmp_path, kind):
    said = refused(tar_of(*GOOD, member("base/1", kind, devmajor=1, devminor=3)), tmp_path)

    assert "hostile" in said or "no whole tar" in said
    assert not (tmp_path / "base" / "1").exists()


def test_a_name_that_is_there_twice_is_refused(tmp_path):
    assert "is there twice" in refused(tar_of(*GOOD, member("PG_VERSION", content=b"16\n")), tmp_path)
    assert (tmp_path / "PG_VERSION").read_text() == "15\n"


def test_a_file_that_is_a_folder_too_is_refused(tmp_path):
    assert "a file and a folder" in refused(tar_of(*GOOD, member("PG_VERSION/x", content=b"")), tmp_path)


def test_a_bomb_stops_at_the_estimate(tmp_path):
    said = refused(tar_of(*GOOD, *(member(f"base/{n}", content=bytes(2**20)) for n in range(8))), tmp_path, CouldNotLook, 4 * 2**20)

    assert "unpacks to more than 4MiB, its estimate" in said
    assert sum(each.stat().st_size for each in tmp_path.rglob("*") if each.is_file()) <= 4 * 2**20


def test_a_bomb_of_empty_files_stops_at_the_estimate(tmp_path):
    said = refused(tar_of(*GOOD, *(member(f"base/{n}") for n in range(2000))), tmp_path, CouldNotLook, 2**20)

    assert "more than 1MiB" in said


def test_a_size_that_is_claimed_and_not_there_is_told(tmp_path):
    content = bytearray(tar_of(*GOOD, member("base/1", content=b"x")))
    made = tarfile.TarInfo("base/1")
    made.size = 2**20
    content[-len(content) % 512 - 10240 :] = made.tobuf() + bytes(512)

    assert "the base backup is no whole tar" in refused(bytes(content), tmp_path)


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_header_that_would_fill_the_memory_is_refused(tmp_path, kind):
    made = tarfile.TarInfo("huge")
    made.type, made.size = kind, 2**40

    assert "a header of impossible size" in refused(made.tobuf(tarfile.GNU_FORMAT) + bytes(4096), tmp_path)


@pytest.mark.parametrize("cut", [512, 1536, 1024 + 512 * 3])
def test_a_tar_cut_between_or_in_members_is_told(tmp_path, cut):
    assert "the base backup is no whole tar" in refused(tar_of(*GOOD)[:cut], tmp_path)


def test_a_tar_cut_right_before_its_end_marker_is_told(tmp_path):
    content = tar_of(*GOOD)

    assert "there is no end marker" in refused(content[: content.rindex(b"x") + 1], tmp_path)


def test_a_broken_header_in_the_middle_does_not_pass_for_the_end(tmp_path):
    content = bytearray(tar_of(*GOOD, member("base/1", content=b"y" * 4096), member("base/2", content=b"z")))
    at = content.index(b"base/1")
    content[at + 20] = 0x41

    assert "a broken header at byte" in refused(bytes(content), tmp_path)


def test_what_is_no_data_directory_is_told(tmp_path):
    assert "PG_VERSION or global/pg_control is missing" in refused(tar_of(member("a", content=b"")), tmp_path)


def test_garbage_is_told(tmp_path):
    assert "the base backup is no whole tar" in refused(os.urandom(100_000), tmp_path)


def test_a_full_disk_is_no_fault_of_the_backup(tmp_path):
    with small_disk(tmp_path, 2**20) as folder:
        said = refused(tar_of(*GOOD, member("base/1", content=os.urandom(4 * 2**20))), folder, CouldNotLook)

    assert "the disk is full" in said
