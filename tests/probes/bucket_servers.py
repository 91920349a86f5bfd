"""Buckets in moto for the tests of probes, and how they are reached: through the real boto3, over TLS."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fixtures.once import forget
from muster.connection_s3 import S3
from muster.kinds.base import bind
from muster.kinds.buckets import Bucket as BucketEntity
from muster.kinds.buckets import BucketBackup
from muster.probes import PROBES
from sandbox.services.buckets_process import BucketsProcess
from sandbox.services.certificates import Authority
from sandbox.world import Bucket, BucketObject, World

NAME = "backups"
KEYS = {"AKIATESTOFMUSTER": "secret-of-the-test"}
HOUR, DAY = 3600.0, 86400.0


class Server:
    """One bucket, and connections to it."""

    def __init__(self, folder: Path, now: float) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.authority = Authority(folder)
        self.real = BucketsProcess(folder)
        self.now = now

    def become(self, objects: dict[str, BucketObject] | None = None, **fields: Any) -> None:
        """Hold these objects, in a bucket with these fields; what an earlier look has read is forgotten."""
        made = {"keys": KEYS, "versioning": True, **fields}
        self.real.apply(World(buckets={NAME: Bucket(objects or {}, **made)}), self.now)
        self.requests_cleared()
        forget()

    def requests(self) -> list[dict[str, Any]]:
        """What was asked, oldest first."""
        assert self.real.running is not None
        return self.real.running.requests()

    def requests_cleared(self) -> None:
        """Forget what was asked."""
        assert self.real.running is not None
        self.real.running.clear_requests()

    def connection(self, **changes: Any) -> S3:
        """A connection to the bucket; its keys stand in variables that `running_buckets` sets."""
        given = {
            "bucket": NAME, "region": "eu-central-1", "endpoint": self.real.url, "ca": str(self.authority.ca_file),
            "access_key": "env:TEST_S3_ACCESS", "secret_key": "env:TEST_S3_SECRET", **changes,
        }  # fmt: skip
        return S3.model_validate({name: value for name, value in given.items() if value is not None})

    def backup(self, connection: S3 | None = None, **fields: Any) -> BucketBackup:
        """A bound entity of the section bucket_backups."""
        made = BucketBackup.model_validate({"name": "dump", "connection": "store", "prefix": "pg/", "name_matches": "*.sql.gz", **fields})
        bound = bind(made, "shop/production", {"store": connection or self.connection()})
        assert isinstance(bound, BucketBackup)
        return bound

    def bucket(self, connection: S3 | None = None) -> BucketEntity:
        """A bound entity of the section buckets."""
        made = BucketEntity.model_validate({"name": "store", "connection": "store"})
        bound = bind(made, "shop/production", {"store": connection or self.connection()})
        assert isinstance(bound, BucketEntity)
        return bound


@contextmanager
def running_buckets(folder: Path, now: float) -> Iterator[Server]:
    """An empty bucket, and the keys in the environment, until the end."""
    made = Server(folder, now)
    try:
        made.become()
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TEST_S3_ACCESS", next(iter(KEYS)))
            patch.setenv("TEST_S3_SECRET", next(iter(KEYS.values())))
            yield made
    finally:
        made.real.stop()


def look(name: str, entity: Any) -> Any:
    """What a probe sees of an entity."""
    return PROBES[name].function(entity)
