"""How a bucket is reached: Amazon's S3, or another vendor's server that speaks its protocol."""

import re
from typing import ClassVar
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from muster.connection import Connection, origin
from muster.probes import CouldNotLook
from muster.secrets import SecretRef, Setting

BUCKET = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
REGION = r"[a-z0-9][a-z0-9-]{1,40}"
PROFILE = r"[^\s\[\]]{1,128}"


class S3(Connection):
    """A bucket, as one identity sees it. Keys are references; nothing is taken from the environment unless the file says so.

    Metadata services, credential processes, assumed roles and single sign-on are never used: what hands out keys does so before.
    """

    kind: ClassVar[str] = "s3"

    at_once: int = Field(default=4, ge=1, le=1000)
    """Probes at once; each sends one request at a time."""
    bucket: Setting
    region: Setting
    """Region of the bucket; requests are signed for it. Other vendors usually take `us-east-1`."""
    endpoint: Setting | None = None
    """https URL of another vendor's server, or of a VPC endpoint; the bucket is then part of the path. Without it Amazon's."""
    ca: Setting | None = None
    """Path of a PEM bundle that signs the server's certificate; without it the system's."""
    access_key: SecretRef | None = None
    secret_key: SecretRef | None = None
    session_token: SecretRef | None = None
    """Of temporary keys."""
    profile: Setting | None = None
    """A section of ~/.aws/credentials that holds keys."""
    from_environment: bool = False
    """Take the keys from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN."""
    account: str | None = Field(default=None, pattern=r"^\d{12}$")
    """Account that our keys must belong to, in quotes: another one makes everything unknown."""
    sts: Setting | None = None
    """https URL of the service that says whose our keys are; without it Amazon's in this region. Asked when `account` is given."""

    @model_validator(mode="after")
    def _one_way(self) -> "S3":
        keys = (self.access_key is not None, self.secret_key is not None)
        ways = [any(keys), self.profile is not None, self.from_environment]
        if sum(ways) != 1:
            raise PydanticCustomError("ways", "give access_key and secret_key, a profile, or from_environment: one of them")
        if any(keys) and not all(keys):
            raise PydanticCustomError("ways", "access_key and secret_key belong together (env:NAME or file:PATH)")
        if self.session_token is not None and not all(keys):
            raise PydanticCustomError("ways", "session_token belongs to access_key and secret_key")
        if self.endpoint is not None and self.account is not None and self.sts is None:
            raise PydanticCustomError("sts", "an account behind an endpoint needs sts: who says whose our keys are?")
        return self

    @field_validator("endpoint", "sts")
    @classmethod
    def _secure_url(cls, url: Setting | None) -> Setting | None:
        if url is not None and not url.startswith("env:") and (problem := _url_problem(url)):
            raise PydanticCustomError("url", "{problem}", {"problem": problem})
        return url

    @field_validator("bucket", "region", "profile")
    @classmethod
    def _names(cls, value: Setting | None, info: object) -> Setting | None:
        pattern, what = _NAMES[getattr(info, "field_name", "")]
        if value is not None and not value.startswith("env:") and not re.fullmatch(pattern, value):
            raise PydanticCustomError("name", "not the name of a {what}", {"what": what})
        return value

    def bucket_name(self) -> str:
        """The bucket. Raises CouldNotLook when a variable is not set, or holds what is no name."""
        return _named("bucket", self.bucket)

    def region_name(self) -> str:
        """The region. Raises CouldNotLook like `bucket_name`."""
        return _named("region", self.region)

    def profile_name(self) -> str:
        """The section of the credentials file, or "". Raises CouldNotLook like `bucket_name`."""
        return _named("profile", self.profile) if self.profile else ""

    def endpoint_url(self) -> str:
        """Where the bucket is asked: the endpoint, else Amazon's in the region. Raises CouldNotLook like `bucket_name`."""
        return _url(self.endpoint) if self.endpoint else _amazon("s3", self.region_name())

    def sts_url(self) -> str:
        """Who says whose our keys are. Raises CouldNotLook like `bucket_name`."""
        return _url(self.sts) if self.sts else _amazon("sts", self.region_name())

    def target(self) -> str:
        """See `Connection.target`."""
        return f"s3 {self.bucket_name()} at {origin(self.endpoint_url())}"


_NAMES = {"bucket": (BUCKET, "bucket"), "region": (REGION, "region"), "profile": (PROFILE, "profile")}


def _named(field: str, setting: Setting) -> str:
    pattern, what = _NAMES[field]
    text = setting.resolve()
    if not re.fullmatch(pattern, text):
        raise CouldNotLook(f"{setting} holds no name of a {what}", cause=f"configuration: {setting}")
    return text


def _amazon(service: str, region: str) -> str:
    return f"https://{service}.{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}"


def _url(setting: Setting) -> str:
    text = setting.resolve().rstrip("/")
    if problem := _url_problem(text):
        raise CouldNotLook(f"{setting} holds no address: {problem}", cause=f"configuration: {setting}")
    return text


def _url_problem(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        return "an address begins with https:// and names a host"
    if parts.username or parts.password or parts.query or parts.fragment or parts.path.strip("/"):
        return "an address is https://host or https://host:port; keys are references"
    return ""
