"""Which verdict wins, and what the process exits with."""

import pytest

from muster.verdicts import Verdict, exit_code, merged

V = Verdict


@pytest.mark.parametrize(
    ("verdicts", "whole"),
    [
        ([V.HOLDS, V.VIOLATED, V.UNKNOWN], V.VIOLATED),
        ([V.HOLDS, V.UNKNOWN, V.WAIVED], V.UNKNOWN),
        ([V.HOLDS, V.NOT_RUN], V.NOT_RUN),
        ([V.HOLDS, V.WAIVED], V.WAIVED),
        ([V.HOLDS, V.NOT_ASKED], V.HOLDS),
        ([], V.NOT_RUN),
    ],
)
def test_the_worst_verdict_wins_and_nothing_is_not_green(verdicts, whole):
    assert merged(verdicts) is whole


@pytest.mark.parametrize(
    ("status", "verdicts", "code"),
    [
        (0, [V.HOLDS], 0),
        (0, [V.HOLDS, V.NOT_ASKED], 0),
        (1, [V.VIOLATED, V.UNKNOWN], 1),
        (1, [V.HOLDS, V.UNKNOWN], 10),
        (0, [V.HOLDS, V.NOT_RUN], 10),
        (1, [V.HOLDS], 10),
        (5, [], 5),
        (0, [], 5),
        (0, [V.NOT_ASKED], 5),
        (4, [V.VIOLATED], 4),
        (2, [V.VIOLATED], 2),
        (3, [V.HOLDS], 3),
    ],
)
def test_the_exit_code_says_the_gravest_thing_that_applies(status, verdicts, code):
    assert exit_code(status, verdicts) == code
