"""Two runs that end at the same moment lose nothing of each other, on a disk and in a bucket."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.aws.history import Bucket
from muster.state import State
from tests.engine.project import ROOT
from tests.history.buckets import Remote, remote

RUNS = 12


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    with remote(tmp_path_factory.mktemp("bucket")) as made:
        yield made


def together(address: str) -> None:
    """Two processes remember RUNS runs each, and begin at the same time."""
    command = [sys.executable, "-m", "tests.history.writer", address]
    writers = [
        subprocess.Popen([*command, name, str(RUNS)], cwd=ROOT, env=os.environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for name in ("daily", "gate")
    ]
    for each in writers:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    for each in writers:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    assert [each.wait(120) for each in writers] == [0, 0]
    for each in writers:
        each.communicate()


def whole(state: State) -> None:
    """Everything of both is there, in order."""
    facts = state.history("shop/staging")
    assert set(facts) == {f"{name}/{number}" for name in ("daily", "gate") for number in range(RUNS)}
    content, _ = state.shelf.read("shop/staging")
    for name in ("daily", "gate"):
        values = json.loads(content)["results"][f"test_{name}[shop/staging/web]"]["values"]
        assert [value for _, value in values] == list(range(RUNS))


def test_on_a_disk(tmp_path: Path) -> None:
    together(str(tmp_path))

    whole(State(tmp_path))


def test_in_a_bucket(bucket: Remote) -> None:
    together(bucket.address("two"))

    whole(State(Bucket.of(bucket.address("two"))))
    assert 412 in bucket.statuses("PUT"), "nobody came between: the test has proven nothing"


def test_who_writes_over_a_version_that_is_gone_is_told_so(bucket: Remote) -> None:
    first, second = (Bucket.of(bucket.address("stale")) for _ in range(2))

    assert first.read("shop/staging") == (b"", "")
    assert first.write("shop/staging", b"one", "")
    assert not second.write("shop/staging", b"two", "")
    content, version = second.read("shop/staging")
    assert content == b"one"
    assert second.write("shop/staging", b"two", version)
    assert not first.write("shop/staging", b"three", version)
    assert first.read("shop/staging")[0] == b"two"
