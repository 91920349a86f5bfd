"""What a base backup and its archive promise before anything is restored."""

import gzip
import re
import time

import pytest

from drill.errors import Damaged
from drill.inspection import inspect
from drill.packed import pieces
from muster.probes import CouldNotLook


def look(taken):
    return inspect(pieces(taken.base), taken.archive)


def test_a_whole_archive_is_described(whole):
    made = look(whole)

    assert made.newest == whole.segments[-1].name
    assert made.begins <= whole.segments[-5].name
    assert made.segments >= 5
    assert made.timeline == 1
    assert made.label == "pg_basebackup base backup"
    assert 0 <= time.time() - made.newest_written < 3600
    assert made.notes == []


def test_no_more_than_the_label_is_read_of_the_base_backup(whole):
    read = []

    def noted():
        for piece in pieces(whole.base):
            read.append(len(piece))
            yield piece

    inspect(noted(), whole.archive)
    assert sum(read) < whole.base.stat().st_size / 2


def test_a_hole_is_named(taken):
    lost = taken.segments[-2]
    lost.unlink()
    with pytest.raises(Damaged, match=f"hole: {lost.name} is missing"):
        look(taken)


def test_an_archive_that_begins_later_is_told(taken):
    begins = look(taken).begins
    (taken.archive / begins).unlink()
    with pytest.raises(Damaged, match=f"lacks {begins}, with which the base backup begins"):
        look(taken)


def test_a_compressed_archive_is_read(taken):
    for each in taken.segments:
        each.with_name(f"{each.name}.gz").write_bytes(gzip.compress(each.read_bytes(), 1))
        each.unlink()
    assert re.fullmatch("[0-9A-F]{24}", look(taken).newest)


@pytest.mark.parametrize("content", [b"", b"short", bytes(2**20), b"x" * 2**20])
def test_a_first_segment_that_is_none_is_told(taken, content):
    (taken.archive / look(taken).begins).write_bytes(content)
    with pytest.raises(Damaged, match=r"in the WAL archive is (truncated|no WAL segment)"):
        look(taken)


def test_a_base_backup_without_a_label_is_told(taken):
    taken.base.write_bytes(bytes(10240))
    with pytest.raises(Damaged, match="no backup_label"):
        look(taken)


def test_a_missing_archive_is_no_fault_of_the_backup(taken, tmp_path):
    taken.archive = tmp_path / "missing"
    with pytest.raises(CouldNotLook, match="cannot list the WAL archive"):
        look(taken)
