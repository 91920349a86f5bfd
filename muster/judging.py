"""From a pytest item to a result: which verdict, what was expected and observed, and what to tell the reader."""

import inspect
import traceback
from collections.abc import Callable
from functools import cache
from math import isfinite
from typing import Any

import pytest

from muster.case import Case
from muster.comparison import comparison
from muster.probes import CouldNotLook, Nothing, Observation
from muster.scrubber import head, scrub
from muster.text import legible
from muster.verdicts import Result, Verdict


class Violated(AssertionError):
    """The engine's own violations: nothing was looked at (rule 1), or a name matches nothing (rule 6)."""


@cache
def _parameters(check: Callable[..., Any]) -> tuple[str, ...]:
    return tuple(inspect.signature(check).parameters)


def arguments(item: pytest.Function) -> dict[str, Any]:
    """What the check's function was called with, as far as its fixtures came."""
    return {name: item.funcargs[name] for name in _parameters(item.function) if name in item.funcargs}


def refuse_silence(item: pytest.Function, case: Case) -> None:
    """Raise Violated when one of the check's observations looked at nothing, unless the entity allows that."""
    for value in arguments(item).values():
        if not isinstance(value, Observation) or value.looked_at > 0:
            continue
        if isinstance(value, Nothing) or not case.entity.allow_empty:
            raise Violated(value.note or f"nothing was looked at: 0 {value.of}")


def verdict_of(call: pytest.CallInfo[Any]) -> Verdict:
    """An AssertionError of the body is *violated*; whatever else went wrong, in any phase, is *unknown*."""
    if call.excinfo is None:
        return Verdict.HOLDS
    violated = call.when == "call" and call.excinfo.errisinstance(AssertionError)
    return Verdict.VIOLATED if violated else Verdict.UNKNOWN


@cache
def documentation(check: Callable[..., Any]) -> tuple[str, str]:
    """The title (first line of the docstring) and what to look at next (the text after `Next:`)."""
    title, _, rest = inspect.cleandoc(check.__doc__ or check.__name__).partition("\n")
    return title, " ".join(rest.partition("Next:")[2].split())


def describe(item: pytest.Function, case: Case, call: pytest.CallInfo[Any]) -> dict[str, Any]:
    """The fields of a Result that come from the check, its arguments and what it raised."""
    verdict = verdict_of(call)
    title, following = documentation(item.function)
    made: dict[str, Any] = {"verdict": verdict, "title": title, "next": following, "where": case.entity.where()}
    seen = [value for value in arguments(item).values() if isinstance(value, Observation)]
    made["seen"] = "; ".join(dict.fromkeys(value.seen for value in seen if value.seen))
    made["note"] = "; ".join(dict.fromkeys(value.note for value in seen if value.note))
    made["looked_at"] = ", ".join(dict.fromkeys(f"{value.looked_at} {value.of}" for value in seen))
    error = call.excinfo.value if call.excinfo else None
    made["crash"] = crash(error) if verdict is Verdict.UNKNOWN else ""
    if isinstance(error, CouldNotLook):
        return {**made, "reason": error.reason, "cause": error.cause or "unknown", "next": error.hint or following}
    if isinstance(error, Violated):
        return {**made, "reason": str(error), **_compared(item, case, seen=False)}
    if error is not None and verdict is Verdict.UNKNOWN:
        return {**made, "reason": f"the check crashed: {type(error).__name__}: {error}", "cause": f"check {case.identity.check}"}
    made |= _compared(item, case, seen=True)
    if verdict is Verdict.VIOLATED:
        made["reason"] = made["note"]
    return made


def crash(error: BaseException | None) -> str:
    """Traceback of a bug in a check or probe, without arguments and locals; empty for a source that did not let us look."""
    if isinstance(error, CouldNotLook):
        error = error.__cause__ if error.cause.startswith("probe ") else None
    return legible(scrub("".join(traceback.format_exception(error)))) if error is not None else ""


def _compared(item: pytest.Function, case: Case, *, seen: bool) -> dict[str, Any]:
    """Expected and observed of the check's one comparison."""
    compared = comparison(item.function)
    if compared is None:
        return {}
    turned = compared.left == "limit"  # `assert limit in value`: the limit is what the value contains
    what, operator = (compared.right, "contains ") if turned else (compared.left, f"{compared.operator} ")
    operator = "" if operator == "in " else operator  # what values may be in says so itself: `between 1 and 5`, `one of a, b`
    if not seen:
        return {"what": what, "expected": f"{operator}{case.terms.value}", "observed": "nothing"}
    left, right = compared.values(arguments(item), item.function.__globals__)
    left, right = (right, left) if turned else (left, right)
    number = isinstance(left, (int, float)) and not isinstance(left, bool) and isfinite(left)  # JSON knows no NaN
    value: Any = (int(left) if isinstance(left, int) else float(left)) if number else head(str(left), 200)
    return {"what": what, "expected": f"{operator}{right}", "observed": str(left), "value": value}


def result(item: pytest.Function, case: Case, fields: dict[str, Any]) -> Result:
    """The whole result; `fields` are those of `describe` and of the run."""
    identity = case.identity
    return Result(
        system=identity.system, environment=identity.environment, check=identity.check, entity=identity.entity, limit=identity.limit,
        node=item.nodeid, severity=case.severity, owner=case.owner, **fields,
    )  # fmt: skip


def told(found: Result) -> str:
    """A result in place of a traceback: what was compared, what was seen, and why."""
    compared = f"{found.what}: expected {found.expected}, observed {found.observed}" if found.what else ""
    return "\n".join(filter(None, [f"{found.verdict.upper()} {found.id}", compared, found.reason, found.cause and f"cause: {found.cause}"]))
