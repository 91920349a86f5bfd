"""platform-service: the bucket with the off-site copy of the nightly dumps, and faults of it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from sandbox.world import Bucket, BucketObject, Fault, LifecycleRule, Trouble, World
from sandbox.worlds.platform_service.hosts import DAY, HEAD, ROWS, TAIL

NAME = "platform-backups"
PREFIX = "postgresql/"
AGE = 4 * 3600.0  # of the newest: it is copied an hour after the dump was made
NIGHTS = 30
KEY = "arn:aws:kms:eu-central-1:123456789012:key/5d0f2b6a-7f52-4b1c-9a55-0c1f0a2f9c11"
POLICY = Path(__file__).parents[3] / "deploy" / "iam-readonly.json"
ALIKE = 4  # dumps that differ; older ones are as large as the oldest of these


def granted() -> list[str]:
    """The actions of the policy that we hand out."""
    return [action for each in json.loads(POLICY.read_text())["Statement"] for action in each["Action"]]


def build(world: World, now: float) -> None:
    """Add this part to the healthy world at Unix time `now` (seconds)."""
    world.buckets[NAME] = Bucket(
        objects={key(now, night): _dump(night) for night in range(NIGHTS)},
        keys={"AKIASANDBOXMUSTER001": "sandbox-muster-of-the-bucket"},
        allowed=granted(),
        versioning=True,
        lifecycle=[LifecycleRule(PREFIX, {"GLACIER": 35}, 365)],
    )


def key(now: float, night: int) -> str:
    """Key of the dump of so many nights ago."""
    return f"{PREFIX}platform_db-{datetime.fromtimestamp(now - AGE - night * DAY, UTC):%Y-%m-%d}.sql.gz"


def _dump(night: int) -> BucketObject:
    return BucketObject(
        HEAD, ROWS - 20_000 * min(night, ALIKE), TAIL, gzip=True, written=AGE + night * DAY, encryption="aws:kms", kms_key=KEY,
        storage_class="STANDARD_IA",
    )  # fmt: skip


def bucket(world: World) -> Bucket:
    """The bucket."""
    return world.buckets[NAME]


def newest(world: World) -> BucketObject:
    """The object that was written last."""
    return min(bucket(world).objects.values(), key=lambda each: each.written)


def latest(**values: object) -> Callable[[World], None]:
    """An edit that sets fields of the newest dump."""

    def edit(world: World) -> None:
        for name, value in values.items():
            setattr(newest(world), name, value)

    return edit


def setting(**values: object) -> Callable[[World], None]:
    """An edit that sets fields of the bucket."""

    def edit(world: World) -> None:
        for name, value in values.items():
            setattr(bucket(world), name, value)

    return edit


def _stopped(world: World) -> None:
    """Nothing was uploaded for three days; what is there has gone on ageing."""
    for each in bucket(world).objects.values():
        each.written += 3 * DAY


def without(*nights: int) -> Callable[[World], None]:
    """An edit that removes the dumps of these nights."""

    def edit(world: World) -> None:
        kept = sorted(bucket(world).objects.items(), key=lambda each: each[1].written)
        bucket(world).objects = dict(each for night, each in enumerate(kept) if night not in nights)

    return edit


def _first_by_name(world: World) -> None:
    """Somebody made a dump by hand, under a name that sorts first: newest of all, and empty."""
    bucket(world).objects[f"{PREFIX}a-dump-by-hand-platform_db-0000.sql.gz"] = BucketObject(
        gzip=True, written=600.0, encryption="aws:kms", kms_key=KEY
    )


def _on_the_second_page(world: World) -> None:
    """A thousand hourly dumps that nobody removes; the newest is on the second page, and broke off."""
    for number in range(1100):
        written = AGE + (number + 1) * 1800.0
        bucket(world).objects[f"{PREFIX}hourly-{number:04}-platform_db.sql.gz"] = BucketObject(
            written=written, encryption="aws:kms", kms_key=KEY
        )
    latest(kept=0.9)(world)


def _removed_early(world: World) -> None:
    bucket(world).lifecycle[0].expires = 20
    without(*range(20, NIGHTS))(world)


def refused(action: str) -> Callable[[World], None]:
    """An edit that takes one right from our keys."""

    def edit(world: World) -> None:
        bucket(world).allowed = [each for each in granted() if each != action]

    return edit


BACKUP, PLACE = "off-site-dump", "backup-bucket"
RECENT, LARGE, AGAINST, ENCRYPTED, KEYED, INTACT, COMPLETE = (
    f"test_stored_backup_{name}[{BACKUP}]"
    for name in (
        "is_recent", "is_not_too_small", "is_as_large_as_those_before", "is_encrypted", "is_encrypted_with_its_key", "is_intact",
        "is_complete",
    )
)  # fmt: skip
DAILY, KEPT = (f"test_{name}[{BACKUP}]" for name in ("each_day_has_its_stored_backup", "stored_backups_are_kept_as_long_as_they_should"))
CLASS = f"test_stored_backup_has_its_storage_class[{BACKUP}]"
RULES = f"test_stored_backups_have_their_lifecycle[{BACKUP}]"
PUBLIC, VERSIONS, DEFAULT = (
    f"test_bucket_{name}[{PLACE}]" for name in ("blocks_public_access", "keeps_older_versions", "encrypts_by_default")
)
OF_BACKUP = (RECENT, LARGE, AGAINST, ENCRYPTED, KEYED, INTACT, COMPLETE, DAILY, KEPT, CLASS, RULES)
OF_BUCKET = (PUBLIC, VERSIONS, DEFAULT)

FAULTS: list[Fault] = [
    Fault("offsite-old", "nothing was copied to the bucket for three days", _stopped, (RECENT, DAILY)),
    Fault("offsite-gaps", "the copies of two nights are missing", without(5, 11), (DAILY,)),
    Fault("offsite-empty", "the newest copy is a gzip of nothing", latest(head="", filler=0, tail=""), (LARGE, AGAINST, COMPLETE)),
    Fault("offsite-shrunken", "the newest copy is complete and much smaller than those before", latest(filler=ROWS // 5), (LARGE, AGAINST)),
    Fault("offsite-swollen", "the newest copy is four times as large as those before", latest(filler=ROWS * 4), (AGAINST,)),
    Fault("offsite-truncated", "the upload of the newest copy broke off", latest(kept=0.9), (INTACT, COMPLETE)),
    Fault("offsite-half", "pg_dump died half way, and the archive is valid all the same", latest(tail="1042\tAlice"), (COMPLETE,)),
    Fault(
        "offsite-first-by-name", "a newer dump, made by hand, is empty and sorts first", _first_by_name, (LARGE, AGAINST, COMPLETE, CLASS)
    ),
    Fault("offsite-second-page", "the newest of a thousand is on the second page, and broke off", _on_the_second_page, (INTACT, COMPLETE)),
    Fault("offsite-unencrypted", "the upload asks for no encryption any more", latest(encryption="", kms_key=""), (ENCRYPTED, KEYED)),
    Fault("offsite-other-key", "the newest copy is encrypted with another key", latest(kms_key=KEY.replace("5d0f", "0000")), (KEYED,)),
    Fault("offsite-wrong-class", "copies are stored in the most expensive class", latest(storage_class="STANDARD"), (CLASS,)),
    Fault("offsite-removed-early", "copies are removed after three weeks", _removed_early, (DAILY, KEPT, RULES)),
    Fault("lifecycle-missing", "the bucket has no lifecycle rules any more", setting(lifecycle=[]), (RULES,)),
    Fault("bucket-public", "public access to the bucket is not blocked any more", setting(open=["BlockPublicPolicy"]), (PUBLIC,)),
    Fault("versioning-off", "the bucket keeps no older versions", setting(versioning=False), (VERSIONS,)),
    Fault("bucket-unencrypted", "the bucket encrypts nothing by itself", setting(encryption=""), (DEFAULT,)),
    Fault("bucket-gone", "the bucket was deleted", setting(deleted=True), (*OF_BACKUP, *OF_BUCKET)),
    Fault(
        "bucket-keys-rotated",
        "our keys were replaced, and not where we read them",
        setting(known={"AKIASANDBOXMUSTER002": "another-secret-of-the-bucket"}),
        (*OF_BACKUP, *OF_BUCKET),
        "unknown",
    ),
    Fault(
        "bucket-refuses-reads", "we may not read objects any more", refused("s3:GetObject"), (ENCRYPTED, KEYED, INTACT, COMPLETE), "unknown"
    ),
    Fault(
        "bucket-throttles",
        "the bucket answers SlowDown to everything",
        setting(trouble=[Trouble(f"/{NAME}", status=503)]),
        (*OF_BACKUP, *OF_BUCKET),
        "unknown",
    ),
    Fault(
        "bucket-of-another-account",
        "our keys belong to another account",
        setting(account="999999999999"),
        (*OF_BACKUP, *OF_BUCKET),
        "unknown",
    ),
]
