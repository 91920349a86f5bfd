"""All reports of a run, made from its digest: when it ends, and when `python -m muster finalise` ends it."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from muster import allure_files, ci, journal, junit, morning, observations, page, retention, summary
from muster.digest import Digest
from muster.verdicts import EXIT_INTERNAL

CRASHES = "crashes.txt"
STALE = (junit.FILE, *summary.FILES, *morning.FILES, page.FILE, CRASHES)


class StillRunning(Exception):
    """Another run writes into the same folder."""


def begin(out: Path, allure: Path | None, *, cleaned: bool, replays: bool) -> list[str]:
    """Remove what the last run left: nobody may take yesterday's verdicts for today's, also when this run is refused later.

    `allure` is the folder of results, `cleaned` when no other run adds to it; a run that `replays` makes no observations and
    removes none, unless they have been kept for longer than their environment allows: see `muster.retention`.
    Returns what could not be removed. Raises StillRunning.
    """
    path = out / journal.FILE
    if path.exists() and journal.alive(path):
        raise StillRunning(f"another run writes into {out}: wait for it, or give --reports another folder")
    last, now = retention.known(out), time.time()
    expired = last is not None and retention.over(last, now)
    stale = (*STALE, journal.FILE, *(() if replays and not expired else (observations.FILE,)))
    steps = retention.steps(last, out, allure or out / "allure-results", now) if last is not None else {}
    steps |= {name: partial((out / name).unlink, missing_ok=True) for name in stale}
    if cleaned and allure is not None:
        steps[allure.name] = partial(allure_files.clean, allure)
    return attempted(steps)


def forget(last: Digest, out: Path, allure: Path) -> list[str]:
    """Remove all reports of a run whose samples are too old, the journal last. Returns what could not be removed."""
    files = (*STALE, observations.FILE, journal.FILE)
    steps = retention.steps(last, out, allure, time.time())
    if allure == out / "allure-results":
        steps[allure.name] = partial(allure_files.clean, allure)
    return attempted(steps | {name: partial((out / name).unlink, missing_ok=True) for name in files})


def write(digest: Digest, out: Path, allure: Path | None) -> list[str]:
    """Write every report; one that cannot be written takes no other with it. Returns what was lost, and why.

    Summary, digest and page come last: they say the exit code, and losing a report makes that an internal error.
    """
    steps: dict[str, Callable[[], None]] = {
        junit.FILE: partial(junit.write, digest, out / junit.FILE),
        CRASHES: partial(_crashes, digest, out / CRASHES),
    }
    if allure is not None:
        steps[allure.name] = partial(allure_files.write, digest, allure, out)
    lost = attempted(steps)
    digest.exit = EXIT_INTERNAL if lost else digest.exit
    last = {"summary": summary.write, "digest": morning.write, page.FILE: page.write}
    lost += attempted({name: partial(step, digest, out) for name, step in last.items()})
    lost += attempted({"step summary": partial(ci.step_summary, out / "summary.md")})
    digest.exit = EXIT_INTERNAL if lost else digest.exit
    return lost


def attempted(steps: dict[str, Callable[[], None]]) -> list[str]:
    """Do everything; what could not be done, and why."""
    lost = []
    for name, step in steps.items():
        try:
            step()
        except Exception as error:  # noqa: BLE001 - told on the terminal and by the exit code; verdicts are worth more than any report
            lost.append(f"{name}: {told(error)}")
    return lost


def told(error: Exception) -> str:
    """An error in a few words."""
    return error.strerror if isinstance(error, OSError) and error.strerror else f"{type(error).__name__}: {error}"


def _crashes(digest: Digest, path: Path) -> None:
    crashes = [f"{each.node}\n{each.crash}" for each in digest.verdicts.values() if each.crash]
    if crashes:
        path.write_text("\n".join(crashes), encoding="utf-8", errors="backslashreplace")
