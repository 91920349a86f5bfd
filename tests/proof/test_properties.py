"""What must be true of every look, whatever is seen: properties, over saved observations and over a world that is broken or healthy.

Replayed observations are judged by the same checks as a look, so that an example costs a fraction of one.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.kubernetes import client
from fixtures.once import forget
from muster import journal
from muster.connections import Kubernetes
from muster.probes import begin
from muster.verdicts import Verdict
from sandbox.faults import find
from sandbox.world import Trouble, World
from tests.proof.harness import SYSTEM, Proof, Seen

BROKEN = (
    *("pod-not-ready", "service-without-endpoints", "rollback-impossible", "job-failed", "node-disk-pressure", "quota-full"),
    *("probe-flaps", "pod-cpu-hot", "errors-burst", "health-503", "audit-export-empty", "lock-chain", "dead-rows", "statistics-stale"),
    *("error-share-high", "volume-full", "counter-frozen", "target-down"),
)
"""Faults of many kinds at once, so that there is much that could turn green by mistake."""
MINIMA = ("enough_pods_are_ready", "service_has_ready_endpoints", "rollback_has_a_target", "export_has_rows")
"""Checks of a smallest count that this world violates."""
MAY_HOLD = {"test_resources_lack_a_bad_condition"}
"""Of nothing: where an entity says `allow_empty`."""
ORDERED = ("chain", "hops")
"""Lists in which the order means something."""
MAPPINGS = ("by_service", "by_node", "changed", "capacity")
"""Fields that hold things by name."""
COUNTS = ("looked_at", "records", "measured")
"""Fields that say of how much."""
EXAMPLES = settings(max_examples=8, deadline=None)
Entry = dict[str, Any]


@pytest.fixture(scope="module")
def broken(proof: Proof) -> Seen:
    """One look at a world that is broken in many places."""
    seen = proof.broken(*(find(f"{SYSTEM}/{name}").fault.edit for name in BROKEN))
    assert len(seen.not_holding()) > len(BROKEN)
    return seen


@pytest.fixture(scope="module", params=["healthy", "broken"])
def live(request: pytest.FixtureRequest, proof: Proof) -> Seen:
    """A look at a healthy world, and one at a broken one."""
    found: Seen = proof.broken() if request.param == "healthy" else request.getfixturevalue("broken")
    return found


@pytest.fixture(scope="module")
def looked(proof: Proof, live: Seen) -> Seen:
    """The same, judged again as every example below is: without memory of earlier looks."""
    return replace(replayed(proof, live, lambda _entry: None), reports=live.reports)


def replayed(proof: Proof, seen: Seen, edit: Callable[[Entry], None]) -> Seen:
    """What the checks say of the observations of an earlier look, each of which `edit` may change."""
    entries = [json.loads(line) for line in (seen.reports / "observations.jsonl").read_text().splitlines()]
    for entry in entries:
        edit(entry)
    file = proof.folder / "replayed.jsonl"
    file.write_text("".join(f"{json.dumps(entry)}\n" for entry in entries))
    after = proof.run(replay=file)
    assert set(after.results) == set(seen.results), after.output
    return after


def verdicts(seen: Seen) -> dict[str, Verdict]:
    return {name: each.verdict for name, each in seen.results.items()}


def test_a_replay_says_what_the_look_said_but_for_what_needs_an_earlier_look(live: Seen, looked: Seen) -> None:
    other = {name for name, verdict in verdicts(live).items() if looked.results[name].verdict is not verdict}
    assert {looked.results[name].verdict for name in other} <= {Verdict.UNKNOWN}
    assert len(other) < 10


def test_what_cannot_be_reached_makes_nothing_greener_and_changes_nothing_else(proof: Proof, looked: Seen) -> None:
    @EXAMPLES
    @given(st.randoms(use_true_random=False), st.floats(0.02, 0.9))
    def holds(random: Random, share: float) -> None:
        lost: set[str] = set()

        def lose(entry: Entry) -> None:
            if random.random() < share:
                lost.add(entry["key"])
                entry.pop("value", None)
                entry["error"] = {"reason": "it does not answer", "cause": "the network", "hint": "look at the network"}

        after = replayed(proof, looked, lose).results
        touched = {name for name, each in looked.results.items() if lost & set(each.observations)}
        assert {after[name].verdict for name in touched} <= {Verdict.UNKNOWN}
        assert [name for name, each in looked.results.items() if name not in touched and after[name].verdict is not each.verdict] == []

    holds()


def test_an_api_that_refuses_some_lists_makes_nothing_greener(proof: Proof, broken: Seen) -> None:
    paths = (
        "/api/v1/namespaces",
        "/api/v1/nodes",
        "/apis/apps",
        "/apis/batch",
        "/apis/autoscaling",
        "/apis/metrics.k8s.io",
        "/apis/policy",
    )
    ways = ({"status": 403}, {"status": 500}, {"reset": True})

    @settings(EXAMPLES, max_examples=4)
    @given(st.lists(st.tuples(st.sampled_from(paths), st.sampled_from(ways)), min_size=1, max_size=4))
    def holds(troubles: list[tuple[str, dict[str, Any]]]) -> None:
        def refuse(world: World) -> None:
            assert world.cluster is not None
            world.cluster.trouble += [Trouble(path, **how) for path, how in troubles]

        edits = (find(f"{SYSTEM}/{name}").fault.edit for name in BROKEN)
        after = verdicts(proof.broken(*edits, refuse))
        greener = [name for name, each in broken.results.items() if each.verdict is not Verdict.HOLDS and after[name] is Verdict.HOLDS]
        assert greener == []
        assert Verdict.UNKNOWN in after.values()

    holds()


def test_fewer_things_never_satisfy_a_minimum(proof: Proof, broken: Seen) -> None:
    minima = [name for name, each in broken.results.items() if each.check.removeprefix("test_") in MINIMA]
    violated = [name for name in minima if broken.results[name].verdict is Verdict.VIOLATED]
    assert len(violated) >= len(MINIMA)

    @EXAMPLES
    @given(st.randoms(use_true_random=False), st.floats(0.1, 1.0))
    def holds(random: Random, share: float) -> None:
        def remove(entry: Entry) -> None:
            value = entry.get("value", {})
            for name, things in value.items():
                if isinstance(things, list) and things and isinstance(things[0], dict):
                    kept = [each for each in things if random.random() > share]
                    value["looked_at"] = max(0, value["looked_at"] - len(things) + len(kept))
                    value[name] = kept

        after = replayed(proof, broken, remove).results
        assert [name for name in violated if after[name].verdict is Verdict.HOLDS] == []

    holds()


def test_a_look_that_finds_nothing_at_all_lets_nothing_hold(proof: Proof, looked: Seen) -> None:
    lists: set[str] = set()

    def empty(entry: Entry) -> None:
        value = entry.get("value", {})
        if isinstance(value.get("rows"), list):
            lists.add(entry["key"])
        for name, things in value.items():
            if isinstance(things, list) or name in MAPPINGS:
                value[name] = type(things)()
            elif name in COUNTS:
                value[name] = 0

    after = replayed(proof, looked, empty)
    listed = [each for each in after.results.values() if each.observations and set(each.observations) <= lists]
    assert len(listed) > 20
    assert {each.check for each in listed if each.verdict is Verdict.HOLDS} <= MAY_HOLD


def test_the_order_of_what_is_seen_changes_nothing(proof: Proof, looked: Seen) -> None:
    @EXAMPLES
    @given(st.randoms(use_true_random=False))
    def holds(random: Random) -> None:
        def shuffle(entry: Entry) -> None:
            for name, things in entry.get("value", {}).items():
                if isinstance(things, list) and name not in ORDERED:
                    random.shuffle(things)

        assert verdicts(replayed(proof, looked, shuffle)) == verdicts(looked)

    holds()


def test_the_order_in_which_a_platform_knows_its_things_changes_nothing(proof: Proof, broken: Seen) -> None:
    def shuffle(world: World) -> None:
        random = Random(7)
        assert world.cluster is not None
        assert world.metrics is not None
        random.shuffle(world.cluster.objects)
        random.shuffle(world.metrics.series)
        random.shuffle(world.metrics.rules[0]["rules"])
        world.metrics.targets = dict(random.sample(list(world.metrics.targets.items()), len(world.metrics.targets)))

    edits = (find(f"{SYSTEM}/{name}").fault.edit for name in BROKEN)
    assert verdicts(proof.broken(*edits, shuffle)) == verdicts(broken)


def test_neither_the_size_nor_the_number_of_pages_changes_a_list(proof: Proof, monkeypatch: pytest.MonkeyPatch) -> None:
    proof.broken()
    source = Kubernetes.model_validate({"kubeconfig": proof.platform.addresses["SANDBOX_KUBECONFIG"], "namespace": "platform"})

    def listed(page: int, kind: str) -> list[str]:
        monkeypatch.setattr(client, "PAGE", page)
        forget()
        begin(60)
        return sorted(json.dumps(item, sort_keys=True) for item in client.listing(source, kind).items)

    whole = {kind: listed(500, kind) for kind in ("pods", "replicasets", "services")}
    assert [len(items) > 1 for items in whole.values()] == [True] * len(whole)

    @EXAMPLES
    @given(st.integers(1, 6), st.sampled_from(sorted(whole)))
    def holds(page: int, kind: str) -> None:
        assert listed(page, kind) == whole[kind]

    holds()


def test_a_run_that_was_killed_has_said_the_beginning_of_what_it_would_have_said(live: Seen, tmp_path: Path) -> None:
    written = (live.reports / "journal.jsonl").read_bytes()
    whole, file = journal.results(live.reports / "journal.jsonl"), tmp_path / "journal.jsonl"
    ends = [number + 1 for number, byte in enumerate(written) if byte == 10]
    assert len(whole) == len(live.results)

    def read(size: int) -> int:
        file.write_bytes(written[:size])
        said = journal.results(file)
        assert said == whole[: len(said)]
        return len(said)

    assert read(0) == 0
    assert read(len(written)) == read(len(written) - 1) == len(whole)

    @settings(EXAMPLES, max_examples=60)
    @given(st.integers(0, len(written)) | st.sampled_from(ends) | st.sampled_from(ends).map(lambda end: end - 1))
    def holds(size: int) -> None:
        complete = sum(end <= size for end in ends)
        assert read(size) == sum(b'"event": "verdict"' in line for line in written[:size].splitlines()[:complete])

    holds()
