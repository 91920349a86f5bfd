"""The journal: the plan before the first probe, then a line for each verdict as it falls. Everything else is made from it.

`reports/out/journal.jsonl`, append-only, one JSON object a line; each has `schema`, `run` and `event`:
`run` (started, environments), `planned`, `deselected` (with its reason), `looked` (how the look went), `verdict`, `end`.
"""

import json
import os
import secrets
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from muster import SCHEMA_VERSION
from muster.verdicts import Result, Verdict


def run_id() -> str:
    """A new run's id: UTC time and four random bytes, so that ids sort by time and never collide."""
    return f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{secrets.token_hex(4)}"


class Journal:
    """Writes one run's lines. A line is flushed as it is written; the plan also reaches the disk before the look."""

    def __init__(self, path: Path, run: str) -> None:
        self.path, self.run = path, run
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("w", encoding="utf-8")

    def write(self, event: str, **fields: Any) -> None:
        """Append one line. Raises OSError when the disk is full: a run that cannot be recorded must not end as green."""
        self._file.write(json.dumps({"schema": SCHEMA_VERSION, "run": self.run, "event": event, **fields}, ensure_ascii=False) + "\n")
        self._file.flush()

    def sync(self) -> None:
        """Wait until what was written is on the disk."""
        os.fsync(self._file.fileno())

    def verdict(self, result: Result) -> None:
        """Append a verdict."""
        self.write("verdict", id=result.id, **asdict(result))

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._file.close()


def read(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a journal. Raises ValueError for a schema this version does not know; a torn last line is left out."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if not line.endswith("\n"):
                return
            entry = json.loads(line)
            if entry["schema"] != SCHEMA_VERSION:
                raise ValueError(f"{path}: schema {entry['schema']}, this version reads {SCHEMA_VERSION}")
            yield entry


def results(path: Path) -> list[Result]:
    """The verdicts of a journal, in the order in which they fell."""
    made = []
    for entry in read(path):
        if entry["event"] == "verdict":
            fields = {key: value for key, value in entry.items() if key not in ("schema", "run", "event", "id")}
            made.append(
                Result(
                    **{
                        **fields,
                        "verdict": Verdict(fields["verdict"]),
                        "expectation_ids": tuple(fields["expectation_ids"]),
                        "observations": tuple(fields["observations"]),
                    }
                )
            )
    return made
