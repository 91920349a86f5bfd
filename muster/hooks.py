"""Hooks that Muster calls, for plugins such as the sandbox."""

from typing import Any

import pytest


@pytest.hookspec
def pytest_muster_validate(config: pytest.Config, environments: list[Any]) -> None:
    """Called at configure with the selected environments; raise pytest.UsageError to refuse the run (exit code 4)."""


@pytest.hookspec
def pytest_muster_prepare(config: pytest.Config, environments: list[Any], parts: set[str]) -> None:
    """Called once before the look, when sandboxes are selected; `parts` are the kinds of connection that are needed."""
