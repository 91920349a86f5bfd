"""The pytest side of the sandbox: `--fault`, and a platform that is there before the look and gone after the run."""

import os
import time
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

from sandbox.state import RUNNING, Past, read_past

if TYPE_CHECKING:
    from sandbox.faults import Found
    from sandbox.platform import Platform

NAME = "sandbox"  # of the environments that this boots


class Environment(Protocol):
    """What the sandbox needs to know about a loaded environment."""

    @property
    def system(self) -> str:
        """The product with a runbook."""

    @property
    def name(self) -> str:
        """The deployment of it."""


running: "pytest.StashKey[Platform]" = pytest.StashKey()
replaced = pytest.StashKey[dict[str, str | None]]()  # environment variables as they were before


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--fault NAME`."""
    group = parser.getgroup("muster")
    group.addoption(
        "--fault",
        action="append",
        default=[],
        metavar="NAME",
        help="break one thing in the sandbox (repeatable); `python -m sandbox faults` lists them",
    )


@pytest.hookimpl(optionalhook=True)
def pytest_muster_validate(config: pytest.Config, environments: Sequence[Environment]) -> None:
    """Refuse, before anything is started, what could not work. Raises UsageError."""
    named: list[str] = config.getoption("--fault")
    real = [f"{environment.system}/{environment.name}" for environment in environments if environment.name != NAME]
    if named and real:
        raise pytest.UsageError(f"--fault breaks a sandbox only, and {', '.join(real)} is none")
    boxed = sorted({environment.system for environment in environments if environment.name == NAME})
    if named and not boxed:
        raise pytest.UsageError("--fault breaks a sandbox, and none is selected")
    if len(boxed) > 1:
        raise pytest.UsageError(f"one sandbox at a time: {', '.join(boxed)} are selected")
    if named and os.environ.get(RUNNING):
        raise pytest.UsageError(f"--fault breaks a sandbox of its own, and {RUNNING} leads to one that runs already")
    if not boxed:
        return
    from sandbox.faults import UnknownName, broken, builder  # worlds are built from it, and only a sandbox has one

    try:
        for system in boxed:
            builder(system)
            if named:
                broken(system, _faults(named))(time.time())
    except UnknownName as error:
        raise pytest.UsageError(f"sandbox: {error}") from error


@pytest.hookimpl(optionalhook=True)
def pytest_muster_prepare(config: pytest.Config, environments: Sequence[Environment], parts: Collection[str]) -> dict[str, Past] | None:
    """Boot the platform of the selected sandbox and put its addresses into the environment. Raises UsageError.

    Returns what earlier looks at it would remember, if somebody had looked at this world before.
    """
    boxed = [environment.system for environment in environments if environment.name == NAME]
    if not boxed or running in config.stash:
        return None
    if held := os.environ.get(RUNNING):
        _say(config, f"sandbox {boxed[0]}: the one that runs in {held}")
        return {f"{boxed[0]}/{NAME}": _past(config, boxed[0], Path(held))}
    # psycopg, cryptography and the like: only who needs a platform pays for importing it.
    from sandbox.faults import broken
    from sandbox.platform import PARTS, Platform

    named: list[str] = config.getoption("--fault")
    began = time.monotonic()
    platform = Platform(broken(boxed[0], _faults(named)), set(parts) & PARTS)
    config.stash[running] = platform
    platform.start()
    config.stash[replaced] = {name: os.environ.get(name) for name in platform.addresses}
    os.environ.update(platform.addresses)
    faults = f", broken by {', '.join(named)}" if named else ""
    _say(config, f"sandbox {boxed[0]}: up after {time.monotonic() - began:.1f} s{faults}")
    for part, reason in platform.not_provided.items():
        _say(config, f"sandbox {boxed[0]}: {part} is not provided: {reason}")
    return {f"{boxed[0]}/{NAME}": _past(config, boxed[0], platform.folder)}


def _past(config: pytest.Config, system: str, folder: Path) -> Past:
    """What earlier looks saw, as the world of the platform in `folder` has it."""
    past: Past = read_past(folder)
    if past:
        _say(config, f"sandbox {system}: its world brings earlier looks at {len(past)} numbers; what other runs remembered is left aside")
    return past


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what was booted and put the environment back."""
    if running in config.stash:
        config.stash[running].stop()
        del config.stash[running]
    for name, before in config.stash.get(replaced, {}).items():
        if before is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = before


def _faults(named: list[str]) -> "list[Found]":
    from sandbox.faults import find

    return [find(name) for name in named]


def _say(config: pytest.Config, line: str) -> None:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        reporter.write_line(line)
