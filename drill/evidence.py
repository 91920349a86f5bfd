"""What Allure shows of a drill beside its verdicts: a step for each phase, the backup and its versions, the table of rows."""

from typing import Any

from drill.run import Drilling
from muster.case import Case
from muster.kinds.readings import Reading
from muster.run import Run
from muster.text import cut

ROWS = ("rows_of_live", "rows_of_last")
MOST = 200
"""Tables that are listed."""


def tell(run: Run, cases: list[Case], drilled: Drilling) -> None:
    """Add to every result of a drill what was done for it."""
    shown = {"steps": _steps(drilled), "parameters": _parameters(drilled)}
    for case in cases:
        mine = case.entity.key == drilled.drill.key or (isinstance(case.entity, Reading) and case.entity in drilled.readings)
        if mine and case.expectation != "passed_within":
            table = {"description": _table(drilled)} if case.expectation in ROWS and drilled.verifying else {}
            run.add(case, shown | table)


def _steps(drilled: Drilling) -> list[dict[str, Any]]:
    """Each phase, when it was and what became of it."""
    return [
        {
            "name": f"{name}: {said}" if said else name,
            "status": "passed" if said == "done" else "broken",
            "stage": "finished",
            "start": int(began * 1000),
            "stop": int((began + drilled.seconds[name]) * 1000),
        }
        for name, (began, said) in drilled.told.items()
    ]


def _parameters(drilled: Drilling) -> list[dict[str, Any]]:
    """The backup: where it lies, which version, its checksum; whose programs made and restored it."""
    found, restored = drilled.made.artefact, drilled.restored
    told = {"drill": drilled.lease.name}
    if found is not None:
        told |= {"backup": found.seen, "version of the backup": found.version, "size": str(found.size)}
    if restored is not None:
        told |= {name: str(value) for name, value in restored.told().items()}
    return [{"name": name, "value": cut(value, 300)} for name, value in told.items() if value]


def _table(drilled: Drilling) -> str:
    """Rows of every table that was counted."""
    assert drilled.verifying is not None
    counts = list(drilled.verifying.proofs.counts.items())
    lines = [f"{cut(table, 120)}: {rows:,}" for table, rows in counts[:MOST]]
    return "Rows of the copy: " + "; ".join(lines + ([f"and {len(counts) - MOST} more tables"] if len(counts) > MOST else []))
