"""`junit.xml`, made from the journal: a suite for each environment, and verdicts instead of pytest's outcomes."""

import re
import time
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from muster.summary import Digest
from muster.text import plain
from muster.verdicts import Result, Verdict
from muster.wording import message, subject, told

FILE = "junit.xml"
ELEMENTS = {
    Verdict.VIOLATED: "failure",
    Verdict.UNKNOWN: "error",
    Verdict.NOT_RUN: "error",
    Verdict.NOT_ASKED: "skipped",
    Verdict.WAIVED: "skipped",
}
COUNTED = {"failure": "failures", "error": "errors", "skipped": "skipped"}
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd\U00010000-\U0001fffd]")


def legal(text: str) -> str:
    """The text, with an escape for every character that XML 1.0 forbids or discourages."""
    return _FORBIDDEN.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    shown = plain(found.group())
    return shown if shown != found.group() else f"\\U{ord(shown):08x}"


def document(digest: Digest) -> ET.Element:
    """The whole document."""
    root = ET.Element("testsuites", name="muster")
    for environment in digest.environments:
        root.append(_suite(environment, digest.of(environment), digest))
    return root


def _suite(environment: str, results: list[Result], digest: Digest) -> ET.Element:
    kinds = [ELEMENTS.get(each.verdict) for each in results]
    suite = ET.Element("testsuite", name=environment, tests=str(len(results)))
    suite.set("timestamp", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(digest.started)))
    suite.set("time", f"{digest.looked.get('took', 0.0):.3f}")
    for kind, attribute in COUNTED.items():
        suite.set(attribute, str(kinds.count(kind)))
    _properties(suite, {"run": digest.run, "replay": digest.replay or ""})
    for each in sorted(results, key=lambda one: one.id):
        suite.append(_case(each))
    return suite


def _case(result: Result) -> ET.Element:
    limit = f":{result.limit}" if result.limit else ""
    case = ET.Element(
        "testcase",
        classname=legal(f"{result.system}.{result.environment}.{subject(result)}"),
        name=legal(f"{result.check}[{result.entity}{limit}]"),
        time=f"{result.took:.3f}",
    )
    wanted = {
        "severity": result.severity, "owner": result.owner, "runbook": result.heading, "link": result.runbook,
        "rows": ", ".join(result.expectation_ids), "expected": result.expected, "observed": result.observed, "looked_at": result.looked_at,
    }  # fmt: skip
    _properties(case, wanted)
    kind = ELEMENTS.get(result.verdict)
    if kind is not None:
        child = ET.SubElement(case, kind, message=legal(message(result)))
        if kind != "skipped":
            child.set("type", result.verdict.value)
            child.text = legal(told(result))
    return case


def _properties(parent: ET.Element, values: dict[str, str]) -> None:
    present = {name: value for name, value in values.items() if value}
    if present:
        holder = ET.SubElement(parent, "properties")
        for name, value in present.items():
            ET.SubElement(holder, "property", name=name, value=legal(value))


def write(digest: Digest, path: Path) -> None:
    """Write the file. Raises OSError when the disk does not take it."""
    made = document(digest)
    ET.indent(made)
    ET.ElementTree(made).write(path, encoding="utf-8", xml_declaration=True)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Take away what an earlier run left: when this one is refused, nobody may take yesterday's verdicts for today's."""
    from muster.options import concerns_checks

    if concerns_checks(config) and not config.option.collectonly:
        for name in (FILE, "summary.json", "summary.md", "crashes.txt"):
            (Path(config.getoption("--reports")) / name).unlink(missing_ok=True)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write JUnit and the summaries; the journal's last line is written before this runs."""
    from muster import summary

    digest = summary.written(session.config)
    if digest is not None:
        folder = Path(session.config.getoption("--reports"))
        write(digest, folder / FILE)
        summary.write(digest, folder)
