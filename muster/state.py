"""Memory between runs: one small JSON text for each environment, on a shelf (see `muster.shelf`), replaced whole.

It holds `results` (for each result id its verdict, since when, its last values and verdicts) and `facts` (numbers that probes
saw and later looks compare with), values and facts with their times in Unix seconds, `plans` (for each selection the checks
that its last run was to judge), `allowed` (on which days each waiver was needed, and since when each maintenance is on), and
`overrides` (gates that a ticket let pass).
"""

import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from copy import deepcopy
from pathlib import Path
from typing import Any

from muster import SCHEMA_VERSION, flapping
from muster.plans import Plan
from muster.probes import CouldNotLook
from muster.scrubber import dumps
from muster.shelf import Folder, Shelf, ShelfError
from muster.text import count, moment
from muster.verdicts import Result, Verdict

KEPT = 60
"""Values kept for each result and fact; a daily run fills two months."""
PLANS = 8
"""Selections whose last plans are kept: daily, gate, and what somebody tried by hand."""
FORGOTTEN_AFTER = 40 * 86400.0
"""Seconds after which a fact or a result that was not seen again is dropped: pods and checks go, and take their names with them."""
QUARTERS = 100 * 86400.0
"""The same for results, of which some are judged once in a quarter."""
OVER_A_WEEKEND = 3 * 86400.0
"""Seconds for which the digest tells of gates that were overridden."""
ATTEMPTS = 30
"""How often what another run has written meanwhile is read again."""
NONE: Any = {"results": {}, "facts": {}, "plans": {}, "allowed": {}, "overrides": []}
UNKNOWN = "since when anything is as it is, what vanished, how numbers have grown"
"""What nobody knows without a history."""

History = dict[str, list[tuple[float, float]]]
"""For each fact its earlier (time, value) pairs, oldest first."""
Known = dict[str, Any]


class StateError(Exception):
    """What is remembered cannot be read; the text says where, and what to do."""


class Unreachable(History):
    """The history of an environment that could not be read: whoever asks for a fact is told so, and who needs none is not."""

    def __init__(self, cause: str, reason: str) -> None:
        """`reason` says why, `cause` is the place."""
        super().__init__()
        self._cause, self._reason = cause, reason

    def get(self, *_: Any) -> Any:
        """No fact is known, and neither that there is none."""
        raise CouldNotLook(
            f"what earlier looks saw could not be read: {self._reason}",
            cause=f"history in {self._cause}",
            hint="is the place that --state names reachable, and are its keys still valid?",
        )

    __getitem__ = get


def _read(shelf: Shelf, environment: str) -> tuple[Known, str]:
    """What is remembered, and its version. Raises StateError or ShelfError."""
    content, version = shelf.read(environment)
    where = f"{shelf.name}/{environment}.json"
    if not version:
        return deepcopy(NONE), version
    try:
        known = json.loads(content)
        if known["schema"] != SCHEMA_VERSION:
            raise StateError(f"{where}: schema {known['schema']}, this version reads {SCHEMA_VERSION}; move it away to begin anew")
        parts = {part: dict(known[part]) for part in ("results", "facts")} | {
            part: dict(known.get(part, {})) for part in ("plans", "allowed")
        }
        return parts | {"overrides": list(known.get("overrides", []))}, version
    except (ValueError, KeyError, TypeError) as error:
        raise StateError(f"{where}: not a state file ({type(error).__name__}); restore it, or move it away to begin anew") from error


class State:
    """What earlier runs knew of each environment (`system/environment`)."""

    def __init__(self, shelf: Shelf | Path, beside: Path | None = None) -> None:
        """`shelf`: where it lies; a path is a folder. `beside`: the folder of what needs one, when the shelf is none."""
        self.shelf: Shelf = Folder(shelf) if isinstance(shelf, Path) else shelf
        self.folder = self.shelf.folder if isinstance(self.shelf, Folder) else beside or Path()
        """Where drills keep what the next one is compared with."""
        self._loaded: dict[str, Known] = {}
        self._supposed: dict[str, dict[str, Any]] = {}
        self._overridden: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._allowed: dict[str, frozenset[str]] = {}
        """Names of what was remembered of waivers and maintenance before this run."""
        self.unreadable: dict[str, str] = {}
        """Environments whose history is there, or may be, and could not be read, with the reason."""

    def _known(self, environment: str, part: str) -> Any:
        if environment not in self._loaded:
            self._loaded[environment], _ = _read(self.shelf, environment)
        return self._loaded[environment][part]

    def load(self, environments: list[str]) -> None:
        """Read what a folder knows of these environments. Raises StateError for a file that cannot be trusted."""
        for environment in environments if not self.shelf.remote else ():
            try:
                self._known(environment, "results")
            except ShelfError as error:
                raise StateError(str(error)) from error

    def recall(self, environments: list[str]) -> None:
        """Read what has not been read yet. What cannot be is in `unreadable`, and nothing is known of it."""
        for environment in environments:
            try:
                self._known(environment, "results")
            except (ShelfError, StateError) as error:
                self.unreadable[environment] = str(error)
                self._loaded[environment] = deepcopy(NONE)

    def told(self, environment: str) -> dict[str, Any]:
        """What is known of the earlier runs of an environment, and what is not: the journal's line `history`."""
        known = self._loaded.get(environment, {})
        results = known.get("results", {})
        kept = f"kept: {KEPT} values each, facts for {FORGOTTEN_AFTER / 86400:.0f} days, results for {QUARTERS / 86400:.0f}"
        said, missing = "none yet", UNKNOWN
        if environment in self.unreadable:
            said = self.unreadable[environment]
        elif results:
            oldest = min(each["since"] for each in results.values())
            said, missing = f"{count(len(results), 'result')}, the oldest since {moment(oldest)}; {kept}", ""
        recent = [each for each in known.get("overrides", ()) if each["at"] > time.time() - OVER_A_WEEKEND]
        passed = [f"{each['ticket']} at {moment(each['at'])}, {count(len(each['checks']), 'check')}" for each in recent]
        return {"environment": environment, "where": self.shelf.name, "said": said, "missing": missing, "overrides": passed}

    def since(self, result: Result) -> float:
        """Since when (Unix seconds) the result has had its verdict, as far as earlier runs know."""
        known = self._known(f"{result.system}/{result.environment}", "results").get(result.id)
        return float(known["since"]) if known and known["verdict"] == result.verdict else result.at

    def flapping(self, result: Result) -> str:
        """How often the verdict changed in the last runs, this one included; empty when that is no flapping."""
        return flapping.told(self._known(f"{result.system}/{result.environment}", "results").get(result.id, {}), result.verdict)

    def results(self, environment: str) -> dict[str, dict[str, Any]]:
        """What is remembered of each result of an environment, by id."""
        known: dict[str, dict[str, Any]] = self._known(environment, "results")
        return known

    def plan(self, environment: str, selection: str) -> Plan | None:
        """The last plan of a selection for an environment."""
        known = self._known(environment, "plans").get(selection)
        return Plan(environment, selection, **known) if known else None

    def overrides(self, environment: str) -> list[dict[str, Any]]:
        """Gates of an environment that a ticket let pass, oldest first: `at` (Unix seconds), `run`, `ticket` and `checks`, the ids."""
        return [*self._known(environment, "overrides"), *self._overridden.get(environment, ())]

    def overridden(self, environment: str, entry: dict[str, Any]) -> None:
        """Take in a gate that a ticket lets pass; `remember` writes it."""
        self._overridden[environment].append(entry)

    def allowed(self, environment: str) -> dict[str, Any]:
        """What is remembered of waivers and maintenance; whoever changes it has it written by `remember`."""
        memory: dict[str, Any] = self._known(environment, "allowed")
        self._allowed.setdefault(environment, frozenset(memory))
        return memory

    def suppose(self, environment: str, history: History) -> None:
        """Take this for what earlier looks at a sandbox remembered: its world has a past of its own, whatever was run before."""
        self._supposed[environment] = {name: [list(pair) for pair in pairs] for name, pairs in history.items()}

    def history(self, environment: str) -> History:
        """The facts that earlier looks at an environment remembered; `Unreachable` when that could not be read."""
        if environment in self.unreadable and environment not in self._supposed:
            return Unreachable(self.shelf.name, self.unreadable[environment])
        known = self._supposed[environment] if environment in self._supposed else self._known(environment, "facts")
        return {name: [(at, value) for at, value in pairs] for name, pairs in known.items()}

    def remember(
        self, results: list[Result], facts: dict[str, dict[str, tuple[float, float]]], run: str, plans: Iterable[Plan] = ()
    ) -> None:
        """Add a run: its results, its plans, and for each environment the facts that were seen, as (time, value).

        Another run may have added to the same environment meanwhile: what is there now is what this adds to. Raises StateError.
        """
        given = list(plans)
        for environment in sorted({f"{each.system}/{each.environment}" for each in results} | facts.keys()):
            mine = [each for each in results if f"{each.system}/{each.environment}" == environment]
            seen, past, allowed = facts.get(environment, {}), self._supposed.get(environment), self.allowed(environment)

            def add(
                known: Known, environment: str = environment, mine: Any = mine, seen: Any = seen, past: Any = past, allowed: Any = allowed
            ) -> None:
                if past is not None:
                    known["facts"] = {name: [list(pair) for pair in pairs] for name, pairs in past.items()}
                _add_plans(known["plans"], [each for each in given if each.environment == environment])
                _add_results(known["results"], mine, run)
                _add_facts(known["facts"], seen)
                _add_allowed(known["allowed"], allowed, self._allowed[environment])
                known["overrides"] = [*known["overrides"], *self._overridden[environment]][-KEPT:]

            self._replace(environment, add)

    def _replace(self, environment: str, add: Callable[[Known], None]) -> None:
        """Read, add and write, again for as long as somebody else comes between. Raises StateError."""
        try:
            for _ in range(ATTEMPTS):
                known, version = _read(self.shelf, environment)
                add(known)
                content = dumps({"schema": SCHEMA_VERSION, **known}, ensure_ascii=True).encode()
                if self.shelf.write(environment, content, version):
                    self._loaded[environment] = known
                    self._overridden.pop(environment, None)
                    self._allowed.pop(environment, None)
                    return
        except ShelfError as error:
            raise StateError(str(error)) from error
        raise StateError(f"{self.shelf.name}/{environment}.json: others wrote it {ATTEMPTS} times while this run wanted to")


def _add_plans(known: dict[str, Any], plans: Iterable[Plan]) -> None:
    for plan in plans:
        known.pop(plan.selection, None)
        known[plan.selection] = {"files": plan.files, "run": plan.run, "checks": plan.checks}
    for oldest in list(known)[:-PLANS]:
        del known[oldest]


def _add_results(known: dict[str, Any], results: Iterable[Result], run: str) -> None:
    """Values of all runs in the order of their looks; the verdict of the one that looked last."""
    for result in results:
        if result.verdict in (Verdict.NOT_RUN, Verdict.NOT_ASKED):
            continue
        earlier = known.get(result.id, {"values": []})
        values = [*(pair for pair in earlier["values"] if pair[0] != result.at), [result.at, result.value]]
        kept = sorted(values if isinstance(result.value, (int, float)) else earlier["values"], key=lambda pair: pair[0])[-KEPT:]
        if earlier.get("at", 0.0) > result.at:
            known[result.id] = earlier | {"values": kept}
            continue
        since = earlier["since"] if earlier.get("verdict") == result.verdict else result.at
        told = {"verdict": result.verdict, "since": since, "run": run, "at": result.at, "values": kept}
        known[result.id] = told | flapping.remembered(earlier, result.verdict)
    newest = max((each.get("at", 0.0) for each in known.values()), default=0.0)
    for name in [name for name, each in known.items() if each.get("at", newest) < newest - QUARTERS]:
        del known[name]


def _add_allowed(known: dict[str, Any], mine: dict[str, Any], before: frozenset[str]) -> None:
    """Days of both; what was known before and is no more was dropped by this run."""
    for name in before - mine.keys():
        known.pop(name, None)
    for name, value in mine.items():
        known[name] = {**known[name], **value} if isinstance(value, dict) and name in known else value


def _add_facts(known: dict[str, Any], seen: dict[str, tuple[float, float]]) -> None:
    for name, (at, value) in seen.items():
        pairs = [pair for pair in known.get(name, []) if pair[0] != at]
        if [earlier for _, earlier in pairs[-2:]] == [value, value] and pairs[-1][0] < at:
            pairs.pop()  # of a long time without a change, its first and its last moment are enough
        known[name] = sorted([*pairs, [at, value]], key=lambda pair: pair[0])[-KEPT:]
    newest = max((pairs[-1][0] for pairs in known.values()), default=0.0)
    for name in [name for name, pairs in known.items() if pairs[-1][0] < newest - FORGOTTEN_AFTER]:
        del known[name]
