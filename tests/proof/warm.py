"""A process that has collected all checks and forks for each run of them (`tests.forking`).

`python -m tests.proof.warm LOG CHECKS [OPTION]...`; a request also has `"replay": PATH or null`, `"mutation": NAME or ""` and
`"only": ["check[entity]", ...]`, empty for all.
"""

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.forking import serve
from tests.proof.mutations import MUTATIONS

CLIENTS = (
    "kubernetes.config",
    "fixtures.redis.client",
    "fixtures.kubernetes.access",
    "fixtures.postgresql.privileges",
    "fixtures.readings.promql",
)
"""What probes import when they first look, beside what is prepared for them."""


def prepare() -> None:
    """Import, and make, what a look begins with."""
    from muster.observations import adapter
    from muster.probes import PREPARES, Observation

    for name in CLIENTS:
        importlib.import_module(name)
    for each in dict.fromkeys(PREPARES.values()):
        each()
    for kind in Observation.__subclasses__():
        adapter(kind)


def become(session: pytest.Session, request: dict[str, Any]) -> None:
    """Judge saved observations, look without one of the rules, ask only some checks."""
    from muster import observations
    from muster.plugin import RUN
    from muster.run import CASE

    run = session.config.stash[RUN]
    if request["replay"]:
        run.replay = Path(request["replay"])
        run.store = observations.load(run.replay)
    if request["only"]:
        named = {each: f"{each.function.__name__}[{each.stash[CASE].entity.name}]" for each in session.items}  # type: ignore[attr-defined]
        session.items[:] = [each for each, name in named.items() if name in request["only"]]
    for mutation in MUTATIONS:
        if mutation.name == request["mutation"]:
            mutation.apply()


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2:], prepare, become)
