"""deploy/iam-readonly.json grants exactly what a run of all checks, recorded at the server of the buckets, has used."""

import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import parse_qs

import pytest

from sandbox.worlds.platform_service.buckets import NAME, POLICY, granted
from tests.rights.guarded import Guarded

STATEMENTS: list[dict[str, Any]] = json.loads(POLICY.read_text())["Statement"]
TO_EVERYBODY = {"sts:GetCallerIdentity"}
"""What takes no right."""


@pytest.fixture(scope="module")
def recorded(guarded: Guarded) -> list[dict[str, Any]]:
    """What a run of all checks of the bucket, all of which hold, asked of it while it enforced the actions of the policy."""
    guarded.become()
    running = guarded.platform.buckets.running
    assert running is not None
    running.clear_requests()
    seen = guarded.run("-k", "stored or bucket")
    assert seen.unknown() == [], seen.output
    assert len(seen.holding()) == 14
    requests: list[dict[str, Any]] = running.requests()
    return requests


def test_the_policy_grants_all_that_a_run_uses_and_nothing_else(recorded: list[dict[str, Any]]) -> None:
    used = {each["action"] for each in recorded} - TO_EVERYBODY

    assert used - set(granted()) == set(), "the code needs more than the policy grants"
    assert set(granted()) - used == set(), "the policy grants more than any check uses"


def test_every_request_lies_within_resource_and_condition(recorded: list[dict[str, Any]]) -> None:
    asked = [each for each in recorded if each["action"] not in TO_EVERYBODY]

    assert asked
    assert [each for each in asked if not any(_lies_in(each, statement) for statement in STATEMENTS)] == []


def _lies_in(each: dict[str, Any], statement: dict[str, Any]) -> bool:
    resource = f"arn:aws:s3:::{each['path'].strip('/')}"
    (prefix,) = parse_qs(each["query"]).get("prefix", [""])
    wanted = statement.get("Condition", {}).get("StringLike", {}).get("s3:prefix", ["*"])
    inside = any(fnmatchcase(resource, known) for known in statement["Resource"])
    return each["action"] in statement["Action"] and inside and any(fnmatchcase(prefix, known) for known in wanted)


def test_a_run_writes_nothing_and_nothing_is_refused_to_it(recorded: list[dict[str, Any]]) -> None:
    assert {each["method"] for each in recorded} == {"GET", "HEAD"}
    assert {each["status"] for each in recorded} == {200}
    assert {each["agent"].partition(" ")[0] for each in recorded} == {"muster"}


def test_the_list_is_read_once_for_all_checks(recorded: list[dict[str, Any]]) -> None:
    assert [each["action"] for each in recorded].count("s3:ListBucket") == 1
    assert [each["action"] for each in recorded].count("sts:GetCallerIdentity") == 1


def _statements(effect: str) -> Iterator[str]:
    yield from (action for each in STATEMENTS if each["Effect"] == effect for action in each["Action"])


def test_the_policy_names_every_action_and_one_bucket() -> None:
    assert not [action for action in _statements("Allow") if "*" in action]
    assert {resource.split(":::")[1].partition("/")[0] for each in STATEMENTS for resource in each["Resource"]} == {NAME}
    assert {each["Effect"] for each in STATEMENTS} == {"Allow"}
