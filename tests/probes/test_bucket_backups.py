"""Backups in a bucket: what the probes see of them, and the bucket's own settings."""

import gzip
import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from fixtures.aws import backups as seen_as
from fixtures.aws import buckets as set_as
from fixtures.aws.magic import encrypted_by_client
from fixtures.aws.objects import StoredObject
from muster.amounts import Choices
from muster.kinds.buckets import KeptFor, Lifecycle, OnePerDay, SizeBand
from muster.probes import CouldNotLook, Nothing
from muster.units import ByteSize, Duration, Instant
from sandbox.world import BucketObject, LifecycleRule
from tests.probes.bucket_servers import DAY, HOUR, Server, look

pytestmark = pytest.mark.usefixtures("new_look")
TAIL = "\\.\n--\n-- PostgreSQL database dump complete\n--\n\n"


def dump(night=0, **fields):
    made = {"head": "COPY orders FROM stdin;\n", "filler": 20_000, "tail": TAIL, "gzip": True, "written": HOUR + night * DAY}
    return BucketObject(**{**made, **fields})


def nights(count=3, **newest):
    return {f"pg/dump-{night:03}.sql.gz": dump(night, **(newest if night == 0 else {})) for night in range(count)}


def fixture(function, *arguments):
    """What a fixture makes of an observation."""
    return function.__wrapped__(*arguments)


def test_the_backups_are_those_that_match_the_newest_first(buckets: Server):
    buckets.become({**nights(), "pg/": BucketObject(), "pg/readme.txt": BucketObject("x"), "other/dump.sql.gz": dump()})

    found = look("stored_backups", buckets.backup())

    assert [row.key for row in found.rows] == ["pg/dump-000.sql.gz", "pg/dump-001.sql.gz", "pg/dump-002.sql.gz"]
    assert found.seen.endswith("pg/dump-000.sql.gz")
    assert abs(fixture(seen_as.stored_age, found).age - HOUR) < 120


@pytest.mark.parametrize(
    ("objects", "note"),
    [
        ({}, "there is no object below pg/"),
        ({"pg/readme.txt": BucketObject("x")}, r"none of 1 objects below pg/ matches \*.sql.gz"),
        ({"PG/dump.sql.gz": dump()}, "there is no object below pg/"),
    ],
)
@pytest.mark.parametrize("probe", ["stored_backups", "stored_encryption", "stored_content"])
def test_where_nothing_matches_there_is_nothing(buckets: Server, objects, note, probe):
    buckets.become(objects)

    found = look(probe, buckets.backup())

    assert isinstance(found, Nothing)
    assert re.search(note, found.note)


@pytest.mark.parametrize("probe", ["stored_backups", "bucket_lifecycle"])
def test_a_bucket_that_is_gone_is_nothing(buckets: Server, probe):
    buckets.become(nights(), deleted=True)

    found = look(probe, buckets.backup())

    assert isinstance(found, Nothing)
    assert "no such bucket" in found.note


@pytest.mark.parametrize("skew", [7200.0, -7200.0])
def test_a_clock_that_is_wrong_makes_ages_unknown(buckets: Server, skew):
    buckets.become(nights(), clock_skew=skew)
    found = look("stored_backups", buckets.backup())

    for function, more in ((seen_as.stored_age, ()), (seen_as.oldest_backup, ()), (seen_as.days_without_backup, (OnePerDay(days=2),))):
        with pytest.raises(CouldNotLook, match="ages mean nothing"):
            fixture(function, found, *more)


def rows(*written, at=1_700_000_000.0, sizes=()):
    """Observations of backups that were written so many seconds before the look."""
    made = [
        StoredObject(key=f"pg/{ago}", size=ByteSize(size), written=Instant(at - ago), etag="", storage_class="STANDARD")
        for ago, size in zip(written, sizes or [100] * len(written), strict=True)
    ]
    return seen_as.StoredBackups(
        looked_at=len(made), of="objects", rows=tuple(made), at=Instant(at), skew=Duration(0), server="s3 backups at here:443"
    )


@pytest.mark.parametrize(
    ("sizes", "of", "share"),
    [([100, 100, 100, 100], 7, 1), ([40, 100, 110, 90], 7, 0.4), ([500, 100, 100, 100], 7, 5), ([60, 50, 1000, 1000, 1000], 1, 1.2)],
)
def test_a_size_is_compared_with_the_median_of_those_before(sizes, of, share):
    found = fixture(seen_as.stored_sizes, rows(*[HOUR + night * DAY for night in range(len(sizes))], sizes=sizes), SizeBand(of=of))

    assert found.share == pytest.approx(share)


def test_a_first_backup_has_nothing_to_be_compared_with():
    assert fixture(seen_as.stored_sizes, rows(HOUR), SizeBand()).looked_at == 0


def test_days_without_a_backup_are_named_and_today_is_not_over():
    at = datetime(2026, 11, 20, 3, tzinfo=UTC).timestamp()
    found = fixture(seen_as.days_without_backup, rows(5 * HOUR, 2 * DAY, 2.1 * DAY, 4 * DAY, at=at), OnePerDay(days=4))

    assert found.count.things == ("2026-11-17",)


def test_a_day_ends_at_midnight_of_its_zone():
    at = datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp()
    late = rows(12 * HOUR - 1800, 36 * HOUR - 1800, at=at)  # half past midnight in UTC, the evening before in New York

    assert fixture(seen_as.days_without_backup, late, OnePerDay(days=1)).count.things == ()
    assert fixture(seen_as.days_without_backup, rows(12 * HOUR - 1800, at=at), OnePerDay(days=1)).count.things == ("2026-11-19",)
    there = OnePerDay(days=1, zone="America/New_York")
    assert fixture(seen_as.days_without_backup, rows(12 * HOUR - 1800, at=at), there).count.things == ()


def test_the_oldest_is_between_its_bounds():
    found = fixture(seen_as.oldest_backup, rows(HOUR, 30 * DAY))

    assert found.age in KeptFor(at_least=Duration(29 * DAY), at_most=Duration(31 * DAY)).value
    assert found.age not in KeptFor(at_least=Duration(31 * DAY)).value


@pytest.mark.parametrize(
    ("fields", "intact", "complete", "note"),
    [
        ({}, True, True, ""),
        ({"kept": 0.7}, False, False, "breaks off"),
        ({"kept": 0.9999}, False, False, "breaks off"),
        ({"head": "<html>", "filler": 0, "tail": "", "gzip": False}, False, False, "not in gzip format"),
        ({"head": "", "filler": 0, "tail": "", "gzip": False}, False, False, "not a byte"),
        ({"head": "", "filler": 0, "tail": ""}, True, False, ""),
        ({"tail": "1042\tAlice"}, True, False, ""),
    ],
)
def test_what_is_in_a_backup_is_read_to_its_end(buckets: Server, fields, intact, complete, note):
    buckets.become(nights(**fields))
    entity = buckets.backup(expect={"complete": True})

    found = look("stored_content", entity)
    end = fixture(seen_as.stored_end, found, entity.expect.complete[0])

    assert (found.intact, end.complete) == (intact, complete)
    assert note in found.note


def test_a_backup_that_is_not_packed_has_an_end_too(buckets: Server):
    buckets.become({"pg/dump.sql": dump(gzip=False)})
    entity = buckets.backup(name_matches="*.sql", expect={"complete": True})

    assert entity.expect.intact is None
    assert look("stored_content", entity).markers == {entity.markers()[0]: True}


def test_a_right_that_lacks_is_one_cause_for_whatever_needs_it(buckets: Server):
    buckets.become(nights(), allowed=["s3:ListBucket"])

    assert look("stored_backups", buckets.backup()).looked_at == 3
    with pytest.raises(CouldNotLook, match="not allowed to read") as caught:
        look("stored_content", buckets.backup())
    assert "iam-readonly" in caught.value.hint


@pytest.mark.parametrize(
    ("start", "wanted", "kind"),
    [
        ("", ["AES256"], "AES256"),
        ("age-encryption.org/v1\n-> X25519", ["age", "aws:kms"], "age"),
        ("age-encryption.org/v1\n-> X25519", ["aws:kms"], "AES256"),
        ("Salted__12345678", ["openssl"], "openssl"),
        ("plain tar", ["age", "gpg"], "AES256"),
    ],
)
def test_what_a_client_encrypted_counts_where_it_is_declared(buckets: Server, start, wanted, kind):
    buckets.become({"pg/configs.tar": BucketObject(start, 5000, written=60.0)})
    entity = buckets.backup(name_matches="*", expect={"encrypted": wanted})

    found = fixture(seen_as.encryption_of_backup, look("stored_encryption", entity), Choices(wanted))

    assert found.kind == kind
    reads = [each for each in buckets.requests() if (each["method"], each["action"]) == ("GET", "s3:GetObject")]
    assert bool(reads) == entity.by_client()


def test_the_key_is_compared_as_far_as_it_is_declared(buckets: Server):
    arn = "arn:aws:kms:eu-central-1:123456789012:key/abc"
    buckets.become(nights(encryption="aws:kms", kms_key=arn))
    found = look("stored_encryption", buckets.backup())

    assert fixture(seen_as.key_of_backup, found, "abc").key == "abc"
    assert fixture(seen_as.key_of_backup, found, arn).key == arn
    assert fixture(seen_as.key_of_backup, replace(found, key=""), "abc").key == "none"


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"age-encryption.org/v1\n-> scrypt", "age"),
        (b"-----BEGIN AGE ENCRYPTED FILE-----\n", "age"),
        (b"-----BEGIN PGP MESSAGE-----\n", "gpg"),
        (bytes.fromhex("85010c03a1b2c3d4"), "gpg"),
        (bytes.fromhex("845e03a1b2c3d4e5"), "gpg"),
        (bytes.fromhex("c1c04c03d1e2f3a4"), "gpg"),
        (bytes.fromhex("8c0d04090302aabb"), "gpg"),
        (bytes.fromhex("c32604070302aabb"), "gpg"),
        (b"Salted__\x01\x02", "openssl"),
        (gzip.compress(b"x"), ""),
        (b"\x85\x01", ""),
        (b"PGDMP\x01\x0e", ""),
        (b"", ""),
    ],
)
def test_a_client_is_known_by_the_first_bytes(start, kind):
    assert encrypted_by_client(start) == kind


def test_a_bucket_says_how_it_is_set(buckets: Server):
    buckets.become(nights())
    entity = buckets.bucket()

    assert look("bucket_public_access", entity).open.things == ()
    assert look("bucket_versioning", entity).on
    assert look("bucket_encryption", entity).kind == "AES256"


def test_what_is_off_is_named(buckets: Server):
    buckets.become(nights(), open=["BlockPublicPolicy", "RestrictPublicBuckets"], versioning=False, encryption="")
    entity = buckets.bucket()

    assert look("bucket_public_access", entity).open.things == ("BlockPublicPolicy", "RestrictPublicBuckets")
    assert not look("bucket_versioning", entity).on
    assert look("bucket_encryption", entity).kind == "none"


def test_a_bucket_without_a_block_lets_everything_in(buckets: Server):
    buckets.become(nights(), open=list(set_as.BLOCKS))

    assert look("bucket_public_access", buckets.bucket()).open == 4


@pytest.mark.parametrize("probe", ["bucket_public_access", "bucket_versioning", "bucket_encryption"])
def test_a_bucket_that_is_gone_has_no_settings(buckets: Server, probe):
    buckets.become(deleted=True)

    assert isinstance(look(probe, buckets.bucket()), Nothing)


@pytest.mark.parametrize(
    ("rules", "lacking"),
    [
        ([LifecycleRule("pg/", {"GLACIER": 30}, 365)], ()),
        ([LifecycleRule("", {"GLACIER": 30}), LifecycleRule("pg", expires=365)], ()),
        ([LifecycleRule("pg/", {"GLACIER": 60}, 365)], ("moved to GLACIER after 60d instead of 30d",)),
        ([LifecycleRule("pg/", {"GLACIER": 30}, 365), LifecycleRule("", expires=20)], ("removed after 20d instead of 365d",)),
        ([LifecycleRule("pg/", {"GLACIER": 30})], ("removed after no time instead of 365d",)),
    ],
)
def test_rules_do_what_is_declared(buckets: Server, rules, lacking):
    buckets.become(nights(), lifecycle=rules)
    terms = Lifecycle(transitions={"GLACIER": Duration(30 * DAY)}, expires=Duration(365 * DAY))

    assert fixture(set_as.lifecycle_lacking, look("bucket_lifecycle", buckets.backup()), terms).count.things == lacking


@pytest.mark.parametrize(
    ("rules", "note"),
    [
        ([], "has no lifecycle rules"),
        ([LifecycleRule("pg/", expires=365, enabled=False)], "none of 1 lifecycle rules is enabled and covers pg/"),
        ([LifecycleRule("pg/dumps/", expires=365)], "none of 1 lifecycle rules is enabled and covers pg/"),
    ],
)
def test_rules_for_something_else_are_none(buckets: Server, rules, note):
    buckets.become(nights(), lifecycle=rules)

    found = look("bucket_lifecycle", buckets.backup())

    assert isinstance(found, Nothing)
    assert note in found.note


def test_a_rule_for_some_tags_or_sizes_does_not_cover_everything():
    assert not set_as._covers({"Filter": {"Tag": {"Key": "a", "Value": "b"}}}, "pg/")
    assert not set_as._covers({"Filter": {"And": {"Prefix": "pg/", "Tags": []}}}, "pg/")
    assert not set_as._covers({"Filter": {"ObjectSizeGreaterThan": 9}}, "pg/")
    assert set_as._covers({"Filter": {}}, "pg/")
    assert set_as._covers({"Prefix": "pg"}, "pg/")
