"""Memory between runs: the last verdicts and values of every result, one small JSON file for each environment."""

import json
import os
from pathlib import Path
from typing import Any

from muster import SCHEMA_VERSION
from muster.verdicts import Result, Verdict

KEPT = 60
"""Values kept for each result; a daily run fills two months."""


class StateError(Exception):
    """A file of the state cannot be read; the text says which, and what to do."""


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        if known["schema"] != SCHEMA_VERSION:
            raise StateError(f"{path}: schema {known['schema']}, this version reads {SCHEMA_VERSION}; move it away to begin anew")
        results: dict[str, Any] = known["results"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StateError(f"{path}: not a state file ({type(error).__name__}); restore it, or move it away to begin anew") from error
    return results


class State:
    """`DIR/<system>/<environment>.json`: for each result id its verdict, since when, and its last values with their times."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._loaded: dict[str, dict[str, Any]] = {}

    def _file(self, environment: str) -> Path:
        return self.folder / f"{environment}.json"

    def _results(self, environment: str) -> dict[str, Any]:
        if environment not in self._loaded:
            self._loaded[environment] = _read(self._file(environment))
        return self._loaded[environment]

    def load(self, environments: list[str]) -> None:
        """Read what is known of these environments. Raises StateError for a file that cannot be trusted."""
        for environment in environments:
            self._results(environment)

    def since(self, result: Result) -> float:
        """Since when (Unix seconds) the result has had its verdict, as far as earlier runs know."""
        known = self._results(f"{result.system}/{result.environment}").get(result.id)
        return float(known["since"]) if known and known["verdict"] == result.verdict else result.at

    def values(self, result_id: str, environment: str) -> list[tuple[float, Any]]:
        """Earlier (time, value) pairs of a result, oldest first."""
        known = self._results(environment).get(result_id)
        return [(at, value) for at, value in known["values"]] if known else []

    def remember(self, results: list[Result], run: str) -> None:
        """Add a run. Files are replaced whole, so that a run killed here leaves the old ones."""
        for result in results:
            if result.verdict in (Verdict.NOT_RUN, Verdict.NOT_ASKED):
                continue
            entries = self._results(f"{result.system}/{result.environment}")
            earlier = entries.get(result.id, {"values": []})
            values = [*earlier["values"], [result.at, result.value]] if result.value is not None else earlier["values"]
            entries[result.id] = {"verdict": result.verdict, "since": self.since(result), "run": run, "values": values[-KEPT:]}
        for environment in {f"{result.system}/{result.environment}" for result in results}:
            self._write(environment)

    def _write(self, environment: str) -> None:
        path = self._file(environment)
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(f".{os.getpid()}.new")
        fresh.write_text(json.dumps({"schema": SCHEMA_VERSION, "results": self._results(environment)}), encoding="utf-8")
        fresh.replace(path)
