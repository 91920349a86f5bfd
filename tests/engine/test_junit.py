"""JUnit and the summaries, made from a journal."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from muster import junit, scrubber, summary
from muster.journal import read
from muster.verdicts import Verdict
from tests.engine.project import project
from tests.engine.results import journal, made

HOSTILE = "\x00\x1b[31mred\x1b[0m ]]> <b a='1'>&amp; \"q\" \ud800 \ufffe\uffff \U0001fffe \u202e ✓"


def written(folder: Path, path: Path) -> ET.Element:
    """What a strict parser reads from the file that is made from a journal."""
    junit.write(read(path), folder / "junit.xml")
    return ET.parse(folder / "junit.xml").getroot()


@pytest.mark.parametrize(
    ("verdict", "element"),
    [(Verdict.VIOLATED, "failure"), (Verdict.UNKNOWN, "error"), (Verdict.NOT_ASKED, "skipped"), (Verdict.WAIVED, "skipped")],
)
def test_a_verdict_becomes_its_element_with_a_message(tmp_path: Path, verdict: Verdict, element: str) -> None:
    result = made(verdict, expected="<= 0", observed="3", reason="three dead letters")
    case = written(tmp_path, journal(tmp_path, result)).find("testsuite/testcase")
    assert case is not None
    found = case.find(element)
    assert found is not None
    assert found.get("message") == f"P1 {verdict.value}; expected <= 0, observed 3; three dead letters"
    assert [child.tag for child in case if child.tag != "properties"] == [element]


def test_what_holds_has_no_element(tmp_path: Path) -> None:
    case = written(tmp_path, journal(tmp_path, made())).find("testsuite/testcase")
    assert case is not None
    assert [child.tag for child in case] == ["properties"]


def test_a_planned_check_without_a_verdict_is_an_error(tmp_path: Path) -> None:
    root = written(tmp_path, journal(tmp_path, made(), planned=(made(entity="lost", limit="gate"),)))
    cases = {case.get("name"): case for case in root.iter("testcase")}
    error = cases["test_reading_is_low[lost:gate]"].find("error")
    assert error is not None
    assert error.get("type") == "not run"


def test_a_suite_for_each_environment_counts_what_is_in_it(tmp_path: Path) -> None:
    results = (
        made(Verdict.VIOLATED),
        made(entity="a"),
        made(Verdict.UNKNOWN, environment="staging"),
        made(Verdict.NOT_ASKED, environment="staging", entity="a"),
    )
    suites = {suite.get("name"): suite.attrib for suite in written(tmp_path, journal(tmp_path, *results))}
    wanted = ("tests", "failures", "errors", "skipped")
    assert [suites["platform/production"][each] for each in wanted] == ["2", "1", "0", "0"]
    assert [suites["platform/staging"][each] for each in wanted] == ["2", "0", "1", "1"]


def test_a_case_is_named_by_place_module_check_and_entity(tmp_path: Path) -> None:
    result = made(Verdict.VIOLATED, expected="<= 0", observed="3", heading="Daily / Morning", expectation_ids=("PLAT-01",))
    case = written(tmp_path, journal(tmp_path, result)).find("testsuite/testcase")
    assert case is not None
    assert (case.get("classname"), case.get("name"), case.get("time")) == (
        "platform.production.readings",
        "test_reading_is_low[errors]",
        "0.250",
    )
    properties = {each.get("name"): each.get("value") for each in case.iter("property")}
    assert properties == {
        "environment": "platform/production",
        "verdict": "violated",
        "severity": "P1",
        "owner": "team-platform",
        "runbook": "Daily / Morning",
        "rows": "PLAT-01",
        "expected": "<= 0",
        "observed": "3",
    }


def test_hostile_text_stays_valid_xml_and_readable(tmp_path: Path) -> None:
    result = made(Verdict.VIOLATED, reason=HOSTILE.replace("\ud800", ""), observed=HOSTILE.replace("\ud800", ""))
    failure = written(tmp_path, journal(tmp_path, result)).find("testsuite/testcase/failure")
    assert failure is not None
    assert r"\x00\x1b[31mred\x1b[0m ]]> <b a='1'>&amp;" in str(failure.get("message"))
    assert "✓" in str(failure.text)


@pytest.mark.parametrize(
    "secret", ["testcase", "failure", "message=", "name", "0.250", "violated", "quot;", "encoding", "</properties>", "2023-11"]
)
def test_a_secret_that_is_a_word_of_the_format_breaks_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, secret: str) -> None:
    result = made(Verdict.VIOLATED, reason=f'"said" {secret}', observed=secret, crash=secret)
    path = journal(tmp_path, result)
    monkeypatch.setattr(scrubber, "_secrets", {secret})
    monkeypatch.setattr(scrubber, "_known", None)
    root = written(tmp_path, path)
    case, suite = root.find("testsuite/testcase"), root.find("testsuite")
    assert case is not None
    assert suite is not None
    assert (case.get("time"), suite.get("failures"), suite.get("timestamp")) == ("0.250", "1", "2023-11-14T22:13:20Z")
    failure = case.find("failure")
    assert failure is not None
    assert failure.get("type") == "violated"
    assert '"said" ***' in str(failure.get("message"))
    assert "observed: ***" in str(failure.text)


def test_every_character_that_xml_forbids_is_escaped() -> None:
    every = "".join(map(chr, [*range(0x300), *range(0xD7F0, 0xE010), *range(0xFDC0, 0xFE00), *range(0xFFF0, 0x10010), 0x1FFFE, 0x10FFFF]))
    element = ET.Element("a", b=junit.legal(every))
    element.text = junit.legal(every)
    ET.fromstring(ET.tostring(element, encoding="utf-8"))


def test_the_summary_lists_the_worst_first_and_completes_the_plan(tmp_path: Path) -> None:
    results = (
        made(),
        made(Verdict.UNKNOWN, entity="u"),
        made(Verdict.VIOLATED, entity="p1"),
        made(Verdict.VIOLATED, entity="p0", severity="P0"),
    )
    digest = read(journal(tmp_path, *results, planned=(made(entity="lost"),)))
    summary.write(digest, tmp_path)
    data = json.loads((tmp_path / "summary.json").read_text())
    assert [each["entity"] for each in data["worst_first"]] == ["p0", "p1", "u", "lost"]
    assert data["environments"][0]["counts"] == {"violated": 2, "unknown": 1, "not run": 1, "waived": 0, "holds": 1, "not asked": 0}
    assert data["verdict"] == "violated"


def test_the_markdown_summary_cannot_be_broken_by_a_value(tmp_path: Path) -> None:
    hostile = "a | b\n# heading <script>alert(1)</script> [link](http://evil) `code`"
    summary.write(read(journal(tmp_path, made(Verdict.VIOLATED, reason=hostile))), tmp_path)
    line = next(each for each in (tmp_path / "summary.md").read_text().splitlines() if "P1 violated" in each)
    assert r"a \| b\\n\# heading &lt;script&gt;alert(1)&lt;/script&gt; \[link\](http://evil) \`code\`" in line


def test_a_run_writes_all_three_and_a_refused_run_leaves_none_of_yesterday(tmp_path: Path) -> None:
    made_project = project(tmp_path)
    made_project.run()
    files = [made_project.out / each for each in ("junit.xml", "summary.json", "summary.md")]
    assert all(file.exists() for file in files)
    made_project.run("--collect-only")
    assert all(file.exists() for file in files)
    assert made_project.run("--env", "nowhere").returncode == 4
    assert not any(file.exists() for file in files)
