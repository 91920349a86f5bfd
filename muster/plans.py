"""What a run is going to judge, and how that differs from the last plan: a check that vanished may not vanish quietly."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import pytest

from muster.case import Case
from muster.digest import PLANNED
from muster.environment import Environment

NARROWING = ("keyword", "markexpr", "after_deploy", "rollback", "drill", "alert", "runbook", "deselect", "ignore", "ignore_glob", "lf",
             "allure_severities", "allure_epics", "allure_features", "allure_stories", "allure_ids", "allure_labels")  # fmt: skip
"""pytest's and allure-pytest's options that choose among the collected checks."""


def selection(config: pytest.Config) -> str:
    """What was asked for: plans are compared with plans of the same selection."""
    given = {name: value for name in NARROWING if (value := getattr(config.option, name, None))}
    return " ".join([*sorted(config.args), *(f"{name}={value}" for name, value in given.items())])


def entry(case: Case, node: str, title: str) -> dict[str, Any]:
    """What is known of a case's result beforehand: the line of the journal."""
    who = case.identity
    values = (who.system, who.environment, who.check, who.entity, who.limit, node, case.severity, case.owner, title)
    warns = {"on_unknown": "warn"} if case.terms.on_unknown == "warn" else {}
    return {"id": str(who), **dict(zip(PLANNED, values, strict=True)), **warns}


@dataclass(frozen=True)
class Plan:
    """The checks of one environment that a run was to judge."""

    environment: str
    selection: str
    files: str
    """SHA-256 of the environment's files."""
    run: str
    checks: dict[str, dict[str, Any]]
    """Id -> what is known of its result beforehand."""

    @classmethod
    def of(cls, environment: Environment, selection: str, planned: dict[str, dict[str, Any]], run: str) -> "Plan":
        """The plan of a run for one environment."""
        here = (environment.system, environment.name)
        checks = {
            key: {name: each[name] for name in PLANNED} for key, each in planned.items() if (each["system"], each["environment"]) == here
        }
        return cls(environment.id, selection, fingerprint(environment), run, checks)

    def missed(self, last: "Plan | None") -> Iterator[tuple[str, dict[str, Any]]]:
        """Events for what the last plan named and this one does not: a count when the files have changed, else each by name."""
        gone = {key: each for key, each in last.checks.items() if key not in self.checks} if last else {}
        if last and gone and last.files != self.files:
            yield "fewer", {"environment": self.environment, "checks": len(gone)}
        elif last:
            reason = f"run {last.run} planned this, and now nothing does, although no file of the environment has changed"
            yield from (("vanished", {"id": key, **each, "reason": reason}) for key, each in gone.items())


def fingerprint(environment: Environment) -> str:
    """What changes when a file of the environment does."""
    made = sha256()
    for name in ("system.yaml", f"{environment.name}.yaml", f"{environment.name}.waivers.yaml"):
        path = environment.folder / name
        made.update(f"{name}\0".encode() + (path.read_bytes() if path.exists() else b"") + b"\0")
    return made.hexdigest()
