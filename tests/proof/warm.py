"""A process that has imported everything and forks for each run of checks: a run then starts in moments.

`python -m tests.proof.warm` reads one JSON request a line, `{"arguments": [...], "environment": {...}, "output": PATH}`,
runs pytest with them in a fork, and answers one line with the exit code. It has a single thread, so that forking is
safe, and it ends with its standard input.
"""

import contextlib
import gc
import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any, TextIO

import pytest

CLIENTS = ("kubernetes.client", "kubernetes.config", "psycopg", "requests", "cryptography.x509", "yaml")
"""What probes import when they first look."""
QUIET = ("-q", "-p", "no:cacheprovider", "-p", "no:muster.evidence")
"""Allure's files take a quarter of a run, and the journal says all that is needed here."""


def main() -> None:
    """Import by collecting once, then serve requests."""
    answers = os.fdopen(os.dup(1), "w")
    with Path(sys.argv[1]).open("w") as log, contextlib.redirect_stdout(log):
        collected = pytest.main(["checks", "--collect-only", *QUIET])
    for name in CLIENTS:
        importlib.import_module(name)
    _prepare_types()
    # Else the collector would touch, and so copy, every inherited page in every child.
    gc.freeze()
    _answer(answers, int(collected))
    for line in sys.stdin:
        _answer(answers, _forked(json.loads(line)))


def _prepare_types() -> None:
    from muster.observations import adapter
    from muster.probes import Observation

    for kind in Observation.__subclasses__():
        adapter(kind)


def _answer(answers: TextIO, code: int) -> None:
    answers.write(f"{code}\n")
    answers.flush()


def _forked(request: dict[str, Any]) -> int:
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    code = 3
    try:
        output = os.open(request["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.environ.update(request["environment"])
        code = int(pytest.main([*request["arguments"], *QUIET]))
        sys.stdout.flush()
    finally:
        # Not sys.exit: what the parent registered for its own end is none of the child's business.
        os._exit(code)


if __name__ == "__main__":
    main()
