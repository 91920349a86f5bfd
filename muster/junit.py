"""`junit.xml`, made from a digest: a suite for each environment, and verdicts instead of pytest's outcomes."""

import html
import re
import time
from collections.abc import Iterator
from pathlib import Path

from muster import causes, gating
from muster.digest import Digest
from muster.scrubber import scrub
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
OURS = {"tests", "timestamp", "time", "type", *COUNTED.values()}
"""Attributes that hold nothing but counts, times and verdicts: no secret is replaced in them, or no parser would take them."""
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd\U00010000-\U0001fffd]")


_ENDS = str.maketrans({"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})
"""What a parser would make a blank of in the value of an attribute."""


def legal(text: str) -> str:
    """The text, with an escape for every character that XML 1.0 forbids or discourages."""
    return _FORBIDDEN.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    shown = plain(found.group())
    return shown if shown != found.group() else f"\\U{ord(shown):08x}"


def _text(text: str) -> str:
    return html.escape(legal(scrub(text)), quote=False)


def document(digest: Digest) -> Iterator[str]:
    """The whole document, line by line."""
    yield "<?xml version='1.0' encoding='utf-8'?>"
    yield '<testsuites name="muster">'
    for environment in digest.environments:
        yield from _suite(environment, digest.of(environment), digest)
    yield "</testsuites>"


def _suite(environment: str, results: list[Result], digest: Digest) -> Iterator[str]:
    kinds = [_element(each, digest) for each in results]
    head = {
        "name": environment,
        "tests": str(len(results)),
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(digest.started)),
        "time": f"{digest.looked.get('took', 0.0):.3f}",
        **{attribute: str(kinds.count(kind)) for kind, attribute in COUNTED.items()},
    }
    yield f"  <testsuite{_attributes(head)}>"
    told = {"gate": gating.line(digest), "override": digest.gate["override"]} if digest.gate else {}
    yield from _properties({"run": digest.run, "replay": digest.replay or "", **told}, "    ")
    for each in sorted(results, key=lambda one: one.id):
        yield from _case(each, digest)
    headlines = [f"could not look: {each.head()}: {plain(each.reasons[0][0])}" for each in causes.groups(results)]
    if headlines:
        yield f"    <system-err>{_text(chr(10).join(headlines))}</system-err>"
    yield "  </testsuite>"


def _element(result: Result, digest: Digest) -> str | None:
    """What stands for a verdict. A result that does not stop its gate may not fail it by way of its report either."""
    return "skipped" if gating.excuse(digest, result) else ELEMENTS.get(result.verdict)


def _case(result: Result, digest: Digest) -> Iterator[str]:
    limit = f":{result.limit}" if result.limit else ""
    head = {
        "classname": f"{result.system}.{result.environment}.{subject(result)}",
        "name": f"{result.check}[{result.entity}{limit}]",
        "time": f"{result.took:.3f}",
    }
    excuse = gating.excuse(digest, result)
    wanted = {
        "environment": f"{result.system}/{result.environment}", "verdict": result.verdict.value,
        "not_stopping": excuse, "cause": result.cause,
        "severity": result.severity, "owner": result.owner, "runbook": result.heading, "link": result.runbook,
        "rows": ", ".join(result.expectation_ids), "expected": result.expected, "observed": result.observed, "looked_at": result.looked_at,
        "looks": str(result.looks) if result.looks > 1 else "", "earlier": "; ".join(result.earlier),
        "flaky": "true" if result.flaky else "", "flapping": result.flapping,
        **{f"allowance.{name}": value for name, value in result.allowance.items()},
    }  # fmt: skip
    yield f"    <testcase{_attributes(head)}>"
    yield from _properties(wanted, "      ")
    kind = _element(result, digest)
    if kind == "skipped":
        why = f"does not stop the gate ({excuse}): " if excuse else ""
        yield f"      <skipped{_attributes({'message': why + message(result)})} />"
    elif kind is not None:
        attributes = _attributes({"message": message(result), "type": result.verdict.value})
        yield f"      <{kind}{attributes}>{_text(told(result))}</{kind}>"
    if result.id in digest.follow_ups:
        entity, lines = digest.follow_ups[result.id]
        text = "\n".join([f"looked again at {entity}:", *lines])
        yield f"      <system-out>{_text(text)}</system-out>"
    yield "    </testcase>"


def _properties(values: dict[str, str], indent: str) -> Iterator[str]:
    present = {name: value for name, value in values.items() if value}
    if present:
        yield f"{indent}<properties>"
        yield from (f"{indent}  <property{_attributes({'name': name, 'value': value})} />" for name, value in present.items())
        yield f"{indent}</properties>"


def _attributes(values: dict[str, str]) -> str:
    shown = {name: value if name in OURS else scrub(value) for name, value in values.items()}
    return "".join(f' {name}="{html.escape(legal(value)).translate(_ENDS)}"' for name, value in shown.items())


def write(digest: Digest, path: Path) -> None:
    """Write the file. Raises OSError when the disk does not take it."""
    path.write_text("\n".join(document(digest)) + "\n", encoding="utf-8")
