"""Faults that no runbook and no list of ours names, of the same families: they are seen too."""

from collections.abc import Callable

import pytest

from muster.verdicts import EXIT_HOLDS, Verdict
from sandbox.world import Trouble, World
from tests.proof import (
    families_buckets,
    families_cluster,
    families_databases,
    families_hosts,
    families_objects,
    families_redis,
    families_rights,
    families_servers,
)
from tests.proof.harness import Proof, Seen
from tests.proof.unlisted import Unlisted, together

MODULES = (
    families_cluster,
    families_objects,
    families_rights,
    families_servers,
    families_databases,
    families_hosts,
    families_redis,
    families_buckets,
)
FAMILIES = [unlisted for module in MODULES for unlisted in module.FAMILIES]


@pytest.fixture(scope="module")
def runs(proof: Proof) -> Callable[[Unlisted], Seen]:
    """The run with an unlisted fault."""
    return together(proof, FAMILIES)


@pytest.mark.parametrize("unlisted", FAMILIES, ids=lambda unlisted: unlisted.name.replace(" ", "-"))
def test_an_unlisted_fault_of_a_known_family_is_seen(runs: Callable[[Unlisted], Seen], unlisted: Unlisted) -> None:
    seen = runs(unlisted)
    assert unlisted.missed(seen) == "", seen.output
    assert [each.id for each in seen.results.values() if each.verdict is Verdict.UNKNOWN and "crashed" in each.reason] == []


def test_an_api_that_throttles_us_for_a_moment_is_asked_again(proof: Proof) -> None:
    def edit(world: World) -> None:
        assert world.cluster is not None
        world.cluster.trouble.append(Trouble("/api/v1/", status=429, retry_after=1, times=1))

    seen = proof.broken(edit)
    assert seen.not_holding() == {}
    assert seen.code == EXIT_HOLDS


def test_a_bucket_that_throttles_us_for_a_moment_is_asked_again(proof: Proof) -> None:
    def edit(world: World) -> None:
        world.buckets["platform-backups"].trouble.append(Trouble("/platform-backups", status=503, times=2))

    assert proof.broken(edit).not_holding() == {}


def test_the_list_of_that_proof_really_had_two_pages(proof: Proof) -> None:
    running = proof.platform.facade.running
    assert running is not None
    proof.broken(next(each.edit for each in FAMILIES if "second page" in each.name))
    running.clear_requests()
    proof.run()
    pages = [each["query"] for each in running.requests("kubernetes", path="/api/v1/namespaces/platform/pods")]
    assert len(pages) == 2
    assert "continue=" in pages[1]
