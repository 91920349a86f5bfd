"""One run: its environments, its plan, its look, its results. The plugin's hooks call it; it knows pytest's items only."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from muster import drills, guard, observations, past, reports
from muster.case import Case
from muster.connections import Connection
from muster.environment import Environment, cases
from muster.expectations import Unobservable
from muster.journal import FILE, Journal, run_id
from muster.judging import documentation
from muster.kinds import KINDS
from muster.kinds.base import Entity
from muster.night_call import Call as NightCall
from muster.plans import Plan, entry
from muster.probes import ARGUMENTS, PROBES, Call, CouldNotLook, Nothing
from muster.runbook import Library, Passage
from muster.state import State
from muster.store import Store
from muster.verdicts import EXIT_INTERNAL, ORDER, Result, Verdict, exit_code

CASE = pytest.StashKey[Case]()
NOTHING = "nothing"
"""The parameter of a check that no entity asks for; its item is dropped before the plan."""


class Run:
    """What a session of checks knows."""

    def __init__(self, environments: list[Environment], out: Path, state: Path, replay: Path | None) -> None:
        self.id = run_id()
        self.environments = environments
        self.library = Library({each.system: each.folder for each in environments})
        self.state = State(state)
        self.replay = replay
        self.store = observations.load(replay) if replay else Store()
        self.out = out
        self.journal: Journal | None = None
        self.cases: dict[str, Case] = {}
        self.looked_for: dict[str, list[str]] = {}
        """Id of each case -> keys of the calls that it needs."""
        self.plans: dict[str, Plan] = {}
        self.marks: Any = lambda _item: {}
        """What the marks of a check say to Allure."""
        self.broken = False
        self.deselected: dict[str, str] = {}
        self.called: NightCall | None = None
        """The alert or heading that somebody was called for, with the checks that tell of it."""
        self.lost: list[str] = []
        """What could not be written or removed, with the reason."""

    def cases_of(self, check: Any, expectation: str, fixtures: list[str], folder: str) -> list[Case]:
        """The cases of one check. Raises UsageError when no kind has its expectation."""
        kinds: set[type[Entity]] = {kind for kind in KINDS if expectation in kind.expectations()}
        if not kinds:
            raise pytest.UsageError(f"{check.__name__} expects {expectation!r}, which no kind of entity has")
        asked = {kind for kind in kinds if kind.fixture in fixtures} or kinds
        made = [case for each in self.environments for case in cases(each, expectation, check.__name__, asked)]
        made = [case for case in made if getattr(case.entity, "cadence", folder) == folder]
        for case in made:
            if self.cases.setdefault(str(case.identity), case).entity.key != case.entity.key:
                raise pytest.UsageError(f"{case.identity} stands for two entities; rename one of them")
        return made

    def calls(self, item: pytest.Item, case: Case) -> list[Call]:
        """The calls that an item's probes need."""
        names = [name for name in getattr(item, "fixturenames", []) if name in PROBES]
        made = [Call.of(PROBES[name], {each: ARGUMENTS[each](case) for each in PROBES[name].parameters}) for name in names]
        return made + ([self.condition(case)] if case.entity.when else [])

    def environment_of(self, case: Case) -> Environment:
        """The environment that a case is about."""
        return next(each for each in self.environments if each.id == case.identity.place)

    def drills(self, case: Case) -> list[tuple[float, bool]]:
        """Past drills of an entity: when each ended, and whether it passed. A sandbox has the past that its world brings."""
        name, place = case.entity.name, case.identity.place
        if self.environment_of(case).sandboxed:
            return [(at, bool(value)) for at, value in self.state.history(place).get(f"drill/{name}", ())]
        return [(float(each["ended"]), each.get("verdict") == Verdict.HOLDS) for each in drills.records(self.out, place, name)]

    def condition(self, case: Case) -> Call:
        """The call for the reading that `when:` names."""
        assert case.entity.when is not None
        reading = next(
            each for each in self.environment_of(case).entities if each.section == "readings" and each.name == case.entity.when.reading
        )
        return Call.of(PROBES["measured"], {"reading": reading})

    def plan(self, items: list[tuple[pytest.Item, Case]], selection: str) -> None:
        """Write what is going to be judged, before the first probe; what the last plan of this selection named besides, too."""
        self.journal = Journal(self.out / FILE, self.id)
        environments = [{"id": each.id, "protected": each.protected, **each.kept(), **self.responses(each)} for each in self.environments]
        replay = str(self.replay) if self.replay else None
        self.journal.write("run", started=time.time(), environments=environments, replay=replay, checks=len(items))
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

    def refusals(self, items: list[tuple[pytest.Item, Case]]) -> list[str]:
        """Why nothing is looked at: rights of ours in protected environments, asked first. A saved run asks nobody."""
        asked = [(each, guard.asking(each, [case for _, case in items if case.identity.place == each.id])) for each in self.environments]
        if self.replay is not None or not any(calls for _, calls in asked):
            return []
        self.store.look([call for _, calls in asked for call in calls.values()])
        told = [
            guard.refusal(environment, name, self.store.outcomes[call.key]) for environment, calls in asked for name, call in calls.items()
        ]
        return [each for each in told if each]

    def refuse(self, reasons: list[str]) -> None:
        """Note that nothing is looked at, and why."""
        assert self.journal is not None
        self.journal.write("refused", reasons=reasons)

    def connections(self, cases: list[Case]) -> dict[str, Connection]:
        """What looking at these cases goes through, as "system/environment name"; nothing of a saved run."""
        used = {(case.identity.place, name) for case in cases for name in case.entity.all_named()} if self.replay is None else set()
        return {
            f"{each.id} {name}": each.connections[name] for each in self.environments for place, name in sorted(used) if place == each.id
        }

    def look(self, items: list[tuple[pytest.Item, Case]], act: Callable[[], object], progress: Any) -> None:
        """Make every call that the items need, after `act`. KeyboardInterrupt ends it; what came until then is saved all the same."""
        assert self.journal is not None
        started = time.monotonic()
        try:
            wanted = {str(case.identity): self.calls(item, case) for item, case in items}
            self.looked_for = {key: [call.key for call in calls] for key, calls in wanted.items()}
            if self.replay is None:
                act()
                self.store.look([call for calls in wanted.values() for call in calls], progress=progress)
        finally:
            took = time.monotonic() - started
            if self.replay is None:
                self.save()
            seen = {"outcomes": len(self.store.outcomes), "unknown": self.unknown(), "missing": self.store.interrupted}
            self.journal.write("looked", **seen, took=took, amounts=observations.amounts(self.store))

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
        """Empty, or why this case is not asked in this run: its condition does not hold."""
        when = case.entity.when
        if when is None:
            return ""
        try:
            value = self.condition_value(case)
        except CouldNotLook:
            return ""  # it stays, and `require_condition` makes it unknown
        met = value == when.equals if when.equals is not None else value > when.above
        return "" if met else f"{when.reading} is {value}"

    def condition_value(self, case: Case) -> Any:
        """What the reading of `when:` says. Raises CouldNotLook when it says nothing that can be compared."""
        assert case.entity.when is not None
        name, cause = case.entity.when.reading, f"reading {case.entity.when.reading}"
        try:
            seen = self.store.outcomes[self.condition(case).key].get()
        except (CouldNotLook, KeyError) as error:
            known = error if isinstance(error, CouldNotLook) else CouldNotLook(f"{name} was not looked at", cause=cause)
            raise CouldNotLook(f"its condition could not be read: {known.reason}", cause=known.cause, hint=known.hint) from error
        if isinstance(seen, Nothing):
            raise CouldNotLook(f"its condition has no value: {seen.note}", cause=cause)
        if case.entity.when.equals is None and not isinstance(seen.value, (int, float)):
            raise CouldNotLook(f"its condition is not a number: {seen.value!r}", cause=cause)
        return seen.value

    def require_condition(self, case: Case) -> None:
        """Raise CouldNotLook when the reading on which a case depends could not be read."""
        if case.entity.when is not None:
            self.condition_value(case)
        if isinstance(case.entity.expect.wanted(case.expectation), Unobservable):
            raise CouldNotLook(
                "declared unobservable, and the last day of that has passed", cause="configuration", hint="give a limit, or a new date"
            )

    def evidence(self, case: Case) -> dict[str, Any]:
        """The fields of a result that come from the run: times, keys of observations, the runbook's passage."""
        keys = self.looked_for.get(str(case.identity), ())
        outcomes = [self.store.outcomes[key] for key in keys if key in self.store.outcomes]
        passage = self.passage(case)
        return {
            "at": min((each.at for each in outcomes), default=time.time()),
            "took": max((each.took for each in outcomes), default=0.0),
            "observations": tuple(each.call.key for each in outcomes),
            "heading": passage.heading, "runbook": passage.link, "expectation_ids": passage.ids, "sentence": passage.sentence,
        }  # fmt: skip

    def passage(self, case: Case) -> Passage:
        """What the runbook says of a case."""
        return self.library.passage(case.identity.system, case.identity.check, case.identity.entity)

    def settle(self, result: Result) -> None:
        """Take a verdict into the journal. A second one for the same id (a failed teardown) may only make it worse."""
        assert self.journal is not None
        known = self.journal.digest.verdicts.get(result.id)
        if known is None or ORDER.index(result.verdict) < ORDER.index(known.verdict):
            self.journal.verdict(result)

    def add(self, case: Case, allure: dict[str, Any]) -> None:
        """Take into the journal what a check adds to its own result in Allure."""
        assert self.journal is not None
        self.journal.write("added", id=str(case.identity), allure=allure)

    def remember(self) -> None:
        """Keep this run's verdicts, values, facts and plans for later ones. A plan with a module missing is none to compare with."""
        assert self.journal is not None
        facts: dict[str, dict[str, tuple[float, float]]] = {each.id: {} for each in self.environments}
        for key, calls in self.looked_for.items():
            seen = facts[self.journal.digest.place(key)]
            for outcome in (self.store.outcomes[each] for each in calls if each in self.store.outcomes):
                if outcome.error is None:
                    seen.update({name: (outcome.at, value) for name, value in outcome.value.facts().items()})
        try:
            self.state.remember(list(self.journal.digest.verdicts.values()), facts, self.id, [] if self.broken else [*self.plans.values()])
        except OSError as error:
            self.lose(f"{self.state.folder}: {error.strerror}")

    def lose(self, what: str) -> None:
        """Note what could not be written, once: the terminal tells it, and the exit code cannot be 0."""
        if what not in self.lost:
            self.lost.append(what)

    def end(self, status: int, allure: Path | None) -> int:
        """Write all reports and the journal's last line; the exit code, which is never 0 when something could not be written."""
        assert self.journal is not None
        digest = self.journal.digest
        if self.replay is None:
            self.remember()
        reached = exit_code(status, (each.verdict for each in digest.results.values()))
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
