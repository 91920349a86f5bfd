"""One verdict as an Allure result: names, labels, identity and a description; no traceback, no argument, no secret."""

import html
from hashlib import md5
from pathlib import PurePosixPath
from uuid import uuid4

from allure_commons.model2 import Label, Link, Parameter, Status, StatusDetails, TestResult

from muster.text import cut, moment, span
from muster.verdicts import Result, Verdict
from muster.wording import message, since, subject

STATUS = {
    Verdict.HOLDS: Status.PASSED,
    Verdict.VIOLATED: Status.FAILED,
    Verdict.UNKNOWN: Status.BROKEN,
    Verdict.NOT_RUN: Status.BROKEN,
    Verdict.WAIVED: Status.SKIPPED,
    Verdict.NOT_ASKED: Status.SKIPPED,
}
SEVERITY = {"P0": "blocker", "P1": "critical", "P2": "normal", "P3": "minor"}
SHOWN = 2000
"""Characters of one value in a description; the attached observation has the rest."""


def key(made: TestResult) -> str:
    """The id of the verdict that a result belongs to: `check[system/environment/entity]`."""
    case = next((each.value for each in made.parameters if each.name == "case"), "")
    return f"{(made.fullName or '').rpartition('#')[2]}[{case.removeprefix(chr(39)).removesuffix(chr(39))}]"


def complete(made: TestResult, result: Result, crash: str = "") -> None:
    """Turn what allure-pytest collected into what the reader needs.

    Allure tells results apart by the full name and the parameters that are not excluded: these are the identity alone, so
    that a result is the same one in every run, and another one in every environment.
    """
    made.name = f"{result.entity}: {result.title}" + (f" ({result.limit})" if result.limit else "")
    made.fullName = f"{subject(result)}#{result.check}"
    made.testCaseId = _digest(made.fullName)
    made.historyId = _digest(result.id)
    made.titlePath = [result.system, result.environment, subject(result)]
    made.status = STATUS[result.verdict]
    made.statusDetails = None if result.verdict is Verdict.HOLDS else StatusDetails(message=message(result), trace=crash or None)
    made.parameters = _parameters(result)
    made.labels = _labels(result, {each.value for each in made.labels if each.name == "tag"})
    made.links = [*made.links, Link(type="tms", url=result.runbook, name=f"Runbook: {result.heading}")] if result.runbook else made.links
    made.description, made.descriptionHtml = None, description(result)
    if result.at:
        made.start, made.stop = int(result.at * 1000), int((result.at + result.took) * 1000)


def standalone(result: Result, at: float) -> TestResult:
    """A result for an id that pytest never ran; `at` is the run's start, Unix seconds."""
    made = TestResult(uuid=str(uuid4()), start=int(at * 1000), stop=int(at * 1000))
    complete(made, result)
    return made


def _digest(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()


def _parameters(result: Result) -> list[Parameter]:
    identity = {"system": result.system, "environment": result.environment, "entity": result.entity, "limit": result.limit}
    look = {"looked at": moment(result.at) if result.at else "", "took": span(result.took) if result.at else "", "saw": result.looked_at}
    made = [Parameter(name=name, value=value) for name, value in identity.items() if value]
    return made + [Parameter(name=name, value=value, excluded=True) for name, value in look.items() if value]


def _labels(result: Result, marks: set[str]) -> list[Label]:
    """All labels; of those that allure-pytest made only the tags (`marks`) stay: host, process and package help no reader."""
    single = {
        "parentSuite": result.system,
        "suite": result.environment,
        "subSuite": subject(result),
        "severity": SEVERITY[result.severity],
        "owner": result.owner,
        "epic": result.system,
        "feature": result.heading or subject(result),
        "story": result.entity,
        "environment": f"{result.system}/{result.environment}",
        "verdict": result.verdict.value,
    }
    occasion = PurePosixPath(result.node.partition("::")[0]).parent.name
    tags = {*marks, result.severity, occasion, "gate" if result.limit.startswith("gate") else "", *result.expectation_ids} - {""}
    return [Label(name=name, value=value) for name, value in single.items()] + [Label(name="tag", value=each) for each in sorted(tags)]


def description(result: Result) -> str:
    """Expected and observed side by side, then what else the reader wants to know; every value escaped."""
    rows = {
        "Why": result.reason,
        "Source": result.cause,
        "Next": result.next if result.verdict is not Verdict.HOLDS else "",
        "Where": result.where,
        "Seen": result.seen,
        "Owner": result.owner,
        "Verdict": f"{result.verdict}, {since(result)}" if result.at else result.verdict.value,
        "Runbook": result.heading + (f" ({', '.join(result.expectation_ids)})" if result.expectation_ids else ""),
    }
    return _table(result) + "".join(f"<p><b>{name}:</b> {_text(value)}</p>" for name, value in rows.items() if value)


def _table(result: Result) -> str:
    if not result.expected and not result.observed:
        return ""
    heads = "".join(f"<th>{each}</th>" for each in ("", "expected", "observed"))
    values = "".join(f"<td><b>{_text(each)}</b></td>" for each in (result.expected, result.observed))
    row = f"<td><code>{_text(result.what)}</code></td>{values}"
    return f"<table><thead><tr>{heads}</tr></thead><tbody><tr>{row}</tr></tbody></table>"


def _text(value: str) -> str:
    return html.escape(cut(value, SHOWN))
