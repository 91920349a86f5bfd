"""A drill as a whole: what it leaves in reports, the same judged again, and how it is asked for."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from drill.lease import parse
from muster.state import State
from tests.drill.runs.declared import drill, shop
from tests.drill.runs.harness import ROOT, Drills, Ran

PROCESS = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]


def pytest_run(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """A run as a person starts it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SANDBOX_")} | {"COLUMNS": "300"} | variables
    return subprocess.run([*PROCESS, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240, check=False)


@pytest.fixture(scope="module")
def whole(sandboxed: Drills) -> Ran:
    """A drill of a good backup."""
    return sandboxed.run("plain")


def test_a_drill_of_a_good_backup_holds_and_is_remembered(whole: Ran) -> None:
    assert whole.code == 0, whole.output
    assert whole.not_holding() == {}
    (line,) = (whole.reports / "drills.jsonl").read_text().splitlines()
    kept = json.loads(line)
    assert kept["verdict"] == "holds"
    assert kept["failed"] == []
    assert parse(kept["id"]) is not None
    assert kept["counts"] == {"public.orders": 12000, "public.audit_events": 1096, "public.refunds": 30, "public.schema_migrations": 42}
    assert len(kept["artefact"]["sha256"]) == 64
    assert set(kept["phases"]) == {"sweep", "find", "create", "restore", "schema", "contents", "remove", "source"}
    outside = sum(kept["phases"][name] for name in ("sweep", "remove", "source"))
    assert kept["took"] == pytest.approx(sum(kept["phases"].values()) - outside)
    assert kept["restored"] > kept["size"] > 0
    assert State(whole.reports / "state").history(kept["environment"])["drill/plain"] == [(kept["ended"], 1.0)]


def test_a_saved_drill_is_judged_again_with_the_same_verdicts_and_restores_nothing(sandboxed: Drills, tmp_path: Path) -> None:
    broken = sandboxed.run("asked", do=(("bug_at", "drill.contents:counts"),))  # something of every verdict
    saved = str(broken.reports / "observations.jsonl")
    where = ("--environments", str(sandboxed.environments), "--env", "shop/test", "-k", "asked or sound or broken or wrong or without")
    done = pytest_run("checks/restore_drill", "--replay", saved, "--reports", str(tmp_path), *where)
    again = Ran(done.returncode, tmp_path)
    assert again.code == broken.code == 1, done.stdout
    assert {name: each.verdict for name, each in again.results.items()} == {name: each.verdict for name, each in broken.results.items()}
    assert set(map(str, again.not_holding().values())) == {"violated", "unknown"}
    assert again.events() == []
    assert not (tmp_path / "drills.jsonl").exists()


def test_a_drill_that_nobody_asked_for_is_refused_and_left_out_of_larger_runs(tmp_path: Path, sandboxed: Drills) -> None:
    where = ("--environments", str(sandboxed.environments), "--env", "shop/test", "--reports", str(tmp_path))
    alone = pytest_run("checks/restore_drill", *where)
    assert alone.returncode == 4
    assert "checks/restore_drill really restores backups, into the environment's scratch place: say --drill" in alone.stderr
    listed = pytest_run("checks/restore_drill", "--collect-only", "-q", *where)
    assert listed.returncode == 0, listed.stdout  # and without an address of anything
    assert "test_restored_tables_hold_their_rows[shop/test/plain]" in listed.stdout
    larger = pytest_run("checks/daily/test_backups.py", "checks/restore_drill", *where, **sandboxed.variables)
    assert "deselected" in larger.stdout
    reasons = {
        event["reason"]
        for event in map(json.loads, (tmp_path / "journal.jsonl").read_text().splitlines())
        if event["event"] == "deselected"
    }
    assert reasons == {"it restores backups, and nobody said --drill"}
    assert {each.node.partition("::")[0] for each in Ran(0, tmp_path).all()} == {"checks/daily/test_backups.py"}


def test_the_gate_has_nothing_to_do_with_drills() -> None:
    listed = pytest_run("checks", "-m", "gate", "--collect-only", "-q")
    assert listed.returncode == 0
    assert "restore_drill" not in listed.stdout
    assert "checks/gate" in listed.stdout


Change = tuple[tuple[str | int, ...], object]
WRONG: dict[str, tuple[Change, str, str]] = {
    "no scratch": ((("scratch",), {}), "drills[asked].scratch", "no scratch has this name; there are: none (got drills)"),
    "no such backup": ((("drills", 0, "backup"), "hourly"), "drills[asked].backup", "no backup has this name"),
    "a live that is none": ((("drills", 0, "live"), "here"), "drills[asked].live", "a postgresql connection is needed"),
    "somebody else's login": (
        (("scratch", "drills", "postgresql", "user"), "postgres"),
        "scratch.drills.postgresql",
        "a drill has an identity of its own, whose name begins with muster_drill",
    ),
    "a claim that ends before the drill": (
        (("scratch", "drills", "ttl"), "30s"),
        "drills[asked].scratch",
        "its ttl, 30s, ends before a drill of 1m",
    ),
    "no place": ((("scratch", "drills"), {"room": "1GiB"}), "scratch.drills", "a scratch place is a postgresql server or a folder"),
    "rows of nothing": ((("drills", 0, "newest"), {}), "drills[asked]", "newest_row needs newest"),
    "no application": ((("drills", 0, "expect", "application_answers"), 200), "drills[asked]", "application_answers needs application"),
    "an application elsewhere": (
        (("drills", 0, "application"), {"command": ["run"], "url": "https://shop.internal/"}),
        "drills[asked].application.url",
        "pattern",
    ),
    "no reference": ((("drills", 0, "references"), ["orders -> users"]), "drills[asked].references", "schema.table.column"),
    "a reading of no drill": ((("readings", 0, "drill"), "weekly"), "readings[sound].drill", "no drill has this name; there are: asked"),
    "a reading with a connection": ((("readings", 0, "connection"), "database"), "readings[sound]", "in: restored needs sql and drill"),
    "a reading at another time": ((("readings", 0, "cadence"), "daily"), "readings[sound]", "is judged with its drill"),
}
"""What is written where, instead of what is right; the path that is told, and the rule."""


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_with_a_drill_is_told_with_its_place(tmp_path: Path, what: str) -> None:
    from muster.environment import load_environment
    from muster.yamlfile import ConfigError

    ((*steps, last), value), path, said = WRONG[what]
    document = shop("http://127.0.0.1:9/health")
    document["drills"] = [drill("asked")]
    document["scratch"] = {"drills": document["scratch"]["drills"]}
    place: Any = document
    for step in steps:
        place = place[step]
    place[last] = value
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "test.yaml").write_text(json.dumps(document, indent=1))
    with pytest.raises(ConfigError) as raised:
        load_environment(tmp_path / "shop", "test", Path("shop"))
    told = str(raised.value)
    assert said in told
    assert path in told
    assert told.startswith("shop/test.yaml:")


def test_no_password_is_told_to_anybody(sandboxed: Drills, tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    sandboxed.admin("alter system set log_statement = 'all'", "alter system set log_connections = on", "select pg_reload_conf()")
    try:
        where = ("--environments", str(sandboxed.environments), "--env", "shop/test", "-k", "answering", "--reports", str(tmp_path / "out"))
        (sandboxed.folder / "home" / "mode").write_text("ill")
        program = f"""
import os, secrets, sys, pytest
made = secrets.token_urlsafe
def kept(length):
    secret = made(length)
    with open({str(secrets)!r}, "a") as file:
        file.write(secret + "\\n")
    return secret
secrets.token_urlsafe = kept
sys.exit(pytest.main(sys.argv[1:]))
"""
        variables = {**os.environ, **sandboxed.variables}
        command = [sys.executable, "-c", program, "checks/restore_drill", "--drill", "-p", "no:cacheprovider", *where]
        done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=240, check=False)
    finally:
        sandboxed.admin("alter system reset log_statement", "alter system reset log_connections", "select pg_reload_conf()")
    assert done.returncode == 1, done.stdout + done.stderr
    log = sandboxed.scratch._log.read_text(errors="replace")
    assert "create role" in log
    known = {*secrets.read_text().split(), sandboxed.variables["SANDBOX_SCRATCH_PASSWORD_MUSTER_DRILL"]}
    assert len(known) == 2
    files = [file for file in (tmp_path / "out").rglob("*") if file.is_file()]
    assert {"journal.jsonl", "observations.jsonl", "junit.xml", "drills.jsonl"} <= {file.name for file in files}
    assert any("allure-results" in str(file) for file in files)
    texts = {"stdout": done.stdout, "stderr": done.stderr, "server log": log} | {
        str(file): file.read_text(errors="replace") for file in files
    }
    assert [name for name, text in texts.items() for secret in known if secret in text] == []
    assert "***" in texts["stdout"]
