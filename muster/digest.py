"""What a journal says about one run, folded line by line: a verdict for every planned id, counts, the worst first.

A run folds its events as it writes them, and `muster.journal.read` folds them again from the file: reports made at the end of
a run and reports made by `python -m muster finalise` come from the same thing.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from muster.verdicts import ORDER, Result, Verdict

CALM = (Verdict.HOLDS, Verdict.NOT_ASKED, Verdict.WAIVED)
"""Verdicts for which nobody is called."""
SUPERSEDED = 5
"""Earlier verdicts that are kept of one id, and the very first."""


@dataclass
class Digest:
    """One run: its head, its plan, its look, its verdicts, and what checks added to their results."""

    run: str = ""
    started: float = 0.0
    environments: dict[str, bool] = field(default_factory=dict)
    """Id of each environment, and whether it is protected."""
    replay: str | None = None
    checks: int = 0
    """How many checks the plan was to name."""
    gate: dict[str, Any] | None = None
    """What a gate was told: see `muster.gating`; None for any other run."""
    planned: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Id -> the journal's line, whose fields a result without a verdict is made of."""
    deselected: list[tuple[str, str]] = field(default_factory=list)
    """Node id and reason."""
    fewer: dict[str, int] = field(default_factory=dict)
    """Environment whose files have changed -> how many checks of its last plan are gone with that."""
    waivers: list[dict[str, Any]] = field(default_factory=list)
    """Waivers that have ended or soon will, the first to end first."""
    looked: dict[str, Any] = field(default_factory=dict)
    """The journal's line about the look; empty when there was none."""
    verdicts: dict[str, Result] = field(default_factory=dict)
    """What was reached, in the order in which it fell."""
    added: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    """Id -> what the check itself adds to its result in Allure: steps, attachments, labels, links."""
    follow_ups: dict[str, tuple[str, list[str]]] = field(default_factory=dict)
    """Id of a violated check -> its entity, and the lines of the second look around that."""
    again: list[dict[str, Any]] = field(default_factory=list)
    """The journal's lines about further looks."""
    repeated: list[str] = field(default_factory=list)
    """What these came to, in words."""
    superseded: dict[str, list[Result]] = field(default_factory=lambda: defaultdict(list))
    """Id -> what it came to at earlier looks, where it did not hold or has changed since."""
    pushes: list[dict[str, str]] = field(default_factory=list)
    """The journal's lines about what other servers were told."""
    history: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Environment -> the journal's line about what is known of its earlier runs."""
    earlier: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Environment -> what was remembered of its results before this run."""
    response: dict[str, dict[str, float]] = field(default_factory=dict)
    """Environment -> seconds within which each severity is answered."""
    called: dict[str, Any] = field(default_factory=dict)
    """What was asked about at night; empty otherwise."""
    keep: float | None = None
    """Seconds for which reports of this run may be kept, because they hold samples; None: nothing limits that."""
    exit: int | None = None
    """None while the run has no end."""

    def take(self, event: str, fields: dict[str, Any]) -> None:
        """Fold one event; the fields are those of `muster.events.EVENTS`. An event that says nothing here passes."""
        if event == "run":
            self.started, self.replay, self.checks = fields["started"], fields["replay"], fields["checks"]
            self.environments = {each["id"]: each["protected"] for each in fields["environments"]}
            self.gate = fields.get("gate")
            self.response = {each["id"]: each.get("response", {}) for each in fields["environments"]}
            self.keep = min((each["keep"] for each in fields["environments"] if "keep" in each), default=None)
        elif event in ("planned", "vanished"):
            self.planned[fields["id"]] = fields
        elif event == "deselected":
            self.deselected.append((fields["node"], fields["reason"]))
        elif event == "fewer":
            self.fewer[fields["environment"]] = fields["checks"]
        elif event == "waiver":
            self.waivers.append(fields)
        elif event == "earlier":
            self.earlier[fields["environment"]] = fields
        elif event in ("called", "looked"):
            setattr(self, event, fields)
        elif event == "added":
            self.added[fields["id"]].append(fields["allure"])
        else:
            self._take_what_follows(event, fields)

    def _take_what_follows(self, event: str, fields: dict[str, Any]) -> None:
        """Fold what comes beside and after the verdicts."""
        if event == "follow_up":
            self.follow_ups |= dict.fromkeys(fields["checks"], (fields["entity"], fields["lines"]))
        elif event == "again":
            self.again.append(fields)
        elif event == "repeated":
            self.repeated = list(fields["said"])
        elif event == "pushed":
            self.pushes.append(fields)
        elif event == "history":
            self.history[fields["environment"]] = fields
        elif event == "end":
            self.exit = fields["exit"]

    def settle(self, result: Result) -> None:
        """Take a verdict; of two for one id the later counts."""
        known = self.verdicts.get(result.id)
        if known and known.attempt < result.attempt and (known.verdict is not result.verdict or known.verdict not in CALM):
            self.superseded[result.id].append(known)
            del self.superseded[result.id][1:-SUPERSEDED]
        self.verdicts[result.id] = result

    @property
    def results(self) -> dict[str, Result]:
        """A result for every planned id, *not run* where no verdict was reached."""
        return {key: self.verdicts[key] if key in self.verdicts else not_run(entry) for key, entry in self.planned.items()}

    def place(self, key: str) -> str:
        """The environment of a planned id."""
        return "{system}/{environment}".format_map(self.planned[key])

    def of(self, environment: str) -> list[Result]:
        """The results of one environment."""
        return [each for each in self.results.values() if f"{each.system}/{each.environment}" == environment]

    def worst_first(self) -> list[Result]:
        """Every result, by verdict, then severity, then place."""
        return sorted(self.results.values(), key=lambda each: (ORDER.index(each.verdict), each.severity, each.id))


PLANNED = ("system", "environment", "check", "entity", "limit", "node", "severity", "owner", "title")
"""What is known of a result before anything was looked at."""


def not_run(entry: dict[str, Any]) -> Result:
    """The result of a planned id that reached no verdict."""
    known = {name: entry[name] for name in PLANNED}
    return Result(**known, verdict=Verdict.NOT_RUN, reason=entry.get("reason", "the run ended before this was judged"), cause="this run")


def counts(results: list[Result]) -> dict[str, int]:
    """How many of each verdict, worst verdict first."""
    found = Counter(each.verdict for each in results)
    return {verdict.value: found[verdict] for verdict in Verdict}


def counted(results: list[Result]) -> str:
    """`1 violated, 0 unknown, 63 hold, 3 not asked, 0 not run`."""
    found = Counter(each.verdict for each in results)
    parts = [f"{found[Verdict.VIOLATED]} violated", f"{found[Verdict.UNKNOWN]} unknown", f"{found[Verdict.HOLDS]} hold"]
    flaky = sum(each.flaky for each in results)
    parts[2] += f" ({flaky} flaky)" if flaky else ""
    parts += [f"{found[Verdict.WAIVED]} waived"] if found[Verdict.WAIVED] else []
    return ", ".join([*parts, f"{found[Verdict.NOT_ASKED]} not asked", f"{found[Verdict.NOT_RUN]} not run"])
