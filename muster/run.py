"""One run: its environments, its plan, its look, its results. The plugin's hooks call it; it knows pytest's items only."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from muster import conditions, drills, gating, guard, observations, past, reports
from muster.allowances import Allowances
from muster.case import Case
from muster.connections import Connection
from muster.course import Course
from muster.digest import CALM
from muster.environment import Environment, cases
from muster.journal import FILE, Journal, run_id
from muster.judging import documentation
from muster.kinds import loaded
from muster.kinds.base import Entity
from muster.night_call import Call as NightCall
from muster.plans import Plan, entry
from muster.probes import ARGUMENTS, PROBES, Call, CouldNotLook
from muster.runbook import Library, Passage
from muster.shelf import Shelf
from muster.state import State, StateError
from muster.store import Store
from muster.verdicts import EXIT_HOLDS, EXIT_INTERNAL, ORDER, Result, Verdict

CASE = pytest.StashKey[Case]()
NOTHING = "nothing"
"""The parameter of a check that no entity asks for; its item is dropped before the plan."""


class Run:
    """What a session of checks knows."""

    def __init__(self, environments: list[Environment], out: Path, state: Shelf, replay: Path | None) -> None:
        self.id = run_id()
        self.environments = environments
        self.library = Library({each.system: each.folder for each in environments})
        self.state = State(state, out / "state")
        self.replay = replay
        self.store = observations.load(replay) if replay else Store()
        self.out = out
        self.journal: Journal | None = None
        self.cases: dict[str, Case] = {}
        self.looked_for: dict[str, list[str]] = {}
        """Id of each case -> keys of the calls that it needs."""
        self.items: list[tuple[pytest.Item, Case]] = []
        """What was looked for."""
        self.views: dict[str, Store] = {}
        """Id of each case that is judged by a later look than that at everything -> that look."""
        self.course = Course()
        self.quiet = False
        """Whether what is judged now is not reported, because there may be another look."""
        self.plans: dict[str, Plan] = {}
        self.marks: Any = lambda _item: {}
        """What the marks of a check say to Allure."""
        self.gate: gating.Gate | None = None
        self.allowances = Allowances()
        self.moment = 0.0
        """When this run looks (Unix seconds), for all that ends; a saved run looked when it was saved."""
        self.broken = False
        self.outside = False
        """Whether something failed that is no check."""
        self.deselected: dict[str, str] = {}
        self.called: NightCall | None = None
        """The alert or heading that somebody was called for, with the checks that tell of it."""
        self.drilled: dict[str, dict[str, tuple[float, float]]] = {}
        """Drills of this run as facts, by environment and `drill/NAME`: when each ended, and 1 if it passed."""
        self.lost: list[str] = []
        """What could not be written or removed, with the reason."""

    def cases_of(self, check: Any, expectation: str, fixtures: list[str], folder: str) -> list[Case]:
        """The cases of one check. Raises UsageError when no kind that it could be about has its expectation."""
        kinds: set[type[Entity]] = {kind for kind in loaded() if expectation in kind.expectations()}
        if not kinds:
            raise pytest.UsageError(f"{check.__name__} expects {expectation!r}, which no kind of entity has")
        asked = {kind for kind in kinds if kind.fixture in fixtures} or kinds
        made = [case for each in self.environments for case in cases(each, expectation, check.__name__, asked)]
        self.allowances.meet(check.__name__, made)
        made = [case for case in made if getattr(case.entity, "cadence", folder) == folder]
        for case in made:
            if self.cases.setdefault(str(case.identity), case).entity.key != case.entity.key:
                raise pytest.UsageError(f"{case.identity} stands for two entities; rename one of them")
        return made

    def calls(self, item: pytest.Item, case: Case) -> list[Call]:
        """The calls that an item's probes need."""
        probes = (PROBES[name] for name in getattr(item, "fixturenames", []) if name in PROBES)
        return [Call.of(each, {name: ARGUMENTS[name](case) for name in each.parameters}) for each in probes] + self.beside(case)

    def beside(self, case: Case) -> list[Call]:
        """The calls that decide whether a case is asked, and whether it is in maintenance."""
        environment = self.environment_of(case)
        return ([conditions.call(environment, case)] if case.entity.when else []) + self.allowances.calls(environment, case)

    def environment_of(self, case: Case) -> Environment:
        """The environment that a case is about."""
        return next(each for each in self.environments if each.id == case.identity.place)

    def drills(self, case: Case) -> list[tuple[float, bool]]:
        """Past drills of an entity, wherever they ran: when each ended, and whether it passed. A sandbox has those of its world."""
        name, there = case.entity.name, self.environment_of(case)
        if there.sandboxed and self.replay is not None:
            raise CouldNotLook("a saved look at a sandbox knows no earlier drills", cause=f"history of {there.id}")
        past = {at: bool(value) for at, value in self.state.history(there.id).get(f"drill/{name}", ())}
        if not there.sandboxed:
            past |= {float(each["ended"]): each.get("verdict") == Verdict.HOLDS for each in drills.records(self.out, there.id, name)}
        return sorted(past.items())

    def parts(self, case: Case) -> set[str]:
        """Kinds of the connections through which a case is looked at, and its condition."""
        when = conditions.call(self.environment_of(case), case).arguments["reading"].parts() if case.entity.when else set()
        return case.entity.parts() | when

    def plan(self, items: list[tuple[pytest.Item, Case]], selection: str) -> None:
        """Write what is going to be judged, before the first probe; what the last plan of this selection named besides, too."""
        self.journal = Journal(self.out / FILE, self.id)
        saved = [each.at for each in self.store.outcomes.values() if each.at] if self.replay else []
        self.moment = min(saved, default=time.time())
        environments = [{"id": each.id, "protected": each.protected, **each.kept(), **self.responses(each)} for each in self.environments]
        replay = str(self.replay) if self.replay else None
        gate = {"gate": self.gate.line()} if self.gate else {}
        self.journal.write("run", started=time.time(), environments=environments, replay=replay, checks=len(items), **gate)
        self.state.recall([each.id for each in self.environments])
        for each in self.environments:
            self.journal.write("history", **self.state.told(each.id))
        for reason in self.state.unreadable.values():
            self.lose(f"history: {reason}")
        for item, case in items:
            self.journal.write("planned", **entry(case, item.nodeid, _title(item)), marks=self.marks(item))
        for node, reason in self.deselected.items():
            self.journal.write("deselected", node=node, reason=reason)
        for each in self.environments:
            self.journal.write("earlier", environment=each.id, **past.told(self.state.results(each.id), self.planned_at(each.id)))
        if self.called is not None:
            self.journal.write("called", **self.called.entry())
        if self.replay is None:
            self.plans = {each.id: Plan.of(each, selection, self.journal.digest.planned, self.id) for each in self.environments}
            for plan in self.plans.values():
                for event, fields in plan.missed(self.state.plan(plan.environment, selection)):
                    self.journal.write(event, **fields)
        self.journal.sync()

    def planned_at(self, environment: str) -> list[str]:
        """The ids that are planned for an environment."""
        assert self.journal is not None
        return [key for key in self.journal.digest.planned if self.journal.digest.place(key) == environment]

    def responses(self, environment: Environment) -> dict[str, Any]:
        """How soon each severity is answered, as far as the runbook says."""
        known = self.library.response(environment.system)
        return {"response": known} if known else {}

    def refusals(self, cases: list[Case]) -> list[str]:
        """Why nothing is looked at: rights of ours in protected environments, asked first. A saved run asks nobody."""
        seen = guard.looked_at(cases, self.beside)
        asked = [(each, guard.asking(each, seen[each.id])) for each in self.environments]
        if self.replay is not None or not any(calls for _, calls in asked):
            return []
        self.store.look([call for _, calls in asked for call in calls.values()])
        told = [guard.refusal(each, name, self.store.outcomes[call.key]) for each, calls in asked for name, call in calls.items()]
        return [each for each in told if each]

    def refuse(self, reasons: list[str]) -> None:
        """Note that nothing is looked at, and why."""
        assert self.journal is not None
        self.journal.write("refused", reasons=reasons)

    def connections(self, cases: list[Case]) -> dict[str, Connection]:
        """What looking at these cases goes through, as "system/environment name"; nothing of a saved run."""
        seen = guard.looked_at(cases, self.beside) if self.replay is None else {}
        used = {place: sorted({name for each in found for name in each.all_named()}) for place, found in seen.items()}
        return {f"{each.id} {name}": each.connections[name] for each in self.environments for name in used.get(each.id, ())}

    def look(self, items: list[tuple[pytest.Item, Case]], act: Callable[[], object], progress: Any) -> None:
        """Make every call that the items need, after `act`. KeyboardInterrupt ends it; what came until then is saved all the same."""
        assert self.journal is not None
        started = time.monotonic()
        self.allowances.look_again()
        try:
            self.items = items
            wanted = {str(case.identity): self.calls(item, case) for item, case in items}
            self.looked_for = {key: [call.key for call in calls] for key, calls in wanted.items()}
            if self.replay is None:
                act()
                self.store.look([call for calls in wanted.values() for call in calls], progress=progress)
        finally:
            took = time.monotonic() - started
            if self.replay is None:
                self.save()
            for waiver in self.allowances.listed(self.moment):  # not before the look, which learns what is secret
                self.journal.write("waiver", **waiver)
            seen = {"outcomes": len(self.store.outcomes), "unknown": self.unknown(), "missing": self.store.interrupted}
            self.journal.write("looked", **seen, took=took, amounts=observations.amounts(self.store))

    def seen(self, case: Case) -> Store:
        """The look by which a case is judged."""
        return self.views.get(str(case.identity), self.store)

    def save(self) -> None:
        """Write the observations; when the disk does not take them, the verdicts are worth having all the same."""
        try:
            observations.save(self.store, self.out / observations.FILE, self.id)
        except OSError as error:
            self.lose(f"{observations.FILE}: {error.strerror}")

    def unknown(self) -> int:
        """How many calls came back without a value."""
        return sum(outcome.error is not None for outcome in self.store.outcomes.values())

    def asked(self, case: Case) -> str:
        """Empty, or why this case is not asked in this run."""
        return conditions.unmet(self.environment_of(case), case, self.seen(case))

    def require_condition(self, case: Case) -> None:
        """Raise CouldNotLook when the reading on which a case depends could not be read."""
        conditions.require(self.environment_of(case), case, self.seen(case))

    def evidence(self, case: Case) -> dict[str, Any]:
        """The fields of a result that come from the run: times, keys of observations, the runbook's passage."""
        keys = self.looked_for.get(str(case.identity), ())
        look = self.seen(case)
        outcomes = [look.outcomes[key] for key in keys if key in look.outcomes]
        passage = self.passage(case)
        return {
            "at": min((each.at for each in outcomes), default=time.time()),
            "took": max((each.took for each in outcomes), default=0.0),
            "observations": tuple(each.call.key for each in outcomes), "attempt": look.attempt,
            "heading": passage.heading, "runbook": passage.link, "expectation_ids": passage.ids, "sentence": passage.sentence,
        }  # fmt: skip

    def passage(self, case: Case) -> Passage:
        """What the runbook says of a case."""
        return self.library.passage(case.identity.system, case.identity.check, case.identity.entity)

    def settle(self, result: Result) -> None:
        """Take a verdict into the journal. A second one for the same id may only make it worse (a failed teardown), or judge a later look.

        Of what holds look after look only the last is worth a line.
        """
        assert self.journal is not None
        known = self.journal.digest.verdicts.get(result.id)
        if known is not None and known.attempt < result.attempt:
            fresh = not self.quiet or result.verdict is not known.verdict or result.verdict not in CALM
        else:
            fresh = known is None or ORDER.index(result.verdict) < ORDER.index(known.verdict)
        if fresh:
            self.journal.verdict(result)

    def add(self, case: Case, allure: dict[str, Any]) -> None:
        """Take into the journal what a check adds to its own result in Allure."""
        assert self.journal is not None
        if not self.quiet:
            self.journal.write("added", id=str(case.identity), allure=allure)

    def remember(self) -> None:
        """Keep this run's verdicts, values, facts and plans for later ones. A plan with a module missing is none to compare with."""
        assert self.journal is not None
        facts = {each.id: dict(self.drilled.get(each.id, {})) for each in self.environments}
        for key, calls in self.looked_for.items():
            seen = facts[self.journal.digest.place(key)]
            look = self.views.get(key, self.store)
            for outcome in (look.outcomes[each] for each in calls if each in look.outcomes):
                if outcome.error is None:
                    seen.update({name: (outcome.at, value) for name, value in outcome.value.facts().items()})
        self.allowances.forget(self)
        try:
            self.state.remember(list(self.journal.digest.verdicts.values()), facts, self.id, [] if self.broken else [*self.plans.values()])
        except StateError as error:
            self.lose(f"history: {error}")

    def lose(self, what: str) -> None:
        """Note what could not be written, once: the terminal tells it, and the exit code cannot be 0."""
        if what not in self.lost:
            self.lost.append(what)

    def end(self, status: int, allure: Path | None) -> int:
        """Write all reports and the journal's last line; the exit code, which is never 0 when something could not be written."""
        assert self.journal is not None
        digest = self.journal.digest
        reached = gating.reached(digest, status, outside=self.outside)
        if self.replay is None:
            for environment, passed in gating.overridden(digest) if reached == EXIT_HOLDS else ():
                self.state.overridden(environment, passed)
            self.remember()
        digest.exit = EXIT_INTERNAL if self.lost or self.journal.lost else reached
        self.lost += reports.write(digest, self.out, allure)
        self.journal.write("end", exit=digest.exit, lost=self.lost)
        if self.journal.lost:
            self.lose(f"{FILE}: {self.journal.lost.strerror}")
            digest.exit = EXIT_INTERNAL
        self.journal.close()
        return digest.exit


def _title(item: pytest.Item) -> str:
    return documentation(item.function)[0] if isinstance(item, pytest.Function) else item.name
