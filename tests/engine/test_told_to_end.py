"""A run that a CI job cancels takes its sandbox with it, whatever it was doing."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

import pytest

from sandbox.state import RUNNING
from tests.engine.agreement import agree

ROOT = Path(__file__).parents[2]


def left_over(mark: str) -> list[str]:
    """Command lines of living processes that have the mark in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue  # it has ended, or is another user's
    return found


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_run_that_is_told_to_end_while_its_sandbox_boots_leaves_reports_and_no_process(tmp_path: Path, number: signal.Signals) -> None:
    mark = str(uuid4())
    environment = {name: value for name, value in os.environ.items() if name != RUNNING} | {"MUSTER_TEST_MARK": mark}
    command = [sys.executable, "-m", "pytest", "checks/daily", "-p", "no:cacheprovider", "--reports", str(tmp_path)]
    with (tmp_path / "said.txt").open("w") as said:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        while len(left_over(mark)) < 2:  # a first server beside pytest itself
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(number)
        code = process.wait(timeout=240)

    assert code == 2, (tmp_path / "said.txt").read_text()
    assert set(agree(tmp_path).values()) == {"not run"}
    while left_over(mark):  # what a server started may take a moment; a test that never ends is a failure too
        time.sleep(0.1)
