"""A process that has collected the checks of drills and forks for each run (`tests.forking`): a drill then begins at once.

`python -m tests.drill.runs.warm LOG ENVIRONMENTS`; a request also has `"drills": [NAME, ...]` and
`"do": [[NAME of tests.drill.runs.interventions, ARGUMENT, ...], ...]`.
"""

import importlib
import sys
from typing import Any

import pytest

from tests.forking import serve

CLIENTS = ("psycopg", "drill.wire", "fixtures.postgresql.wire", "fixtures.hosts.client", "yaml")


def prepare() -> None:
    for name in CLIENTS:
        importlib.import_module(name)


def become(session: pytest.Session, request: dict[str, Any]) -> None:
    from muster import reports
    from muster.plugin import RUN
    from muster.run import CASE
    from tests.drill.runs import interventions

    run = session.config.stash[RUN]
    reports.begin(run.out, None, cleaned=True, replays=False)
    run.state.load([each.id for each in run.environments])
    wanted = set(request["drills"])
    session.items[:] = [
        each for each in session.items if {each.stash[CASE].entity.name, getattr(each.stash[CASE].entity, "drill", None)} & wanted
    ]
    for name, *arguments in request["do"]:
        getattr(interventions, name)(*arguments)


if __name__ == "__main__":
    where = ["--environments", sys.argv[2], "--env", "shop/test"]
    serve(sys.argv[1], ["checks/restore_drill", "--drill", *where], prepare, become)
