"""The journal: the plan before the first probe, then a line for each verdict as it falls. Everything else is made from it.

`reports/out/journal.jsonl`, append-only, one JSON object a line; each has `schema`, `run` and `event`; `muster.events` says what else.
The file is locked as long as its run is alive.
"""

import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError

from muster import SCHEMA_VERSION
from muster.digest import Digest
from muster.events import EVENTS
from muster.scrubber import dumps
from muster.verdicts import Result

FILE = "journal.jsonl"


class JournalError(Exception):
    """A journal that cannot be read or written; the text says which line, and why."""


def run_id() -> str:
    """A new run's id: UTC time and four random bytes, so that ids sort by time and never collide."""
    return f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{secrets.token_hex(4)}"


class Journal:
    """Writes one run's lines and folds them into its digest, which stays whole when the disk does not take a line."""

    def __init__(self, path: Path, run: str) -> None:
        self.path, self.run = path, run
        self.digest = Digest(run)
        self.lost: OSError | None = None
        """Why lines are missing in the file; nothing is written after the first that did not fit."""
        self._file = -1
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o644)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self.lost = error

    def write(self, event: str, **fields: Any) -> None:
        """Append one line."""
        self.digest.take(event, fields)
        self._append(event, fields)

    def verdict(self, result: Result) -> None:
        """Append a verdict."""
        self.digest.settle(result)
        self._append("verdict", {"id": result.id, **result.__dict__})

    def _append(self, event: str, fields: dict[str, Any]) -> None:
        if self.lost is None:
            try:
                append(self._file, self.run, event, fields)
            except OSError as error:
                self.lost = error

    def sync(self) -> None:
        """Wait until what was written is on the disk."""
        if self.lost is None:
            os.fsync(self._file)

    def close(self) -> None:
        """Close the file, and with it the lock; a second call does nothing."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def append(file: int, run: str, event: str, fields: dict[str, Any]) -> None:
    """Write one line with one call, so that a signal cannot tear it. Raises OSError when the disk does not take all of it."""
    line = (dumps({"schema": SCHEMA_VERSION, "run": run, "event": event, **fields}) + "\n").encode("utf-8", "replace")
    if os.write(file, line) != len(line):
        raise OSError(28, os.strerror(28))


def alive(path: Path) -> bool:
    """Whether the run of this journal still goes on. Raises OSError when there is no journal."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


def whole_lines(path: Path) -> Iterator[bytes]:
    """The lines of a journal; a torn last one is left out."""
    with path.open("rb") as lines:
        yield from (line for line in lines if line.endswith(b"\n"))


def read(path: Path, most: int | None = None) -> Digest:
    """Fold a journal, or its first lines. Raises OSError when there is none, JournalError for a line that no run of this version wrote."""
    digest = Digest()
    for number, line in enumerate(islice(whole_lines(path), most), 1):
        try:
            _fold(digest, orjson.loads(line), line)
        except (ValidationError, ValueError, KeyError, TypeError) as error:
            problem = "; ".join(_problem(each) for each in error.errors()) if isinstance(error, ValidationError) else str(error)
            raise JournalError(f"{path}:{number}: not a line of this journal: {problem or type(error).__name__}") from error
    return digest


def _problem(error: Any) -> str:
    return f"{'.'.join(map(str, error['loc']))}: {error['msg']}"


_ADAPTERS: dict[str, TypeAdapter[Any]] = {}


def _fold(digest: Digest, entry: dict[str, Any], line: bytes) -> None:
    if entry["schema"] != SCHEMA_VERSION:
        raise ValueError(f"schema {entry['schema']}, this version reads {SCHEMA_VERSION}")
    event = entry["event"]
    if event not in EVENTS:
        raise ValueError(f"no event is named {event}")
    if digest.exit is not None or (event == "run") != (digest.run == "") or (digest.run and entry["run"] != digest.run):
        raise ValueError(f"{event} of run {entry['run']} does not belong here")
    digest.run = entry["run"]
    if event not in _ADAPTERS:
        _ADAPTERS[event] = TypeAdapter(EVENTS[event])
    made = _ADAPTERS[event].validate_json(line, strict=True)
    if event == "looked" and (named := sum("reason" not in each for each in digest.planned.values())) != digest.checks:
        raise ValueError(f"the plan was to name {digest.checks} checks, and {named} are here")
    if event != "verdict":
        digest.take(event, made)
        return
    if made.id != entry["id"] or made.id not in digest.planned:
        raise ValueError(f"a verdict of {entry['id']}, which the plan does not name")
    digest.settle(made)


def results(path: Path) -> list[Result]:
    """The verdicts of a journal, in the order in which they fell."""
    return list(read(path).verdicts.values())
