"""Observations as JSON lines: written beside the journal, judged again offline with `--replay FILE`.

One object a line: run, call key, type, when, how long, in which look, and the value or the reason why there is none. Lines of
looks at everything that were repeated later are `superseded`: evidence that is not judged again.
"""

import json
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from muster import SCHEMA_VERSION
from muster.probes import Call, CouldNotLook, Observation, Probe
from muster.scrubber import dumps
from muster.store import Outcome, Store

FILE = "observations.jsonl"


def save(store: Store, path: Path, run: str) -> None:
    """Write every outcome of a look and of those after it, in place of what is there. Raises OSError when the disk does not take it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    try:
        with fresh.open("w", encoding="utf-8", errors="replace") as file:
            for outcome, mark in _all(store):
                file.write(dumps({"schema": SCHEMA_VERSION, "run": run, **as_dict(outcome), **mark}) + "\n")
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def _all(store: Store) -> Iterator[tuple[Outcome, dict[str, bool]]]:
    """Every outcome, with what its line says beside it."""
    yield from ((each, {"superseded": True}) for each in store.superseded)
    for look in (store, *store.again):
        yield from ((look.outcomes[key], {}) for key in sorted(look.outcomes))


def amounts(store: Store) -> dict[str, int]:
    """How much all looks together saw, by unit: pods, rows, bytes."""
    seen: Counter[str] = Counter()
    for outcome in store.outcomes.values():
        if isinstance(outcome.value, Observation) and outcome.value.looked_at:
            seen[outcome.value.of] += outcome.value.looked_at
    return dict(seen)


ADAPTERS: dict[type, TypeAdapter[Any]] = {}


def adapter(kind: type) -> TypeAdapter[Any]:
    """What turns observations of one type into plain data and back; making one takes milliseconds, so each is kept."""
    if kind not in ADAPTERS:
        ADAPTERS[kind] = TypeAdapter(kind)
    return ADAPTERS[kind]


def as_dict(outcome: Outcome) -> dict[str, Any]:
    """One outcome as plain data."""
    made: dict[str, Any] = {"key": outcome.call.key, "at": outcome.at, "took": outcome.took, "attempt": outcome.attempt}
    if outcome.error is not None:
        error = outcome.error
        return {**made, "error": {"reason": error.reason, "cause": error.cause, "hint": error.hint}}
    kind = type(outcome.value)
    return {**made, "type": f"{kind.__module__}:{kind.__qualname__}", "value": adapter(kind).dump_python(outcome.value, mode="json")}


def entries(path: Path) -> Iterator[dict[str, Any]]:
    """What was saved, as plain data for a reader, who sees what JSON has no number for by its name. A torn last line is left out."""
    with path.open(encoding="utf-8") as lines:
        yield from (json.loads(line, parse_constant=str) for line in lines if line.endswith("\n"))


class ReplayError(Exception):
    """The file of `--replay` cannot be judged; the text says which line and why."""


def load(path: Path) -> Store:
    """Read saved observations back into a store, and those of looks after the first into `again`. Raises ReplayError."""
    looks: dict[int, Store] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ReplayError(f"{path}: {error.strerror}") from error
    for number, line in enumerate(lines, 1):
        try:
            entry = json.loads(line)
            if entry["schema"] != SCHEMA_VERSION:
                raise ReplayError(f"{path}:{number}: schema {entry['schema']}, this version reads {SCHEMA_VERSION}")
            if not entry.get("superseded"):
                outcome = _outcome(entry)
                looks.setdefault(outcome.attempt, Store(outcome.attempt)).outcomes[entry["key"]] = outcome
        except (ValueError, KeyError, TypeError, AttributeError, ImportError) as error:
            raise ReplayError(f"{path}:{number}: not a saved observation: {type(error).__name__}: {error}") from error
    first, *later = [looks[attempt] for attempt in sorted(looks)] or [Store()]
    first.again = later
    return first


def _outcome(entry: dict[str, Any]) -> Outcome:
    call = Call(Probe(entry["key"].partition("|")[0], _replayed, (), 0.0), {}, entry["key"])
    times = {"at": entry["at"], "took": entry["took"], "attempt": entry["attempt"]}
    if "error" in entry:
        error = CouldNotLook(entry["error"]["reason"], cause=entry["error"]["cause"], hint=entry["error"]["hint"])
        return Outcome(call, error=error, **times)
    module, _, name = entry["type"].partition(":")
    if not module.startswith(("fixtures.", "muster.", "drill.")):
        raise TypeError(f"{entry['type']} is not a type of observations")
    kind = getattr(import_module(module), name)
    if not issubclass(kind, Observation):
        raise TypeError(f"{entry['type']} is not a type of observations")
    try:
        value = adapter(kind).validate_python(entry["value"], context="saved")
    except CouldNotLook as withheld:
        return Outcome(call, error=withheld, **times)
    return Outcome(call, value=value, **times)


def _replayed() -> None:
    raise AssertionError("a replayed call is never made")
