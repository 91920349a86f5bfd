"""`python -m muster finalise`: complete a run that was killed. What was planned and not judged is *not run*; all reports are written.

Of a run whose samples have been kept for long enough it removes the reports instead.
"""

import os
import time
from collections import Counter
from pathlib import Path

from muster import gating, journal, reports, retention
from muster.digest import Digest
from muster.text import count
from muster.verdicts import EXIT_INTERNAL, EXIT_UNKNOWN, EXIT_VIOLATED, Verdict


class FinaliseError(Exception):
    """There is nothing that could be completed, or it must not be; the text says why."""


def finalise(out: Path, allure: Path) -> tuple[int, list[str]]:
    """Complete the run whose journal lies in `out`. Returns its exit code and what to tell. Raises FinaliseError."""
    path = out / journal.FILE
    try:
        if journal.alive(path):
            raise FinaliseError(f"{path}: this run still goes on; end it first")
        digest = journal.read(path)
    except FileNotFoundError as error:
        raise FinaliseError(f"{path}: no journal, so no run got as far as its plan") from error
    except (OSError, journal.JournalError) as error:
        raise FinaliseError(str(error)) from error
    if retention.over(digest, time.time()):
        return _forget(digest, out, allure)
    if digest.exit is not None:
        return digest.exit, [f"run {digest.run} is complete: exit code {digest.exit}"]
    return _complete(digest, out, allure)


def _forget(digest: Digest, out: Path, allure: Path) -> tuple[int, list[str]]:
    """Remove the reports of a run that showed samples for long enough; it exits as the run did."""
    code = digest.exit if digest.exit is not None else _code(digest)
    lost = reports.forget(digest, out, allure)
    return (EXIT_INTERNAL if lost else code), [retention.told(digest), *(f"NOT REMOVED {each}" for each in lost)]


def _code(digest: Digest) -> int:
    """Of a run without an end: all may have been judged, and yet it did not end. No override lets that pass."""
    called = gating.stopping(digest) if digest.gate else digest.results.values()
    violated = any(each.verdict is Verdict.VIOLATED for each in called)
    return EXIT_VIOLATED if violated else EXIT_UNKNOWN


def _complete(digest: Digest, out: Path, allure: Path) -> tuple[int, list[str]]:
    found = Counter(each.verdict for each in digest.results.values())
    digest.exit = _code(digest)
    lost = reports.write(digest, out, allure)
    _append_end(digest, out / journal.FILE, lost)
    judged = len(digest.results) - found[Verdict.NOT_RUN]
    said = f"run {digest.run} was ended before its end: {judged} judged, {found[Verdict.NOT_RUN]} not run; exit code {digest.exit}"
    unknown = digest.checks - len(digest.planned)
    cut = [f"it was writing its plan: {unknown} of {count(digest.checks, 'check')} are not known by name"] if unknown > 0 else []
    return digest.exit, [said, *cut, *(f"NOT WRITTEN {each}" for each in lost)]


def _append_end(digest: Digest, path: Path, lost: list[str]) -> None:
    """Write the last line in place of a torn one, unless a report is missing: then this can be done again."""
    if lost:
        return
    os.truncate(path, sum(map(len, journal.whole_lines(path))))
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    try:
        journal.append(file, digest.run, "end", {"exit": digest.exit})
    finally:
        os.close(file)
