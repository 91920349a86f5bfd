"""What is remembered between runs, and what is made of it."""

import json

import pytest

from muster.state import FORGOTTEN_AFTER, KEPT, State, StateError
from muster.verdicts import Result, Verdict

DAY = 86400.0


def result(verdict, at, value=None):
    return Result("shop", "staging", "test_x", "web", "", "node", verdict, "P1", "me", "title", at=at, value=value)


def remembered(folder, *runs):
    """A state after these runs, each of which is (results, facts) and a process of its own."""
    for number, (results, facts) in enumerate(runs):
        State(folder).remember(results, {"shop/staging": facts}, f"run-{number}")
    return State(folder)


def test_a_verdict_is_known_since_the_first_run_that_reached_it(tmp_path):
    state = remembered(
        tmp_path,
        ([result(Verdict.HOLDS, 10)], {}),
        ([result(Verdict.VIOLATED, 20)], {}),
        ([result(Verdict.VIOLATED, 30)], {}),
    )

    assert state.since(result(Verdict.VIOLATED, 40)) == 20
    assert state.since(result(Verdict.HOLDS, 40)) == 40


def test_what_was_not_asked_or_not_run_changes_nothing(tmp_path):
    state = remembered(
        tmp_path, ([result(Verdict.HOLDS, 10)], {}), ([result(Verdict.NOT_ASKED, 20)], {}), ([result(Verdict.NOT_RUN, 30)], {})
    )

    assert state.since(result(Verdict.HOLDS, 40)) == 10


def test_values_are_kept_with_their_times_and_not_for_ever(tmp_path):
    remembered(tmp_path, *(([result(Verdict.HOLDS, at, value=at * 2)], {}) for at in range(KEPT + 5)))

    values = json.loads((tmp_path / "shop" / "staging.json").read_text())["results"]["test_x[shop/staging/web]"]["values"]

    assert values == [[at, at * 2] for at in range(5, KEPT + 5)]


def test_facts_are_a_history_of_each(tmp_path):
    state = remembered(tmp_path, ([], {"restarts/a": (10, 1)}), ([], {"restarts/a": (20, 3), "restarts/b": (20, 0)}))

    assert state.history("shop/staging") == {"restarts/a": [(10, 1), (20, 3)], "restarts/b": [(20, 0)]}
    assert state.history("shop/production") == {}


def test_the_past_of_a_world_stands_in_place_of_what_other_runs_saw(tmp_path):
    remembered(tmp_path, ([result(Verdict.HOLDS, 10)], {"size": (10, 1), "other": (10, 2)}))
    state = State(tmp_path)
    state.suppose("shop/staging", {"size": [(5, 7)]})
    state.remember([], {"shop/staging": {"size": (20, 8)}}, "run")

    assert State(tmp_path).history("shop/staging") == {"size": [(5, 7), (20, 8)]}
    assert State(tmp_path).since(result(Verdict.HOLDS, 30)) == 10


def test_of_a_fact_that_does_not_change_the_first_and_the_last_moment_are_kept(tmp_path):
    state = remembered(tmp_path, *(([], {"size": (at, 5 if at < 50 else 6)}) for at in range(10, 80, 10)))

    assert state.history("shop/staging")["size"] == [(10, 5), (40, 5), (50, 6), (70, 6)]


def test_a_fact_that_is_not_seen_again_is_forgotten(tmp_path):
    state = remembered(tmp_path, ([], {"gone": (0, 1), "old": (DAY, 1)}), ([], {"new": (FORGOTTEN_AFTER + DAY, 1)}))

    assert set(state.history("shop/staging")) == {"old", "new"}


@pytest.mark.parametrize("text", ["", "{torn", "[]", '{"schema": 1}', '{"schema": 99, "results": {}, "facts": {}}'])
def test_a_file_that_cannot_be_trusted_is_refused_by_name(tmp_path, text):
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "staging.json").write_text(text)

    with pytest.raises(StateError, match=r"shop/staging.json: .*move it away"):
        State(tmp_path).load(["shop/staging"])
