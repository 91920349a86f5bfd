"""The night call and the morning digest from outside, each with a sandbox of its own."""

import json
import subprocess
import sys
from pathlib import Path

from muster import journal, values
from tests.proof.harness import ROOT, without_sandbox


def run(reports: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """One run of pytest with these arguments, to its end."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--reports", str(reports), *arguments]
    return subprocess.run(command, cwd=ROOT, env=without_sandbox(), capture_output=True, text=True, timeout=300, check=False)


def test_an_exhausted_pool_is_told_with_every_value_and_what_to_do(tmp_path: Path) -> None:
    done = run(tmp_path, "checks", "--alert", "DatabaseConnectionPoolExhausted", "--fault", "connections-nearly-exhausted")
    assert done.returncode == 1, done.stdout
    said = done.stdout
    parts = ["ALERT DatabaseConnectionPoolExhausted", "P0 VIOLATED platform-db", "of 47 connections of the server", "looked again:",
             "idle of platform", "RUNBOOK Troubleshooting / Database Connection Issues", "DATABASE_POOL_SIZE", "HOLDS"]  # fmt: skip
    places = [said.find(part) for part in parts]
    assert -1 not in places, said
    assert places == sorted(places), said
    held = said.partition("HOLDS")[2]
    for value in ("idle transactions 0 (<= 0)", "DATABASE_POOL_SIZE 20", "last rollout 3d", "took", "active-connections"):
        assert value in held, said
    folders = {Path(each.node.partition("::")[0]).parent.name for each in journal.results(tmp_path / "journal.jsonl")}
    assert {"daily", "gate"} <= folders
    assert "restore_drill" not in folders
    narrow = [each.text for each in values.page(journal.read(tmp_path / "journal.jsonl"), 45)]
    assert len(narrow) < 80
    assert [line for line in narrow if len(line) > 45 and " " in line.strip()] == []


def test_when_all_holds_the_digest_is_one_line_that_says_how_much_was_looked_at(tmp_path: Path) -> None:
    done = run(tmp_path, "checks/daily", "--digest")
    assert done.returncode == 0, done.stdout
    (line,) = [line for line in done.stdout.splitlines() if "All holds: " in line]
    assert " checks of " in line
    data = json.loads((tmp_path / "digest.json").read_text())
    assert data["entries"] == []
    assert " bytes" in data["looked"]
    assert "no earlier run of platform-service/sandbox is remembered" in data["notes"][0]
