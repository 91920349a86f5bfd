"""Runs that remember in a bucket; runs whose history cannot be read go on, and say what they cannot know."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.aws.history import Bucket
from muster.verdicts import Verdict
from tests.engine.project import CHECKS, PLUGINS, Project, project, reading
from tests.history.buckets import VARIABLES, Remote, remote
from tests.push.servers import OURS

GROWS = '''
@pytest.fixture
def grown(measured, history):
    """How much the value has grown since the last look."""
    class Grown:
        by = measured.value - history.get("errors", [(0, measured.value)])[-1][1]
    return Grown


@pytest.mark.expects("at_least")
def test_reading_grows(grown, limit):
    """The value grows

    Next: wait.
    """
    assert grown.by >= limit
'''


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    with remote(tmp_path_factory.mktemp("bucket")) as made:
        yield made


def remembering(folder: Path) -> Project:
    """A project whose checks may remember in a bucket; one of them needs to."""
    made = project(folder, errors={"value": 3}).environment("platform/sandbox", [reading("errors", expect={"at_most": 0, "at_least": 0})])
    made.write("fixtures/__init__.py", OURS).write("conftest.py", f"pytest_plugins = {[*PLUGINS, 'fixtures.aws.history']!r}\n")
    return made.write("checks/daily/test_readings.py", CHECKS.partition("@pytest.mark.gate")[0] + GROWS)


def folded(text: str) -> str:
    return " ".join(text.split())


def test_a_run_without_a_disk_knows_what_the_last_one_saw(tmp_path: Path, bucket: Remote) -> None:
    first, second = remembering(tmp_path / "one"), remembering(tmp_path / "two")
    state = f"--state={bucket.address('runs')}"

    said = first.run(state)
    assert said.returncode == 1
    assert "history of platform/sandbox in s3://backups/runs: none yet; not known therefore: since when" in folded(said.stdout)
    again = second.run(state, "-v")

    assert again.returncode == 1
    assert "2 results, the oldest since" in folded(again.stdout)
    assert "kept: 60 values each, facts for 40 days, results for 100" in folded(again.stdout)
    before, now = (each.results()["test_reading_is_low[platform/sandbox/errors]"] for each in (first, second))
    assert now.since == before.at < now.at
    assert not (second.out / "state").exists()
    assert not any(
        VARIABLES["AWS_SECRET_ACCESS_KEY"] in path.read_text(errors="replace") for path in tmp_path.rglob("*.*") if path.is_file()
    )


@pytest.mark.parametrize("trouble", ["refuses connections", "knows our keys no more", "was never given keys"])
def test_a_history_that_cannot_be_read_is_told_and_never_green(tmp_path: Path, bucket: Remote, trouble: str) -> None:
    made = remembering(tmp_path)
    made.observations["errors"] = {"value": 0}
    address = bucket.address("gone", **({"endpoint": "https://127.0.0.1:9"} if "connections" in trouble else {}))
    if "given" in trouble:
        made.variables["AWS_ACCESS_KEY_ID"] = ""
    bucket.become(known={"AKIAANOTHER": "another"} if "knows" in trouble else None)

    said = made.run("--state", address)

    assert said.returncode == 3
    verdicts = {key.partition("[")[0]: each for key, each in made.results().items()}
    assert verdicts["test_reading_is_low"].verdict is Verdict.HOLDS
    assert verdicts["test_reading_grows"].verdict is Verdict.UNKNOWN
    assert verdicts["test_reading_grows"].cause == "history in s3://backups/gone"
    assert "NOT WRITTEN history: cannot read s3://backups/gone/platform/sandbox.json: " in folded(said.stdout)
    assert "not known therefore: since when" in folded(said.stdout)


def test_what_is_no_history_is_not_written_over(tmp_path: Path, bucket: Remote) -> None:
    bucket.become()
    shelf = Bucket.of(bucket.address("foreign"))
    assert shelf.write("platform/sandbox", b"somebody's notes", "")
    made = remembering(tmp_path)

    said = made.run("--state", bucket.address("foreign"))

    assert said.returncode == 3
    assert "not a state file" in folded(said.stdout)
    assert shelf.read("platform/sandbox")[0] == b"somebody's notes"


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("s3://backups/x", "region is missing"),
        ("s3://backups/x?region=eu-central-1&secret=abc", "secret is none of region, endpoint, ca, profile"),
        ("s3://BACKUPS/x?region=eu-central-1", "not the name of a bucket"),
        ("s3://backups/../x?region=eu-central-1", "a prefix is letters"),
        ("s3://key:word@backups/x?region=eu-central-1", "a prefix is letters"),
        ("s3://backups/x?region=eu-central-1&endpoint=http://a", "endpoint"),
        ("gs://backups/x", "--state is a folder, or s3://BUCKET/PREFIX?region=REGION"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_before_anything_is_looked_at(tmp_path: Path, address: str, words: str) -> None:
    made = remembering(tmp_path)

    said = made.run("--state", address)

    assert said.returncode == 4
    assert words in folded(said.stderr)
    assert made.looks() == []
