"""A process that has collected the checks of drills and forks for each run: a drill then begins at once.

`python -m tests.drill.runs.warm LOG ENVIRONMENTS` reads one JSON request a line, `{"reports": PATH, "drills": [NAME, ...],
"variables": {...}, "do": [[NAME of tests.drill.runs.interventions, ARGUMENT, ...], ...]}`, lets a fork drill and judge, and answers
`pid` at its start and its exit code at its end. It ends with its standard input.
"""

import gc
import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any, TextIO

import pytest

CLIENTS = ("psycopg", "drill.wire", "fixtures.postgresql.wire", "fixtures.hosts.client", "yaml")
QUIET = ("-q", "--capture=no", "-p", "no:cacheprovider", "-p", "no:muster.evidence", "--no-follow-ups", "--drill")


class Forks:
    """Holds pytest between collection and the run loop, and lets each fork go on from there."""

    def __init__(self, answers: TextIO) -> None:
        self.answers = answers

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Any:
        for name in CLIENTS:
            importlib.import_module(name)
        gc.freeze()
        self._answer(0)
        for line in sys.stdin:
            pid = os.fork()
            if not pid:
                _become(session, json.loads(line))
                return (yield)
            self._answer(pid)
            self._answer(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        os._exit(0)

    def _answer(self, number: int) -> None:
        self.answers.write(f"{number}\n")
        self.answers.flush()


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    log = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    code = 3
    try:
        where = ["--environments", sys.argv[2], "--env", "shop/test", "--reports", f"{sys.argv[1]}.reports"]
        code = int(pytest.main(["checks/restore_drill", *where, *QUIET], plugins=[Forks(answers)]))
        sys.stdout.flush()
    finally:
        os._exit(code)  # what the parent registered for its own end is none of the child's business


def _become(session: pytest.Session, request: dict[str, Any]) -> None:
    from muster import reports
    from muster.journal import run_id
    from muster.plugin import RUN
    from muster.run import CASE
    from muster.state import State
    from tests.drill.runs import interventions

    out, run = Path(request["reports"]), session.config.stash[RUN]
    output = os.open(out / "output.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ.update(request["variables"])
    session.config.option.reports = str(out)
    reports.begin(out, None, cleaned=True, replays=False)
    run.id, run.out, run.state = run_id(), out, State(out / "state")
    run.state.load([each.id for each in run.environments])
    wanted = set(request["drills"])
    session.items[:] = [
        each for each in session.items if {each.stash[CASE].entity.name, getattr(each.stash[CASE].entity, "drill", None)} & wanted
    ]
    for name, *arguments in request["do"]:
        getattr(interventions, name)(*arguments)


if __name__ == "__main__":
    main()
