"""Runs of pytest that share the start of one process: it has imported what a run needs, and forks for each.

`python -m tests.canaries.warm` reads one JSON request a line, `{"folder": PATH, "options": [...], "variables": {...}, "out": PATH,
"err": PATH}`, and answers with the fork's exit code. It has a single thread, so that forking is safe, and knows no secret. A
fork configures pytest anew and ends as an interpreter ends, with whatever is printed then.
"""

import importlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn, TextIO

import pytest

IMPORTS = (
    "allure_commons.model2", "cryptography.x509", "kubernetes.client", "kubernetes.config", "muster.reports", "muster.run", "psycopg",
    "redis", "requests", "testinfra.host", "yaml",
)  # fmt: skip
"""No module that pytest rewrites when it loads it as a plugin."""
ROOT = Path(__file__).parents[2]
LONGEST = 300
"""Seconds that a fork may take before SIGALRM ends it."""


class Warm:
    """The process, from the side of the tests."""

    def __init__(self, process: "subprocess.Popen[str]", folder: Path) -> None:
        self._process, self._folder, self._runs = process, folder, 0

    def run(self, folder: Path, variables: dict[str, str], *options: str) -> "subprocess.CompletedProcess[str]":
        """As `python -m pytest`, started in a folder with these variables and no others."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._runs += 1
        out, err = (self._folder / f"{self._runs}.{name}" for name in ("out", "err"))
        request = {"folder": str(folder), "options": options, "variables": variables, "out": str(out), "err": str(err)}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        code = int(self._process.stdout.readline())
        return subprocess.CompletedProcess(list(options), code, out.read_text(), err.read_text())


@contextmanager
def warm_process(folder: Path) -> Iterator[Warm]:
    """The process until the end; `folder` takes what its forks print."""
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-m", "tests.canaries.warm"]
    with subprocess.Popen(command, cwd=ROOT, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Warm(process, folder)
        assert process.stdin is not None
        process.stdin.close()


def main() -> NoReturn:
    """Serve requests until the standard input ends; a fork leaves the loop and becomes a run."""
    for name in IMPORTS:
        importlib.import_module(name)
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            _become(json.loads(line))
        _answer(sys.stdout, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    sys.exit()


def _answer(answers: TextIO, code: int) -> None:
    answers.write(f"{code}\n")
    answers.flush()


def _become(request: "dict[str, object]") -> NoReturn:
    signal.alarm(LONGEST)
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(str(request[name]), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.chdir(str(request["folder"]))
    sys.path.insert(0, str(request["folder"]))
    os.environ.clear()
    os.environ.update(request["variables"])  # type: ignore[call-overload]
    sys.exit(pytest.main(list(request["options"])))  # type: ignore[call-overload]


if __name__ == "__main__":
    main()
