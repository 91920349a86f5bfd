"""A run that is killed after any event can be completed, and then all reports agree about what it had judged."""

import json
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from muster.__main__ import main
from tests.engine.agreement import agree
from tests.engine.project import PLUGINS, Project, project, reading

RUNS = """
import json, os, signal, sys
import pytest
from muster import journal

write, count = journal.append, 0

def run(signal_name, number):
    \"\"\"A run that signals itself after its journal's line `number`.\"\"\"
    def append(file, run, event, fields):
        global count
        write(file, run, event, fields)
        count += 1
        if count == number:
            os.kill(os.getpid(), getattr(signal, signal_name))
    journal.append = append
    os._exit(int(pytest.main(["-q", "-p", "no:cacheprovider", "-k", "not left-out", "--reports", f"out/{signal_name}-{number}"])))

pytest.main(["-q", "--collect-only", "-p", "no:cacheprovider"])  # imports once, for all
for line in sys.stdin:
    output = os.open("said.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    pid = os.fork()
    if not pid:
        os.dup2(output, 1)
        run(*json.loads(line))
    os.close(output)
    print(json.dumps(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])), file=sys.stderr, flush=True)
"""
CHECK = '''
import allure
import pytest


@pytest.mark.expects("at_most")
def test_reading_is_low(measured, limit):
    """The value is low enough"""
    allure.attach("by hand", "note")
    assert measured.value <= limit
'''
AROUND = '''
from muster.follow_up import follow_up
from muster.kinds.readings import Reading


@follow_up(Reading)
def around(reading):
    """A line"""
    yield f"around {reading.id}"
'''


@dataclass
class Killed:
    """A run that was told to end after line `number` of its journal."""

    signal: str
    number: int
    code: int
    out: Path

    def lines(self) -> list[dict[str, object]]:
        """Its journal."""
        return [json.loads(line) for line in (self.out / "journal.jsonl").read_text().splitlines()]

    def fallen(self) -> list[tuple[str, str]]:
        """Ids and verdicts in the order in which they fell."""
        return [(str(each["id"]), str(each["verdict"])) for each in self.lines() if each["event"] == "verdict"]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with something of everything."""
    made = project(
        tmp_path_factory.mktemp("killed"),
        violated={"value": 3},
        unknown={"error": "connection refused", "cause": "prometheus"},
        crash={"crash": "boom"},
    )
    never = {"never": {"days": "mon-sun", "from": "00:00", "to": "00:00", "zone": "UTC"}}
    names = ("crash", "fine", "left-out", "unknown", "violated")
    readings = [reading(each) for each in names] + [reading("night", during="never")]
    made.environment("platform/sandbox", readings, hours=never).environment("other/sandbox", [reading("fine")])
    made.write("fixtures/around.py", AROUND).write("conftest.py", f"pytest_plugins = {[*PLUGINS, 'fixtures.around']!r}\n")
    return made.write("checks/daily/test_readings.py", CHECK)


@pytest.fixture(scope="module")
def runs(tiny: Project) -> dict[str, list[Killed]]:
    """The run that nobody kills, and by signal one for each event of its journal."""
    process = subprocess.Popen(
        [sys.executable, "-c", RUNS], cwd=tiny.folder, env=tiny.process_environment(),
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stderr is not None

    def run(name: str, number: int) -> Killed:
        process.stdin.write(json.dumps([name, number]) + "\n")
        process.stdin.flush()
        return Killed(name, number, int(process.stderr.readline()), tiny.folder / "out" / f"{name}-{number}")

    with process:
        whole = run("SIGKILL", 0)
        count = len(whole.lines())
        made = {name: [run(name, number) for number in range(1, count + 1)] for name in ("SIGKILL", "SIGTERM")}
        process.stdin.close()
    return {"nobody": [whole], **made}


def test_the_whole_run_has_every_kind_of_event_and_its_reports_agree(runs: dict[str, list[Killed]]) -> None:
    (whole,) = runs["nobody"]
    events = [each["event"] for each in whole.lines()]
    assert (events[0], events[-1]) == ("run", "end")
    assert set(events) == {"run", "history", "planned", "deselected", "earlier", "looked", "verdict", "added", "follow_up", "end"}
    assert set(agree(whole.out).values()) == {"violated", "unknown", "holds", "not asked"}
    assert whole.code == 1


def test_what_kill_9_leaves_after_any_event_is_finalised(runs: dict[str, list[Killed]], capsys: pytest.CaptureFixture[str]) -> None:
    (whole,) = runs["nobody"]
    plan = [str(each["id"]) for each in whole.lines() if each["event"] == "planned"]
    before = [each["event"] for each in whole.lines()].index("planned")
    for killed in runs["SIGKILL"]:
        assert killed.code == -signal.SIGKILL
        fell, ended = killed.fallen(), killed.lines()[-1]["event"] == "end"
        assert fell == whole.fallen()[: len(fell)]

        code = main(["finalise", "--reports", str(killed.out)])

        said = agree(killed.out)
        assert capsys.readouterr().out.startswith(f"run {killed.lines()[0]['run']} ")
        assert {key: verdict for key, verdict in said.items() if verdict != "not run"} == dict(fell)
        assert list(said) == plan[: max(0, killed.number - before)]
        assert code == (1 if ended or "violated" in said.values() else 10)
        assert killed.lines()[-1]["exit"] == code
        followed = any(each["event"] == "follow_up" for each in killed.lines())
        assert ("around violated" in (killed.out / "junit.xml").read_text()) is followed


def test_a_second_finalise_changes_nothing(runs: dict[str, list[Killed]]) -> None:
    killed = runs["SIGKILL"][-3]
    first = main(["finalise", "--reports", str(killed.out)])
    before = {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in killed.out.rglob("*") if file.is_file()}

    again = main(["finalise", "--reports", str(killed.out)])

    assert again == first
    assert {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in killed.out.rglob("*") if file.is_file()} == before


def test_a_run_that_is_told_to_end_does_so_in_order_whenever_that_is(runs: dict[str, list[Killed]]) -> None:
    (whole,) = runs["nobody"]
    for told in runs["SIGTERM"]:
        said = agree(told.out)
        fell = told.fallen()
        assert fell == whole.fallen()[: len(fell)]
        complete = len(fell) == len(whole.fallen())
        assert told.code == (1 if complete and told.number == len(whole.lines()) else 2), told
        assert told.lines()[-1]["event"] == "end"
        assert told.lines()[-1]["exit"] == told.code
        assert {key for key, verdict in said.items() if verdict != "not run"} == {key for key, _ in fell}
