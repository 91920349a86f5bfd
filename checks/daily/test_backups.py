"""Backups that are files: fresh, of a plausible size, intact, and complete."""

import pytest

from fixtures.hosts.backups import BackupContent, BackupEnd
from fixtures.hosts.files import AgainstPrevious, Aged, FileState
from muster.units import ByteSize, Duration, Percent


@pytest.mark.gate
@pytest.mark.expects("newer_than")
def test_backup_is_recent(backup_age: Aged, limit: Duration) -> None:
    """The backup was written recently: everything newer is lost with the system.

    Next: the log of the backup job; where does the link lead?
    """
    assert backup_age.age < limit


@pytest.mark.expects("larger_than")
def test_backup_is_not_too_small(backup_file: FileState, limit: ByteSize) -> None:
    """The backup is as large as one with content; a compressed nothing has 20 bytes.

    Next: the log of the backup job; was its first stage refused?
    """
    assert backup_file.size > limit


@pytest.mark.expects("size_of_previous")
def test_backup_is_not_much_smaller_than_the_one_before(backup_sizes: AgainstPrevious, limit: Percent) -> None:
    """The backup is not much smaller than the one before it.

    Next: which tables does it lack? zgrep -c '^COPY' of both
    """
    assert backup_sizes.share >= limit


@pytest.mark.expects("intact")
def test_backup_is_intact(backup_content: BackupContent, limit: bool) -> None:
    """The archive can be decompressed to its end, and its checksums are right.

    Next: compare its checksum with the one at the place that it was copied from
    """
    assert backup_content.intact == limit


@pytest.mark.expects("complete")
def test_backup_is_complete(backup_end: BackupEnd, limit: bool) -> None:
    """The dump comes to its end: one that died half way can be a valid archive.

    Next: the log of the backup job; a dump that is piped into gzip needs pipefail
    """
    assert backup_end.complete == limit
