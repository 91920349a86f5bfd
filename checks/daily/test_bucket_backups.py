"""Backups in a bucket, every day: fresh, of a plausible size, encrypted, intact, and complete."""

import pytest

from fixtures.aws.backups import Encryption, EncryptionKey, StoredBackup
from fixtures.hosts.backups import BackupContent, BackupEnd
from fixtures.hosts.files import AgainstPrevious, Aged
from muster.amounts import Band, Choices
from muster.units import ByteSize, Duration


@pytest.mark.gate
@pytest.mark.expects("newer_than")
def test_stored_backup_is_recent(stored_age: Aged, limit: Duration) -> None:
    """The newest backup in the bucket was written recently: everything newer is lost with the system.

    Next: the log of the job that uploads; aws s3 ls PREFIX | sort
    """
    assert stored_age.age < limit


@pytest.mark.expects("larger_than")
def test_stored_backup_is_not_too_small(stored_backup: StoredBackup, limit: ByteSize) -> None:
    """The newest backup is as large as one with content; a compressed nothing has 20 bytes.

    Next: the log of the job that uploads; a dump that is piped into gzip needs pipefail
    """
    assert stored_backup.size > limit


@pytest.mark.expects("size_of_previous")
def test_stored_backup_is_as_large_as_those_before(stored_sizes: AgainstPrevious, limit: Band) -> None:
    """The newest backup is neither much smaller nor much larger than those before it.

    Next: what does it lack, or hold too much of? compare its table of contents with that of the day before
    """
    assert stored_sizes.share in limit


@pytest.mark.expects("encrypted")
def test_stored_backup_is_encrypted(encryption_of_backup: Encryption, limit: Choices) -> None:
    """The newest backup is encrypted as it should be, as the object itself says.

    Next: aws s3api head-object; the bucket's default encryption; what does the upload ask for?
    """
    assert encryption_of_backup.kind in limit


@pytest.mark.expects("encryption_key")
def test_stored_backup_is_encrypted_with_its_key(key_of_backup: EncryptionKey, limit: str) -> None:
    """The newest backup is encrypted with the KMS key that it should be: whoever may use another one can read it.

    Next: aws s3api head-object; aws kms describe-key
    """
    assert key_of_backup.key == limit


@pytest.mark.expects("intact")
def test_stored_backup_is_intact(stored_content: BackupContent, limit: bool) -> None:
    """The newest backup can be decompressed to its end, and its checksums are right.

    Next: aws s3 cp OBJECT - | gzip -t; did the upload break off?
    """
    assert stored_content.intact == limit


@pytest.mark.expects("complete")
def test_stored_backup_is_complete(stored_end: BackupEnd, limit: bool) -> None:
    """The newest backup comes to its end: a dump that died half way can be a valid archive.

    Next: the log of the job that dumps; a dump that is piped into gzip needs pipefail
    """
    assert stored_end.complete == limit
