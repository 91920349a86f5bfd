"""What pytest calls skipped, deselected or empty is never a green run: a check that reached no verdict says so."""

from pathlib import Path
from typing import Any

import pytest

from muster.verdicts import EXIT_CONFIGURATION, EXIT_UNKNOWN, Verdict
from tests.engine.agreement import agree
from tests.engine.project import CHECKS, PLUGINS, project, reading

BODY = "    assert measured.value <= limit\n"
MARKED = '@pytest.mark.expects("at_most")\n'
HOOK = """
import pytest

def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.skip(reason="not today"))
"""
WAYS = {
    "mark": ("checks/daily/test_readings.py", CHECKS.replace(MARKED, f'{MARKED}@pytest.mark.skip(reason="not today")\n')),
    "condition": ("checks/daily/test_readings.py", CHECKS.replace(MARKED, f'{MARKED}@pytest.mark.skipif(True, reason="not today")\n')),
    "call": ("checks/daily/test_readings.py", CHECKS.replace(BODY, f'    pytest.skip("not today")\n{BODY}')),
    "xfail": ("checks/daily/test_readings.py", CHECKS.replace(MARKED, f'{MARKED}@pytest.mark.xfail(reason="not today", run=False)\n')),
    "hook": ("conftest.py", f"pytest_plugins = {list(PLUGINS)!r}\n{HOOK}"),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_run_whose_checks_are_all_skipped_is_not_green(tmp_path: Path, way: str) -> None:
    path, text = WAYS[way]
    made = project(tmp_path, errors={"value": 0}).write(path, text)
    run = made.run()
    assert run.returncode == EXIT_UNKNOWN, run.stdout
    assert "hold" in run.stdout
    assert "Everything asked holds" not in run.stdout
    assert set(agree(made.out).values()) <= {Verdict.UNKNOWN.value, Verdict.NOT_RUN.value}


def test_an_expected_failure_does_not_hide_a_violation(tmp_path: Path) -> None:
    text = CHECKS.replace(MARKED, f'{MARKED}@pytest.mark.xfail(reason="known")\n')
    made = project(tmp_path, errors={"value": 9}).write("checks/daily/test_readings.py", text)
    assert made.run().returncode != 0
    assert set(agree(made.out).values()) == {Verdict.VIOLATED.value}


@pytest.mark.parametrize("sections", [{"readings": []}, {"readings": [], "workloads": []}, {"readings": [reading("x", absent="not here")]}])
def test_an_environment_whose_lists_are_empty_is_not_green(tmp_path: Path, sections: dict[str, Any]) -> None:
    made = project(tmp_path).environment("platform/sandbox", sections["readings"], **{k: v for k, v in sections.items() if k != "readings"})
    run = made.run()
    assert run.returncode in (EXIT_CONFIGURATION, pytest.ExitCode.NO_TESTS_COLLECTED), run.stdout
    assert "hold" not in run.stdout


def test_a_check_that_lost_its_parametrisation_is_refused(tmp_path: Path) -> None:
    text = CHECKS.replace(MARKED, '@pytest.mark.parametrize("limit", [])\n')
    made = project(tmp_path).write("checks/daily/test_readings.py", text)
    assert made.run().returncode == EXIT_CONFIGURATION
