"""Memory between runs: one small JSON file for each environment, replaced whole.

`DIR/<system>/<environment>.json` holds `results` (for each result id its verdict, since when, its last values and verdicts) and
`facts` (numbers that probes saw and later looks compare with), values and facts with their times in Unix seconds, and `plans`
(for each selection the checks that its last run was to judge).
"""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from muster import SCHEMA_VERSION, past
from muster.plans import Plan
from muster.scrubber import dumps
from muster.verdicts import Result, Verdict

KEPT = 60
"""Values kept for each result and fact; a daily run fills two months."""
PLANS = 8
"""Selections whose last plans are kept: daily, gate, and what somebody tried by hand."""
FORGOTTEN_AFTER = 40 * 86400.0
"""Seconds after which a fact that was not seen again is dropped: pods go, and take their names with them."""

History = dict[str, list[tuple[float, float]]]
"""For each fact its earlier (time, value) pairs, oldest first."""


class StateError(Exception):
    """A file of the state cannot be read; the text says which, and what to do."""


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {"results": {}, "facts": {}, "plans": {}}
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        if known["schema"] != SCHEMA_VERSION:
            raise StateError(f"{path}: schema {known['schema']}, this version reads {SCHEMA_VERSION}; move it away to begin anew")
        return {"results": dict(known["results"]), "facts": dict(known["facts"]), "plans": dict(known.get("plans", {}))}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StateError(f"{path}: not a state file ({type(error).__name__}); restore it, or move it away to begin anew") from error


class State:
    """What earlier runs knew of each environment (`system/environment`)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._loaded: dict[str, dict[str, Any]] = {}

    def _known(self, environment: str, part: str) -> dict[str, Any]:
        if environment not in self._loaded:
            self._loaded[environment] = _read(self.folder / f"{environment}.json")
        known: dict[str, Any] = self._loaded[environment][part]
        return known

    def load(self, environments: list[str]) -> None:
        """Read what is known of these environments. Raises StateError for a file that cannot be trusted."""
        for environment in environments:
            self._known(environment, "results")

    def since(self, result: Result) -> float:
        """Since when (Unix seconds) the result has had its verdict, as far as earlier runs know."""
        known = self._known(f"{result.system}/{result.environment}", "results").get(result.id)
        return float(known["since"]) if known and known["verdict"] == result.verdict else result.at

    def results(self, environment: str) -> dict[str, dict[str, Any]]:
        """What is remembered of each result of an environment, by id."""
        return self._known(environment, "results")

    def plan(self, environment: str, selection: str) -> Plan | None:
        """The last plan of a selection for an environment."""
        known = self._known(environment, "plans").get(selection)
        return Plan(environment, selection, **known) if known else None

    def suppose(self, environment: str, history: History) -> None:
        """Take this for what earlier looks at a sandbox remembered: its world has a past of its own, whatever was run before."""
        self._known(environment, "facts")
        self._loaded[environment]["facts"] = {name: [list(pair) for pair in pairs] for name, pairs in history.items()}

    def history(self, environment: str) -> History:
        """The facts that earlier looks at an environment remembered."""
        return {name: [(at, value) for at, value in pairs] for name, pairs in self._known(environment, "facts").items()}

    def remember(
        self, results: list[Result], facts: dict[str, dict[str, tuple[float, float]]], run: str, plans: Iterable[Plan] = ()
    ) -> None:
        """Add a run: its results, its plans, and for each environment the facts that were seen, as (time, value)."""
        for plan in plans:
            known = self._known(plan.environment, "plans")
            known.pop(plan.selection, None)
            known[plan.selection] = {"files": plan.files, "run": plan.run, "checks": plan.checks}
            for oldest in list(known)[:-PLANS]:
                del known[oldest]
        for result in results:
            if result.verdict in (Verdict.NOT_RUN, Verdict.NOT_ASKED):
                continue
            entries = self._known(f"{result.system}/{result.environment}", "results")
            earlier = entries.get(result.id, {"values": []})
            values = [*earlier["values"], [result.at, result.value]] if isinstance(result.value, (int, float)) else earlier["values"]
            entries[result.id] = {
                "verdict": result.verdict, "since": self.since(result), "run": run, "values": values[-KEPT:],
                "trail": past.longer(past.trail_of(earlier), result.verdict),
            }  # fmt: skip
        for environment, seen in facts.items():
            entries = self._known(environment, "facts")
            for name, (at, value) in seen.items():
                pairs = entries.setdefault(name, [])
                if [known for _, known in pairs[-2:]] == [value, value]:
                    pairs.pop()  # of a long time without a change, its first and its last moment are enough
                entries[name] = [*pairs, [at, value]][-KEPT:]
            newest = max((pairs[-1][0] for pairs in entries.values()), default=0.0)
            for name in [name for name, pairs in entries.items() if pairs[-1][0] < newest - FORGOTTEN_AFTER]:
                del entries[name]
        for environment in {f"{result.system}/{result.environment}" for result in results} | facts.keys():
            self._write(environment)

    def _write(self, environment: str) -> None:
        """Replace the file whole, so that a run killed here leaves the old one."""
        path = self.folder / f"{environment}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(f".{os.getpid()}.new")
        known = {part: self._known(environment, part) for part in ("results", "facts", "plans")}
        fresh.write_text(dumps({"schema": SCHEMA_VERSION, **known}, ensure_ascii=True), encoding="utf-8")
        fresh.replace(path)
