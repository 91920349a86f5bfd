"""What the lines of a journal say beside `schema`, `run` and `event`: `EVENTS` by the name of the event."""

from typing import Any, NotRequired

from typing_extensions import TypedDict

from muster.night_call import Called
from muster.past import Earlier
from muster.verdicts import Result


class Place(TypedDict):
    """An environment of the run."""

    id: str
    protected: bool
    keep: NotRequired[float]
    """Seconds for which its samples may be kept, where it allows any."""
    response: NotRequired[dict[str, float]]
    """Seconds within which each severity is answered, where the runbook says so."""


class Gate(TypedDict):
    """What a gate was told: see `muster.gating.Gate`."""

    phase: str
    severity: str
    override: str


class Run(TypedDict):
    """The first line: when the run began (Unix seconds), and how many checks its plan names."""

    started: float
    environments: list[Place]
    replay: str | None
    checks: int
    gate: NotRequired[Gate]


class Planned(TypedDict):
    """A check that has to reach a verdict: what is known of its result beforehand, and the marks that Allure shows.

    `vanished` has the same fields and a reason: the last plan named it, this one does not.
    """

    id: str
    system: str
    environment: str
    check: str
    entity: str
    limit: str
    node: str
    severity: str
    owner: str
    title: str
    marks: NotRequired[dict[str, Any]]
    reason: NotRequired[str]
    on_unknown: NotRequired[str]


class Deselected(TypedDict):
    """A check that was not selected."""

    node: str
    reason: str


class Fewer(TypedDict):
    """How many checks of the last plan are gone after a change of the environment's files."""

    environment: str
    checks: int


class Waiver(TypedDict):
    """A waiver that has ended or soon will: its last day, and how many days are left (negative: passed)."""

    environment: str
    check: str
    entities: list[str]
    ticket: str
    owner: str
    reason: str
    expires: str
    days: int


class Refused(TypedDict):
    """Why nothing was looked at."""

    reasons: list[str]


class Looked(TypedDict):
    """How the look went: how many looks came back, how many of these without a value, seconds, and which never did."""

    outcomes: int
    unknown: int
    took: float
    missing: list[str]
    amounts: NotRequired[dict[str, int]]
    """How much was looked at, by unit."""


class Added(TypedDict):
    """What a check itself added to its result in Allure, in Allure's own words."""

    id: str
    allure: dict[str, Any]


class Drill(TypedDict):
    """A step of a restore drill: `began` or `ended`, with what it came to in a few words."""

    drill: str
    name: str
    phase: str
    state: str
    said: NotRequired[str]


class Again(TypedDict):
    """A further look, once it is judged: at everything, or only at what did not hold; how many checks, and how many do not hold now."""

    attempt: int
    whole: bool
    at: float
    took: float
    outcomes: int
    checks: int
    left: int


class Repeated(TypedDict):
    """What all further looks came to, in words."""

    said: list[str]


class FollowUp(TypedDict):
    """What a second look around an entity has seen; for each of its violated checks."""

    entity: str
    checks: list[str]
    lines: list[str]


class Pushed(TypedDict):
    """What one server was told of one environment, with --push: everything, unless `failed` says why not."""

    environment: str
    to: str
    said: str
    """In a few words: `3 firing, 1 resolved`."""
    failed: str


class History(TypedDict):
    """What is known of an environment's earlier runs: `said` in a few words, `missing` what therefore cannot be known."""

    environment: str
    where: str
    said: str
    missing: str
    overrides: NotRequired[list[str]]
    """What let gates of the last three days pass: tickets, with when and how much."""


class End(TypedDict):
    """The last line, once all reports are written; `lost` says which could not be."""

    exit: int
    lost: NotRequired[list[str]]


EVENTS: dict[str, type] = {
    "run": Run, "planned": Planned, "vanished": Planned, "deselected": Deselected, "fewer": Fewer, "earlier": Earlier, "called": Called,
    "refused": Refused, "waiver": Waiver, "again": Again, "repeated": Repeated, "looked": Looked, "verdict": Result, "added": Added,
    "drill": Drill, "follow_up": FollowUp, "pushed": Pushed, "history": History, "end": End,
}  # fmt: skip
