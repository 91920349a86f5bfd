"""What the engineer on call reads on the terminal, from real runs of a tiny project."""

import os
import pty
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from muster.text import cut, plain, span
from tests.engine.project import Project, project, reading

PROMETHEUS = {"error": "connection refused", "cause": "prometheus 10.0.0.9:9090", "hint": "is Prometheus running?"}
RUNBOOK = """
    runbook: Platform
    url: https://runbooks.example.com/platform.md
    rows:
      - {id: PLAT-01, heading: Daily / Morning Check, expects: no errors, check: test_reading_is_low, entity: errors}
"""


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Two environments in which something of everything is the case."""
    made = project(
        tmp_path_factory.mktemp("mixed"),
        errors={"value": 3, "note": "dead \x1b[31mletters\x1b[0m\nof queue orders"},
        later={"value": 9},
        orders=PROMETHEUS,
        traffic=PROMETHEUS,
        bug={"crash": "boom"},
        text={"value": "abc"},
    )
    never = {"never": {"days": "mon-sun", "from": "00:00", "to": "00:00", "zone": "UTC"}}
    readings = [
        reading("later", severity="P3"),
        reading("errors", severity="P0"),
        reading("orders", severity="P1", expect={"at_most": 5, "at_least": 1}),
        reading("traffic"),
        reading("bug"),
        reading("text"),
        reading("fine", expect={"at_most": 0, "at_least": {"off": "no lower bound here"}}),
        reading("gone", absent="not deployed here"),
        reading("night", during="never"),
        reading("gates", expect={"at_least": [0, {"limit": 2, "on": "gate"}]}),
    ]
    made.environment("platform/sandbox", readings, hours=never).environment("other/sandbox", [reading("fine")])
    return made.write("environments/platform/runbook.yaml", RUNBOOK)


@pytest.fixture(scope="module")
def said(mixed: Project) -> "subprocess.CompletedProcess[str]":
    return mixed.run()


def test_the_header_says_loudly_that_this_is_the_sandbox_and_what_is_not_checked(said: "subprocess.CompletedProcess[str]") -> None:
    assert "environment: platform/sandbox  SANDBOX - nothing real is looked at" in said.stdout
    assert "1 off, 1 absent" in said.stdout
    assert "absent gone: not deployed here" in said.stdout
    assert "off fine at_least: no lower bound here" in said.stdout


def test_the_header_names_what_is_protected_and_no_sandbox(tmp_path: Path) -> None:
    made = project(tmp_path).environment("platform/production", [reading("errors")], protected=True)
    said = made.run("--env", "platform/production").stdout
    assert "environment: platform/production  PROTECTED" in said
    assert "SANDBOX" not in said


def test_the_look_ends_with_one_line_that_counts_entities_once(said: "subprocess.CompletedProcess[str]") -> None:
    assert re.search(r"^looked at 9 entities in \d+\.\d s \(9 looks\), 3 unknown$", said.stdout, re.MULTILINE)


def test_a_violation_says_all_that_the_reader_needs_and_no_control_byte(said: "subprocess.CompletedProcess[str]") -> None:
    block = said.stdout.partition("P0 VIOLATED")[2].partition("\n\n")[0]
    assert block.splitlines() == [
        " platform/sandbox  errors: The value is low enough",
        "    expected <= 0, observed 3",
        r"    dead \x1b[31mletters\x1b[0m\nof queue orders",
        "    owner team-platform; new in this run; up",
        "    runbook: Daily / Morning Check (PLAT-01)",
        "      https://runbooks.example.com/platform.md#morning-check",
        "    next: look at the dashboard of this reading.",
    ]
    assert "\x1b" not in said.stdout


def test_violations_come_first_and_by_severity_then_unknowns(said: "subprocess.CompletedProcess[str]") -> None:
    heads = re.findall(r"^P\d (?:VIOLATED|UNKNOWN)", said.stdout, re.MULTILINE)
    assert heads == ["P0 VIOLATED", "P3 VIOLATED", "P1 UNKNOWN", "P2 UNKNOWN", "P2 UNKNOWN"]


def test_a_dead_source_is_one_headline_with_its_dependents(said: "subprocess.CompletedProcess[str]") -> None:
    assert said.stdout.count("connection refused") == 1
    block = said.stdout.partition("P1 UNKNOWN ")[2].partition("\n\n")[0]
    assert block.splitlines() == [
        "prometheus 10.0.0.9:9090 (3 checks could not be judged)",
        "    connection refused",
        "    not judged: orders (2), traffic",
        "    next: is Prometheus running?",
    ]


def test_a_hint_that_is_not_common_to_all_dependents_is_left_out(tmp_path: Path) -> None:
    made = project(tmp_path, orders={"error": "connection refused", "cause": "prometheus 10.0.0.9:9090"})
    made.environment("platform/sandbox", [reading("orders", expect={"at_most": 5, "at_least": 1})])
    assert "next:" not in made.run().stdout
    made.environment("platform/sandbox", [reading("orders")])
    assert "next: look at the dashboard of this reading." in made.run().stdout


def test_a_source_that_does_not_answer_is_no_crash(tmp_path: Path) -> None:
    made = project(tmp_path, errors=PROMETHEUS)
    assert "crash" not in made.run("-v").stdout
    assert not (made.out / "crashes.txt").exists()


def test_what_was_not_asked_is_counted_with_its_reason(said: "subprocess.CompletedProcess[str]") -> None:
    assert "not asked, outside never: night" in said.stdout
    assert "deselected, a limit for the gate: 1 check" in said.stdout


def test_each_environment_ends_in_a_line_of_counts_and_the_run_in_a_verdict(said: "subprocess.CompletedProcess[str]") -> None:
    assert "\nplatform/sandbox: 2 violated, 5 unknown, 2 hold, 1 not asked, 0 not run\n" in said.stdout
    assert "\nother/sandbox: 0 violated, 0 unknown, 1 hold, 0 not asked, 0 not run\n" in said.stdout
    assert "verdict: VIOLATED, exit code 1 (SANDBOX: nothing real was looked at)" in said.stdout
    assert said.returncode == 1


def test_pytests_own_sections_are_gone_and_a_crash_can_still_be_diagnosed(mixed: Project, said: "subprocess.CompletedProcess[str]") -> None:
    for section in ("FAILURES", "ERRORS", "short test summary", "Traceback (most recent"):
        assert section not in said.stdout
    crashes = (mixed.out / "crashes.txt").read_text()
    assert "RuntimeError: boom" in crashes
    assert "TypeError" in crashes
    assert "measured.value <= limit" in crashes


def test_verbose_shows_each_verdict_and_the_traceback_of_a_crash(mixed: Project) -> None:
    said = mixed.run("-v").stdout
    assert re.search(r"test_reading_is_low\[platform/sandbox/errors\] VIOLATED", said)
    assert re.search(r"test_reading_is_low\[platform/sandbox/traffic\] UNKNOWN", said)
    assert "RuntimeError: boom" in said


def test_a_module_that_does_not_import_is_shown_and_exits_4(tmp_path: Path) -> None:
    said = project(tmp_path).write("checks/daily/test_bad.py", "import missing_module\n").run()
    assert "No module named 'missing_module'" in said.stdout
    assert said.returncode == 4


def test_when_all_holds_one_calm_line_says_how_much_was_looked_at(tmp_path: Path) -> None:
    said = project(tmp_path, errors={"value": 0, "looked_at": 12, "of": "queues"}).run()
    assert "Everything asked holds: 1 check of 1 entity; looked at 12 queues." in said.stdout
    assert "verdict: HOLDS, exit code 0" in said.stdout


def test_a_violation_that_an_earlier_run_saw_says_since_when(tmp_path: Path) -> None:
    made = project(tmp_path, errors={"value": 1})
    assert "new in this run" in made.run().stdout
    assert re.search(r"owner team-platform; since \d{4}-\d\d-\d\d \d\d:\d\d UTC \(", made.run().stdout)


def test_a_replay_says_that_nothing_is_looked_at_now(tmp_path: Path) -> None:
    made = project(tmp_path, errors={"value": 1})
    made.run()
    saved = made.out.joinpath("observations.jsonl").rename(tmp_path / "saved.jsonl")
    said = made.run("--replay", str(saved)).stdout
    assert "nothing is looked at now" in said
    assert "judging 1 saved observation" in said
    assert made.looks() == ["platform/sandbox/readings/errors"]


def test_an_interrupted_look_says_what_was_not_looked_at(tmp_path: Path) -> None:
    made = project(tmp_path, slow={"sleep": 60}, quick={"value": 0})
    made.environment("platform/sandbox", [reading("quick"), reading("slow")])
    process = subprocess.Popen(made.command(), cwd=tmp_path, env=made.process_environment(), stdout=subprocess.PIPE, text=True)
    try:
        while len(made.looks()) < 2 and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)[0]
    finally:
        process.kill()
    assert process.returncode == 2
    assert "not looked at: measured|platform/sandbox/readings/slow" in said
    assert "platform/sandbox: 0 violated, 0 unknown, 0 hold, 0 not asked, 2 not run" in said


def on_a_terminal(made: Project, *arguments: str) -> str:
    """What a run writes onto a terminal."""
    outer, inner = pty.openpty()
    process = subprocess.Popen(made.command(*arguments), cwd=made.folder, env={**made.process_environment(), "TERM": "xterm"}, stdout=inner)
    os.close(inner)
    read = bytearray()
    try:
        while chunk := os.read(outer, 65536):
            read += chunk
    except OSError:  # a terminal whose last writer has gone ends with EIO
        pass
    finally:
        os.close(outer)
        process.wait(timeout=60)
    return read.decode()


def test_a_terminal_shows_a_bar_that_is_erased_and_colours(tmp_path: Path) -> None:
    made = project(tmp_path, slow={"sleep": 0.3}, errors={"value": 1, "note": "\x1b]0;owned\x07"})
    made.environment("platform/sandbox", [reading("errors", severity="P0"), reading("slow")])
    said = on_a_terminal(made)
    assert "\rlooking [" in said
    _, _, after = said.rpartition("\rlooking [")
    assert re.match(r"[#.]{30}\] 2/2 *\r *\rlooked at 2 entities", after), repr(after[:200])
    assert re.search(r"\x1b\[31m.*P0 VIOLATED", said)
    assert "\x1b]0;owned" not in said


def test_without_a_terminal_there_is_no_bar(said: "subprocess.CompletedProcess[str]") -> None:
    assert "looking [" not in said.stdout
    assert "\r" not in said.stdout


@pytest.mark.parametrize(
    ("raw", "shown"), [("\x1b[2J", r"\x1b[2J"), ("a\u202eb", r"a\u202eb"), ("\ud800", r"\ud800"), ("naïve ✓", "naïve ✓"), ("a\nb", r"a\nb")]
)
def test_plain_text_shows_what_would_act_on_a_terminal(raw: str, shown: str) -> None:
    assert plain(raw) == shown


def test_a_long_text_is_cut_and_says_how_long_it_is() -> None:
    assert cut("x" * 500, 40) == "x" * (40 - len("... (500 characters)")) + "... (500 characters)"
    assert cut("short", 40) == "short"


@pytest.mark.parametrize(("seconds", "said"), [(0.04, "0.0 s"), (119, "119.0 s"), (720, "12 min"), (7200, "2 h"), (259200, "3 days")])
def test_a_span_is_said_in_its_largest_fitting_unit(seconds: float, said: str) -> None:
    assert span(seconds) == said
