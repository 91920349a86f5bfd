"""Child processes: timed from start to end, with their peak memory, and servers that end when their input does."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.rounds import Ran

ROOT = Path(__file__).parents[2]
PATIENCE = 900.0
"""Seconds after which a variant that does not end is given up."""
_UNWANTED = ("PYTHONDONTWRITEBYTECODE", "PYTEST_ADDOPTS", "COLUMNS", "FORCE_COLOR", "PY_COLORS")


@dataclass(frozen=True)
class Done:
    """A process that ended."""

    seconds: float
    output: str
    errors: str
    code: int


def surroundings(**more: str) -> dict[str, str]:
    """Variables of a child: this repository importable, bytecode kept, no colours."""
    kept = {name: value for name, value in os.environ.items() if name not in _UNWANTED}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **more}


def run(command: Sequence[str], folder: Path = ROOT, codes: Sequence[int] = (0,), more: dict[str, str] | None = None) -> Done:
    """Run a command to its end, with `more` variables. Raises AssertionError for another exit code than `codes`."""
    began = time.monotonic()
    variables = surroundings(**(more or {}))
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=PATIENCE, check=False)
    took = time.monotonic() - began
    assert done.returncode in codes, f"{' '.join(command[:6])} ended with {done.returncode}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return Done(took, done.stdout, done.stderr, done.returncode)


def told(module: str, **arguments: Any) -> Any:
    """What `python -m module` prints as JSON, given these arguments as JSON."""
    return json.loads(run([sys.executable, "-m", module, json.dumps(arguments)]).output)


def seen(module: str, **arguments: Any) -> Ran:
    """One run of a variant that is a way of `tests.bench.looks` or `tests.bench.others`; see `tell`."""
    said = told(module, **arguments)
    return Ran(said["seconds"], json.loads(said["verdicts"]), said["figures"])


def tell(*ways: Callable[..., Callable[[], Any]]) -> None:
    """Do, once, what the arguments of this process name: print how long it took, what was found out, and the memory (MiB).

    A way takes its arguments, imports what it needs, ours and theirs alike, and returns what is then timed: reading bundles,
    opening connections and parsing are part of it.
    """
    arguments = json.loads(sys.argv[1])
    do = {way.__name__: way for way in ways}[arguments.pop("way")](**arguments)
    idle = peak()
    began, spent = time.monotonic(), time.process_time()
    found = json.dumps(do())
    took, spent = time.monotonic() - began, time.process_time() - spent
    print(json.dumps({"seconds": took, "verdicts": found, "figures": {"processor": spent, "idle": idle, "peak": peak()}}))  # noqa: T201


def peak() -> float:
    """Most memory that this process had, in MiB. What getrusage says starts with the memory of whoever started us."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def aside(process: "subprocess.Popen[str]") -> None:
    """Move a server to the last processor, where there are several; clients of several processes may use them all."""
    processors = os.sched_getaffinity(0)
    if len(processors) > 1:
        os.sched_setaffinity(process.pid, {max(processors)})


@contextmanager
def serving(module: str, **arguments: Any) -> Iterator["Serving"]:
    """A server in a process of its own, which says where it listens; see `Serving`."""
    command = [sys.executable, "-m", module, json.dumps(arguments)]
    with subprocess.Popen(command, cwd=ROOT, env=surroundings(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        aside(process)
        yield Serving(said, process)


class Serving:
    """A running server: what it `said` first, and what it has `counted` since it was asked the last time."""

    def __init__(self, said: Any, process: "subprocess.Popen[str]") -> None:
        self.said = said
        self._process = process

    def counted(self) -> Any:
        """Ask it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())
