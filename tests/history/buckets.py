"""A bucket in moto for what runs remember, and its keys in the variables that --state reads them from."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.probes.bucket_servers import KEYS, NAME, Server

VARIABLES = {"AWS_ACCESS_KEY_ID": next(iter(KEYS)), "AWS_SECRET_ACCESS_KEY": next(iter(KEYS.values()))}


class Remote:
    """A bucket for histories."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def address(self, prefix: str, **changes: str) -> str:
        """The address of a prefix, as --state takes it."""
        given = {"region": "eu-central-1", "endpoint": self.server.real.url, "ca": str(self.server.authority.ca_file), **changes}
        return f"s3://{NAME}/{prefix}?" + "&".join(f"{name}={value}" for name, value in given.items())

    def become(self, **fields: Any) -> None:
        """Be an empty bucket with these fields."""
        self.server.become(**fields)

    def statuses(self, method: str) -> list[int]:
        """What requests of a method were answered."""
        return [each["status"] for each in self.server.requests() if each["method"] == method]


@contextmanager
def remote(folder: Path) -> Iterator[Remote]:
    made = Server(folder, 1_800_000_000.0)
    try:
        made.become()
        with pytest.MonkeyPatch.context() as patch:
            for name, value in VARIABLES.items():
                patch.setenv(name, value)
            patch.delenv("AWS_SESSION_TOKEN", raising=False)
            yield Remote(made)
    finally:
        made.real.stop()
