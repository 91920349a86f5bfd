"""Each rule of the engine is switched off in turn, and some proof must notice: a rule that nothing would miss is not guarded."""

import pytest

from muster.verdicts import Verdict
from sandbox.faults import find
from tests.proof.groups import wrong
from tests.proof.harness import Proof, Seen
from tests.proof.mutations import MUTATIONS, Mutation
from tests.proof.tables import NOTICED, Note
from tests.proof.test_families import FAMILIES

RULES = range(1, 10)
"""Seven rules of what is seen, and two about time."""


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name.replace(" ", "-"))
def test_a_rule_that_is_switched_off_is_noticed(proof: Proof, record_property: Note, mutation: Mutation) -> None:
    noticed = [f"{name}: {how}" for name in mutation.proofs if (how := _noticed(proof, mutation, name))]
    record_property(NOTICED, [mutation.name, mutation.rule, noticed[0] if noticed else "NOBODY: it survived"])
    assert noticed


def _noticed(proof: Proof, mutation: Mutation, name: str) -> str:
    """How the proof of a fault, or of an unlisted one, turns red; empty when it stays green."""
    unlisted = next((each for each in FAMILIES if each.name == name), None)
    if unlisted is not None:
        return unlisted.missed(_seen(proof, mutation, unlisted.edit))
    fault = find(name).fault
    return wrong(fault, _seen(proof, mutation, fault.edit))


def _seen(proof: Proof, mutation: Mutation, edit) -> Seen:
    """The run without the rule. It must be a run: a mutation that breaks every probe would prove nothing."""
    seen = proof.broken(edit, mutation=mutation.name)
    assert [each.id for each in seen.results.values() if each.verdict is Verdict.UNKNOWN and "probe" in each.cause] == []
    assert any(each.verdict is Verdict.HOLDS for each in seen.results.values())
    return seen


def test_every_rule_has_a_mutation() -> None:
    assert {int(mutation.rule.split()[0]) for mutation in MUTATIONS} == set(RULES)
