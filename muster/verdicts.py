"""What a check can come to, which verdict wins when several meet, and what the process exits with."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum


class Verdict(StrEnum):
    """Ordered from the one that wins a merge to the one that loses it."""

    VIOLATED = "violated"
    UNKNOWN = "unknown"
    NOT_RUN = "not run"
    WAIVED = "waived"
    HOLDS = "holds"
    NOT_ASKED = "not asked"


ORDER = tuple(Verdict)


def merged(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict of a whole: violated, then unknown and not run, then waived, then holds; of nothing, not run."""
    return min(verdicts, key=ORDER.index, default=Verdict.NOT_RUN)


EXIT_HOLDS = 0
EXIT_VIOLATED = 1
EXIT_INTERRUPTED = 2
EXIT_INTERNAL = 3
EXIT_CONFIGURATION = 4
EXIT_NOTHING_SELECTED = 5
EXIT_UNKNOWN = 10


def exit_code(pytest_status: int, verdicts: Iterable[Verdict]) -> int:
    """The process's exit code from pytest's own and the verdicts of the plan.

    Of several that apply the first in this order decides: 3, 2, 4, 1, 10, 5, 0.
    """
    found = set(verdicts)
    if pytest_status in (EXIT_INTERNAL, EXIT_INTERRUPTED, EXIT_CONFIGURATION):
        return pytest_status
    if Verdict.VIOLATED in found:
        return EXIT_VIOLATED
    if found & {Verdict.UNKNOWN, Verdict.NOT_RUN}:
        return EXIT_UNKNOWN
    if pytest_status == 1:  # a failure outside the plan, such as a fixture's teardown
        return EXIT_UNKNOWN
    if found <= {Verdict.NOT_ASKED}:  # a run that asked nothing is never green
        return EXIT_NOTHING_SELECTED
    return pytest_status


@dataclass(frozen=True)
class Result:
    """One line of the journal: a verdict with all that a reader needs. Terminal, Allure and JUnit are made from it."""

    system: str
    environment: str
    check: str
    entity: str
    limit: str
    """Which of several limits: see `muster.case.Identity`."""
    node: str
    """pytest's node id."""
    verdict: Verdict
    severity: str
    owner: str
    title: str
    """First line of the check's docstring."""
    expected: str = ""
    """The limit, with its operator: `<= 0`."""
    observed: str = ""
    """The value that was compared, as a person reads it."""
    value: float | str | None = None
    """The observed value for machines, when it is a number or a short text."""
    what: str = ""
    """What was compared: `workload_pods.not_ready`."""
    reason: str = ""
    """Why the verdict is not *holds*, in one sentence."""
    cause: str = ""
    """For an unknown: the source that did not let us look."""
    next: str = ""
    """What to look at next."""
    where: str = ""
    note: str = ""
    """What else a person should know of what was seen, whatever the verdict: `61 of 97 connections of the server`."""
    seen: str = ""
    looked_at: str = ""
    """How much was looked at, with its unit: `3 pods`."""
    heading: str = ""
    runbook: str = ""
    """Link to the runbook's section."""
    expectation_ids: tuple[str, ...] = ()
    """Ids of the runbook's rows that this check stands for."""
    sentence: str = ""
    """What these rows expect, in our words."""
    at: float = 0.0
    """When it was looked at, Unix seconds."""
    took: float = 0.0
    """How long the look took, seconds."""
    observations: tuple[str, ...] = ()
    """Keys of the observations it was judged by."""
    crash: str = ""
    """Traceback of a check or probe that crashed, without arguments and locals."""
    since: float = 0.0
    """Since when the verdict has been what it is, Unix seconds, as far as earlier runs know."""
    attempt: int = 1
    """Which look of the run it was judged by."""
    looks: int = 1
    """How many looks of the run it was judged by."""
    earlier: tuple[str, ...] = ()
    """What it was at earlier looks of this run, a sentence for each time that it changed."""
    flaky: bool = False
    """Holds, and did not at an earlier look."""
    flapping: str = ""
    """How often it changes, when that is too often: see `muster.flapping`."""
    allowance: dict[str, str] = field(default_factory=dict, hash=False)
    """The waiver or maintenance that speaks of this: kind, state, name (the ticket), owner, expires, reason, instead (of what), days."""

    @property
    def id(self) -> str:
        """`check[system/environment/entity:limit]`, equal in every run."""
        return f"{self.check}[{self.system}/{self.environment}/{self.entity}" + (f":{self.limit}]" if self.limit else "]")
