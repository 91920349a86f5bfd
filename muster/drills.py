"""The history of restore drills: one JSON object a line in `drills.jsonl` of the reports' folder, appended when a run ends."""

import json
import os
from collections.abc import Iterator
from math import isfinite
from pathlib import Path
from typing import Any

from muster import SCHEMA_VERSION
from muster.scrubber import dumps

FILE = "drills.jsonl"
WORDS = ("environment", "drill", "verdict")
NUMBERS = ("ended", "took", "size", "restored")


def append(folder: Path, record: dict[str, Any]) -> None:
    """Add a drill. Raises OSError when the disk does not take it."""
    line = (dumps({"schema": SCHEMA_VERSION, **record}) + "\n").encode()
    file = os.open(folder / FILE, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    try:
        size = os.fstat(file).st_size
        if size and os.pread(file, 1, size - 1) != b"\n":  # a run was killed while it wrote its line
            line = b"\n" + line
        if os.write(file, line) != len(line):
            raise OSError(28, os.strerror(28))
    finally:
        os.close(file)


def records(folder: Path, environment: str, drill: str) -> list[dict[str, Any]]:
    """Past drills of one entity, oldest first. A line that a killed run tore, one of another version, and one of others say nothing."""
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
            if isinstance(entry, dict) and entry.get("schema") == SCHEMA_VERSION and _is_record(entry):
                yield entry


def _is_record(entry: dict[str, Any]) -> bool:
    """Whether a line says what is read of it later."""
    numbers = all(type(entry.get(name)) in (int, float) and isfinite(entry[name]) for name in NUMBERS)
    return numbers and all(isinstance(entry.get(name), str) for name in WORDS)
