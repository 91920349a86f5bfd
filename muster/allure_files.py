"""The folder of Allure results, made from a digest and the saved observations when a run ends, or when it is finalised."""

import json
import os
import platform
import shutil
from concurrent.futures import ThreadPoolExecutor
from errno import ENOSPC
from pathlib import Path
from typing import Any

import orjson
import pytest
from allure_commons.model2 import Attachment

from muster import gating, observations
from muster.allure_result import add, complete, digest
from muster.digest import Digest
from muster.scrubber import dumps, scrub, suspected
from muster.text import moment
from muster.verdicts import Result

MOST = 64 * 1024
"""Bytes of one attached observation."""
REPORT = Path(__file__).parents[1] / "reports"
STALE = ("*-result.json", "*-container.json", "*-globals.json", "*-attachment.*", "*.properties", "executor.json", "categories.json")


def clean(folder: Path) -> None:
    """Remove what an earlier run wrote, and nothing else: a second run's results would look like retries of the first.

    Some disks take a millisecond for each file, however many are removed at once. Raises OSError.
    """
    stale = [file for pattern in STALE for file in folder.glob(pattern)]
    if stale:
        with ThreadPoolExecutor(16) as workers:
            list(workers.map(os.unlink, stale))


def write(said: Digest, folder: Path, out: Path) -> None:
    """Write a file for each result and each observation that it was judged by. Raises OSError.

    Names come from the run and the result, so that a second finalise writes the same files, and another run adds others.
    """
    folder.mkdir(parents=True, exist_ok=True)
    seen = _Seen(folder, said.run, _saved(said, out / observations.FILE))
    for key, result in said.results.items():
        made = complete(result, said.run, said.started)
        made.attachments = [each for each in (seen.followed(said, key), *seen.all_of(result)) if each]
        excuse = gating.excuse(said, result)
        shown = {"labels": [{"name": "tag", "value": "not stopping"}], "description": f"Does not stop the gate: {excuse}"}
        for more in (said.planned[key].get("marks", {}), *said.added.get(key, ()), shown if excuse else {}):
            add(made, more)
        _put(f"{folder}/{made.uuid}-result.json", _json(made))
        for earlier in said.superseded.get(key, ()):
            _put_earlier(earlier, said, folder, seen)
    _put(folder / "environment.properties", _properties(said).encode("ascii"))
    _put(folder / "executor.json", _json(_executor(said)))
    shutil.copyfile(REPORT / "categories.json", folder / "categories.json")


def _put_earlier(result: Result, said: Digest, folder: Path, seen: "_Seen") -> None:
    """What an earlier look of the run came to: one of Allure's retries, because its history id is that of the last."""
    made = complete(result, said.run, said.started)
    made.uuid = digest(said.run, result.id, str(result.attempt))
    made.attachments = seen.all_of(result)
    add(made, said.planned[result.id].get("marks", {}))
    _put(folder / f"{made.uuid}-result.json", _json(made))


def _filled(item: Any) -> dict[str, Any]:
    """What is said in an object of Allure's model."""
    return {name: value for name, value in vars(item).items() if value or value is False}


def _json(data: Any, option: int = 0) -> bytes:
    try:
        made = orjson.dumps(data, default=_filled, option=option)
    except TypeError:  # half a surrogate pair or a number over 64 bits, as hostile sources say them
        made = json.dumps(data, default=_filled).encode("ascii")
    return dumps(json.loads(made)).encode() if suspected(made.decode()) else made


def _put(path: Path | str, content: bytes) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        if os.write(file, content) != len(content):
            raise OSError(ENOSPC, os.strerror(ENOSPC), str(path))
    finally:
        os.close(file)


class _Seen:
    """The saved observations: each is written once, however many results refer to it."""

    def __init__(self, folder: Path, run: str, entries: dict[tuple[str, int], dict[str, Any]]) -> None:
        self.folder, self.run, self.entries = folder, run, entries
        self.written: dict[tuple[str, int], Attachment] = {}
        self.around: dict[str, Attachment] = {}

    def all_of(self, result: Result) -> list[Attachment]:
        """What refers to the observations that a result was judged by, as far as they were saved."""
        return [each for key in result.observations if (each := self.attached(key, result.attempt))]

    def attached(self, key: str, attempt: int) -> Attachment | None:
        """What refers to an observation of a look; None when it was not saved."""
        place = key, attempt
        if place not in self.written and place in self.entries:
            self.written[place] = self._attach(key, attempt, self.entries.pop(place))
        return self.written.get(place)

    def followed(self, said: Digest, check: str) -> Attachment | None:
        """What refers to the second look around the entity of a violated check; None when there was none."""
        entity, lines = said.follow_ups.get(check, ("", []))
        if entity and entity not in self.around:
            file = f"{digest(self.run, 'follow_up', entity)}-attachment.txt"
            _put(f"{self.folder}/{file}", (scrub("\n".join(lines)) + "\n").encode("utf-8", "backslashreplace"))
            self.around[entity] = Attachment(name=f"looked again at {entity}", source=file, type="text/plain")
        return self.around.get(entity)

    def _attach(self, key: str, attempt: int, entry: dict[str, Any]) -> Attachment:
        text = _json(entry, orjson.OPT_INDENT_2)
        whole = len(text) <= MOST
        if not whole:
            note = f"\n... cut at {MOST} of {len(text)} bytes; all of it: observations.jsonl\n"
            text = text[:MOST].decode("utf-8", "ignore").encode() + note.encode()
        file = f"{digest(self.run, key, *([str(attempt)] if attempt > 1 else []))}-attachment.{'json' if whole else 'txt'}"
        _put(f"{self.folder}/{file}", text)
        return Attachment(name=f"observation {key}", source=file, type="application/json" if whole else "text/plain")


def _saved(said: Digest, path: Path) -> dict[tuple[str, int], dict[str, Any]]:
    """The observations by key and look: those of this run, or those that it judged again. None when the file is gone."""
    found = Path(said.replay) if said.replay else path
    entries = observations.entries(found) if found.exists() else ()
    return {(each["key"], each["attempt"]): each for each in entries if said.replay or each["run"] == said.run}


def _properties(said: Digest) -> str:
    known = {
        "run": said.run,
        "started": moment(said.started),
        "environments": " ".join(said.environments),
        "exit": str(said.exit),
        "replay": said.replay or "no",
        **({"gate": gating.line(said), "override": said.gate["override"] or "none"} if said.gate else {}),
        "python": platform.python_version(),
        "pytest": pytest.__version__,
    }
    return "".join(f"{name}={_property(scrub(value))}\n" for name, value in known.items())


def _property(value: str) -> str:
    """A value of a Java properties file: ASCII, with escapes."""
    escaped = "".join(f"\\{each}" if each in "\\=:#!" else each for each in value.replace("\n", " "))
    return "".join(each if each.isascii() else f"\\u{ord(each) & 0xFFFF:04x}" for each in escaped)


def _executor(said: Digest) -> dict[str, str]:
    """Who ran it: the CI job when its variables say so."""
    made = {"name": "Muster", "type": "muster", "buildName": said.run}
    job = os.environ.get("CI_JOB_URL") or os.environ.get("BUILD_URL")
    return {**made, "buildUrl": job} if job else made
