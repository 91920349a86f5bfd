"""`--push`: after the last verdict, before the reports. It decides no verdict and no exit code, and what did not work is told."""

from collections.abc import Sequence
from contextvars import copy_context

import pytest

from muster.environment import Environment
from muster.run import Run


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--push`."""
    text = "tell the servers of the environment's `push:` what was found: alerts to Alertmanager, metrics to a Pushgateway"
    parser.getgroup("muster").addoption("--push", action="store_true", help=text)


@pytest.hookimpl(optionalhook=True)
def pytest_muster_validate(config: pytest.Config, environments: Sequence[Environment]) -> None:
    """Refuse what could only mislead: nowhere to push to, or verdicts of another day. Raises UsageError."""
    if not config.getoption("--push"):
        return
    if config.getoption("--replay"):
        raise pytest.UsageError("--push tells what is found now, and --replay looks at nothing: leave one of them out")
    if silent := [each.id for each in environments if each.push is None]:
        raise pytest.UsageError(f"--push, and {', '.join(silent)} has no `push:` that says where to")


@pytest.hookimpl(optionalhook=True)
def pytest_muster_judged(config: pytest.Config, run: Run) -> None:
    """Tell every server of every environment, one after the other, all within `OVERALL`."""
    if config.getoption("--push"):
        from push.telling import tell_all  # with the client that writes, which no other run loads

        copy_context().run(tell_all, config, run)
