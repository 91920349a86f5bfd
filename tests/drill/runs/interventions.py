"""What happens to a drill while it is under way, done in its own process: each takes effect at one call of one function.

A place is `module:Class.method`, or `module:function` where the caller looks it up.
"""

import importlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def at(place: str, number: int, act: Callable[[], object]) -> None:
    """Act before the call with this number, counted from 1."""
    module, _, path = place.partition(":")
    *owners, name = path.split(".")
    owner: Any = importlib.import_module(module)
    for each in owners:
        owner = getattr(owner, each)
    real, calls = getattr(owner, name), 0

    def counted(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == number:
            act()
        return real(*arguments, **named)

    setattr(owner, name, counted)


def signal_at(place: str, number: int, name: str) -> None:
    """Send a signal to ourselves."""
    at(place, number, lambda: os.kill(os.getpid(), getattr(signal, name)))


def signal_after_event(number: int, name: str) -> None:
    """Send a signal to ourselves after the drill's event with this number is in the journal."""
    from muster import journal

    write, count = journal.append, 0

    def append(file: int, run: str, event: str, fields: dict[str, Any]) -> None:
        nonlocal count
        write(file, run, event, fields)
        count += event == "drill"
        if event == "drill" and count == number:
            os.kill(os.getpid(), getattr(signal, name))

    journal.append = append


def bug_at(place: str, number: int = 1) -> None:
    """Raise what nobody expects."""

    def raised() -> None:
        raise RuntimeError("nobody has thought of this")

    at(place, number, raised)


def error_at(place: str, number: int, reason: str) -> None:
    """Raise what a scratch server's refusal becomes."""
    from muster.probes import CouldNotLook

    def raised() -> None:
        raise CouldNotLook(reason, cause="this test")

    at(place, number, raised)


def sql_at(place: str, number: int, *statements: str) -> None:
    """Let the administrator of the scratch server do something."""

    def asked() -> None:
        with _administrator() as session:
            for statement in statements:
                session.execute(statement)

    at(place, number, asked)


def _administrator() -> Any:
    import psycopg

    known = {name: os.environ[f"SANDBOX_SCRATCH_{name}"] for name in ("HOST", "PORT", "DBNAME", "PASSWORD_MUSTER_DRILL")}
    return psycopg.connect(
        host=known["HOST"], port=known["PORT"], dbname=known["DBNAME"], user="muster_drill", password=known["PASSWORD_MUSTER_DRILL"],
        application_name="a person", autocommit=True,
    )  # fmt: skip


def locked_at(place: str, number: int, table: str) -> None:
    """Hold a lock on a table of the copy, as somebody who looks into it could; it ends with this process."""

    def locked() -> None:
        from drill.lease import parse

        with _administrator() as session:
            names = [name for (name,) in session.execute("select datname from pg_database").fetchall() if parse(name)]
        import psycopg

        held = psycopg.connect(
            host=os.environ["SANDBOX_SCRATCH_HOST"], port=os.environ["SANDBOX_SCRATCH_PORT"], dbname=names[0], user="muster_drill",
            password=os.environ["SANDBOX_SCRATCH_PASSWORD_MUSTER_DRILL"], application_name="a person",
        )  # fmt: skip
        held.execute(f"lock table {table}")
        HELD.append(held)

    at(place, number, locked)


HELD: list[Any] = []


def cut_off(number: int) -> None:
    """Kill the program that reads the backup."""
    from drill import sources

    started: list[Any] = []
    real = subprocess.Popen

    def popen(*arguments: Any, **named: Any) -> Any:
        started.append(real(*arguments, **named))
        return started[-1]

    sources.subprocess = type("Subprocess", (), {**vars(subprocess), "Popen": staticmethod(popen)})

    def killed() -> None:
        started[-1].kill()

    at("drill.sources:_chunk", number, killed)


def stalled(path: str) -> None:
    """Let the program that reads the backup stop in the middle, and stay."""
    from drill import sources

    sources._command = lambda *_: ["sh", "-c", 'head -c 40000 -- "$1"; sleep 600', "sh", path]


def run_at(place: str, number: int, *command: str) -> None:
    """Run a command to its end."""
    at(place, number, lambda: subprocess.run(command, check=True))


def wait_at(place: str, number: int, begun: str, goes_on: str) -> None:
    """Tell with one file that we are there, and go on when there is the other."""

    def waited() -> None:
        Path(begun).touch()
        while not Path(goes_on).exists():
            time.sleep(0.01)

    at(place, number, waited)


def ahead(seconds: float) -> None:
    """Look at the backup host with a clock that is so far behind."""
    from drill import sources

    real = sources.time.time
    sources.time = type("Clock", (), {"time": staticmethod(lambda: real() - seconds)})


def later(seconds: float) -> None:
    """Sweep as if so much time had passed."""
    from drill import scratch

    scratch.time = type("Clock", (), {**vars(time), "time": staticmethod(lambda: time.time() + seconds)})


def removal(seconds: float) -> None:
    """Have less patience at the end."""
    from drill import run

    run.REMOVAL = seconds
