"""Hooks that Muster calls, for plugins such as the sandbox."""

from typing import Any

import pytest


@pytest.hookspec
def pytest_muster_validate(config: pytest.Config, environments: list[Any]) -> None:
    """Called at configure with the selected environments; raise pytest.UsageError to refuse the run (exit code 4)."""


@pytest.hookspec
def pytest_muster_refuse(config: pytest.Config, connections: dict[str, Any], run: Any, cases: list[Any]) -> list[str]:  # type: ignore[empty-body]
    """Called once before the look with the connections that it takes, by environment and name; say which must not be used, and why.

    Any sentence refuses the run (exit code 4). What a connection cannot do is found out by the look; this is for what it must not.
    """


@pytest.hookspec
def pytest_muster_act(config: pytest.Config, run: Any, cases: list[Any]) -> None:
    """Called once, after nobody refused and before the look, for what comes first: a drill, whose outcomes the store then holds."""


@pytest.hookspec
def pytest_muster_prepare(config: pytest.Config, environments: list[Any], parts: set[str]) -> Any:
    """Called once before the look, when sandboxes are selected; `parts` are the kinds of connection that are needed.

    Returns what earlier looks at sandboxed environments would remember, or None: {"system/sandbox": {fact: [(time, value)]}}.
    """


@pytest.hookspec
def pytest_muster_look_around(config: pytest.Config) -> None:
    """Called when something is violated, before it is looked at once more: whoever has a `follow_up` for it registers it now."""


@pytest.hookspec
def pytest_muster_judged(config: pytest.Config, run: Any) -> None:
    """Called once when a planned run has reached its last verdict, before its reports are written: what others are told of it."""


@pytest.hookspec(firstresult=True)
def pytest_muster_shelf(config: pytest.Config, address: str) -> Any:
    """Called at configure for a `--state` that is no folder: returns its `muster.shelf.Shelf`, or None for a foreign address.

    Raises pytest.UsageError for an address that cannot be used; nothing is opened yet.
    """
