"""Unlisted faults of the bucket with the off-site copies."""

from collections.abc import Callable

from sandbox.world import LifecycleRule, Trouble, World
from sandbox.worlds.platform_service import buckets as part
from tests.proof.unlisted import UNKNOWN, VIOLATED, Unlisted

MARKER = "-- PostgreSQL database dump complete\n"


def _renamed(world: World) -> None:
    objects = part.bucket(world).objects
    part.bucket(world).objects = {key.replace("platform_db", "platform"): each for key, each in objects.items()}


def _moved(world: World) -> None:
    objects = part.bucket(world).objects
    part.bucket(world).objects = {key.replace(part.PREFIX, "database/"): each for key, each in objects.items()}


def _reversed_by_name(world: World) -> None:
    """Names that sort the other way round, and a newest that broke off: it is first in the list, not last."""
    objects = part.bucket(world).objects
    part.latest(kept=0.8)(world)
    names = sorted(objects)
    part.bucket(world).objects = {f"{part.PREFIX}{99 - place:02}-{key.rpartition('/')[2]}": objects[key] for place, key in enumerate(names)}


def _page(size: int) -> Callable[[World], None]:
    def edit(world: World) -> None:
        part.setting(page=size)(world)
        part.latest(tail="")(world)

    return edit


def _trouble(**fields: object) -> Callable[[World], None]:
    return lambda world: part.bucket(world).trouble.append(Trouble(**{"path": f"/{part.NAME}", **fields}))  # type: ignore[arg-type]


FAMILIES = (
    Unlisted(
        "dumps are uploaded under another name", _renamed, VIOLATED, part.OF_BACKUP[:-1], "none of 30 objects below postgresql/ matches"
    ),
    Unlisted("dumps are uploaded to another folder", _moved, VIOLATED, part.OF_BACKUP[:-1], "there is no object below postgresql/"),
    Unlisted("the bucket is empty", part.setting(objects={}), VIOLATED, part.OF_BACKUP[:-1], "there is no object", part.OF_BUCKET),
    Unlisted(
        "the newest is first by name and broke off", _reversed_by_name, VIOLATED, (part.INTACT, part.COMPLETE), "breaks off", (part.DAILY,)
    ),
    Unlisted(
        "the newest is on the last of many small pages", _page(7), VIOLATED, (part.COMPLETE,), "none of the last", (part.DAILY, part.KEPT)
    ),
    Unlisted(
        "a login page was uploaded as the dump",
        part.latest(head="<html>Sign in</html>", filler=0, tail="", gzip=False),
        VIOLATED,
        (part.LARGE, part.AGAINST, part.INTACT, part.COMPLETE),
        "not in gzip format",
        (part.RECENT,),
    ),
    Unlisted("only the checksum of the copy is missing", part.latest(kept=0.999995), VIOLATED, (part.INTACT, part.COMPLETE), "breaks off"),
    Unlisted(
        "the marker stands at the start of the copy only", part.latest(head=MARKER, tail=""), VIOLATED, (part.COMPLETE,), "none of the last"
    ),
    Unlisted(
        "the copy is encrypted by the server alone", part.latest(encryption="AES256", kms_key=""), VIOLATED, (part.ENCRYPTED,), "AES256"
    ),
    Unlisted(
        "all copies but one are gone",
        part.without(*range(1, part.NIGHTS)),
        VIOLATED,
        (part.AGAINST, part.DAILY, part.KEPT),
        "no earlier one",
    ),
    Unlisted(
        "the copy of one night is missing", part.without(9), VIOLATED, (part.DAILY,), "nothing was written on", (part.RECENT, part.AGAINST)
    ),
    Unlisted(
        "the lifecycle rule is switched off",
        part.setting(lifecycle=[LifecycleRule(part.PREFIX, {"GLACIER": 35}, 365, enabled=False)]),
        VIOLATED,
        (part.RULES,),
        "none of 1 lifecycle rules is enabled",
    ),
    Unlisted(
        "another rule removes everything after a week",
        lambda world: part.bucket(world).lifecycle.append(LifecycleRule("", expires=7)),
        VIOLATED,
        (part.RULES,),
        "removed after 7d instead of 365d",
    ),
    Unlisted(
        "nothing blocks public access",
        part.setting(open=["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"]),
        VIOLATED,
        (part.PUBLIC,),
        "off: BlockPublicAcls, IgnorePublicAcls",
    ),
    Unlisted(
        "the clock of the bucket is an hour ahead",
        part.setting(clock_skew=3600.0),
        UNKNOWN,
        (part.RECENT, part.DAILY, part.KEPT),
        "ages mean nothing",
        (part.INTACT,),
    ),
    Unlisted(
        "we may not list the bucket any more",
        part.refused("s3:ListBucket"),
        UNKNOWN,
        part.OF_BACKUP[:-1],
        "not allowed to list",
        part.OF_BUCKET,
    ),
    Unlisted(
        "we may not see what blocks public access",
        part.refused("s3:GetBucketPublicAccessBlock"),
        UNKNOWN,
        (part.PUBLIC,),
        "not allowed to see",
        (part.VERSIONS,),
    ),
    Unlisted(
        "the secret key was replaced under the same name",
        part.setting(known={"AKIASANDBOXMUSTER001": "another-secret-of-the-bucket"}),
        UNKNOWN,
        (part.RECENT, part.PUBLIC),
        "answered 403 (SignatureDoesNotMatch)",
    ),
    Unlisted(
        "the bucket cuts every connection",
        _trouble(reset=True),
        UNKNOWN,
        (part.RECENT, part.INTACT, part.PUBLIC),
        "not a whole HTTP answer",
    ),
    Unlisted(
        "the copy is archived and cannot be read at once",
        _trouble(path=f"/{part.NAME}/{part.PREFIX}", status=403, message="InvalidObjectState"),
        UNKNOWN,
        (part.INTACT, part.COMPLETE),
        "restored first",
        (part.RECENT,),
    ),
    Unlisted(
        "the connection is cut in the middle of the copy",
        _trouble(path=f"/{part.NAME}/{part.PREFIX}", torn=True),
        UNKNOWN,
        (part.INTACT, part.COMPLETE),
        "the body broke off",
        (part.RECENT, part.LARGE),
    ),
)
