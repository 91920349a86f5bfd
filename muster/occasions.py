"""Which checks and limits belong to the occasion of a run: any day, a gate before or after a deploy, the way back.

`@pytest.mark.gate` holds before and after a deploy, `gate(after=False)` before alone, `gate(before=False)` after alone;
with `rollback=True` it is also what a rollback needs. A limit says `on: gate`, `before-deploy`, `after-deploy` or `rollback`.
"""

import re

import pytest

from muster import options
from muster.case import Case
from muster.expectations import Terms
from muster.gating import Phase

KNOWN = {"before": True, "after": True, "rollback": False}
"""What a bare mark means."""
MEANS = {
    "gate": {},
    "before-deploy": {"before": True, "after": False},
    "after-deploy": {"before": False, "after": True},
    "rollback": {"before": False, "after": False, "rollback": True},
}
"""What a limit's occasion says, whatever its check says."""
ELSE = {"before": "--after-deploy asks it", "after": "it is asked before a deploy", "rollback": "no rollback needs it"}


def gates(config: pytest.Config) -> bool:
    """Whether this run is a gate: `-m gate`, or nothing but `checks/gate`."""
    asked = bool(re.search(r"(?<!not )\bgate\b", config.option.markexpr or ""))
    return asked or options.all_below(config, "checks/gate")


def phase(config: pytest.Config) -> Phase:
    """What a gate is asked for."""
    if config.option.rollback:
        return "rollback"
    return "after" if config.option.after_deploy else "before"


def marks(terms: Terms) -> list[pytest.MarkDecorator]:
    """The marks of an item that a limit brings."""
    return [pytest.mark.gate(**MEANS[terms.on])] if terms.on else []


def unwanted(config: pytest.Config, item: pytest.Item, case: Case, *, called: bool) -> str:
    """Why a check is not judged on this occasion; empty when it is. Who was `called` for it asks what only a gate asks, too."""
    folder = item.path.parent.name
    if folder == options.DRILLS and not options.drills(config):
        return "it restores backups, and nobody said --drill"
    gate = gates(config)
    if gate and item.get_closest_marker("gate") and not _phases(item)[phase(config)]:
        return ELSE[phase(config)]
    around = gate or folder == "gate"
    if case.terms.on is not None:
        alone = called and case.entity.expect.only(case.expectation, "gate")
        return "" if around or alone else "a limit for the gate"
    cadence = getattr(case.entity, "cadence", "daily")
    if around and cadence not in ("daily", "gate"):
        return f"a {cadence} reading"
    limits = case.entity.expect.wanted(case.expectation)
    if around and isinstance(limits, tuple) and any(_meant(config, each) for each in limits):
        return "the gate has a limit of its own"
    return ""


def _meant(config: pytest.Config, terms: Terms) -> bool:
    """Whether a limit is for this occasion in particular; a run of all checks, which is no gate, judges those of every phase."""
    if terms.on is None or terms.on == "gate" or not gates(config):
        return terms.on is not None
    return (KNOWN | MEANS[terms.on])[phase(config)]


def _phases(item: pytest.Item) -> dict[str, bool]:
    """At which phases of a gate a check is asked. Raises UsageError for a word that no mark knows."""
    said: dict[str, bool] = {}
    for mark in reversed(list(item.iter_markers("gate"))):  # the limit's comes last
        said |= mark.kwargs
        if mark.args or mark.kwargs.keys() - KNOWN.keys():
            raise pytest.UsageError(f"{item.nodeid}: {mark.args or ''}{mark.kwargs}: a gate knows {', '.join(KNOWN)}")
    return KNOWN | said
