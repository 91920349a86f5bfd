"""The engine from outside: what a run plans, asks, concludes, writes and exits with."""

import json
import signal
import subprocess

import pytest

from muster.verdicts import Verdict
from tests.engine.project import project, reading

HOLDS = {"value": 0}
VIOLATES = {"value": 7}
UNREACHABLE = {"error": "the connection is refused", "cause": "prometheus 10.0.0.1:9090", "hint": "is it running?"}


def events(made):
    return [json.loads(line) for line in (made.out / "journal.jsonl").read_text().splitlines()]


def verdicts(made):
    return {result.entity: result.verdict for result in made.results().values()}


@pytest.mark.parametrize(
    ("seen", "verdict", "code"),
    [
        (HOLDS, Verdict.HOLDS, 0),
        (VIOLATES, Verdict.VIOLATED, 1),
        (UNREACHABLE, Verdict.UNKNOWN, 10),
        ({"crash": "a bug"}, Verdict.UNKNOWN, 10),
        ({"value": None}, Verdict.UNKNOWN, 10),
        ({"value": 0, "looked_at": 0, "note": "no series is named errors"}, Verdict.VIOLATED, 1),
    ],
    ids=["holds", "violates", "unreachable", "probe crashes", "check crashes", "nothing was looked at"],
)
def test_each_kind_of_answer_has_its_verdict_and_exit_code(tmp_path, seen, verdict, code):
    made = project(tmp_path, errors=seen)

    done = made.run()

    assert done.returncode == code, done.stdout + done.stderr
    assert verdicts(made) == {"errors": verdict}


def test_nothing_looked_at_is_accepted_only_where_the_environment_says_so(tmp_path):
    made = project(tmp_path, errors={"value": 0, "looked_at": 0}).environment("platform/sandbox", [reading("errors", allow_empty=True)])

    assert made.run().returncode == 0


def test_violated_wins_over_unknown(tmp_path):
    made = project(tmp_path, a=UNREACHABLE, b=VIOLATES).environment("platform/sandbox", [reading("a"), reading("b")])

    assert made.run().returncode == 1
    assert verdicts(made) == {"a": Verdict.UNKNOWN, "b": Verdict.VIOLATED}


def test_a_result_says_what_was_expected_observed_and_by_whom(tmp_path):
    made = project(tmp_path, errors={**VIOLATES, "seen": "prometheus on 10.0.0.1", "of": "series"})
    made.run()

    result = made.results()["test_reading_is_low[platform/sandbox/errors]"]

    assert (result.expected, result.observed, result.value) == ("<= 0", "7", 7)
    assert (result.what, result.title) == ("measured.value", "The value is low enough")
    assert (result.owner, result.severity, result.seen, result.looked_at) == ("team-platform", "P2", "prometheus on 10.0.0.1", "1 series")
    assert result.next == "look at the dashboard of this reading."


def test_a_value_that_holds_is_kept_too(tmp_path):
    made = project(tmp_path, errors={"value": -3})
    made.run()

    assert next(iter(made.results().values())).value == -3


def test_the_plan_is_written_before_the_first_probe_and_names_the_deselected(tmp_path):
    made = project(tmp_path).environment("platform/sandbox", [reading("alpha"), reading("beta")])
    made.run("-k", "alpha")

    written = [event["event"] for event in events(made)]

    assert written == ["run", "history", "planned", "deselected", "earlier", "looked", "verdict", "end"]
    assert [event["reason"] for event in events(made) if event["event"] == "deselected"] == ["not selected by -m or -k"]


def test_a_narrow_selection_narrows_the_look(tmp_path):
    made = project(tmp_path).environment("platform/sandbox", [reading("alpha"), reading("beta")])

    made.run("-k", "alpha")

    assert made.looks() == ["platform/sandbox/readings/alpha"]


def test_one_observation_serves_every_check_that_reads_it(tmp_path):
    made = project(tmp_path).environment("platform/sandbox", [reading("errors", expect={"at_most": 0, "at_least": 0})])

    made.run()

    assert len(made.results()) == 2
    assert len(made.looks()) == 1


@pytest.mark.parametrize("option", ["--collect-only", "--setup-plan"])
def test_collecting_looks_at_nothing(tmp_path, option):
    made = project(tmp_path)

    assert made.run(option).returncode == 0
    assert made.looks() == []


def test_several_environments_are_judged_side_by_side(tmp_path):
    made = project(tmp_path, **{"platform/a/errors": HOLDS, "platform/b/errors": VIOLATES})
    made.environment("platform/a", [reading("errors")]).environment("platform/b", [reading("errors")])

    assert made.run("--env", "platform").returncode == 1
    assert {result.environment: result.verdict for result in made.results().values()} == {"a": Verdict.HOLDS, "b": Verdict.VIOLATED}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--env", "nowhere"], "--env nowhere matches no environment; there are: platform/sandbox"),
        (["--environments", "elsewhere"], "no environment file"),
        (["-m", "gaet"], "no marker is named gaet"),
        (["--replay", "absent.jsonl"], "absent.jsonl"),
        (["-p", "many", "--many", "2"], "leave -n out"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_sentence_before_anything_is_looked_at(tmp_path, arguments, says):
    made = project(tmp_path)
    made.write("many.py", "def pytest_addoption(parser):\n    parser.addoption('--many', '-N', dest='numprocesses')\n")

    done = made.run(*arguments)

    assert done.returncode == 4
    assert says in done.stderr
    assert made.looks() == []


def test_a_state_file_that_cannot_be_read_is_exit_4_and_left_alone(tmp_path):
    made = project(tmp_path).write("reports/out/state/platform/sandbox.json", "{torn")

    done = made.run()

    assert done.returncode == 4
    assert "reports/out/state/platform/sandbox.json: not a state file" in done.stderr
    assert (made.out / "state" / "platform" / "sandbox.json").read_text() == "{torn"


def test_a_broken_environment_file_is_exit_4_with_file_line_and_rule(tmp_path):
    made = project(tmp_path).write("environments/platform/sandbox.yaml", "system: platform\nowner: me\nworkload: []\n")

    done = made.run()

    assert done.returncode == 4
    assert "environments/platform/sandbox.yaml:3:1: workload: unknown key; did you mean workloads?" in done.stderr


def test_an_environment_without_entities_is_never_green(tmp_path):
    made = project(tmp_path).environment("platform/sandbox", [])

    assert made.run().returncode == 5


def test_a_check_module_that_does_not_import_is_exit_4_and_the_others_run(tmp_path):
    made = project(tmp_path).write("checks/daily/test_broken.py", "import nothing_of_that_name\n")

    done = made.run()

    assert done.returncode == 4
    assert verdicts(made) == {"errors": Verdict.HOLDS}


@pytest.mark.parametrize("option", ["-x", "--collect-only"])
def test_a_check_module_that_does_not_import_is_exit_4_even_when_nothing_else_runs(tmp_path, option):
    made = project(tmp_path).write("checks/daily/test_broken.py", "import nothing_of_that_name\n")

    assert made.run(option).returncode == 4


def test_a_check_of_an_expectation_that_no_kind_has_is_exit_4(tmp_path):
    check = "import pytest\n\n@pytest.mark.expects('at_moost')\ndef test_x(measured, limit):\n    assert measured.value <= limit\n"
    made = project(tmp_path).write("checks/daily/test_typo.py", check)

    done = made.run()

    assert done.returncode == 4
    assert "which no kind of entity has" in done.stdout + done.stderr


def test_a_planned_check_without_a_verdict_is_not_run_and_not_green(tmp_path):
    made = project(tmp_path, a=HOLDS).environment("platform/sandbox", [reading("a"), reading("b")])
    made.write("conftest_stop.py", "import pytest\n\ndef pytest_runtest_teardown(item):\n    item.session.shouldstop = 'enough'\n")

    done = made.run("-p", "conftest_stop")

    assert len(made.results()) == 1
    assert done.returncode in (2, 10)


def test_an_error_in_a_teardown_turns_a_green_check_unknown(tmp_path):
    check = """
    import pytest

    @pytest.fixture
    def cleaning():
        yield
        raise RuntimeError("left something behind")

    @pytest.mark.expects("at_most")
    def test_cleans_up(measured, limit, cleaning):
        assert measured.value <= limit
    """
    made = project(tmp_path).write("checks/daily/test_readings.py", check)

    assert made.run().returncode == 10
    assert verdicts(made) == {"errors": Verdict.UNKNOWN}


TWO_LIMITS = [{"limit": 5}, {"limit": 1, "on": "gate"}]


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [([], ["errors"]), (["-m", "gate"], ["errors:gate"]), (["-m", "not gate"], ["errors"])],
)
def test_each_occasion_has_its_limit(tmp_path, arguments, asked):
    made = project(tmp_path, errors={"value": 0}).environment("platform/sandbox", [reading("errors", expect={"at_most": TWO_LIMITS})])

    made.run(*arguments)

    assert [result.id for result in made.results().values()] == [f"test_reading_is_low[platform/sandbox/{each}]" for each in asked]


def test_a_reading_is_asked_in_the_folder_of_its_cadence_only(tmp_path):
    made = project(tmp_path).environment("platform/sandbox", [reading("errors"), reading("trend", cadence="weekly")])
    made.write("checks/weekly/test_readings.py", "from checks.daily.test_readings import *\n")

    made.run("checks/weekly")
    weekly = verdicts(made)
    made.run("checks/daily")

    assert list(weekly) == ["trend"]
    assert list(verdicts(made)) == ["errors"]


def test_outside_its_hours_an_entity_is_not_asked_and_counted(tmp_path):
    never = {"hours": {"never": {"from": "00:00", "to": "00:00"}}}
    made = project(tmp_path).environment("platform/sandbox", [reading("a"), reading("b", during="never")], **never)

    done = made.run()

    assert done.returncode == 0
    assert made.looks() == ["platform/sandbox/readings/a"]
    assert made.results()["test_reading_is_low[platform/sandbox/b]"].reason == "outside never"
    assert verdicts(made)["b"] is Verdict.NOT_ASKED


@pytest.mark.parametrize(
    ("traffic", "verdict", "code"),
    [
        ({"value": 3}, Verdict.VIOLATED, 1),
        ({"value": 0}, Verdict.NOT_ASKED, 5),
        (UNREACHABLE, Verdict.UNKNOWN, 10),
        ({"value": "three"}, Verdict.UNKNOWN, 10),
    ],
    ids=["condition holds", "condition does not hold", "condition cannot be read", "condition is no number"],
)
def test_another_reading_decides_whether_one_is_asked(tmp_path, traffic, verdict, code):
    readings = [reading("traffic", expect={"at_most": 9}, cadence="weekly"), reading("errors", when={"reading": "traffic", "above": 0})]
    made = project(tmp_path, traffic=traffic, errors=VIOLATES).environment("platform/sandbox", readings)

    assert made.run().returncode == code
    assert verdicts(made) == {"errors": verdict}


def test_a_replay_gives_the_same_verdicts_without_looking(tmp_path):
    made = project(tmp_path, a=HOLDS, b=VIOLATES, c=UNREACHABLE).environment("platform/sandbox", [reading("a"), reading("b"), reading("c")])
    made.run()
    first, looks = made.results(), made.looks()
    saved = tmp_path / "saved.jsonl"
    saved.write_bytes((made.out / "observations.jsonl").read_bytes())
    made.observations.clear()

    again = made.run("--replay", str(saved))

    assert again.returncode == 1
    assert made.looks() == looks
    assert {key: (each.verdict, each.observed, each.reason) for key, each in made.results().items()} == {
        key: (each.verdict, each.observed, each.reason) for key, each in first.items()
    }


def test_what_a_replay_does_not_hold_is_unknown(tmp_path):
    made = project(tmp_path, a=HOLDS).environment("platform/sandbox", [reading("a")])
    made.run()
    saved = tmp_path / "saved.jsonl"
    saved.write_bytes((made.out / "observations.jsonl").read_bytes())
    made.environment("platform/sandbox", [reading("a"), reading("b")])

    assert made.run("--replay", str(saved)).returncode == 10
    assert verdicts(made) == {"a": Verdict.HOLDS, "b": Verdict.UNKNOWN}


def test_an_observation_is_saved_with_when_how_long_how_much_and_why_not(tmp_path):
    made = project(tmp_path, a=HOLDS, b=UNREACHABLE).environment("platform/sandbox", [reading("a"), reading("b")])
    made.run()

    seen, error = (json.loads(line) for line in (made.out / "observations.jsonl").read_text().splitlines())

    assert seen["value"]["looked_at"] == 1
    assert seen["at"] > 0
    assert seen["took"] >= 0
    assert error["error"] == {"reason": "the connection is refused", "cause": "prometheus 10.0.0.1:9090", "hint": "is it running?"}
    assert error["run"] == events(made)[0]["run"]


def test_a_later_run_knows_since_when_it_is_violated(tmp_path):
    made = project(tmp_path, errors=VIOLATES)
    made.run()
    first = next(iter(made.results().values()))
    made.run()
    second = next(iter(made.results().values()))
    made.observations["errors"] = HOLDS
    made.run()
    third = next(iter(made.results().values()))

    assert second.since == first.at < second.at
    assert third.since == third.at
    state = json.loads((made.out / "state" / "platform" / "sandbox.json").read_text())
    assert [value for _, value in state["results"][third.id]["values"]] == [7, 7, 0]


def test_ctrl_c_during_the_look_ends_at_once_and_says_what_was_not_looked_at(tmp_path):
    made = project(tmp_path, slow={"sleep": 60, "value": 0}).environment("platform/sandbox", [reading("quick"), reading("slow")])
    with subprocess.Popen(
        made.command(), cwd=tmp_path, env=made.process_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        while len(made.looks()) < 2:
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=30)

    assert process.returncode == 2
    assert "slow" in output.partition("not looked at")[2]


def test_a_check_that_expects_nothing_is_refused_not_dropped(tmp_path):
    made = project(tmp_path).write("checks/daily/test_plain.py", "def test_plain():\n    assert True\n")

    done = made.run()

    assert done.returncode == 4
    assert "checks/daily/test_plain.py::test_plain has no @pytest.mark.expects" in done.stderr
    assert made.looks() == []


def test_tests_that_are_asked_for_along_with_checks_run_too(tmp_path):
    made = project(tmp_path).write("tests/test_own.py", "def test_own():\n    assert True\n")

    done = made.run("checks", "tests")

    assert done.returncode == 0
    assert "2 passed" in done.stdout
    assert len(made.results()) == 1


@pytest.mark.parametrize(
    ("cadence", "expect", "asked"),
    [("daily", {"at_least": 0}, 1), ("weekly", {"at_least": 0}, 0), ("weekly", {"at_least": {"limit": 0, "on": "gate"}}, 1)],
)
def test_a_weekly_reading_is_asked_at_the_gate_only_when_its_limit_says_so(tmp_path, cadence, expect, asked):
    made = project(tmp_path).environment("platform/sandbox", [reading("errors", cadence=cadence, expect=expect)])
    made.write("checks/weekly/test_readings.py", "from checks.daily.test_readings import *\n")

    made.run("checks", "-m", "gate")

    assert len(made.looks()) == asked


@pytest.mark.parametrize(
    "seen", [VIOLATES, UNREACHABLE, {"crash": "a bug"}, {"value": None}], ids=["violated", "unknown", "crash", "check crashes"]
)
def test_no_local_of_a_client_is_shown_whatever_is_asked_of_pytest(tmp_path, seen):
    made = project(tmp_path, errors=seen)

    done = made.run("-l", "-vv", "--tb=long", "-rA")

    assert "errors" in done.stdout
    assert "canary-8a3f" not in done.stdout + done.stderr
    assert not [file for file in made.out.rglob("*") if file.is_file() and "canary-8a3f" in file.read_text()]


def test_the_tests_of_a_project_are_left_alone(tmp_path):
    made = project(tmp_path).write("tests/test_own.py", "def test_own():\n    assert True\n")

    done = made.run("tests")

    assert done.returncode == 0
    assert not made.out.exists()
