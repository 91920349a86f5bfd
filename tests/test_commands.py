"""`python -m muster`: what it prints, and what it exits with; and that generated files are up to date."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from muster.__main__ import main
from muster.reference import reference
from muster.schema import schema, waivers_schema

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def _here(monkeypatch):
    monkeypatch.chdir(ROOT)


def test_the_schema_for_editors_is_the_one_of_the_models():
    assert json.loads((ROOT / "environments" / "schema.json").read_text()) == schema(), "python -m muster schema > environments/schema.json"


def test_the_schema_of_waivers_is_the_one_of_the_models():
    known = json.loads((ROOT / "environments" / "waivers.schema.json").read_text())
    assert known == waivers_schema(), "python -m muster schema waivers > environments/waivers.schema.json"


def test_the_reference_is_the_one_of_the_models():
    assert (ROOT / "docs" / "reference.md").read_text() == reference(ROOT / "checks"), "python -m muster reference > docs/reference.md"


def test_explain_prints_an_environment(capsys):
    assert main(["explain", "--env", "platform-service/production"]) == 0

    printed = capsys.readouterr().out
    assert "platform-service/production (protected), owner team-platform" in printed
    assert "environments/platform-service/system.yaml:" in printed


def test_explain_of_nothing_lists_what_exists(capsys):
    assert main(["explain", "--env", "nowhere"]) == 4
    assert "platform-service/production" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["production", "sandbox"])
def test_every_environment_collects_offline(name):
    command = [sys.executable, "-m", "pytest", "checks", "--collect-only", "-q", "--env", f"platform-service/{name}"]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_row_of_every_runbook_is_bound_or_says_what_it_waits_for(capsys):
    assert main(["coverage"]) == 0
    assert "platform-service: " in capsys.readouterr().out


ROWS = """\
runbook: Book
rows:
  - {id: SHOP-1, heading: H, expects: a, check: CHECK, entity: ENTITY}
  - {id: SHOP-3, heading: H, expects: b, missing: waits for hosts}
"""


@pytest.fixture
def covered(tmp_path, capsys):
    folder = tmp_path / "environments" / "shop"
    folder.mkdir(parents=True)
    environment = {
        "system": "shop",
        "owner": "me",
        "connections": {"m": {"prometheus": {"url": "http://m"}}},
        "readings": [{"name": "errors", "connection": "m", "promql": "up", "expect": {"at_most": 1}}],
    }
    (folder / "staging.yaml").write_text(json.dumps(environment))

    def cover(check="test_reading_is_at_most", entity="errors", rows=ROWS):
        (folder / "runbook.yaml").write_text(rows.replace("CHECK", check).replace("ENTITY", entity))
        code = main(["coverage", "shop", "--environments", str(tmp_path / "environments")])
        return code, capsys.readouterr().out

    return cover


def test_a_runbook_elsewhere_may_do_without_faults_but_not_without_a_number(covered):
    code, printed = covered()

    assert (code, "SHOP-2  absent from runbook.yaml" in printed) == (1, True)
    assert "shop: 1 of 2 rows bound, 1 waiting" in printed


def test_a_complete_runbook_is_covered(covered):
    assert covered(rows=ROWS.replace("SHOP-3", "SHOP-2"))[0] == 0


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"check": "test_nothing"}, "unknown check test_nothing"),
        ({"entity": "eror"}, "no entity eror with the expectation at_most"),
        ({"check": "test_reading_is_above"}, "no entity errors with the expectation above"),
    ],
)
def test_a_row_that_leads_nowhere_is_wrong(covered, change, says):
    code, printed = covered(rows=ROWS.replace("SHOP-3", "SHOP-2"), **change)

    assert code == 1
    assert f"WRONG: {says}" in printed
