"""A plugin for runs of the checks: waits between looks are counted and not waited for; `AT_WAIT=2:SIGKILL` ends a run in one."""

import os
import signal

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Put the clock in place; what it is made of is imported only now, after pytest has prepared its modules."""
    from muster.clock import Clock
    from muster.looking_again import CLOCK

    class Counted(Clock):
        def __init__(self) -> None:
            self.at, self.waits = 0.0, 0

        def now(self) -> float:
            return self.at

        def wait(self, seconds: float) -> None:
            self.at += seconds
            self.waits += 1
            number, _, name = os.environ.get("AT_WAIT", "").partition(":")
            if number == str(self.waits):
                os.kill(os.getpid(), getattr(signal, name))

    config.stash[CLOCK] = Counted()
