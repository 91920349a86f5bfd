"""What a file of waivers cannot show by itself: whether its ids exist, whether its bounds can be compared, and with what."""

import ast
import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from muster.amounts import Amount
from muster.case import Case
from muster.environment import Environment, cases
from muster.waivers import Entry, Waiver
from muster.yamlfile import Problem

NEAREST = 3
_SIDES = {ast.LtE: "at_most", ast.Lt: "at_most", ast.GtE: "at_least", ast.Gt: "at_least"}


@dataclass(frozen=True)
class Known:
    """A check as its source says: what it expects, and on which side of its limit the value has to be."""

    name: str
    expectation: str
    side: str
    """`at_most`, `at_least`, or empty for another comparison."""


@cache
def known_checks(root: Path) -> tuple[dict[str, Known], bool]:
    """Every check below `root`, by name, read without importing it; and whether every module could be read."""
    found: dict[str, Known] = {}
    whole = True
    for module in sorted(root.rglob("test_*.py")):
        try:
            body = ast.parse(module.read_text(encoding="utf-8")).body
        except (SyntaxError, ValueError):  # pytest tells it, with exit code 4; who knows which checks it was to hold
            whole = False
            continue
        functions = (each for each in body if isinstance(each, ast.FunctionDef) and each.name.startswith("test_"))
        found.update({each.name: Known(each.name, _expectation(each), _side(each)) for each in functions})
    return found, whole


def _expectation(function: ast.FunctionDef) -> str:
    marks = [each for each in function.decorator_list if isinstance(each, ast.Call) and ast.unparse(each.func) == "pytest.mark.expects"]
    return str(marks[0].args[0].value) if marks and isinstance(marks[0].args[0], ast.Constant) else ""


def _side(function: ast.FunctionDef) -> str:
    last = function.body[-1]
    if not isinstance(last, ast.Assert) or not isinstance(last.test, ast.Compare) or ast.unparse(last.test.comparators[0]) != "limit":
        return ""
    return _SIDES.get(type(last.test.ops[0]), "")


def matched(environment: Environment, entries: tuple[Entry, ...], root: Path) -> list[Problem]:
    """Everything that is wrong with the ids and bounds of an environment's waivers."""
    checks, whole = known_checks(root)
    problems: list[Problem] = []
    for entry in entries:
        known = checks.get(entry.waiver.check)
        if known is not None:
            made = cases(environment, known.expectation, known.name)
            problems += [*unmatched(entry, made), *_bounds(entry, known, made)]
        elif whole:
            problems.append(
                entry.problem(f"no check has this name{nearest(entry.waiver.check, list(checks))}", entry.waiver.check, "check")
            )
    return problems + list(_twice(entries))


def unmatched(entry: Entry, made: list[Case]) -> Iterator[Problem]:
    """The ids of a waiver that name none of its check's cases."""
    there = [local(case) for case in made]
    for index, name in enumerate(entry.waiver.named):
        if name not in there:
            rule = f"{entry.waiver.check} is asked of no such entity here{nearest(name, there)}"
            yield entry.id_problem(index, rule)


def local(case: Case) -> str:
    """How a case is named within its check and environment: `health`, or `health:gate`."""
    return case.identity.entity + (f":{case.identity.limit}" if case.identity.limit else "")


def nearest(name: str, names: list[str]) -> str:
    """The names that a person most likely meant, as the end of a sentence."""
    close = difflib.get_close_matches(name, names, NEAREST, 0.5) or sorted(names)[:NEAREST]
    return f"; nearest: {', '.join(close)}" if close else "; it is asked of none at all"


def _twice(entries: tuple[Entry, ...]) -> Iterator[Problem]:
    """Ids for which two waivers speak of the same thing: which of them counts must not depend on their order."""
    seen: dict[tuple[str, str, str | None], Entry] = {}
    for entry in entries:
        for index, name in enumerate(entry.waiver.named):
            first = seen.setdefault((entry.waiver.check, name, entry.waiver.cause), entry)
            if first is not entry:
                yield entry.id_problem(index, f"waived already in line {first.mark.line}, by {first.waiver.ticket}: keep one of them")


def _bounds(entry: Entry, known: Known, made: list[Case]) -> Iterator[Problem]:
    bound = entry.waiver.bound
    if bound is None:
        return
    for case in (each for each in made if local(each) in entry.waiver.named):
        rule = _unusable(bound.side, bound.written, known, getattr(case.terms, case.terms.primary, None))
        if rule:
            yield entry.problem(rule, f"{bound.written} for {local(case)}", "while", bound.side)


def _unusable(side: str, written: Any, known: Known, limit: Any) -> str:
    """Why a bound cannot be used with this limit; empty when it can."""
    if not known.side or isinstance(limit, bool) or not isinstance(limit, (int, float)):
        return f"{known.name} compares no number with a highest or lowest one: while means nothing here"
    if side != known.side:
        return f"{known.name} says {known.side.replace('_', ' ')} {limit}: the bound is {known.side}"
    try:
        value = parsed(written, limit)
    except ValueError as error:
        return f"written like the limit, {limit}: {error}"
    wider = value > limit if side == "at_most" else value < limit
    return "" if wider else f"the limit is {limit}: a bound that is no wider waives nothing"


def parsed(written: Any, limit: Any) -> Any:
    """The bound as a number of the limit's own type and unit. Raises ValueError."""
    if isinstance(limit, Amount):
        made = Amount.parse(written)
        if made.unit != limit.unit:
            raise ValueError(f"in {limit.unit}" if limit.unit else "a number without a unit")
        return made
    reads = getattr(type(limit), "_validate", None)
    if reads is not None:
        return reads(written)
    if isinstance(written, str):
        raise ValueError("a bare number")
    return written


def bound_of(waiver: Waiver, limit: Any) -> Any:
    """The bound of a waiver that has one, as a number of the limit's type; loading has made sure that it can be read."""
    assert waiver.bound is not None
    return parsed(waiver.bound.written, limit)
