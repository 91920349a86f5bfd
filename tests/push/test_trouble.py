"""A server that cannot be told changes no verdict and no exit code, and is never passed over in silence."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from muster import journal
from tests.engine.project import Project, reading
from tests.probes.web_servers import Listening, answering, json_answer, serving
from tests.push.servers import Told, pushing

CANARY = "canary-of-the-push"


def told_of(made: Project) -> list[dict[str, str]]:
    """What the journal says of the pushes of the last run."""
    return journal.read(made.out / "journal.jsonl").pushes


@pytest.fixture
def silent() -> Iterator[Listening]:
    """A server that takes requests and never answers."""

    def speak(_: Listening, connection: socket.socket) -> None:
        while connection.recv(4096):
            pass

    with serving(speak) as server:
        yield server


@pytest.mark.parametrize("value", [0, 1])
def test_a_server_that_refuses_is_told_everywhere_and_decides_nothing(tmp_path: Path, value: int) -> None:
    with answering(json_answer('{"message": "no room"}', status="503 Service Unavailable")) as server:
        made = pushing(tmp_path, {"alertmanager": {"url": server.url, "bearer": "env:TOKEN"}}, errors={"value": value})
        made.variables["TOKEN"] = CANARY

        said = made.run("--push")

    assert said.returncode == value
    assert "NOT PUSHED platform/sandbox to alertmanager: " in " ".join(said.stdout.split())
    assert "answered 503: no room" in " ".join(said.stdout.split())
    assert "answered 503" in told_of(made)[0]["failed"]
    assert "answered 503" in json.loads((made.out / "summary.json").read_text())["pushes"][0]["failed"]
    assert "not pushed" in (made.out / "summary.md").read_text()
    assert server.requests
    assert not any(CANARY in path.read_text(errors="replace") for path in made.out.rglob("*") if path.is_file())


def test_each_server_is_told_whatever_becomes_of_the_others(tmp_path: Path, told: Told, silent: Listening) -> None:
    push = {"alertmanager": [{"url": "http://127.0.0.1:9"}, {"url": told.url}, {"url": silent.url}], "pushgateway": {"url": "env:NOWHERE"}}
    made = pushing(tmp_path, push, errors={"value": 1})
    made.write("quick.py", "def pytest_configure(config):\n    import push.telling\n    push.telling.OVERALL = 2.0\n")

    said = made.run("--push", "-p", "quick")

    assert said.returncode == 1
    assert [(each["to"], bool(each["failed"])) for each in told_of(made)] == [
        ("alertmanager 1", True), ("alertmanager 2", False), ("alertmanager 3", True), ("pushgateway", True),
    ]  # fmt: skip
    assert set(told.alerts()) == {"test_reading_is_low errors violated"}


def test_a_bug_in_pushing_is_told_like_a_server_that_does_not_answer(tmp_path: Path) -> None:
    made = pushing(tmp_path, {"alertmanager": {"url": "http://127.0.0.1:9"}})
    made.write("bug.py", "def pytest_configure(config):\n    import push.alerts\n    push.alerts.firing = lambda *_: {}['a bug']\n")

    said = made.run("--push", "-p", "bug")

    assert said.returncode == 0
    assert "NOT PUSHED platform/sandbox to alertmanager: KeyError: 'a bug'" in said.stdout


@pytest.mark.parametrize(
    ("push", "arguments", "words"),
    [
        (None, [], "platform/sandbox has no `push:` that says where to"),
        ({"alertmanager": {"url": "http://a"}}, ["--replay", "observations.jsonl"], "leave one of them out"),
        ({}, [], "push to an alertmanager, a pushgateway, or both"),
        ({"alertmanager": {"url": "http://user:pass@a"}}, [], "sandbox.yaml:1"),
        ({"alertmanager": {"url": "http://a", "bearer": CANARY}}, [], "a literal secret"),
        ({"alertmanager": {"url": "http://169.254.169.254"}}, [], "never talked to"),
        ({"alertmanager": {"url": "http://a", "verify": False}}, [], "unknown key"),
        ({"alertmanager": {"url": "http://a"}, "expires": {"daily": "10s"}}, [], "an alert lasts for at least 5m"),
        ({"alertmanager": {"url": "http://a"}, "expires": {"hourly": "10m"}}, [], "push.expires"),
    ],
)
def test_what_cannot_be_used_is_refused_before_anything_is_looked_at(
    tmp_path: Path, push: dict[str, Any] | None, arguments: list[str], words: str
) -> None:
    made = pushing(tmp_path, {"pushgateway": {"url": "http://a"}})
    made.environment("platform/sandbox", [reading("errors")], **({} if push is None else {"push": push}))
    if arguments:
        made.write("observations.jsonl", "")

    said = made.run("--push", *arguments)

    assert said.returncode == 4
    assert words in said.stderr
    assert CANARY not in said.stderr + said.stdout
    assert made.looks() == []
