"""deploy/iam-history.json grants what remembering in a bucket takes, as the server of the bucket recorded it, and nothing more."""

import json
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from tests.history.buckets import remote
from tests.history.test_runs import remembering
from tests.probes.bucket_servers import NAME

STATEMENTS: list[dict[str, Any]] = json.loads((Path(__file__).parents[2] / "deploy" / "iam-history.json").read_text())["Statement"]
GRANTED = {action: each for each in STATEMENTS for action in ([each["Action"]] if isinstance(each["Action"], str) else each["Action"])}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The requests of a first run and of one that comes after it, with the rights of the policy."""
    folder = tmp_path_factory.mktemp("rights")
    with remote(folder) as bucket:
        bucket.become(allowed=sorted(GRANTED))
        for name in ("one", "two"):
            said = remembering(folder / name).run(f"--state={bucket.address('history')}")
            assert said.returncode == 1, said.stdout
        assert "since" in said.stdout
        return bucket.server.requests()


def test_it_grants_what_is_used(recorded: list[dict[str, Any]]) -> None:
    used = {each["action"] for each in recorded}

    assert used == {"s3:GetObject", "s3:PutObject"}
    # Without the right to list, S3 answers 403 for an object that is not there yet, as for one that is refused.
    assert GRANTED.keys() - used == {"s3:ListBucket"}
    assert {each["status"] for each in recorded} == {200, 404}


def test_every_object_lies_where_it_grants_it(recorded: list[dict[str, Any]]) -> None:
    for each in recorded:
        place = GRANTED[each["action"]]["Resource"].replace("platform-muster", NAME)
        assert fnmatchcase(f"arn:aws:s3:::{each['path'].strip('/')}", place)
