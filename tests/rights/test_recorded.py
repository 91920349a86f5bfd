"""deploy/rbac-readonly.yaml grants exactly what a run of all checks, recorded at the server, has used."""

import re
from typing import Any
from urllib.parse import unquote

import pytest
import yaml

from tests.rights.guarded import REVIEWS, ROOT, Guarded

DOCUMENTS = [each for each in yaml.safe_load_all((ROOT / "deploy" / "rbac-readonly.yaml").read_text()) if each]
ROLE: dict[str, Any] = next(each for each in DOCUMENTS if each["kind"] == "ClusterRole")
GRANTED = {
    (group, resource, verb)
    for rule in ROLE["rules"]
    for group in rule["apiGroups"]
    for resource in rule["resources"]
    for verb in rule["verbs"]
}
MORE = """
storage_classes: [{name: standard, connection: cluster, expect: {default: true}}]
"""
"""Kinds of entities that platform-service does not have, so that the recording shows every list that a probe may ask for."""


@pytest.fixture(scope="module")
def recorded(guarded: Guarded) -> list[dict[str, Any]]:
    """What a run of all checks, all of which hold, asked of the Kubernetes API."""
    guarded.become()
    assert "cluster_uid:" in guarded.text
    seen = guarded.run(more=MORE)
    assert seen.looked(), seen.output
    assert len(seen.holding()) > 100
    requests: list[dict[str, Any]] = guarded.facade.requests("kubernetes")
    return requests


def test_the_file_grants_all_that_a_run_uses_and_nothing_else(recorded: list[dict[str, Any]]) -> None:
    used = {
        (each["group"], each["resource"] + (f"/{each['subresource']}" if each["subresource"] else ""), each["verb"])
        for each in recorded
        if each.get("resource") not in {None, "secrets", *REVIEWS}
    }

    assert used - GRANTED == set(), "the code needs more than the file grants"
    assert GRANTED - used == set(), "the file grants more than any check uses"


def test_secrets_are_read_by_the_names_that_the_environment_allows(recorded: list[dict[str, Any]]) -> None:
    asked = [each for each in recorded if each.get("resource") == "secrets"]
    named = {each["name"] or re.search("metadata.name=([^,]*)", unquote(each["query"]))[1] for each in asked}  # type: ignore[index]

    assert {each["verb"] for each in asked} == {"get", "list"}
    assert named <= {"platform-secrets", "platform-secrets-new", "tls-cert"}
    assert named


def test_a_run_writes_nothing_and_nothing_is_refused_to_it(recorded: list[dict[str, Any]]) -> None:
    assert [each for each in recorded if each["mutating"] or each["status"] not in (200, 201, 404)] == []
    assert {each["method"] for each in recorded if each.get("resource") not in REVIEWS} == {"GET"}
    assert {each["verb"] for each in recorded if each.get("resource") in REVIEWS} == {"create"}


def test_what_needs_no_rule_is_discovery_and_reviews_of_ourselves(recorded: list[dict[str, Any]]) -> None:
    paths = {each["path"] for each in recorded if each.get("resource") is None}

    assert all(path.startswith(("/api", "/apis", "/version")) and path.count("/") <= 3 for path in paths), paths
