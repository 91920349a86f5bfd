"""A second look around what is violated needs no right that the first does not have, and writes nothing either."""

from typing import Any

import pytest

from muster.verdicts import EXIT_VIOLATED
from sandbox.faults import find
from tests.rights.guarded import REVIEWS, Guarded
from tests.rights.test_recorded import GRANTED

FAULTS = ("crash-loop", "errors-burst", "lock-chain", "backlog-long", "cache-evicts", "database-certificate-expires-soon", "health-503")


@pytest.fixture(scope="module")
def followed(guarded: Guarded) -> tuple[list[dict[str, Any]], dict[str, list[str]]]:
    """What a run around many faults asked of the Kubernetes API, and what it said around each entity."""
    guarded.become(*(find(name).fault.edit for name in FAULTS))
    seen = guarded.run("checks/daily")
    assert seen.code == EXIT_VIOLATED, seen.output
    said = {each["entity"].partition("/guarded/")[2]: each["lines"] for each in seen.events("follow_up")}
    return guarded.facade.requests("kubernetes"), said


def test_every_kind_of_entity_was_looked_at_again_and_let_us(followed: tuple[list[dict[str, Any]], dict[str, list[str]]]) -> None:
    _, said = followed
    kinds = {each.partition("/")[0] for each in said}
    assert {"workloads", "logs", "databases", "redis_queues", "redis_servers", "endpoints", "certificates"} <= kinds
    assert {entity: lines for entity, lines in said.items() if any("could not look" in line for line in lines)} == {}


def test_the_role_file_grants_it(followed: tuple[list[dict[str, Any]], dict[str, list[str]]]) -> None:
    asked, _ = followed
    used = {
        (each["group"], each["resource"] + (f"/{each['subresource']}" if each["subresource"] else ""), each["verb"])
        for each in asked
        if each.get("resource") not in {None, "secrets", *REVIEWS}
    }
    assert used - GRANTED == set()
    assert [each for each in asked if "previous=true" in each["query"]]
    assert [each for each in asked if each["mutating"] or each["status"] == 403] == []
