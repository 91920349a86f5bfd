"""Backups in a bucket, every month: what becomes of old ones."""

import pytest

from fixtures.aws.buckets import LifecycleLacking


@pytest.mark.expects("lifecycle")
def test_stored_backups_have_their_lifecycle(lifecycle_lacking: LifecycleLacking, limit: int) -> None:
    """Enabled rules of the bucket move and remove old backups as declared.

    Next: aws s3api get-bucket-lifecycle-configuration; is the rule enabled, and for this prefix without tags?
    """
    assert lifecycle_lacking.count <= limit
