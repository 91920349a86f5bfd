"""What is accepted for a while: waivers, and windows of maintenance. They turn verdicts; nothing else of a run knows about them.

A waiver turns *violated* into *waived*, within its bound if it has one, and *unknown* only when it names the source as its cause.
A maintenance turns both, and ends. A waiver that was not needed for a week turns *holds* into *violated*, but in the gate.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from muster.case import Case
from muster.environment import Environment
from muster.kinds.maintenance import Maintenance
from muster.probes import Call, CouldNotLook
from muster.text import count
from muster.verdicts import Result, Verdict
from muster.waiver_ids import bound_of, local, matched, unmatched
from muster.waivers import BUGS, Entry, Waiver, day_of, read, strays
from muster.windows import Phase, call, covering, phase
from muster.yamlfile import ConfigError, Problem

if TYPE_CHECKING:
    from muster.run import Run

NEEDLESS = 7
"""Days running on which a waiver was not needed before it is in the way."""
KEPT = 60
"""Days that are remembered of each waiver."""


def load(environments: Iterable[Environment], checks: Path, shown: Path, today: date | None = None) -> "Allowances":
    """The waivers of these environments, whose root is `shown` in messages. Raises ConfigError with all that is wrong."""
    day = today or datetime.now(UTC).date()
    problems: list[Problem] = []
    found: dict[str, tuple[Entry, ...]] = {}
    for each in environments:
        folder = shown / each.system
        problems += strays(each.folder, folder)
        try:
            found[each.id] = read(each.folder, each.name, folder, day)
        except ConfigError as error:
            problems += error.problems
        else:
            problems += matched(each, found[each.id], checks) if found[each.id] else []
    if problems:
        raise ConfigError(problems)
    return Allowances(found)


class Allowances:
    """The waivers and the maintenance of a run."""

    def __init__(self, entries: dict[str, tuple[Entry, ...]] | None = None) -> None:
        """`entries` are the waivers of each environment."""
        self.entries = entries or {}
        self.unmatched: list[Problem] = []
        """What is wrong with waivers of collected checks: of kinds that share an expectation, only fixtures say whose a check is."""
        self._windows: dict[str, list[Maintenance]] = {}
        self._phases: dict[str, Phase | CouldNotLook] = {}

    def meet(self, check: str, cases: list[Case]) -> None:
        """Compare the waivers of a collected check with what it is really asked of: see `unmatched`."""
        for place, entries in self.entries.items():
            there = [case for case in cases if case.identity.place == place]
            self.unmatched += [problem for each in entries if each.waiver.check == check for problem in unmatched(each, there)]

    def listed(self, moment: float) -> Iterator[dict[str, Any]]:
        """The waivers that have ended and those that soon will, for the journal."""
        day = day_of(moment)
        every = [(place, each.waiver) for place, entries in self.entries.items() for each in entries]
        for place, each in sorted(every, key=lambda pair: (pair[1].expires, pair[0], pair[1].ticket, pair[1].check, pair[1].named)):
            if each.over(day) or each.soon(day):
                yield {
                    "environment": place, "check": each.check, "entities": list(each.named), "ticket": each.ticket, "owner": each.owner,
                    "reason": each.reason, "expires": str(each.expires), "days": (each.expires - day).days,
                }  # fmt: skip

    def forget(self, run: "Run") -> None:
        """Drop what is remembered of waivers that nobody has looked at for long."""
        oldest = str(day_of(run.moment) - timedelta(days=KEPT))
        for each in run.environments:
            memory = run.state.allowed(each.id)
            for key in [key for key, known in memory.items() if key.startswith("waiver ") and max(known, default="") < oldest]:
                del memory[key]

    def calls(self, environment: Environment, case: Case) -> list[Call]:
        """What has to be looked at to know whether a case is in maintenance."""
        windows = [each for each in self._of(environment) if covering(each, case.entity)]
        return [made for each in windows if (made := call(each)) is not None]

    def _of(self, environment: Environment) -> list[Maintenance]:
        """The windows of an environment, by name; of thousands of entities they are chosen once."""
        if environment.id not in self._windows:
            found = [each for each in environment.entities if isinstance(each, Maintenance)]
            self._windows[environment.id] = sorted(found, key=lambda each: each.name)
        return self._windows[environment.id]

    def look_again(self) -> None:
        """Forget what maintenance was at an earlier look."""
        self._phases.clear()

    def phase(self, run: "Run", window: Maintenance, place: str) -> Phase:
        """What a maintenance of an environment is in this run. Raises CouldNotLook."""
        known = self._phases.get(window.key)
        if known is None:
            memory = run.state.allowed(place)
            since = memory.get(f"maintenance {window.name}")
            try:
                known = phase(window, run.moment, since, lambda wanted: run.store.get(wanted.probe, wanted.arguments))
            except CouldNotLook as error:
                known = error
            else:
                _remember_on(memory, f"maintenance {window.name}", known)
            self._phases[window.key] = known
        if isinstance(known, CouldNotLook):
            raise known
        return known

    def applied(self, run: "Run", found: Result, case: Case, *, gate: bool) -> Result:
        """The result with what is accepted taken into account."""
        place, name = case.identity.place, local(case)
        mine = [each for each in self.entries.get(place, ()) if each.waiver.check == found.check and name in each.waiver.named]
        day = day_of(run.moment)
        made = found
        for entry in sorted(mine, key=lambda each: each.waiver.cause or ""):
            if not entry.waiver.over(day):
                made = self._waived(run, made, found, case, entry, gate=gate)
            elif made.verdict in (Verdict.VIOLATED, Verdict.UNKNOWN) and not made.allowance:
                ended = f"the waiver {entry.waiver.who} ended with {entry.waiver.expires}"
                made = _with(made, entry.waiver, "ended", reason=_joined(made.reason, ended))
        if made.verdict in (Verdict.VIOLATED, Verdict.UNKNOWN) and made.verdict is found.verdict:
            return self._in_maintenance(run, made, case)
        return made

    def _waived(self, run: "Run", made: Result, found: Result, case: Case, entry: Entry, *, gate: bool) -> Result:
        waiver, day = entry.waiver, day_of(run.moment)
        allows, beyond = _allows(waiver, found, case)
        answered = found.verdict in (Verdict.HOLDS, Verdict.VIOLATED)
        needed = allows or bool(beyond)
        days = run.state.allowed(case.identity.place).setdefault(f"waiver {found.id} {waiver.cause or ''}".strip(), {})
        if needed or answered:
            days[str(day)] = needed or days.get(str(day), False)
            for oldest in sorted(days)[:-KEPT]:
                del days[oldest]
        if allows:
            instead = found.verdict.value
            reason = _joined(f"waived until {waiver.expires} by {waiver.who}: {waiver.reason}", found.reason)
            return _with(made, waiver, "waived", instead=instead, verdict=Verdict.WAIVED, reason=reason)
        if beyond:
            return _with(made, waiver, "exceeded", reason=_joined(f"the waiver {waiver.who} {beyond}", found.reason))
        needless = unneeded(days, day)
        if found.verdict is Verdict.HOLDS and made.verdict is Verdict.HOLDS:
            return _needless(made, waiver, entry, needless, gate=gate)
        return made

    def _in_maintenance(self, run: "Run", made: Result, case: Case) -> Result:
        if made.cause.startswith(BUGS):  # ours, whatever is worked on
            return made
        for window in self._of(run.environment_of(case)):
            if not window.scope.covers(case.entity):
                continue
            try:
                known = self.phase(run, window, case.identity.place)
            except CouldNotLook:  # whether it is on is unknown, and the check on this maintenance says so
                continue
            if known.on:
                until = datetime.fromtimestamp(known.until, UTC)
                reason = _joined(f"in maintenance {window.name}, until {until:%Y-%m-%d %H:%M} UTC: {window.reason}", made.reason)
                allowance = {
                    "kind": "maintenance", "state": "in maintenance", "name": window.name, "owner": window.owner or "",
                    "expires": f"{until:%Y-%m-%dT%H:%MZ}", "reason": window.reason, "instead": made.verdict.value,
                }  # fmt: skip
                return replace(made, verdict=Verdict.WAIVED, reason=reason, allowance=allowance)
        return made


def _remember_on(memory: dict[str, Any], key: str, known: Phase) -> None:
    """Since when a maintenance is on, whatever else it outlasts; forgotten when it is off."""
    if known.on or known.overdue:
        memory[key] = known.since
    else:
        memory.pop(key, None)


def _allows(waiver: Waiver, found: Result, case: Case) -> tuple[bool, str]:
    """Whether a waiver covers this verdict; and, where only its bound keeps it from that, in which words."""
    if waiver.cause is not None:
        return found.verdict is Verdict.UNKNOWN and found.cause == waiver.cause, ""
    if found.verdict is not Verdict.VIOLATED or waiver.bound is None:
        return found.verdict is Verdict.VIOLATED, ""
    bound, side = bound_of(waiver, case.terms.value), waiver.bound.side
    said = f"allows {side.replace('_', ' ')} {bound}"
    if not isinstance(found.value, (int, float)):
        return False, f"{said}, and there is no number to compare"
    within = found.value <= bound if side == "at_most" else found.value >= bound
    return (True, "") if within else (False, f"{said}, and this is beyond it")


def unneeded(days: dict[str, bool], today: date) -> int:
    """On how many days running, today the last, a waiver was looked at and not needed. A day without a look ends the row."""
    row = 0
    while days.get(str(today - timedelta(days=row))) is False:
        row += 1
    return row


def _needless(made: Result, waiver: Waiver, entry: Entry, days: int, *, gate: bool) -> Result:
    """A result that holds although it is waived."""
    if days < NEEDLESS:
        return _with(made, waiver, "not needed", days=days)
    reason = f"it holds, and the waiver {waiver.who} was not needed for {count(days, 'day')} running: take it away"
    if gate:
        return _with(made, waiver, "needless", days=days)
    marked = _with(made, waiver, "needless", days=days)
    return replace(marked, verdict=Verdict.VIOLATED, severity="P3", owner=waiver.owner, reason=reason, next=f"remove it: {entry.mark}")


def _with(made: Result, waiver: Waiver, state: str, *, instead: str = "", days: int = 0, **fields: Any) -> Result:
    allowance = {
        "kind": "waiver", "state": state, "name": waiver.ticket, "owner": waiver.owner, "expires": str(waiver.expires),
        "reason": waiver.reason, **({"instead": instead} if instead else {}), **({"days": str(days)} if days else {}),
    }  # fmt: skip
    return replace(made, allowance=allowance, **fields)


def _joined(*parts: str) -> str:
    return "; ".join(filter(None, parts))
