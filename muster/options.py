"""The command line: Muster's options and markers, and what is refused before anything is loaded."""

import re
from functools import cache
from pathlib import Path

import pytest

from muster.shelf import Folder, Shelf

ALLURE = pytest.StashKey[tuple[Path, bool]]()
"""The folder of Allure's results, and whether those of an earlier run are removed from it; absent when none are written."""

DRILLS = "restore_drill"
"""The folder of checks of what is judged only where `--drill` says so."""

MARKERS = (
    "expects(expectation): the expectation that a check judges; an item exists for each entity and limit that has it",
    "gate(before=True, after=True, rollback=False): also holds before and after a deploy; with rollback, what a rollback needs",
    "readiness: what an incident step presupposes",
)


def add(parser: pytest.Parser) -> None:
    """Add the options of the group `muster`."""
    group = parser.getgroup("muster", "runbook checks")
    group.addoption(
        "--env", action="append", default=[], metavar="NAME", help="system/environment, system or glob; repeatable (default: */sandbox)"
    )
    group.addoption(
        "--environments", default="environments", metavar="DIR", help="folder of <system>/<environment>.yaml (default: environments)"
    )
    group.addoption(
        "--reports", default="reports/out", metavar="DIR", help="where journal, observations and results go (default: reports/out)"
    )
    group.addoption(
        "--state",
        default=None,
        metavar="DIR",
        help="memory between runs: a folder, or s3://BUCKET/PREFIX?region=REGION (default: REPORTS/state)",
    )
    group.addoption("--no-follow-ups", action="store_true", help="do not look again around what is violated")
    group.addoption("--drill", action="store_true", help="really restore backups: what checks/restore_drill judges")
    group.addoption("--replay", default=None, metavar="FILE", help="judge saved observations again, offline")


def shelf(config: pytest.Config, out: Path) -> Shelf:
    """Where the memory between runs lies. Raises UsageError for an address that nobody knows."""
    address = str(config.getoption("--state") or out / "state")
    if "://" not in address:
        return Folder(Path(address))
    found: Shelf | None = config.hook.pytest_muster_shelf(config=config, address=address)
    if found is None:
        raise pytest.UsageError("--state is a folder, or s3://BUCKET/PREFIX?region=REGION")
    return found


def register_markers(config: pytest.Config) -> None:
    """Make the markers known to pytest."""
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)


def concerns_checks(config: pytest.Config) -> bool:
    """Whether this run is about checks: its arguments are not all below `tests/`."""
    return not config.option.help and not all_below(config, "tests")


def all_below(config: pytest.Config, folder: str) -> bool:
    """Whether everything that was asked for lies in this folder of the suite."""
    return _all_below(config.invocation_params.dir, tuple(config.args), config.rootpath, folder)


@cache
def _all_below(here: Path, arguments: tuple[str, ...], root: Path, folder: str) -> bool:
    """Every check asks this, and resolving paths asks the disk."""
    places = [(here / each.split("::")[0]).resolve() for each in arguments]
    return bool(places) and all(place.is_relative_to(root / folder) for place in places)


def drills(config: pytest.Config) -> bool:
    """Whether drills are judged: they were asked for, or they alone are listed or judged again."""
    looked_at = config.option.collectonly or config.getoption("--replay")
    return bool(config.option.drill or (looked_at and all_below(config, f"checks/{DRILLS}")))


def refuse_unusable(config: pytest.Config) -> None:
    """Raise UsageError for options that would look at everything twice, or select nothing by mistake."""
    if all_below(config, f"checks/{DRILLS}") and not drills(config):
        raise pytest.UsageError("checks/restore_drill really restores backups, into the environment's scratch place: say --drill")
    if getattr(config.option, "numprocesses", None) or hasattr(config, "workerinput"):
        raise pytest.UsageError(
            "muster looks at everything at once in threads; each worker of -n would look at everything again: leave -n out"
        )
    known = {line.split(":")[0].split("(")[0].strip() for line in config.getini("markers")}
    for word in re.findall(r"[A-Za-z_][\w-]*", config.option.markexpr or ""):
        if word not in known | {"and", "or", "not", "True", "False"}:
            raise pytest.UsageError(f"-m {config.option.markexpr}: no marker is named {word}; there are: {', '.join(sorted(known))}")


def parameter_of(item: pytest.Item) -> str | None:
    """The parameter of a check's item; None for a test below `tests/`. Raises UsageError for a check that judges nothing."""
    if item.nodeid.startswith("tests/"):
        return None
    if not hasattr(item, "callspec") or "case" not in item.callspec.params:
        raise pytest.UsageError(f"{item.nodeid} has no @pytest.mark.expects(...): nothing would be planned, looked at or judged")
    return str(item.callspec.params["case"])
