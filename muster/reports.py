"""All reports of a run, made from its digest: when it ends, and when `python -m muster finalise` ends it."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from muster import allure_files, journal, junit, observations, summary
from muster.digest import Digest
from muster.verdicts import EXIT_INTERNAL

CRASHES = "crashes.txt"
STALE = (junit.FILE, *summary.FILES, CRASHES)


class StillRunning(Exception):
    """Another run writes into the same folder."""


def begin(out: Path, allure: Path | None, *, replays: bool) -> list[str]:
    """Remove what the last run left: nobody may take yesterday's verdicts for today's, also when this run is refused later.

    `allure` is a folder of results that no other run adds to; a run that `replays` makes no observations and removes none.
    Returns what could not be removed. Raises StillRunning.
    """
    path = out / journal.FILE
    if path.exists() and journal.alive(path):
        raise StillRunning(f"another run writes into {out}: wait for it, or give --reports another folder")
    stale = (*STALE, journal.FILE, *(() if replays else (observations.FILE,)))
    steps: dict[str, Callable[[], None]] = {name: partial((out / name).unlink, missing_ok=True) for name in stale}
    if allure is not None:
        steps[allure.name] = partial(allure_files.clean, allure)
    return _attempted(steps)


def write(digest: Digest, out: Path, allure: Path | None) -> list[str]:
    """Write every report; one that cannot be written takes no other with it. Returns what was lost, and why.

    The summary comes last: it says the exit code, and losing a report makes that an internal error.
    """
    steps: dict[str, Callable[[], None]] = {
        junit.FILE: partial(junit.write, digest, out / junit.FILE),
        CRASHES: partial(_crashes, digest, out / CRASHES),
    }
    if allure is not None:
        steps[allure.name] = partial(allure_files.write, digest, allure, out)
    lost = _attempted(steps)
    digest.exit = EXIT_INTERNAL if lost else digest.exit
    lost += _attempted({"summary": partial(summary.write, digest, out)})
    digest.exit = EXIT_INTERNAL if lost else digest.exit
    return lost


def _attempted(steps: dict[str, Callable[[], None]]) -> list[str]:
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
