"""Faults that no runbook and no list of ours names, of the same families: they are seen too."""

import pytest

from muster.verdicts import EXIT_HOLDS, Verdict
from sandbox.world import Trouble, World
from tests.proof import families_cluster, families_servers
from tests.proof.harness import Proof, told
from tests.proof.unlisted import Unlisted

FAMILIES = (*families_cluster.FAMILIES, *families_servers.FAMILIES)


@pytest.mark.parametrize("unlisted", FAMILIES, ids=lambda unlisted: unlisted.name.replace(" ", "-"))
def test_an_unlisted_fault_of_a_known_family_is_seen(proof: Proof, unlisted: Unlisted) -> None:
    seen = proof.broken(unlisted.edit)
    found = seen.not_holding()
    assert {name: found.get(name) for name in unlisted.checks} == dict.fromkeys(unlisted.checks, unlisted.verdict), seen.output
    said = [told(each) for name in unlisted.checks for each in seen.named(name)]
    assert any(unlisted.tells in each for each in said), said
    assert [name for name in unlisted.holds if name in found] == []
    assert [each.id for each in seen.results.values() if each.verdict is Verdict.UNKNOWN and "crashed" in each.reason] == []


def test_an_api_that_throttles_us_for_a_moment_is_asked_again(proof: Proof) -> None:
    def edit(world: World) -> None:
        assert world.cluster is not None
        world.cluster.trouble.append(Trouble("/api/v1/", status=429, retry_after=1, times=1))

    seen = proof.broken(edit)
    assert seen.not_holding() == {}
    assert seen.code == EXIT_HOLDS


def test_the_list_of_that_proof_really_had_two_pages(proof: Proof) -> None:
    running = proof.platform.facade.running
    assert running is not None
    proof.broken(next(each.edit for each in FAMILIES if "second page" in each.name))
    running.clear_requests()
    proof.run()
    pages = [each["query"] for each in running.requests("kubernetes", path="/api/v1/namespaces/platform/pods")]
    assert len(pages) == 2
    assert "continue=" in pages[1]
