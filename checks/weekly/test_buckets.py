"""Buckets: nobody else reaches what is in them, nothing is lost when it is overwritten, all of it is encrypted."""

import pytest

from fixtures.aws.backups import Encryption
from fixtures.aws.buckets import PublicAccess, Versioning
from muster.amounts import Choices


@pytest.mark.expects("public_access")
def test_bucket_blocks_public_access(bucket_public_access: PublicAccess, limit: int) -> None:
    """All four settings of the bucket that block public access are on.

    Next: aws s3api get-public-access-block; aws s3api get-bucket-policy-status: is it public now?
    """
    assert bucket_public_access.open <= limit


@pytest.mark.expects("versioning")
def test_bucket_keeps_older_versions(bucket_versioning: Versioning, limit: bool) -> None:
    """What is overwritten or deleted in the bucket is kept as an older version.

    Next: aws s3api get-bucket-versioning; who suspended it?
    """
    assert bucket_versioning.on == limit


@pytest.mark.expects("encrypted")
def test_bucket_encrypts_by_default(bucket_encryption: Encryption, limit: Choices) -> None:
    """What is put into the bucket without a word about encryption is encrypted as it should be.

    Next: aws s3api get-bucket-encryption
    """
    assert bucket_encryption.kind in limit
