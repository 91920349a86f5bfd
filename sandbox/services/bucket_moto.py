"""Buckets in moto: filled, aged and set from inside its process, because its API cannot set a time."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

from moto.core.exceptions import ServiceException
from moto.moto_server.werkzeug_app import create_backend_app
from moto.s3.models import FakeKey, s3_backends

from sandbox.services.folders import content
from sandbox.world import Bucket, BucketObject

ACCOUNT, REGION = "123456789012", "eu-central-1"
BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


class Stored:
    """All buckets of a world."""

    def __init__(self) -> None:
        self._backend = s3_backends[ACCOUNT]["aws"]
        self._apps = {name: create_backend_app(name) for name in ("s3", "sts")}
        self._known: dict[str, Bucket] = {}

    def become(self, buckets: dict[str, Bucket], epoch: float) -> None:
        """Hold these buckets and no others; ages count back from `epoch`. ValueError for what moto does not take."""
        for name in [name for name in self._known if buckets.get(name) != self._known[name]]:
            del self._known[name]
            self._forget(name)
            s3_backends.bucket_accounts.pop(name, None)
        for name, bucket in buckets.items():
            if name not in self._known:
                self._known[name] = bucket
                try:
                    self._make(name, bucket, epoch)
                except ServiceException as error:
                    raise ValueError(f"bucket {name}: {error}") from error

    def answer(self, environ: dict[str, Any], start: Any, bucket: Bucket, *, of_tokens: bool) -> Any:
        """What moto says, as the real ones would."""
        if of_tokens:
            told = self._apps["sts"](environ, start)
            return [b"".join(told).replace(ACCOUNT.encode(), bucket.account.encode())]
        if "list-type=2" in environ["QUERY_STRING"] and bucket.page < 1000:
            query = [(name, value) for name, value in parse_qsl(environ["QUERY_STRING"], keep_blank_values=True) if name != "max-keys"]
            environ = {**environ, "QUERY_STRING": urlencode([*query, ("max-keys", str(bucket.page))])}
        return self._apps["s3"](environ, start)

    def _make(self, name: str, bucket: Bucket, epoch: float) -> None:
        made = self._backend.create_bucket(name, REGION)
        if bucket.versioning:
            self._backend.put_bucket_versioning(name, "Enabled")
        for key, wanted in bucket.objects.items():
            self._put(name, key, wanted, epoch)
        # The real one has encrypted everything since 2023; moto only what it is told to.
        if bucket.encryption:
            applied = {"Rule": {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": bucket.encryption}}}
            self._backend.put_bucket_encryption(name, applied)
        if len(bucket.open) < len(BLOCKS):
            self._backend.put_public_access_block(name, {each: str(each not in bucket.open).lower() for each in BLOCKS})
        if bucket.lifecycle:
            made.set_lifecycle([_rule(number, each) for number, each in enumerate(bucket.lifecycle)])

    def _forget(self, name: str) -> None:
        """Remove a bucket with its contents: moto holds every object that it has ever made."""
        gone = self._backend.buckets.pop(name, None)
        FakeKey.instances_tracked[:] = [each for each in FakeKey.instances_tracked if each.bucket_name != name]
        for each in gone.keys.values() if gone else ():
            each.dispose()

    def _put(self, name: str, key: str, wanted: BucketObject, epoch: float) -> None:
        data = content(wanted.head, wanted.filler, wanted.tail, compressed=wanted.gzip, kept=wanted.kept)
        put = self._backend.put_object(
            name, key, data, storage=wanted.storage_class, encryption=wanted.encryption or None, kms_key_id=wanted.kms_key or None,
            disable_notification=True,
        )  # fmt: skip
        put.last_modified = datetime.fromtimestamp(epoch - wanted.written, UTC).replace(tzinfo=None)


def _rule(number: int, rule: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "ID": f"rule-{number}",
        "Status": "Enabled" if rule.enabled else "Disabled",
        "Filter": {"Prefix": rule.prefix},
        "Transition": [{"Days": days, "StorageClass": name} for name, days in rule.transitions.items()],
    }
    return made | ({} if rule.expires is None else {"Expiration": {"Days": rule.expires}})
