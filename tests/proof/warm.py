"""A process that has collected all checks and forks for each run of them: a run then starts with its plan.

`python -m tests.proof.warm LOG CHECKS [OPTION]...` reads one JSON request a line, `{"reports": PATH, "replay": PATH or null,
"environment": {...}, "mutation": NAME or ""}`, lets a fork plan, look and judge, and answers one line with its exit code. It has a
single thread, so that forking is safe, and it ends with its standard input.
"""

import gc
import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any, TextIO

import pytest

from tests.proof.mutations import MUTATIONS

CLIENTS = (
    "kubernetes.config",
    "fixtures.redis.client",
    "fixtures.kubernetes.access",
    "fixtures.postgresql.privileges",
    "fixtures.readings.promql",
)
"""What probes import when they first look, beside what is prepared for them."""
QUIET = ("-q", "--capture=no", "-p", "no:cacheprovider", "-p", "no:muster.evidence", "-p", "no:logging", "--no-follow-ups")
"""Allure's files take a quarter of a run, second looks even more, and the journal says all that is needed here."""


class Forks:
    """Holds pytest between collection and the run loop, and lets each fork go on from there."""

    def __init__(self, answers: TextIO) -> None:
        """`answers` takes the exit codes."""
        self.answers = answers

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Any:
        """Serve requests; only a fork returns."""
        for name in CLIENTS:
            importlib.import_module(name)
        _prepare()
        # Else the collector would touch, and so copy, every inherited page in every child.
        gc.freeze()
        self._answer(0)
        for line in sys.stdin:
            pid = os.fork()
            if not pid:
                _become(session.config, json.loads(line))
                return (yield)
            self._answer(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        os._exit(0)

    def _answer(self, code: int) -> None:
        self.answers.write(f"{code}\n")
        self.answers.flush()


def main() -> None:
    """Collect once; what comes back from pytest is a fork that has run, or a collection that failed."""
    answers = os.fdopen(os.dup(1), "w")
    log = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    code = 3
    try:
        code = int(pytest.main([*sys.argv[2:], "--reports", f"{sys.argv[1]}.reports", *QUIET], plugins=[Forks(answers)]))
        sys.stdout.flush()
    finally:
        # Not sys.exit: what the parent registered for its own end is none of the child's business.
        os._exit(code)


def _prepare() -> None:
    from muster.observations import adapter
    from muster.probes import PREPARES, Observation

    for prepare in dict.fromkeys(PREPARES.values()):
        prepare()
    for kind in Observation.__subclasses__():
        adapter(kind)


def _become(config: pytest.Config, request: dict[str, Any]) -> None:
    """Turn this fork into the run that is asked for: its output, its folder, its environment."""
    from muster import observations
    from muster.journal import run_id
    from muster.plugin import RUN
    from muster.state import State

    reports, run = Path(request["reports"]), config.stash[RUN]
    output = os.open(reports / "output.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ.update(request["environment"])
    config.option.reports = str(reports)
    run.id, run.out, run.state = run_id(), reports, State(reports / "state")
    if request["replay"]:
        run.replay = Path(request["replay"])
        run.store = observations.load(run.replay)
    for mutation in MUTATIONS:
        if mutation.name == request["mutation"]:
            mutation.apply()


if __name__ == "__main__":
    main()
