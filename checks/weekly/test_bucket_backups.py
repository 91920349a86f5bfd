"""Backups in a bucket, every week: all that should be there are, for as long as they should, and where."""

import pytest

from fixtures.aws.backups import DaysWithout, StoredBackup
from fixtures.hosts.files import Aged
from muster.amounts import Band


@pytest.mark.expects("one_per_day")
def test_each_day_has_its_stored_backup(days_without_backup: DaysWithout, limit: int) -> None:
    """Each of the last days has its backup in the bucket.

    Next: the log of the job on the days that are named; was something removed by hand?
    """
    assert days_without_backup.count <= limit


@pytest.mark.expects("kept_for")
def test_stored_backups_are_kept_as_long_as_they_should(oldest_backup: Aged, limit: Band) -> None:
    """The oldest backup is neither removed too early nor kept too long.

    Next: aws s3api get-bucket-lifecycle-configuration; which job removes old ones?
    """
    assert oldest_backup.age in limit


@pytest.mark.expects("storage_class")
def test_stored_backup_has_its_storage_class(stored_backup: StoredBackup, limit: str) -> None:
    """The newest backup lies in the storage class that it should.

    Next: what does the upload ask for? aws s3api head-object
    """
    assert stored_backup.storage_class == limit
