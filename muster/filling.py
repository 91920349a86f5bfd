"""What a check takes, filled in before pytest would make a fixture for each of it: most of the time of a run of many checks.

A check that takes only what this machinery hands out (its case, its limit, entities, what probes saw) gets the same values.
Where anything else is asked for, something is overridden, or there is a reason to raise, nothing is filled in, and pytest's
fixtures do what they always do.
"""

from typing import Any

import pytest

from muster.case import Case
from muster.probes import ARGUMENTS, PROBES, Call
from muster.run import Run

_OWN = {"case", "terms", "limit", "observations", "request"}


def fill(item: pytest.Function, run: Run, case: Case) -> None:
    """Set the arguments of a check's function."""
    names = item.fixturenames
    if not _plain(item, names):
        return
    try:
        run.require_condition(case)
        made = {name: _value(name, run, case) for name in names if name != "request"}
    except Exception:  # noqa: BLE001 - the fixture raises it again, in the phase and with the words that reports are made of
        return
    item.funcargs.update(made)


def _plain(item: pytest.Function, names: list[str]) -> bool:
    """Whether all of it is ours and nothing of it is overridden."""
    found = item._fixtureinfo.name2fixturedefs  # noqa: SLF001 - pytest tells nobody else which fixtures an item has
    return all(
        (name in _OWN or name in ARGUMENTS or name in PROBES) and (name == "request" or len(found.get(name, ())) == 1) for name in names
    )


def _value(name: str, run: Run, case: Case) -> Any:
    """What the fixture of this name would return. Raises when it would."""
    if name in PROBES:
        probe = PROBES[name]
        return run.seen(case).outcomes[Call.of(probe, {each: ARGUMENTS[each](case) for each in probe.parameters}).key].get()
    if name in ARGUMENTS:
        return ARGUMENTS[name](case)
    return {"case": case, "terms": case.terms, "limit": case.terms.value, "observations": run.seen(case)}[name]
