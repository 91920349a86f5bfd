"""Checks that no row of platform-service's runbook needs are seen to fail as well: on its sandbox, with entities of their own."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from muster.verdicts import Verdict
from sandbox.world import World
from tests.proof.beside import cluster, data, hosts
from tests.proof.harness import ROOT, SYSTEM, Proof, Seen, proving
from tests.proof.unlisted import Unlisted, together

MODULES = (cluster, hosts, data)
FAULTS = [fault for module in MODULES for fault in module.FAULTS]


def prepared(world: World) -> None:
    """What all modules need of a healthy world."""
    for module in MODULES:
        module.prepare(world)


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proof]:
    """All checks of an environment that holds these entities and nothing else."""
    folder = tmp_path_factory.mktemp("environments")
    sandbox = yaml.safe_load((ROOT / "environments" / SYSTEM / "sandbox.yaml").read_text())
    made = {"system": SYSTEM, "owner": "team-platform", "connections": sandbox["connections"]}
    for module in MODULES:
        made["connections"] |= module.CONNECTIONS
        for section, entities in module.ENTITIES.items():
            made.setdefault(section, []).extend(entities)
    (folder / SYSTEM).mkdir()
    (folder / SYSTEM / "sandbox.yaml").write_text(json.dumps(made))
    with proving(Path(tmp_path_factory.mktemp("beside")), "checks", "--environments", str(folder)) as proof:
        yield proof


@pytest.fixture(scope="module")
def seen(beside: Proof) -> Callable[[Unlisted], Seen]:
    """The run with a fault, or with several that leave each other alone."""
    return together(beside, FAULTS, prepared)


def test_all_of_it_holds_while_nothing_is_broken(beside: Proof) -> None:
    healthy = beside.broken(prepared)

    assert healthy.not_holding() == {}, healthy.output
    assert healthy.results


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name.replace(" ", "-"))
def test_a_fault_beside_the_runbook_is_seen(seen: Callable[[Unlisted], Seen], fault: Unlisted) -> None:
    found = seen(fault)

    assert fault.missed(found) == "", found.output
    assert [each.id for each in found.results.values() if each.verdict is Verdict.UNKNOWN and "crashed" in each.reason] == []
