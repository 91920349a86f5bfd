"""The house rules that a machine can watch: who imports whom, what a check looks like, how large things grow."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from muster.coverage import find_checks
from muster.kinds import SECTIONS, every, kind_of

ROOT = Path(__file__).parents[1]
OURS = {"muster", "fixtures", "checks", "sandbox", "tests", "drill", "push"}
MAY_IMPORT = {
    "muster": {"muster"},
    "fixtures": {"muster", "fixtures"},
    "checks": {"muster", "fixtures", "checks"},
    "drill": {"muster", "fixtures", "drill"},
    "push": {"muster", "fixtures", "push"},
    "sandbox": {"sandbox"},
}
SOURCES = {"kubernetes", "requests", "psycopg", "boto3", "botocore", "testinfra", "aiohttp", "cryptography", "redis", "zstandard", "moto"}
DRILLS = Path("checks/restore_drill")
"""The only checks that may import `drill`."""
CHECKS = find_checks(ROOT / "checks")


def modules(folder):
    return sorted((ROOT / folder).rglob("*.py"))


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0]


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_each_folder_imports_only_what_lies_below_it(folder):
    wrong = {str(path.relative_to(ROOT)): found for path in modules(folder) if (found := set(imported(path)) & OURS - allowed(path))}

    assert wrong == {}


def allowed(path):
    folder = path.relative_to(ROOT).parts[0]
    return MAY_IMPORT[folder] | ({"drill"} if path.is_relative_to(ROOT / DRILLS) else set())


def test_checks_of_other_folders_do_not_get_at_what_writes_through_those_of_drills():
    others = [path for path in modules("checks") if not path.is_relative_to(ROOT / DRILLS)]
    names = {node.module or "" for path in others for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)}

    assert [name for name in names if name.startswith("checks.restore_drill")] == []


def test_no_source_client_is_imported_before_a_check_needs_it():
    plugins = ast.literal_eval(ast.parse((ROOT / "conftest.py").read_text()).body[1].value)
    program = f"""
import importlib, sys
wanted = {plugins} + ["drill.judged", "drill.observed", "drill.plugin"]
for name in wanted:
    module = importlib.import_module(name)
    wanted += getattr(module, "pytest_plugins", [])
    wanted += [each for source in getattr(module, "SOURCES", ()) for each in module.modules(source)]
print(*sorted(set(sys.modules) & {SOURCES}))
"""

    loaded = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)

    assert loaded.stdout.split() == []


def test_the_stand_in_for_buckets_is_imported_in_its_own_process_alone():
    found = {str(path.relative_to(ROOT)) for folder in (*MAY_IMPORT, "tests") for path in modules(folder) if "moto" in imported(path)}

    assert found == {"sandbox/services/bucket_moto.py"}


def function_of(check):
    return next(node for node in ast.parse(check.module.read_text()).body if isinstance(node, ast.FunctionDef) and node.name == check.name)


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_a_check_is_one_comparison_with_its_limit(check):
    _, *body = function_of(check).body

    assert len(body) == 1
    statement = body[0]
    assert isinstance(statement, ast.Assert)
    assert isinstance(statement.test, ast.Compare)
    assert len(statement.test.ops) == 1
    assert not any(isinstance(node, ast.Call) for node in ast.walk(statement))
    sides = [ast.unparse(side) for side in (statement.test.left, statement.test.comparators[0])]
    assert "limit" in sides
    sides.remove("limit")
    assert sides[0].partition(".")[0] in [argument.arg for argument in function_of(check).args.args]


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_a_check_has_a_title_and_says_what_to_look_at_next(check):
    documentation = ast.get_docstring(function_of(check)) or ""

    assert documentation.partition("\n")[0].endswith(".")
    assert "Next: " in documentation


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_a_check_names_an_expectation_that_a_kind_has(check):
    assert any(check.expectation in kind.expectations() for kind in every())


def test_every_kind_stands_in_the_section_that_it_names():
    assert {section: kind_of(section).section for section in SECTIONS} == {section: section for section in SECTIONS}


def test_every_expectation_of_every_kind_has_a_check():
    judged = {check.expectation for check in CHECKS.values()}
    wanted = {name for kind in every() for name in kind.expectations()}

    assert wanted - judged == set()


def test_no_two_checks_share_a_name():
    names = [
        node.name
        for path in modules("checks")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]

    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("folder", ["muster", "fixtures", "checks", "drill", "push", "sandbox"])
def test_no_file_grows_over_300_lines(folder):
    long = {str(path.relative_to(ROOT)): lines for path in modules(folder) if (lines := len(path.read_text().splitlines())) > 300}

    assert long == {}


def test_conftest_is_a_list_of_plugins_and_nothing_else():
    body = ast.parse((ROOT / "conftest.py").read_text()).body

    assert [type(node) for node in body] == [ast.Expr, ast.Assign]


def test_only_push_and_the_history_ask_for_a_grant_to_write():
    places = {
        "Alertmanager alerts": "push/outlets.py",
        "Pushgateway metrics": "push/outlets.py",
        "history object": "fixtures/aws/history.py",
    }
    found = {
        operation: str(path.relative_to(ROOT))
        for folder in MAY_IMPORT
        for path in modules(folder)
        for operation in places
        if f'permit("{operation}"' in path.read_text()
    }

    assert found == places


def test_the_root_conftest_alone_loads_what_pushes():
    importing = [str(path) for folder in MAY_IMPORT for path in modules(folder) if folder != "push" and "push" in imported(path)]

    assert importing == []
