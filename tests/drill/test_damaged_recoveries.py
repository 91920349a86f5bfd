"""Base backups and logs that are not whole: each is the backup's fault, said in one line; what is ours is told apart."""

import gzip
import io
import json
import re
import shutil
import struct
import tarfile

import pytest

from drill.errors import Damaged
from drill.wal import position
from muster.probes import CouldNotLook
from tests.drill.production import Taken, marks, recovery


def why(taken: Taken, parent, kind=Damaged, **wanted) -> str:
    """The one line of a recovery that must not succeed."""
    with pytest.raises(kind) as raised, recovery(taken, parent, **wanted):
        pass
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_a_hole_in_the_log_is_named(taken, parent):
    lost = taken.segments[-3]
    lost.unlink()

    assert f"hole: {lost.name} is missing" in why(taken, parent)


def test_a_log_that_begins_after_the_base_backup_is_a_hole(taken, parent):
    with_base = re.search(r"file ([0-9A-F]{24})", label(taken))[1]
    (taken.archive / with_base).unlink()

    assert with_base in why(taken, parent)


def test_an_empty_archive_is_named(taken, parent):
    for each in taken.segments:
        each.unlink()

    assert "and everything after it" in why(taken, parent)


def test_a_log_that_ends_before_the_base_backup_does_is_told(taken, parent):
    end = position(json.loads(taken.manifest.read_text())["WAL-Ranges"][0]["End-LSN"])
    first, *later = (each for each in taken.segments if each.name >= re.search(r"file ([0-9A-F]{24})", label(taken))[1])
    for each in later:
        each.unlink()
    content = first.read_bytes()
    used = end % len(content) - 40  # the record that ends a backup
    first.write_bytes(content[:used] + bytes(len(content) - used))

    assert "WAL ends before end of online backup" in why(taken, parent)


def test_a_truncated_segment_is_named(taken, parent):
    cut = taken.segments[-2]
    cut.write_bytes(cut.read_bytes()[:4096])

    assert f"{cut.name} in the WAL archive is truncated: 4096 of 1048576 bytes" in why(taken, parent)


def test_a_truncated_compressed_segment_is_named(taken, parent):
    segment = taken.segments[-2]
    packed = gzip.compress(segment.read_bytes())
    segment.with_name(f"{segment.name}.gz").write_bytes(packed[: len(packed) // 2])
    segment.unlink()

    assert f"{segment.name}.gz in the WAL archive: unexpected end of file" in why(taken, parent)


def test_a_segment_of_another_server_is_named(taken, parent):
    other = taken.segments[-2]
    content = bytearray(other.read_bytes())
    content[24:32] = struct.pack("=Q", 4711)
    other.write_bytes(content)

    assert "of another server: system identifier 4711" in why(taken, parent)


def test_a_segment_under_a_wrong_name_is_named(taken, parent):
    shutil.copyfile(taken.segments[-2], taken.segments[-1])

    assert "holds another part of the log" in why(taken, parent)


def test_a_log_that_is_broken_in_the_middle_does_not_pass_for_a_shorter_one(taken, parent):
    broken = taken.segments[-3]
    content = bytearray(broken.read_bytes())
    content[64:96] = bytes(32)
    broken.write_bytes(content)

    assert "before the newest segment" in why(taken, parent)


def test_a_target_after_the_newest_log_is_told(taken, parent):
    said = why(taken, parent, target=taken.moments[-1] + 3600)

    assert "the recovery ended before its target" in said
    assert taken.segments[-1].name in said


def test_a_target_before_the_end_of_the_base_backup_is_no_fault_of_the_backup(taken, parent):
    assert "lies before the end of the base backup" in why(taken, parent, CouldNotLook, target=taken.moments[0] - 3600)


def test_a_segment_that_is_no_file_is_not_opened(taken, parent):
    lost = taken.segments[-2]
    lost.unlink()
    lost.symlink_to("/etc/hostname")

    assert f"{lost.name} in the WAL archive is no file" in why(taken, parent)


def test_an_archive_that_is_packed_in_an_unknown_way_is_no_fault_of_the_backup(taken, parent):
    taken.segments[-1].rename(taken.segments[-1].with_suffix(".lz4"))

    assert "packed in a way" in why(taken, parent, CouldNotLook)


def test_an_archive_that_is_not_there_is_no_fault_of_the_backup(taken, parent):
    shutil.rmtree(taken.archive)

    assert "cannot list the WAL archive" in why(taken, parent, CouldNotLook)


def test_a_base_backup_cut_short_is_told(taken, parent):
    content = taken.base.read_bytes()
    taken.base.write_bytes(content[: len(content) * 2 // 3])

    assert "the base backup: unexpected end of file" in why(taken, parent)


def test_a_base_backup_with_a_flipped_bit_is_told(taken, parent):
    content = bytearray(taken.base.read_bytes())
    content[len(content) // 2] ^= 0x10
    taken.base.write_bytes(content)

    assert "the base backup: not in gzip format, or damaged" in why(taken, parent)


def test_a_missing_base_backup_is_no_fault_of_what_is_in_it(taken, parent):
    taken.base.unlink()

    assert "cannot read" in why(taken, parent, CouldNotLook)


def test_an_empty_base_backup_is_told(taken, parent):
    taken.base.write_bytes(gzip.compress(b""))

    assert "the base backup" in why(taken, parent)


def test_a_corrupt_page_is_found_by_the_manifest(taken, parent):
    def corrupt(name, content):
        return content[:100] + b"x" + content[101:] if name == "base/1/1259" else content

    rewrite(taken, corrupt)

    assert why(taken, parent) == 'pg_verifybackup: checksum mismatch for file "base/1/1259"'


def test_a_file_that_is_missing_is_found_by_the_manifest(taken, parent):
    rewrite(taken, lambda name, content: None if name == "base/1/1259" else content)

    assert '"base/1/1259" is present in the manifest but not on disk' in why(taken, parent)


def test_without_a_manifest_it_is_told_that_nothing_was_compared(taken, parent):
    taken.manifest = None
    with recovery(taken, parent) as made:
        assert marks(made) == [1, 2, 3, 4, 5, 6]
        assert "the base backup has no backup_manifest: its files were not verified" in made.result.notes


def test_another_version_of_the_server_is_named_with_ours(taken, parent):
    rewrite(taken, lambda name, content: b"9\n" if name == "PG_VERSION" else content)

    said = why(taken, parent, CouldNotLook)
    assert "the base backup is of PostgreSQL 9, and the drill's server is postgres (PostgreSQL)" in said


def test_a_base_backup_without_its_label_is_told(taken, parent):
    rewrite(taken, lambda name, content: None if name == "backup_label" else content)

    assert "no backup_label" in why(taken, parent)


def test_a_broken_control_file_is_told(taken, parent):
    rewrite(taken, lambda name, content: content[:40] + b"xxxx" + content[44:] if name == "global/pg_control" else content)

    assert "pg_control is broken" in why(taken, parent)


def test_a_superuser_of_another_name_has_to_be_declared(taken, parent):
    assert 'role "root-of-all" does not exist' in why(taken, parent, CouldNotLook, superuser="root-of-all")


def rewrite(taken: Taken, change) -> None:
    """The base backup with each file's content changed; None leaves it out."""
    out = io.BytesIO()
    with tarfile.open(taken.base) as old, tarfile.open(fileobj=out, mode="w") as new:
        for member in old:
            content = old.extractfile(member).read() if member.isreg() else b""
            content = change(member.name, content) if member.isreg() else content
            if content is not None:
                member.size = len(content)
                new.addfile(member, io.BytesIO(content))
    taken.base.write_bytes(gzip.compress(out.getvalue(), 1))


def label(taken: Taken) -> str:
    """The text of backup_label."""
    with tarfile.open(taken.base) as tar:
        return tar.extractfile("backup_label").read().decode()
