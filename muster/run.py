"""One run: its environments, its plan, its look, its results. The plugin's hooks call it; it knows pytest's items only."""

import time
from pathlib import Path
from typing import Any

import pytest

from muster import observations
from muster.case import Case
from muster.environment import Environment, cases
from muster.expectations import Unobservable
from muster.journal import Journal, run_id
from muster.kinds import KINDS
from muster.kinds.base import Entity
from muster.probes import ARGUMENTS, PROBES, Call, CouldNotLook, Nothing, Observation
from muster.runbook import Library, Passage
from muster.state import State
from muster.store import Store
from muster.verdicts import Result, Verdict

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
        self.planned: dict[str, Case] = {}
        self.results: dict[str, Result] = {}
        self.looked_for: list[tuple[Case, list[str]]] = []
        self.looked = 0.0
        self.broken = False
        self.deselected: dict[str, str] = {}

    def forget_last(self) -> None:
        """Remove what the last run left, so that a run that is refused later on leaves nothing that looks like its own."""
        for name in ("journal.jsonl", *(() if self.replay else ("observations.jsonl",))):
            (self.out / name).unlink(missing_ok=True)

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

    def condition(self, case: Case) -> Call:
        """The call for the reading that `when:` names."""
        assert case.entity.when is not None
        reading = next(
            each for each in self.environment_of(case).entities if each.section == "readings" and each.name == case.entity.when.reading
        )
        return Call.of(PROBES["measured"], {"reading": reading})

    def plan(self, items: list[tuple[pytest.Item, Case]]) -> None:
        """Write what is going to be judged, before the first probe."""
        self.journal = Journal(self.out / "journal.jsonl", self.id)
        environments = [{"id": each.id, "protected": each.protected} for each in self.environments]
        self.journal.write("run", started=time.time(), environments=environments, replay=str(self.replay) if self.replay else None)
        for item, case in items:
            self.planned[str(case.identity)] = case
            self.journal.write("planned", id=str(case.identity), node=item.nodeid, severity=case.severity, owner=case.owner)
        for node, reason in self.deselected.items():
            self.journal.write("deselected", node=node, reason=reason)
        self.journal.sync()

    def look(self, items: list[tuple[pytest.Item, Case]], progress: Any) -> None:
        """Make every call that the items need. KeyboardInterrupt ends it; what came until then is saved all the same."""
        started = time.monotonic()
        try:
            wanted = [(case, self.calls(item, case)) for item, case in items]
            self.looked_for = [(case, [call.key for call in calls]) for case, calls in wanted]
            if self.replay is None:
                self.store.look([call for _, calls in wanted for call in calls], progress=progress)
        finally:
            self.looked = time.monotonic() - started
            if self.replay is None:
                observations.save(self.store, self.out / "observations.jsonl", self.id)
            assert self.journal is not None
            self.journal.write(
                "looked", outcomes=len(self.store.outcomes), unknown=self.unknown(), took=self.looked, missing=self.store.interrupted
            )

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

    def evidence(self, item: pytest.Item, case: Case) -> dict[str, Any]:
        """The fields of a result that come from the run: times, keys of observations, the runbook's passage."""
        outcomes = [self.store.outcomes[call.key] for call in self.calls(item, case) if call.key in self.store.outcomes]
        passage = self.passage(case)
        return {
            "at": min((each.at for each in outcomes), default=time.time()),
            "took": max((each.took for each in outcomes), default=0.0),
            "observations": tuple(each.call.key for each in outcomes),
            "heading": passage.heading, "runbook": passage.link, "expectation_ids": passage.ids,
        }  # fmt: skip

    def passage(self, case: Case) -> Passage:
        """What the runbook says of a case."""
        return self.library.passage(case.identity.system, case.identity.check, case.identity.entity)

    def settle(self, result: Result) -> None:
        """Take a verdict into the journal. A second one for the same id (a failed teardown) may only make it worse."""
        known = self.results.get(result.id)
        if known is not None and list(Verdict).index(known.verdict) <= list(Verdict).index(result.verdict):
            return
        self.results[result.id] = result
        assert self.journal is not None
        self.journal.verdict(result)

    def remember(self) -> None:
        """Keep this run's verdicts, values and facts for later ones."""
        facts: dict[str, dict[str, tuple[float, float]]] = {}
        for case, keys in self.looked_for:
            seen = facts.setdefault(case.identity.place, {})
            for outcome in (self.store.outcomes[key] for key in keys if key in self.store.outcomes):
                if outcome.error is None:
                    seen.update({name: (outcome.at, value) for name, value in outcome.value.facts().items()})
        self.state.remember(list(self.results.values()), facts, self.id)

    def verdicts(self) -> list[Verdict]:
        """The verdict of every planned id; *not run* where none was reached."""
        return [self.results[each].verdict if each in self.results else Verdict.NOT_RUN for each in self.planned]

    def observed(self, result: Result) -> list[Observation]:
        """The observations a result was judged by."""
        outcomes = [self.store.outcomes.get(key) for key in result.observations]
        return [each.value for each in outcomes if each is not None and each.error is None]
