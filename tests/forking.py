"""A process that has collected checks and forks for each run of them: a run then starts with its plan.

It reads one JSON request a line, `{"reports": PATH, "environment": {...}, ...}`, and answers each with two lines: the process id of the
fork that runs, and its exit code. It has a single thread, so that forking is safe, and it ends with its standard input.
"""

import gc
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

import pytest

from sandbox.processes import child_environment

ROOT = Path(__file__).parents[1]
QUIET = ("-q", "--capture=no", "-p", "no:cacheprovider", "-p", "no:logging", "-p", "no:muster.evidence", "--no-follow-ups")
"""Allure's files take a quarter of a run, second looks even more, and the journal says all that is needed here."""
Forking = subprocess.Popen[str]
Prepare = Callable[[], None]
Become = Callable[[pytest.Session, dict[str, Any]], None]


class Forks:
    """Holds pytest between collection and the run loop, and lets each fork go on from there."""

    def __init__(self, answers: TextIO, prepare: Prepare, become: Become) -> None:
        """`prepare` does once what every fork would do; `become` turns a fork into the run that is asked for."""
        self._answers, self._prepare, self._become = answers, prepare, become

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Any:
        """Serve requests; only a fork returns."""
        self._prepare()
        # Else the collector would touch, and so copy, every inherited page in every child.
        gc.freeze()
        self._answer(0)
        for line in sys.stdin:
            pid = os.fork()
            if not pid:
                request = json.loads(line)
                _begin(session, request)
                self._become(session, request)
                return (yield)
            self._answer(pid)
            self._answer(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        os._exit(0)

    def _answer(self, number: int) -> None:
        self._answers.write(f"{number}\n")
        self._answers.flush()


def serve(log: str, arguments: list[str], prepare: Prepare, become: Become) -> None:
    """Collect once; what comes back from pytest is a fork that has run, or a collection that failed."""
    answers = os.fdopen(os.dup(1), "w")
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(file, 1)
    os.dup2(file, 2)
    code = 3
    try:
        code = int(pytest.main([*arguments, "--reports", f"{log}.reports", *QUIET], plugins=[Forks(answers, prepare, become)]))
        sys.stdout.flush()
    finally:
        # Not sys.exit: what the parent registered for its own end is none of the child's business.
        os._exit(code)


def warm(module: str, log: Path, *arguments: str) -> Forking:
    """Start one: `module` serves. A context manager, at whose end it is gone."""
    command, pipe = [sys.executable, "-m", module, str(log), *arguments], subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, env=child_environment(), stdin=pipe, stdout=pipe, text=True)


def ask(process: Forking, request: dict[str, Any]) -> None:
    """Send a request; two answers follow."""
    assert process.stdin is not None
    process.stdin.write(json.dumps(request) + "\n")
    process.stdin.flush()


def answered(process: Forking, log: Path) -> int:
    """The next answer; the first, when it is ready for requests, is 0."""
    assert process.stdout is not None
    answer = process.stdout.readline()
    assert answer, f"the process that runs checks is gone: {log.read_text()[-3000:]}"
    return int(answer)


def _begin(session: pytest.Session, request: dict[str, Any]) -> None:
    """Give this fork its output, its folder, its environment."""
    from muster.journal import run_id
    from muster.plugin import RUN
    from muster.state import State

    reports, run = Path(request["reports"]), session.config.stash[RUN]
    output = os.open(reports / "output.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ.update(request["environment"])
    session.config.option.reports = str(reports)
    run.id, run.out, run.state = run_id(), reports, State(reports / "state")
