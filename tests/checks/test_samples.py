"""Every check has been seen to hold and to fail: one sample of each kind, in `samples_*.py` beside this file."""

import inspect
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

from muster.coverage import find_checks

ROOT = Path(__file__).parents[2]
CHECKS = find_checks(ROOT / "checks")
Sample = dict[str, object]
SAMPLES: dict[str, tuple[Callable[..., None], Sample, Sample]] = {
    check.__name__: (check, *pair)
    for path in sorted(Path(__file__).parent.glob("samples_*.py"))
    for check, pair in import_module(f"tests.checks.{path.stem}").SAMPLES.items()
}


def test_there_are_checks_and_samples():
    assert CHECKS
    assert SAMPLES


@pytest.mark.parametrize("name", CHECKS)
def test_a_check_has_a_sample_that_holds_and_one_that_violates(name):
    check, holds, violates = SAMPLES[name]

    assert set(holds) == set(violates) == set(inspect.signature(check).parameters)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_belongs_to_a_check(name):
    assert name in CHECKS


@pytest.mark.parametrize("name", SAMPLES)
def test_the_holding_sample_holds(name):
    check, holds, _ = SAMPLES[name]

    check(**holds)


@pytest.mark.parametrize("name", SAMPLES)
def test_the_violating_sample_violates(name):
    check, _, violates = SAMPLES[name]

    with pytest.raises(AssertionError):
        check(**violates)
