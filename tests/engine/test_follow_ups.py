"""The second look around what is violated: once for each entity, bounded, told everywhere, and deciding nothing."""

import json
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from muster import follow_up, journal, lines
from muster.__main__ import main
from muster.verdicts import Verdict
from tests.engine.agreement import agree
from tests.engine.project import PLUGINS, Project, project, reading

AROUND = '''
"""Says what around.json says about a reading: `lines`, then one of `raises`, `breaks`, `exits`, `hangs`, `endless`."""
import json
import time
from pathlib import Path

from muster.follow_up import each_of, follow_up, withheld
from muster.kinds.readings import Reading
from muster.probes import CouldNotLook
from muster.samples import shown
from muster.scrubber import learn


@follow_up(Reading)
def around(reading):
    """What the file says."""
    said = json.loads(Path("around.json").read_text()).get(reading.id, {})
    with Path("around.txt").open("a") as looks:
        looks.write(reading.key + "\\n")
    if "secret" in said:
        learn(said["secret"])
    for line in said.get("lines", ()):
        yield line
    yield from (said["endless"] for _ in iter(int, 1) if "endless" in said) if "endless" in said else ()
    if "hangs" in said:
        Path("hangs.txt").touch()
        time.sleep(said["hangs"])
    if "raises" in said:
        raise CouldNotLook(said["raises"])
    if "breaks" in said:
        raise RuntimeError(said["breaks"])
    if "exits" in said:
        raise SystemExit(0)
    if "parts" in said:
        yield from each_of(*(around_part(each) for each in said["parts"]))
    yield f"may show {shown().log_lines} lines"


def around_part(text):
    if text.startswith("!"):
        raise CouldNotLook(text[1:])
    yield text
'''
SEEN = "may show 0 lines"


def following(
    folder: Path, *names: str, expect: dict[str, Any] | None = None, head: dict[str, Any] | None = None, **around: Any
) -> Project:
    """A project whose readings are violated, and what a second look says around each."""
    shown = names or ("errors",)
    made = project(folder, **{name: {"value": 3} for name in shown})
    readings = [reading(name, **({"expect": expect} if expect else {})) for name in shown]
    made.environment("platform/sandbox", readings, **(head or {}))
    made.write("fixtures/around.py", AROUND).write("conftest.py", f"pytest_plugins = {[*PLUGINS, 'fixtures.around']!r}\n")
    return made.write("around.json", json.dumps(around))


def looks(made: Project) -> list[str]:
    """Keys of the entities that were looked at again."""
    file = made.folder / "around.txt"
    return file.read_text().splitlines() if file.exists() else []


def said(made: Project, entity: str = "errors", check: str = "test_reading_is_low") -> list[str]:
    """The lines of the journal for a check of an entity."""
    return journal.read(made.out / "journal.jsonl").follow_ups[f"{check}[platform/sandbox/{entity}]"][1]


def attachments(made: Project) -> dict[str, str]:
    """The second looks in Allure: id of the result's history -> text."""
    found = {}
    for file in (made.out / "allure-results").glob("*-result.json"):
        result = json.loads(file.read_text())
        for each in result.get("attachments", ()):
            if each["name"].startswith("looked again at "):
                assert each["type"] == "text/plain"
                found[result["historyId"]] = (made.out / "allure-results" / each["source"]).read_text()
    return found


def test_an_entity_is_looked_at_again_once_and_all_its_violated_checks_show_it(tmp_path: Path) -> None:
    made = following(tmp_path, expect={"at_most": 0, "at_least": 9}, errors={"lines": ["the pool is exhausted"]})
    result = made.run()
    assert result.returncode == 1
    assert looks(made) == ["platform/sandbox/readings/errors"]
    assert [said(made, check=each) for each in ("test_reading_is_low", "test_reading_is_high")] == [["the pool is exhausted", SEEN]] * 2
    assert result.stdout.count("    looked again:\n      the pool is exhausted\n") == 1
    assert list(attachments(made).values()) == [f"the pool is exhausted\n{SEEN}\n"] * 2
    outs = [each.text for each in ET.parse(made.out / "junit.xml").iter("system-out")]
    assert outs == [f"looked again at platform/sandbox/readings/errors:\nthe pool is exhausted\n{SEEN}"] * 2
    summary = json.loads((made.out / "summary.json").read_text())
    assert summary["follow_ups"] == {"platform/sandbox/readings/errors": ["the pool is exhausted", SEEN]}
    assert "- the pool is exhausted\n" in (made.out / "summary.md").read_text()


@pytest.mark.parametrize(
    ("around", "last"),
    [
        ({"raises": "the source refuses"}, "could not look: the source refuses"),
        ({"breaks": "no such field"}, "could not look: RuntimeError: no such field"),
        ({"exits": True}, "could not look: the probe follow_up crashed: SystemExit: 0"),
        ({"hangs": 600}, f"could not look: no answer within {follow_up.TIMEOUT:g} s"),
        ({"parts": ["!this part refuses", "the next part answers"]}, SEEN),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_whatever_goes_wrong_costs_neither_a_verdict_nor_what_was_said_before(tmp_path: Path, around: dict[str, Any], last: str) -> None:
    made = following(tmp_path, "errors", "other", errors={"lines": ["first"], **around})
    assert made.run(timeout=60).returncode == 1
    assert (said(made)[0], said(made)[-1]) == ("first", last)
    assert said(made, "other") == [SEEN]
    assert set(agree(made.out).values()) == {"violated"}
    assert "crash" not in {file.stem for file in made.out.iterdir()}


def test_one_part_that_cannot_look_takes_no_other_with_it(tmp_path: Path) -> None:
    made = following(tmp_path, errors={"parts": ["one", "!two refuses", "three"]})
    made.run()
    assert said(made) == ["one", "could not look: two refuses", "three", SEEN]


@pytest.mark.parametrize("line", ["x" * 10_000_000, "short", "", "\x1b[2J\u202e" * 1000], ids=["long", "short", "empty", "escapes"])
def test_endless_talk_is_cut(tmp_path: Path, line: str) -> None:
    made = following(tmp_path, errors={"endless": line})
    assert made.run(timeout=60).returncode == 1
    told = said(made)
    assert told[-1] == follow_up.MORE
    assert len(told) <= follow_up.LINES + 1
    assert max(map(len, told)) <= follow_up.LONGEST
    assert sum(map(len, told)) <= follow_up.MOST + len(follow_up.MORE)


def test_many_violated_entities_are_bounded_too_and_the_terminal_shows_the_first(tmp_path: Path) -> None:
    names = [f"r{number:02}" for number in range(follow_up.ENTITIES + 2)]
    made = following(tmp_path, *names, **{name: {"lines": [f"this is {name}"]} for name in names})
    result = made.run()
    assert len(looks(made)) == follow_up.ENTITIES
    assert [said(made, name)[0].partition(":")[0] for name in names[-2:]] == ["not looked at again"] * 2
    assert result.stdout.count(SEEN) == lines.SEVERAL
    assert len(attachments(made)) == len(names)


def test_what_is_the_same_around_several_entities_is_told_once_on_the_terminal(tmp_path: Path) -> None:
    made = following(tmp_path, "a", "b", "c", a={"lines": ["one"]}, b={"lines": ["one"]}, c={"lines": ["another"]})
    result = made.run()
    assert result.stdout.count("      one\n") == 1
    assert "    looked again: the same as around a\n" in result.stdout
    assert "      another\n" in result.stdout
    assert [text.partition("\n")[0] for text in attachments(made).values()].count("one") == 2


def test_the_worst_come_first(tmp_path: Path) -> None:
    made = following(tmp_path)
    readings = [reading(f"r{number:02}", severity="P2") for number in range(follow_up.ENTITIES)]
    made.environment("platform/sandbox", [*readings, reading("worst", severity="P0")])
    made.observations = {each["name"]: {"value": 1} for each in [*readings, reading("worst")]}
    made.run()
    assert said(made, "worst") == [SEEN]


def test_a_long_second_look_is_shortened_on_the_terminal_and_whole_in_the_report(tmp_path: Path) -> None:
    made = following(tmp_path, errors={"lines": [f"line {number}" for number in range(20)]})
    result = made.run()
    assert f"      line {lines.AROUND - 2}\n      and {21 - lines.AROUND + 1} more lines in the report\n" in result.stdout
    assert "line 19" in next(iter(attachments(made).values()))
    assert f"and {21 - lines.AROUND} more lines in junit.xml and Allure" in (made.out / "summary.md").read_text()


def test_a_long_line_takes_few_rows_on_the_terminal(tmp_path: Path) -> None:
    made = following(tmp_path, errors={"lines": ["| " + "x" * 290]})
    rows = made.run().stdout.partition("looked again:\n")[2].partition(SEEN)[0].splitlines()[:-1]
    assert 1 < len(rows) <= lines.ROWS
    assert max(map(len, rows)) <= 80
    assert rows[0].startswith("      | xxx")
    assert rows[-1].endswith(" ...")


@pytest.mark.parametrize(
    ("observed", "arguments", "code"),
    [({"value": 0}, (), 0), ({"error": "no route", "cause": "db"}, (), 10), ({"value": 3}, ("--no-follow-ups",), 1)],
    ids=["holds", "unknown", "switched off"],
)
def test_nobody_looks_again_where_nothing_is_violated_or_it_is_not_wanted(
    tmp_path: Path, observed: dict[str, Any], arguments: tuple[str, ...], code: int
) -> None:
    made = following(tmp_path)
    made.observations = {"errors": observed}
    assert made.run(*arguments).returncode == code
    assert looks(made) == []


def test_a_saved_run_that_is_judged_again_asks_nobody(tmp_path: Path) -> None:
    made = following(tmp_path)
    made.run()
    saved = shutil.copy(made.out / "observations.jsonl", tmp_path / "saved.jsonl")
    assert made.run("--replay", str(saved)).returncode == 1
    assert len(looks(made)) == 1
    assert made.run("--collect-only").returncode == 0
    assert len(looks(made)) == 1


def test_a_run_that_stops_at_the_first_violation_looks_around_that(tmp_path: Path) -> None:
    made = following(tmp_path, "a", "b")
    result = made.run("-x")
    assert result.returncode == 1
    assert looks(made) == ["platform/sandbox/readings/a"]
    assert said(made, "a") == [SEEN]


def test_after_ctrl_c_nothing_more_is_asked(tmp_path: Path) -> None:
    made = following(tmp_path, "a", "b")
    hook = "def pytest_runtest_setup(item):\n    if item.name.endswith('/b]'):\n        raise KeyboardInterrupt\n"
    made.write("conftest.py", f"pytest_plugins = {[*PLUGINS, 'fixtures.around']!r}\n{hook}")
    assert made.run().returncode == 2
    assert looks(made) == []
    assert set(agree(made.out).values()) == {"violated", "not run"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_look_can_be_ended_and_every_verdict_stays(tmp_path: Path, number: signal.Signals) -> None:
    made = following(tmp_path, "a", "b", a={"lines": ["first"], "hangs": 600})
    run = subprocess.Popen(made.command(), cwd=tmp_path, env=made.process_environment(), stdout=subprocess.PIPE, text=True)
    try:
        while not (tmp_path / "hangs.txt").exists():
            assert run.poll() is None
        run.send_signal(number)
        output, _ = run.communicate(timeout=60)
    finally:
        run.kill()
    assert run.returncode == 2
    assert "verdict: VIOLATED" in output
    assert said(made, "a") == ["first", "could not look: it was interrupted"]
    assert [each.verdict for each in made.results().values()] == [Verdict.VIOLATED] * 2
    agree(made.out)


def test_finalise_rebuilds_what_was_seen(tmp_path: Path) -> None:
    made = following(tmp_path, errors={"lines": ["the pool is exhausted", "<tag> & \x1b[31mred"]})
    assert made.run().returncode == 1
    before = (made.out / "junit.xml").read_bytes(), attachments(made), json.loads((made.out / "summary.json").read_text())
    path = made.out / "journal.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    shutil.rmtree(made.out / "allure-results")
    (made.out / "junit.xml").unlink()
    assert main(["finalise", "--reports", str(made.out)]) == 1
    after = (made.out / "junit.xml").read_bytes(), attachments(made), json.loads((made.out / "summary.json").read_text())
    assert after == before


def test_a_secret_in_a_second_look_is_replaced_in_every_channel(tmp_path: Path) -> None:
    secret = "correct horse 7 battery"
    texts = [f"password={secret} refused", "x" * (follow_up.LONGEST - 10) + secret, secret.replace(" ", "%20"), f'{{"p": "{secret}"}}']
    made = following(tmp_path, errors={"secret": secret, "lines": texts})
    result = made.run("-vv")
    assert "password=*** refused" in result.stdout
    files = [file.read_text() for file in made.out.rglob("*") if file.is_file()]
    assert [text for text in (result.stdout, result.stderr, *files) if "horse" in text] == []


def test_hostile_text_is_harmless(tmp_path: Path) -> None:
    hostile = "\x1b]0;owned\x07\x1b[2J one\ntwo\r\u202ethree ]]> <script>alert(1)</script> | `x` \x00 \ud800 \u2028"
    made = following(tmp_path, errors={"lines": [hostile]})
    result = made.run()
    assert result.returncode == 1
    assert not set(result.stdout) & set("\x1b\x07\x00\r\u202e\u2028")
    assert len(said(made)) == 2
    text = next(each.text for each in ET.parse(made.out / "junit.xml").iter("system-out"))
    assert text is not None
    assert text.count("\n") == 2
    assert "<script>" not in (made.out / "summary.md").read_text()
    assert "\x1b" not in next(iter(attachments(made).values()))


def test_what_may_be_shown_is_said_by_the_environment(tmp_path: Path) -> None:
    made = following(tmp_path, head={"samples": {"log_lines": 2}})
    made.run()
    assert said(made) == ["may show 2 lines"]
