"""Which environments a run is about: `--env system/environment`, `--env system`, or a glob, segment by segment."""

from fnmatch import fnmatchcase
from pathlib import Path

from muster.environment import Environment, load_environment
from muster.yamlfile import ConfigError, Problem

DEFAULT = "*/sandbox"
NOT_ENVIRONMENTS = ("system.yaml", "runbook.yaml")


class SelectionError(Exception):
    """`--env` or `--environments` names nothing usable; the text lists what exists."""


def declared(root: Path) -> list[tuple[str, str]]:
    """(system, environment) of every environment file below `root`, sorted. Raises SelectionError when there is none."""
    found = [
        (file.parent.name, file.stem)
        for file in sorted(root.glob("*/*.yaml"))
        if file.name not in NOT_ENVIRONMENTS and not file.name.endswith(".waivers.yaml")
    ]
    if not found:
        raise SelectionError(f"no environment file (<system>/<environment>.yaml) below {root}")
    return found


def choose(existing: list[tuple[str, str]], wanted: list[str]) -> list[tuple[str, str]]:
    """The declared environments that `wanted` names. Raises SelectionError for a name that matches nothing, or a mix."""
    chosen: list[tuple[str, str]] = []
    for pattern in wanted or [DEFAULT]:
        system, slash, environment = pattern.partition("/")
        literal = environment == "sandbox"
        matched = [
            each for each in existing
            if fnmatchcase(each[0], system) and fnmatchcase(each[1], environment if slash else "*") and (each[1] != "sandbox" or literal)
        ]  # fmt: skip
        if not matched:
            listing = ", ".join("/".join(each) for each in existing)
            asked = f"--env {pattern} matches no environment" if wanted else "there is no sandbox here; name an environment with --env"
            raise SelectionError(f"{asked}; there are: {listing}")
        chosen += [each for each in matched if each not in chosen]
    if len({name == "sandbox" for _, name in chosen}) > 1:
        raise SelectionError(f"sandbox and real environments do not run together: {', '.join('/'.join(each) for each in chosen)}")
    return chosen


def load_all(root: Path, wanted: list[str]) -> list[Environment]:
    """Load what `--env` names. Raises SelectionError, or ConfigError with the problems of all files at once."""
    problems: list[Problem] = []
    loaded: list[Environment] = []
    for system, name in choose(declared(root), wanted):
        try:
            loaded.append(load_environment(root / system, name, shown(root / system)))
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    return loaded


def shown(folder: Path) -> Path:
    """The folder as a person would type it: relative to where they are, when it lies below."""
    here = Path.cwd()
    return folder.resolve().relative_to(here) if folder.resolve().is_relative_to(here) else folder
