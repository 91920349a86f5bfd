"""What is said about one result, in the same words in the terminal, in JUnit and in Allure."""

from pathlib import PurePosixPath

from muster.text import moment, plain, span
from muster.verdicts import Result


def subject(result: Result) -> str:
    """What a check's module is about: `workloads` for `checks/daily/test_workloads.py`."""
    return PurePosixPath(result.node.partition("::")[0]).stem.removeprefix("test_")


def compared(result: Result) -> str:
    """`expected <= 0, observed 1`; empty when nothing was compared."""
    if not result.expected and not result.observed:
        return ""
    return f"expected {result.expected or '?'}, observed {result.observed or 'nothing'}"


def since(result: Result) -> str:
    """How long the verdict has been what it is, as earlier runs know it."""
    if not result.since or result.since >= result.at:
        return "new in this run"
    return f"since {moment(result.since)} ({span(result.at - result.since)})"


def allowed(result: Result) -> str:
    """The waiver or maintenance that speaks of a result; empty when none does."""
    said = result.allowance
    if not said:
        return ""
    owner = f" ({said['owner']})" if said["owner"] else ""
    days = f" for {said['days']} days running" if "days" in said else ""
    return f"{said['state']}{days}: {said['kind']} {said['name']}{owner} until {said['expires']}: {said['reason']}"


def message(result: Result) -> str:
    """One line: the verdict, what was compared, and why."""
    steady = "; ".join(filter(None, ("flaky" if result.flaky else "", f"flapping: {result.flapping}" if result.flapping else "")))
    return "; ".join(filter(None, (f"{result.severity} {result.verdict}", steady, compared(result), plain(result.reason))))


def told(result: Result) -> str:
    """The whole story of a result, a line for each part."""
    parts = {
        "what": f"{result.entity}: {result.title}", "expected": result.expected, "observed": result.observed, "reason": result.reason,
        "allowed": allowed(result), "cause": result.cause,
        "where": result.where, "seen": result.seen, "looked at": result.looked_at, "owner": result.owner,
        "since": since(result) if result.at else "", "runbook": f"{result.heading} {result.runbook}".strip(), "next": result.next,
        "looks": str(result.looks) if result.looks > 1 else "", "earlier": "; ".join(result.earlier), "flapping": result.flapping,
    }  # fmt: skip
    return "\n".join(f"{name}: {plain(text)}" for name, text in parts.items() if text)
