"""One verdict as an Allure result: names, labels, identity and a description; no traceback, no argument, no secret."""

import html
from hashlib import md5
from pathlib import PurePosixPath
from typing import Any

from allure_commons.model2 import Label, Link, Parameter, Status, StatusDetails, TestResult

from muster.text import cut, moment, span
from muster.verdicts import Result, Verdict
from muster.wording import allowed, message, since, subject

STATUS = {
    Verdict.HOLDS: Status.PASSED,
    Verdict.VIOLATED: Status.FAILED,
    Verdict.UNKNOWN: Status.BROKEN,
    Verdict.NOT_RUN: Status.BROKEN,
    Verdict.WAIVED: Status.SKIPPED,
    Verdict.NOT_ASKED: Status.SKIPPED,
}
SEVERITY = {"P0": "blocker", "P1": "critical", "P2": "normal", "P3": "minor"}
REPEATED = {"tag", "epic", "feature", "story"}
"""Labels of which a result may have several."""
SHOWN = 2000
"""Characters of one value in a description; the attached observation has the rest."""


def complete(result: Result, run: str, at: float = 0.0) -> TestResult:
    """What the reader of a result needs; `at` is the run's start (Unix seconds), for a result that nobody looked at.

    Allure tells results apart by the full name and the parameters that are not excluded: these are the identity alone, so
    that a result is the same one in every run, and another one in every environment.
    """
    about = subject(result)
    full = f"{about}#{result.check}"
    began = result.at or at
    return TestResult(
        uuid=digest(run, result.id), historyId=digest(result.id), testCaseId=digest(full), fullName=full,
        name=f"{result.entity}: {result.title}" + (f" ({result.limit})" if result.limit else ""),
        titlePath=[result.system, result.environment, about],
        status=STATUS[result.verdict],
        statusDetails=_details(result),
        parameters=_parameters(result),
        labels=_labels(result),
        links=[Link(type="tms", url=result.runbook, name=f"Runbook: {result.heading}")] if result.runbook else [],
        descriptionHtml=description(result),
        start=int(began * 1000), stop=int((began + result.took) * 1000),
    )  # fmt: skip


def _details(result: Result) -> StatusDetails | None:
    """What stands beside the status; Allure's mark `flaky` where earlier looks or earlier runs saw something else."""
    unsteady = result.flaky or bool(result.flapping)
    if result.verdict is Verdict.HOLDS and not unsteady:
        return None
    return StatusDetails(message=message(result), trace=result.crash or None, flaky=unsteady or None)


def add(made: TestResult, more: dict[str, Any]) -> None:
    """What marks or the check itself add to a result: steps, attachments, labels, links, parameters, a title, a description.

    A label of which there is one, such as the owner, stays the runbook's. Parameters do not change the identity.
    """
    taken = {each.name for each in made.labels} - REPEATED
    made.labels += [Label(**each) for each in more.get("labels", ()) if each["name"] not in taken]
    made.links = [Link(**each) for each in more.get("links", ())] + made.links
    made.parameters += [Parameter(**{**each, "excluded": True}) for each in more.get("parameters", ())]
    made.steps += more.get("steps", ())
    made.attachments += more.get("attachments", ())
    made.name = more.get("name") or made.name
    for each in filter(None, (more.get("description"), more.get("descriptionHtml"))):
        made.descriptionHtml += f"<p>{_text(each)}</p>"


def digest(*texts: str) -> str:
    """A name for something in a report: equal for equal texts, 32 hexadecimal digits."""
    return md5("\0".join(texts).encode("utf-8", "backslashreplace"), usedforsecurity=False).hexdigest()


def _parameters(result: Result) -> list[Parameter]:
    identity = {"system": result.system, "environment": result.environment, "entity": result.entity, "limit": result.limit}
    look = {"looked at": moment(result.at) if result.at else "", "took": span(result.took) if result.at else "", "saw": result.looked_at}
    made = [Parameter(name=name, value=value) for name, value in identity.items() if value]
    return made + [Parameter(name=name, value=value, excluded=True) for name, value in look.items() if value]


def _labels(result: Result) -> list[Label]:
    """Place, severity, owner, passage of the runbook, verdict; those that allure-pytest makes of host and process help no reader."""
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
    tags = {result.severity, occasion, "gate" if result.limit.startswith("gate") else "", *result.expectation_ids} - {""}
    tags |= {name for name, told in (("flaky", result.flaky), ("flapping", result.flapping)) if told}
    return [Label(name=name, value=value) for name, value in single.items()] + [Label(name="tag", value=each) for each in sorted(tags)]


def description(result: Result) -> str:
    """Expected and observed side by side, then what else the reader wants to know; every value escaped."""
    rows = {
        "Why": result.reason,
        "Source": result.cause,
        "Next": result.next if result.verdict is not Verdict.HOLDS else "",
        "Where": result.where,
        "Seen": result.seen,
        "Looks": f"judged by {result.looks}" if result.looks > 1 else "",
        "Earlier in this run": "; ".join(result.earlier),
        "Flapping": result.flapping,
        "Owner": result.owner,
        "Allowed": allowed(result),
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
