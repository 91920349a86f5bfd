"""Buckets, and backups that are objects in one: looked at through an S3 API."""

from fnmatch import translate
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from muster.amounts import Band, Choices
from muster.connections import S3
from muster.expectations import Expect, Limit, Severity, Terms, Wanted
from muster.kinds.base import Connected
from muster.kinds.hosts import FORMATS, Complete, Format, Missing
from muster.kinds.reading_limits import one_list
from muster.units import ByteSize, Duration, Percent

DAY = 86400
Server = Literal["AES256", "aws:kms", "aws:kms:dsse"]
Client = Literal["age", "gpg", "openssl"]
BY_SERVER: tuple[Server, ...] = ("AES256", "aws:kms", "aws:kms:dsse")
BY_CLIENT: tuple[Client, ...] = ("age", "gpg", "openssl")
StorageClass = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{1,40}$")]


def _several(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class Encrypted(Terms):
    """How it must be encrypted: one of these. `encrypted: aws:kms`, `[aws:kms, aws:kms:dsse]`, `age`."""

    limit: Annotated[tuple[Server | Client, ...], Field(strict=False, min_length=1), BeforeValidator(_several)] = BY_SERVER

    @property
    def value(self) -> Choices:
        """The kinds as a set that one may be in."""
        return Choices(self.limit)


class ByServer(Terms):
    """How the server must encrypt what nothing else is said of: one of these. `encrypted: aws:kms`, `[aws:kms, aws:kms:dsse]`."""

    limit: Annotated[tuple[Server, ...], Field(strict=False, min_length=1), BeforeValidator(_several)] = BY_SERVER

    @property
    def value(self) -> Choices:
        """The kinds as a set that one may be in."""
        return Choices(self.limit)


class SizeBand(Terms):
    """Size as a share of the median of those before it: `50%`, or `{at_least: 50%, at_most: 300%, of: 7}`."""

    primary: ClassVar[str] = "at_least"

    at_least: Percent = Percent(0.5)
    at_most: Percent = Percent(3.0)
    """A dump that has suddenly grown threefold holds something that nobody planned."""
    of: int = Field(default=7, ge=1, le=100)
    """So many of those before it count, or as many as there are."""

    @property
    def value(self) -> Band:
        """Both bounds as a set that a share may be in."""
        return Band((self.at_least, self.at_most))


class OnePerDay(Terms):
    """Days, back from yesterday, of which each has a backup: `30`, or `{days: 30, at_most: 1, zone: Europe/Berlin}`."""

    primary: ClassVar[str] = "days"

    days: int = Field(ge=1, le=1000)
    at_most: int = Field(default=0, ge=0)
    """So many days may lack one."""
    zone: str = "UTC"
    """IANA name of the time zone whose midnight ends a day; choose one in which the job does not run near midnight."""

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise PydanticCustomError("zone", "not a time zone, such as Europe/Berlin") from error
        return zone

    @property
    def value(self) -> int:
        """How many days may lack one."""
        return self.at_most


class KeptFor(Terms):
    """Age of the oldest one: `29d`, or `{at_least: 29d, at_most: 31d}`."""

    primary: ClassVar[str] = "at_least"

    at_least: Duration
    at_most: Duration | None = None
    """Without it, they may be kept for ever."""

    @property
    def value(self) -> Band:
        """Both bounds as a set that an age may be in."""
        return Band((self.at_least, float("inf") if self.at_most is None else self.at_most))


class Lifecycle(Missing):
    """Enabled rules for everything below the prefix: `{transitions: {GLACIER: 30d}, expires: 365d}`; so many may be missing."""

    transitions: dict[StorageClass, Duration] = Field(default_factory=dict)
    """Storage class -> after how long objects are moved to it."""
    expires: Duration | None = None
    """After how long objects are removed. A rule that removes them sooner, or later, is not as declared."""

    @model_validator(mode="after")
    def _whole_days(self) -> Self:
        wanted = [*self.transitions.values(), *([] if self.expires is None else [self.expires])]
        if not wanted:
            raise PydanticCustomError("lifecycle", "say what the rules do: transitions, expires, or both")
        if any(each % DAY for each in wanted):
            raise PydanticCustomError("lifecycle", "rules count whole days: 30d")
        return self


class BucketBackupExpect(Expect):
    """What a backup in a bucket must be like, before anybody needs it."""

    newer_than: Wanted[Limit[Duration]] | None = (Limit[Duration].model_construct(limit=Duration(26 * 3600)),)
    """Time since the newest was written, of all that match, by the server's own clock."""
    larger_than: Wanted[Limit[ByteSize]] | None = (Limit[ByteSize].model_construct(limit=ByteSize(10**6)),)
    """In bytes; a compressed nothing has 20."""
    size_of_previous: Wanted[SizeBand] | None = (SizeBand.model_construct(),)
    """Size as a share of the median of those before it. Violated when there is none, unless `allow_empty`."""
    encrypted: Annotated[Wanted[Encrypted] | None, BeforeValidator(one_list)] = (Encrypted.model_construct(),)
    """As the object itself says. What a client encrypted (age, gpg, openssl) is told by its first bytes, where that is declared."""
    encryption_key: Wanted[Limit[str]] | None = None
    """Id or ARN of the KMS key with which the object itself says that it is encrypted."""
    intact: Wanted[Limit[bool]] | None = (Limit[bool].model_construct(limit=True),)
    """It decompresses to its end, which includes its checksums. By default not expected of what is not compressed."""
    complete: Wanted[Complete] | None = None
    """The decompressed text ends as complete ones do: a dump that died half way can be a valid archive."""
    one_per_day: Wanted[OnePerDay] | None = None
    """Days without a backup, of those before today."""
    storage_class: Wanted[Limit[StorageClass]] | None = None
    """Of the newest one: STANDARD, STANDARD_IA, GLACIER ..."""
    kept_for: Wanted[KeptFor] | None = None
    """Age of the oldest one: neither removed too early, nor kept too long."""
    lifecycle: Wanted[Lifecycle] | None = None
    """Rules of the bucket by which old backups are moved and removed."""


class InBucket(Connected):
    """The base of what an S3 API shows."""

    connects: ClassVar[tuple[str, ...]] = ("s3",)

    def reached(self) -> S3:
        """The connection to the bucket."""
        source = self.source()
        assert isinstance(source, S3), source
        return source


class BucketBackup(InBucket):
    """A backup that is an object in a bucket: the one written last, of those that match. A large one needs a `timeout`."""

    section: ClassVar[str] = "bucket_backups"
    fixture: ClassVar[str] = "bucket_backup"
    severities: ClassVar[dict[str, Severity]] = {
        **dict.fromkeys(("newer_than", "larger_than", "size_of_previous", "intact", "complete"), "P0"),
        **dict.fromkeys(("encrypted", "encryption_key", "one_per_day", "lifecycle"), "P1"),
        "storage_class": "P3",
    }

    prefix: str = Field(default="", max_length=1024, pattern=r"^([^/\x00-\x1f][^\x00-\x1f]*)?$")
    """What keys begin with, as `backups/`: nothing else is listed, and our identity needs to see nothing else."""
    name_matches: str = Field(default="*", min_length=1, max_length=255)
    """Pattern (`*`, `?`) of what follows the prefix in the key, such as `platform_db-*.sql.gz`."""
    format: Format | None = None
    """How it is compressed; without it, what the ending of `name_matches` says: .gz, .tgz, .zst, .xz, .bz2."""
    expect: BucketBackupExpect = BucketBackupExpect.model_construct()

    @model_validator(mode="after")
    def _can_be_read(self) -> Self:
        if not self.compression() and "intact" in self.expect.model_fields_set and isinstance(self.expect.intact, tuple):
            raise PydanticCustomError("format", "intact needs a format; none of .gz, .tgz, .zst, .xz, .bz2 ends name_matches")
        return self

    def compression(self) -> Format | None:
        """How the object is compressed; None for plain."""
        return self.format or next((found for ending, found in FORMATS.items() if self.name_matches.endswith(ending)), None)

    def adapted(self) -> Self:
        """A plain object cannot be tested for integrity."""
        if self.compression():
            return self
        return self.model_copy(update={"expect": self.expect.model_copy(update={"intact": None})})

    def pattern(self) -> str:
        """The regular expression for what follows the prefix."""
        return translate(self.name_matches)

    def markers(self) -> tuple[str, ...]:
        """The texts that are looked for at the end."""
        limits = self.expect.complete
        return tuple(each.marker for each in limits) if isinstance(limits, tuple) else ()

    def by_client(self) -> bool:
        """Whether some encryption of a client counts."""
        limits = self.expect.encrypted
        return isinstance(limits, tuple) and any(kind in BY_CLIENT for each in limits for kind in each.limit)

    def where(self) -> str:
        return f"s3://{self.reached().bucket}/{self.prefix}"


class BucketExpect(Expect):
    """What a bucket must be like."""

    public_access: Wanted[Limit[int]] | None = (Limit[int].model_construct(limit=0),)
    """Of the bucket's own four settings that block public access, how many may be off."""
    versioning: Wanted[Limit[bool]] | None = (Limit[bool].model_construct(limit=True),)
    """What is overwritten or deleted is kept as an older version."""
    encrypted: Annotated[Wanted[ByServer] | None, BeforeValidator(one_list)] = (ByServer.model_construct(),)
    """How the bucket encrypts what is put into it without a word about encryption."""


class Bucket(InBucket):
    """A bucket: who may reach it, and what it does with what is put into it."""

    section: ClassVar[str] = "buckets"
    fixture: ClassVar[str] = "bucket"
    severities: ClassVar[dict[str, Severity]] = {"public_access": "P0", "versioning": "P1", "encrypted": "P1"}

    expect: BucketExpect = BucketExpect.model_construct()

    def where(self) -> str:
        return f"s3://{self.reached().bucket}"
