"""`summary.html`: what it shows, that it asks nobody for anything, and that nothing in it is made of data but text."""

import base64
import hashlib
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from muster import journal, page
from muster.verdicts import Result, Verdict
from tests.engine.pasts import HOSTILE
from tests.engine.pasts import journal as past_journal
from tests.engine.project import project, reading
from tests.engine.results import made

ATTRIBUTES = {
    "class",
    "id",
    "for",
    "name",
    "content",
    "http-equiv",
    "charset",
    "lang",
    "type",
    "checked",
    "href",
    "rel",
    "width",
    "height",
    "viewbox",
    "role",
    "cx",
    "cy",
    "r",
}
ELEMENTS = {
    "html",
    "head",
    "meta",
    "title",
    "style",
    "body",
    "header",
    "h1",
    "h2",
    "h3",
    "b",
    "i",
    "p",
    "a",
    "section",
    "input",
    "nav",
    "label",
    "main",
    "article",
    "span",
    "div",
    "svg",
    "circle",
    "details",
    "summary",
    "dl",
    "dt",
    "dd",
    "pre",
    "table",
    "tr",
    "th",
    "td",
    "footer",
}
VOID = {"meta", "input"}


class Read(HTMLParser):
    """What a parser makes of a page: elements, values of attributes, texts by the path of elements that they stand in."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: Counter[str] = Counter()
        self.attributes: dict[str, set[str]] = {}
        self.open: list[str] = []
        self.texts: list[tuple[str, str]] = []
        self.comments: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements[tag] += 1
        for name, value in attrs:
            self.attributes.setdefault(name, set()).add(value or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(("/".join(self.open), data))

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def text(self, inside: str = "") -> str:
        return " ".join(text for path, text in self.texts if inside in path)


def rendered(*results: Result, folder: Path, **more: Any) -> Read:
    path = past_journal(folder, *results, **more)
    page.write(journal.read(path), folder)
    return Read((folder / "summary.html").read_text(encoding="utf-8"))


def hostile() -> tuple[Result, ...]:
    """A result of every verdict, of which every text is hostile."""
    texts = dict.fromkeys(
        (
            "entity",
            "limit",
            "owner",
            "title",
            "expected",
            "observed",
            "what",
            "reason",
            "cause",
            "next",
            "where",
            "seen",
            "note",
            "looked_at",
            "heading",
            "sentence",
        ),
        HOSTILE,
    )
    return tuple(
        made(verdict, **{**texts, "entity": f"{verdict} {HOSTILE}", "runbook": url, "expectation_ids": (HOSTILE,)})
        for verdict, url in zip(
            Verdict, ("javascript:alert(1)", "data:text/html,x", "//evil.example", HOSTILE, "http://[", "vbscript:x"), strict=True
        )
    )


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Read:
    folder = tmp_path_factory.mktemp("hostile")
    results = hostile()
    call = {"system": "platform", "heading": HOSTILE, "link": "javascript:alert(1)", "next": HOSTILE}
    called = {"asked": [f"alert {HOSTILE}"], "passages": [call], "unlooked": [HOSTILE]}
    return rendered(*results, folder=folder, called=called, follow_ups={results[0].id: [HOSTILE, HOSTILE]}, trails={results[0].id: "huv"})


def test_no_element_and_no_attribute_comes_from_data(bad: Read, tmp_path: Path) -> None:
    assert bad.open == []
    assert set(bad.elements) <= ELEMENTS
    assert set(bad.attributes) <= ATTRIBUTES
    assert bad.comments == []
    plain = rendered(*(made(each, entity=f"e{number}") for number, each in enumerate(Verdict)), folder=tmp_path)
    for name in ("class", "id", "for", "name", "type", "style"):
        fresh = bad.attributes.get(name, set()) - plain.attributes.get(name, set())
        assert all(re.fullmatch(r"[a-zA-Z0-9 _-]*", value) and "script" not in value for value in fresh), fresh


def test_hostile_text_is_shown_as_text_and_controls_as_escapes(bad: Read) -> None:
    assert "<script>document.title='RAN'</script>" in bad.text("article")
    assert r"\x1b[31mred" in bad.text("article")
    assert not {each for each in bad.text() if ord(each) < 32 and each != "\n"}
    assert not set(bad.text()) & {"\u202e", "\u2066"}
    assert "RAN" not in bad.text("style")


def test_links_lead_to_the_web_or_are_none(bad: Read, tmp_path: Path) -> None:
    assert bad.attributes.get("href", set()) <= {"#unknown"}
    good = rendered(made(Verdict.VIOLATED, heading="Daily", runbook="https://runbooks.example.com/x?a=1&b=%22"), folder=tmp_path)
    assert good.attributes["href"] == {"https://runbooks.example.com/x?a=1&b=%22"}
    assert good.attributes["rel"] == {"noreferrer noopener"}


def test_the_policy_allows_its_own_style_and_nothing_else(tmp_path: Path) -> None:
    rendered(made(Verdict.VIOLATED), folder=tmp_path)
    text = (tmp_path / "summary.html").read_text(encoding="utf-8")
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    hashed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src &#x27;none&#x27;; style-src &#x27;sha256-{hashed}&#x27;; base-uri &#x27;none&#x27;; form-action &#x27;none&#x27;"
    assert f'<meta http-equiv="Content-Security-Policy" content="{policy}">' in text
    assert text.index("Content-Security-Policy") < text.index("<style>")
    assert not re.search(r"url\(|@import|@font-face", style)


def test_a_violation_shows_all_that_whoever_is_called_needs(tmp_path: Path) -> None:
    seen = made(
        Verdict.VIOLATED,
        severity="P0",
        expected="<= 80%",
        observed="93%",
        reason="91 of 97 connections",
        next="select 1",
        title="Title.",
        sentence="Connections stay under the limit",
        heading="Trouble / Database",
        runbook="https://runbooks.example.com/db",
        owner="team-db",
        expectation_ids=("PLAT-68",),
    )
    read = rendered(seen, folder=tmp_path, follow_ups={seen.id: ["sessions: 61", "more"]}, trails={seen.id: "hhv"})
    text = read.text("article")
    wanted = (
        "P0",
        "errors: Connections stay under the limit",
        "93%",
        "expected <= 80%",
        "91 of 97 connections",
        "team-db",
        "answer at once",
        "Runbook: Database",
        "select 1",
        "Looked again: sessions: 61",
        "PLAT-68",
        "last 3 runs: held, held, violated",
    )
    assert [part for part in wanted if part not in text] == []
    assert read.elements["circle"] == 4
    assert read.text("h1").startswith("VIOLATED  0 new, 1 still, 0 recovered")


def test_the_worst_comes_first_and_what_is_well_is_folded_up(tmp_path: Path) -> None:
    violated = [made(Verdict.VIOLATED, entity=severity, severity=severity) for severity in ("P2", "P0")]
    waived = made(Verdict.WAIVED, entity="accepted", reason="until Friday")
    results = [made(entity="fine", note="61 of 97"), *violated, made(Verdict.UNKNOWN, cause="source"), waived]
    read = rendered(*results, folder=tmp_path)
    text = read.text("main")
    places = [
        text.index(each) for each in ("Violated (2)", "P0", "P2", "Could not measure (1)", "source: 1 check", "Waived (1)", "Holds (1)")
    ]
    assert places == sorted(places)
    assert "61 of 97" in read.text("details/table")
    assert "1 check could not be judged: source" in read.text("header")


def test_one_dead_source_is_one_card(tmp_path: Path) -> None:
    read = rendered(*(made(Verdict.UNKNOWN, entity=f"r{n}", cause="prometheus", reason="refused") for n in range(30)), folder=tmp_path)
    assert read.elements["article"] == 1
    assert "prometheus: 30 checks" in read.text("article")


def test_environments_are_a_switch_without_a_script(tmp_path: Path) -> None:
    results = [made(Verdict.VIOLATED, environment=each) for each in ("production", "staging")]
    read = rendered(*results, made(environment="empty", entity="x"), folder=tmp_path)
    assert read.elements["input"] == 4
    assert read.text("label").split("  ")[0].startswith("all")
    assert {"card e violated e1", "card e violated e2"} <= read.attributes["class"]
    assert "#s2:checked~main .e:not(.e2){display:none}" in read.text("style")
    assert "script" not in read.elements


def test_what_recovered_is_told(tmp_path: Path) -> None:
    read = rendered(made(), made(entity="other"), folder=tmp_path, trails={made().id: "hv"})
    assert read.text("h1") == "HOLDS  0 new, 0 still, 1 recovered"
    assert "P1 platform/production errors: The value is low enough; was wrong since" in read.text("details/p")


def test_without_history_it_says_what_it_does_not_know(tmp_path: Path) -> None:
    read = rendered(made(Verdict.VIOLATED), folder=tmp_path, first=True)
    assert "no earlier run of platform/production is remembered" in read.text("header")
    assert "NEW" not in read.text("article")


def test_every_run_writes_it_and_the_next_one_removes_it(tmp_path: Path) -> None:
    made_project = project(tmp_path).environment("other/sandbox", [reading("fine")])
    assert made_project.run().returncode == 0
    text = (made_project.out / "summary.html").read_text()
    assert "; 2 checks of 2 entities; saw 2 rows" in text
    assert made_project.run("--env", "nowhere").returncode == 4
    assert {"summary.html", "digest.md", "digest.json"} & {file.name for file in made_project.out.iterdir()} == set()
