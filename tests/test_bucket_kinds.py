"""What an environment's file may say of buckets and of backups in them."""

import pytest
from pydantic import ValidationError

from muster.kinds.base import bind
from muster.kinds.buckets import Bucket, BucketBackup
from muster.units import Duration, Percent


def backup(**fields):
    return BucketBackup.model_validate({"name": "dump", "connection": "store", "name_matches": "*.sql.gz", **fields})


def limits(**expect):
    (name,) = expect
    return getattr(backup(expect=expect).expect, name)


@pytest.mark.parametrize(
    ("written", "inside", "outside"),
    [
        ("aws:kms", "aws:kms", "AES256"),
        (["aws:kms", "aws:kms:dsse"], "aws:kms:dsse", "none"),
        ({"limit": ["age"], "severity": "P0"}, "age", "gpg"),
    ],
)
def test_encryption_is_one_of_several_kinds(written, inside, outside):
    (limit,) = limits(encrypted=written)

    assert inside in limit.value
    assert outside not in limit.value


def test_without_a_word_any_encryption_by_the_server_will_do():
    (limit,) = backup().expect.encrypted

    assert str(limit.value) == "one of AES256, aws:kms, aws:kms:dsse"
    assert "none" not in limit.value


def test_a_bare_size_is_the_lower_bound_of_a_band():
    (limit,) = limits(size_of_previous="40%")

    assert Percent(0.4) in limit.value
    assert Percent(0.39) not in limit.value
    assert Percent(3.1) not in limit.value
    assert limit.of == 7


def test_a_bare_number_of_days_is_no_number_of_missing_ones():
    (limit,) = limits(one_per_day=30)

    assert (limit.days, limit.value) == (30, 0)


def test_what_is_kept_may_be_kept_for_ever():
    (limit,) = limits(kept_for="29d")

    assert Duration(10 * 365 * 86400) in limit.value
    assert Duration(28 * 86400) not in limit.value


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"expect": {"lifecycle": {"expires": "36h"}}}, "rules count whole days"),
        ({"expect": {"lifecycle": {"at_most": 0}}}, "say what the rules do"),
        ({"expect": {"lifecycle": {"transitions": {"cold": "30d"}}}}, "pattern"),
        ({"expect": {"one_per_day": {"days": 30, "zone": "Mars/Olympus"}}}, "not a time zone"),
        ({"expect": {"one_per_day": 0}}, "greater than or equal to 1"),
        ({"expect": {"encrypted": "rot13"}}, "AES256"),
        ({"expect": {"storage_class": "cheap"}}, "pattern"),
        ({"prefix": "/pg"}, "pattern"),
        ({"name_matches": "*.sql", "expect": {"intact": True}}, "intact needs a format"),
        ({"format": "rar"}, "gzip"),
    ],
)
def test_what_means_nothing_is_refused(fields, said):
    with pytest.raises(ValidationError, match=said):
        backup(**fields)


def test_what_is_not_packed_is_not_expected_to_be_intact():
    plain = bind(backup(name_matches="*.tar"), "shop/production", {})

    assert plain.expect.intact is None
    assert bind(backup(), "shop/production", {}).expect.intact is not None
    assert backup(name_matches="*", format="zstd").compression() == "zstd"


def test_a_bucket_encrypts_by_itself_what_no_client_does():
    with pytest.raises(ValidationError, match="aws:kms"):
        Bucket.model_validate({"name": "place", "connection": "store", "expect": {"encrypted": "age"}})


def test_a_pattern_is_about_what_follows_the_prefix_and_tells_cases_apart():
    import re

    wanted = re.compile(backup(name_matches="db-*.gz").pattern())

    assert wanted.match("db-1/a.gz")
    assert not wanted.match("DB-1.gz")
    assert not wanted.match("x-db-1.gz")
