"""How long samples stay: what a run wrote is removed once what it shows of other people's data is older than `samples.keep`.

The journal says how long its run's reports may be kept; nothing says so of a run that showed none, and that is left alone.
What is removed is the journal and everything that is made of it, the rendered page among it; the memory between runs holds
numbers and verdicts only, and stays. A folder of Allure results of one's own and the history of pages have entries of many
runs: those that are too old go, whoever wrote them.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from muster import journal
from muster.digest import Digest
from muster.units import Duration

PAGE, HISTORY = "allure-report", "allure-history.jsonl"
Steps = dict[str, Callable[[], None]]


def known(out: Path) -> Digest | None:
    """The run whose journal lies in `out`, its first line as a rule: None when there is none, or none that can be read."""
    try:
        head = journal.read(out / journal.FILE, 1)
        # Of ten thousand verdicts only those of a saved run are older than the run itself.
        return journal.read(out / journal.FILE) if head.replay and head.keep is not None else head
    except (OSError, journal.JournalError):
        return None


def over(said: Digest, now: float) -> bool:
    """Whether what a run shows is too old, at Unix time `now`. Judged again, it is as old as when it was looked at."""
    seen = min((each.at for each in said.verdicts.values() if each.at), default=said.started)
    return said.keep is not None and min(seen, said.started) < now - said.keep


def told(said: Digest) -> str:
    """What to say of reports that were removed."""
    return f"run {said.run}: its reports held samples, which are kept for {Duration(said.keep or 0.0)}, and are removed"


def steps(said: Digest, out: Path, allure: Path, now: float) -> Steps:
    """What is to be done about everything beside the journal that is older than the run allows; each may raise OSError."""
    if said.keep is None:
        return {}
    oldest = now - said.keep
    made: Steps = {str(file): partial(file.unlink, missing_ok=True) for file in _results(allure) if file.stat().st_mtime < oldest}
    if (out / PAGE).is_dir() and (over(said, now) or (out / PAGE).stat().st_mtime < oldest):
        made[PAGE] = partial(shutil.rmtree, out / PAGE)
    if (out / HISTORY).exists():
        made[HISTORY] = partial(_shorten, out / HISTORY, oldest)
    return made


def _results(folder: Path) -> Iterator[Path]:
    """Results, and what they refer to."""
    for pattern in ("*-result.json", "*-container.json", "*-globals.json", "*-attachment.*"):
        yield from folder.glob(pattern)


def _shorten(path: Path, oldest: float) -> None:
    """Drop the pages of the history that are older; a line that says no time is one of them. The file is replaced whole."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if _moment(line) >= oldest]
    if len(kept) < len(lines):
        fresh = path.with_suffix(f".{os.getpid()}.new")
        fresh.write_text("".join(kept), encoding="utf-8")
        fresh.replace(path)


def _moment(line: str) -> float:
    """When a page of the history was made, Unix seconds."""
    try:
        return float(json.loads(line)["timestamp"]) / 1000
    except (ValueError, KeyError, TypeError):
        return 0.0
