"""What a gate stops on: before or after a deploy, or before the way back; from which severity; and whose override lets it pass.

Everything is derived from the journal's first line and its plan, so that a finalised run says the same.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

from muster.digest import CALM, Digest, counts
from muster.text import count, cut
from muster.verdicts import (
    EXIT_CONFIGURATION,
    EXIT_HOLDS,
    EXIT_INTERNAL,
    EXIT_INTERRUPTED,
    EXIT_NOTHING_SELECTED,
    EXIT_UNKNOWN,
    EXIT_VIOLATED,
    Result,
    Verdict,
    exit_code,
)

Phase = Literal["before", "after", "rollback"]
LOWEST = "P3"
WORDS = {
    EXIT_HOLDS: "holds",
    EXIT_VIOLATED: "stopped: violated",
    EXIT_INTERRUPTED: "stopped: interrupted",
    EXIT_INTERNAL: "stopped: a report could not be written",
    EXIT_CONFIGURATION: "stopped: wrong configuration",
    EXIT_NOTHING_SELECTED: "stopped: nothing was asked",
    EXIT_UNKNOWN: "stopped: could not look",
}
PHASES = {"before": "before a deploy", "after": "after a deploy", "rollback": "before a rollback"}


@dataclass(frozen=True)
class Gate:
    """What a gate was told on its command line."""

    phase: Phase
    severity: str = LOWEST
    """The floor: what is less severe is shown and stops nothing."""
    override: str = ""
    """The ticket that lets this one run pass."""

    def line(self) -> dict[str, Any]:
        """As the journal keeps it."""
        return asdict(self)


def of(digest: Digest) -> Gate | None:
    """The gate that a run was; None for any other run."""
    return Gate(**digest.gate) if digest.gate else None


def excuse(digest: Digest, result: Result) -> str:
    """Why a result that does not hold does not stop its gate; empty when it stops, when there is no gate, and when it holds."""
    own = _own_excuse(digest, result)
    if own or not digest.gate or not digest.gate["override"] or result.verdict in CALM:
        return own
    return f"override {digest.gate['override']}"


def _own_excuse(digest: Digest, result: Result) -> str:
    """The excuse that does not depend on a ticket."""
    if not digest.gate or result.verdict in CALM:
        return ""
    if result.severity > digest.gate["severity"]:
        return f"{result.severity} is below the floor {digest.gate['severity']}"
    warns = digest.planned.get(result.id, {}).get("on_unknown") == "warn"
    return "on_unknown: warn" if warns and result.verdict is Verdict.UNKNOWN else ""


def stopping(digest: Digest) -> list[Result]:
    """What stops the gate, or would without an override; worst first."""
    return [each for each in digest.worst_first() if each.verdict not in CALM and not _own_excuse(digest, each)]


def reached(digest: Digest, status: int, *, outside: bool) -> int:
    """The exit code of a run from pytest's own; `outside` says that something failed which is no check."""
    results = list(digest.results.values())
    if digest.gate is None:
        return exit_code(status, (each.verdict for each in results))
    verdicts = [Verdict.HOLDS if excuse(digest, each) else each.verdict for each in results]
    return exit_code(EXIT_HOLDS if status == 1 and not outside else status, verdicts)


def line(digest: Digest) -> str:
    """The last line of a gate: whether it holds or what stopped it, the exit code, counts, and what did not stop it."""
    gate = of(digest)
    assert gate is not None
    results, stops = list(digest.results.values()), stopping(digest)
    words = WORDS.get(digest.exit or 0, "stopped")
    if gate.override and stops and digest.exit == EXIT_HOLDS:
        words = f"passes by override {gate.override}, would be {would(stops)}"
    every = ", ".join(f"{number} {verdict.replace('holds', 'hold')}" for verdict, number in counts(results).items() if number)
    said = [f"gate {PHASES[gate.phase]}: {words}", f"exit code {digest.exit}; {every}"]
    shown = Counter(why for each in results if (why := _own_excuse(digest, each)))
    said += [f"not stopping: {count(number, 'check')}, {why}" for why, number in sorted(shown.items())]
    said += [f"override {gate.override} was not needed"] if gate.override and not stops else []
    said += ["SANDBOX: nothing real was looked at"] if any(each.endswith("/sandbox") for each in digest.environments) else []
    return cut("; ".join([", ".join(said[:2]), *said[2:]]), 600)


def overridden(digest: Digest) -> Iterator[tuple[str, dict[str, Any]]]:
    """What later runs have to know of an override that was needed, for each environment."""
    gate = of(digest)
    if gate is None or not gate.override:
        return
    for environment in digest.environments:
        checks = [each.id for each in stopping(digest) if f"{each.system}/{each.environment}" == environment]
        if checks:
            yield environment, {"at": digest.started, "run": digest.run, "ticket": gate.override, "checks": checks}


def would(stops: list[Result]) -> str:
    """What a gate would have been without its override."""
    return WORDS[EXIT_VIOLATED if any(each.verdict is Verdict.VIOLATED for each in stops) else EXIT_UNKNOWN]


def as_data(digest: Digest) -> dict[str, Any] | None:
    """The gate for `summary.json`; None for any other run."""
    gate = of(digest)
    if gate is None:
        return None
    excused = {each.id: why for each in digest.worst_first() if (why := excuse(digest, each))}
    return {**gate.line(), "said": line(digest), "needed": bool(stopping(digest)), "not_stopping": excused}
