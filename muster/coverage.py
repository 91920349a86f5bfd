"""`python -m muster coverage`: which rows of the runbooks are bound to a check, an entity and a fault, and which wait for what.

A row is *unknown* when its check does not exist, *dangling* when no environment of the system has its entity with the
check's expectation, or when its fault does not exist; an id that the series skips is *absent*.
Then, which alert leads to which heading.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from muster.environment import Environment
from muster.runbook import Row, Runbook
from muster.text import count


@dataclass(frozen=True)
class Check:
    """A check function as its source says."""

    name: str
    expectation: str
    module: Path


def find_checks(root: Path) -> dict[str, Check]:
    """Every check below `checks/`, by name, read without importing it."""
    found: dict[str, Check] = {}
    for module in sorted(root.rglob("test_*.py")):
        for function in ast.parse(module.read_text(encoding="utf-8")).body:
            if isinstance(function, ast.FunctionDef) and function.name.startswith("test_"):
                found[function.name] = Check(function.name, _expectation(function), module)
    return found


def _expectation(function: ast.FunctionDef) -> str:
    for decorator in function.decorator_list:
        if (
            isinstance(decorator, ast.Call)
            and ast.unparse(decorator.func) == "pytest.mark.expects"
            and isinstance(decorator.args[0], ast.Constant)
        ):
            return str(decorator.args[0].value)
    return ""


def wrong(row: Row, checks: dict[str, Check], environments: list[Environment], faults: set[str] | None) -> str:
    """Empty, or what is wrong with a row. `faults` is None where no sandbox is at hand to compare with."""
    if row.missing:
        return ""
    if problem := dangling(row.check or "", row.entity or "", checks, environments):
        return problem
    if faults is not None and row.fault is None:
        return "no fault proves it"
    if faults is not None and row.fault not in faults:
        return f"unknown fault {row.fault}"
    return ""


def dangling(name: str, entity: str, checks: dict[str, Check], environments: list[Environment]) -> str:
    """Empty, or why a check of an entity is none."""
    check = checks.get(name)
    if check is None:
        return f"unknown check {name}"
    bound = [found for each in environments for found in each.entities if entity in (found.id, found.name)]
    if not any(found.expect.wanted(check.expectation) is not None for found in bound):
        return f"no entity {entity} with the expectation {check.expectation}"
    return ""


def calls(book: Runbook, checks: dict[str, Check], environments: list[Environment]) -> Iterator[tuple[str, bool]]:
    """What each alert leads to, and which headings say what to do; with a flag for what leads nowhere."""
    for section in book.headings:
        alerts = f"alert {', '.join(section.alerts)}" if section.alerts else "no alert"
        rows = sum(row.heading == section.heading for row in book.rows)
        more = f", {count(len(section.also), 'check')} besides" if section.also else ""
        said = f"next: {section.next}" if section.next else "no next"
        yield f"{section.heading}  <- {alerts}\n         {count(rows, 'row')}{more}; {said}", False
        for bound in section.also:
            name, _, entity = bound.rstrip("]").partition("[")
            problem = dangling(name, entity, checks, environments)
            yield from [(f"         WRONG: {bound}: {problem}", True)] if problem else []
    for row in book.rows:
        yield from [(f"{row.id}  <- alert {', '.join(row.alerts)}", False)] if row.alerts else []


def absent(book: Runbook) -> list[str]:
    """Ids that the numbering of the rows skips."""
    numbers: dict[str, set[int]] = {}
    width = 2
    for row in book.rows:
        prefix, _, number = row.id.rpartition("-")
        numbers.setdefault(prefix, set()).add(int(number))
        width = len(re.sub(r"\D", "", number))
    return [f"{prefix}-{n:0{width}d}" for prefix, found in numbers.items() for n in range(1, max(found) + 1) if n not in found]


def table(
    system: str, book: Runbook, checks: dict[str, Check], environments: list[Environment], faults: set[str] | None
) -> Iterator[tuple[str, bool]]:
    """Lines with a flag that tells the wrong ones."""
    for row in book.rows:
        problem = wrong(row, checks, environments, faults)
        state = (
            f"WRONG: {problem}"
            if problem
            else f"missing: {row.missing}"
            if row.missing
            else f"{row.check}[{row.entity}] <- {row.fault or 'no fault'}"
        )
        yield f"{row.id}  {row.expects}\n         {state}", bool(problem)
    for each in absent(book):
        yield f"{each}  absent from runbook.yaml", True
    yield from calls(book, checks, environments)
    bound = sum(row.missing is None for row in book.rows)
    yield f"{system}: {bound} of {len(book.rows)} rows bound, {len(book.rows) - bound} waiting", False
