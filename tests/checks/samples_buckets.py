"""Buckets and backups in them: for each check one observation that holds, one that violates."""

from checks.daily import test_bucket_backups as daily
from checks.monthly import test_bucket_backups as monthly
from checks.weekly import test_bucket_backups as weekly
from checks.weekly import test_buckets as buckets
from fixtures.aws.backups import DaysWithout, Encryption, EncryptionKey, StoredBackup
from fixtures.aws.buckets import LifecycleLacking, PublicAccess, Versioning
from fixtures.hosts.backups import BackupContent, BackupEnd
from fixtures.hosts.files import AgainstPrevious, Aged
from muster.amounts import Band, Choices
from muster.units import ByteSize, Counted, Duration, Percent

ONE = {"looked_at": 1, "of": "things"}
DAY = 86400
KEY = "arn:aws:kms:eu-central-1:123456789012:key/1"


def pair(name, holds, violates, limit):
    return {name: holds, "limit": limit}, {name: violates, "limit": limit}


def backup(size=2 * 10**6, storage_class="STANDARD_IA"):
    return StoredBackup(**ONE, size=ByteSize(size), storage_class=storage_class)


def aged(days):
    return Aged(**ONE, age=Duration(days * DAY))


def share(value):
    return AgainstPrevious(**ONE, share=Percent(value))


def kinds(*names):
    return [Encryption(**ONE, kind=name) for name in names]


def content(*, intact):
    return BackupContent(**ONE, intact=intact, markers={})


SAMPLES = {
    daily.test_stored_backup_is_recent: pair("stored_age", aged(0.5), aged(3), Duration(DAY)),
    daily.test_stored_backup_is_not_too_small: pair("stored_backup", backup(), backup(20), ByteSize(10**6)),
    daily.test_stored_backup_is_as_large_as_those_before: pair("stored_sizes", share(1), share(4), Band((0.5, 3))),
    daily.test_stored_backup_is_encrypted: pair("encryption_of_backup", *kinds("aws:kms", "none"), Choices(("AES256", "aws:kms"))),
    daily.test_stored_backup_is_encrypted_with_its_key: pair(
        "key_of_backup", EncryptionKey(**ONE, key=KEY), EncryptionKey(**ONE, key="none"), KEY
    ),
    daily.test_stored_backup_is_intact: pair("stored_content", content(intact=True), content(intact=False), True),
    daily.test_stored_backup_is_complete: pair("stored_end", BackupEnd(**ONE, complete=True), BackupEnd(**ONE, complete=False), True),
    weekly.test_each_day_has_its_stored_backup: pair(
        "days_without_backup", DaysWithout(**ONE, count=Counted()), DaysWithout(**ONE, count=Counted(["2026-11-20"])), 0
    ),
    weekly.test_stored_backups_are_kept_as_long_as_they_should: pair("oldest_backup", aged(30), aged(400), Band((29 * DAY, 31 * DAY))),
    weekly.test_stored_backup_has_its_storage_class: pair("stored_backup", backup(), backup(storage_class="STANDARD"), "STANDARD_IA"),
    monthly.test_stored_backups_have_their_lifecycle: pair(
        "lifecycle_lacking",
        LifecycleLacking(**ONE, count=Counted()),
        LifecycleLacking(**ONE, count=Counted(["removed after 30d instead of 365d"])),
        0,
    ),
    buckets.test_bucket_blocks_public_access: pair(
        "bucket_public_access", PublicAccess(**ONE, open=Counted()), PublicAccess(**ONE, open=Counted(["BlockPublicAcls"])), 0
    ),
    buckets.test_bucket_keeps_older_versions: pair("bucket_versioning", Versioning(**ONE, on=True), Versioning(**ONE, on=False), True),
    buckets.test_bucket_encrypts_by_default: pair("bucket_encryption", *kinds("AES256", "none"), Choices(("AES256",))),
}
