"""The history of restore drills: one JSON object a line in `drills.jsonl` of the reports' folder, appended when a run ends."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from muster import SCHEMA_VERSION
from muster.scrubber import dumps

FILE = "drills.jsonl"


def append(folder: Path, record: dict[str, Any]) -> None:
    """Add a drill. Raises OSError when the disk does not take it."""
    line = (dumps({"schema": SCHEMA_VERSION, **record}) + "\n").encode()
    file = os.open(folder / FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    try:
        if os.write(file, line) != len(line):
            raise OSError(28, os.strerror(28))
    finally:
        os.close(file)


def records(folder: Path, environment: str, drill: str) -> list[dict[str, Any]]:
    """Past drills of one entity, oldest first. A line that a killed run tore, and one of another version, says nothing."""
    return [each for each in _lines(folder / FILE) if (each["environment"], each["drill"]) == (environment, drill)]


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    if not path.exists():
        return
    with path.open("rb") as lines:
        for line in lines:
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if isinstance(entry, dict) and entry.get("schema") == SCHEMA_VERSION and {"environment", "drill", "ended"} <= entry.keys():
                yield entry
