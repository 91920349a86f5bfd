"""Rounds, controls and goals, without anything that is really measured."""

from collections.abc import Callable, Iterator, Sequence

import pytest

from tests.bench.rounds import REPEATS, ROUNDS, Benchmark, Goal, Measured, Ran, measure, share, times


def always(seconds: float, verdicts: object = "fine") -> Callable[[], Ran]:
    return lambda: Ran(seconds, verdicts)


def each(seconds: Sequence[float], rest: float = 1.0) -> Callable[[], Ran]:
    """A variant that takes these seconds in turn, the first of them when it is warmed up."""
    left: Iterator[float] = iter(seconds)
    return lambda: Ran(next(left, rest), "fine")


def measured(*goals: Goal, rounds: int = ROUNDS, silent: tuple[str, ...] = (), **variants: Callable[[], Ran]) -> Measured:
    made = {"floor": always(0.1), "ours": always(1.0), "theirs": always(10.0), **variants}
    return measure(Benchmark("wave", "a wave", made, "floor", "theirs", goals, silent=silent), rounds)


def verdicts(result: Measured) -> list[str]:
    return [each.verdict for each in result.goals]


def test_a_goal_is_judged_by_the_median_of_the_ratios_of_each_round():
    ours = each([9.0, 1.0, 1.0, 1.0, 2.0, 5.0])
    result = measured(
        Goal("faster", times("ours", "theirs"), at_least=10), Goal("not that fast", times("ours", "theirs"), at_least=11), ours=ours
    )

    assert verdicts(result) == ["pass", "missed"]
    assert result.goals[0].ratios == (10.0, 10.0, 10.0, 5.0, 2.0)
    assert result.goals[0].median == 10.0


def test_the_first_round_warms_up_and_does_not_count():
    result = measured(Goal("share", share("ours", "theirs"), at_most=0.1), ours=each([99.0]))

    assert verdicts(result) == ["pass"]


def test_every_variant_begins_once_in_turn():
    begun: list[str] = []

    def noting(name: str) -> Callable[[], Ran]:
        return lambda: begun.append(name) or Ran(1.0, "fine")

    measured(**{name: noting(name) for name in ("floor", "ours", "theirs")}, rounds=2)

    assert begun == ["floor", "ours", "theirs", "ours", "theirs", "floor", "theirs", "floor", "ours"]


@pytest.mark.parametrize("control", ["floor", "theirs"])
def test_a_round_in_which_a_control_drifts_is_run_again(control):
    usual = {"floor": 0.1, "theirs": 10.0}[control]
    drifting = each([usual, usual, usual, 2 * usual, usual, usual], usual)
    result = measured(Goal("share", share("ours", "theirs"), at_most=0.1), **{control: drifting})

    assert (verdicts(result), result.repeated) == (["pass"], 1)


def test_what_passes_while_a_control_keeps_drifting_is_noisy_and_what_is_missed_stays_missed():
    drifting = each([1.0, 1.0, 9.0, 1.0, 9.0, 1.0, 9.0, 1.0, 9.0, 30.0, 3.0])
    result = measured(
        Goal("loose", share("ours", "theirs"), at_most=1.0), Goal("tight", share("ours", "theirs"), at_most=0.01), floor=drifting
    )

    assert result.repeated == REPEATS
    assert verdicts(result) == ["noisy", "missed"]


def test_only_controls_are_watched():
    result = measured(Goal("share", share("ours", "theirs"), at_most=1.0), ours=each([1.0, 1.0, 2.0, 3.0, 4.0, 5.0]))

    assert (verdicts(result), result.repeated) == (["pass"], 0)


def test_who_finds_out_something_else_is_wrong_however_fast():
    result = measured(
        Goal("fast", share("ours", "theirs"), at_most=1.0), ours=always(0.01, "all is well"), floor=always(0.1, None), silent=("floor",)
    )

    assert result.wrong == ("ours",)
    assert verdicts(result) == ["wrong"]


def test_a_verdict_that_changes_between_rounds_is_wrong():
    said = iter(["fine", "fine", "other"])
    result = measured(Goal("fast", share("ours", "theirs"), at_most=1.0), ours=lambda: Ran(1.0, next(said, "fine")))

    assert verdicts(result) == ["wrong"]


def test_variants_that_find_nothing_out_are_not_compared():
    nothing = dict.fromkeys(("floor", "ours", "theirs"), always(1.0, None))

    assert measured(silent=("floor", "ours", "theirs"), **nothing).wrong == ()


def test_a_goal_against_somebody_who_is_absent_is_absent():
    assert verdicts(measured(Goal("faster", times("ours", "nobody"), at_least=1, needs=("nobody",)))) == ["absent"]


def test_a_goal_without_a_limit_is_told():
    assert verdicts(measured(Goal("share", share("ours", "theirs")))) == ["told"]


def test_too_few_rounds_pass_nothing_but_may_miss():
    goals = (Goal("loose", share("ours", "theirs"), at_most=1.0), Goal("tight", share("ours", "theirs"), at_most=0.01))

    assert verdicts(measured(*goals, rounds=ROUNDS - 1)) == ["too few rounds", "missed"]
