"""The application on the copy: started, asked at its health route, and ended with all that it has started."""

import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from muster.verdicts import EXIT_UNKNOWN, Verdict
from tests.drill.runs.harness import Drills, Ran

ANSWERS = "application_answers_on_the_copy"


def run(drills: Drills, mode: str) -> Ran:
    home = drills.folder / "home"
    (home / "mode").write_text(mode)
    (home / "pids").unlink(missing_ok=True)
    ran = drills.run("answering")
    for pid in (home / "pids").read_text().split() if (home / "pids").exists() else ():
        stat = Path(f"/proc/{pid}/stat")
        assert not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z", f"{mode}: {pid} still runs"
    return ran


def test_an_application_that_works_on_the_copy_holds(drills: Drills) -> None:
    assert run(drills, "well").not_holding() == {}
    assert (drills.folder / "home" / "pids").exists()


def test_one_that_does_not_end_when_it_is_told_to_is_ended(drills: Drills) -> None:
    assert run(drills, "stubborn").not_holding() == {}


@pytest.mark.parametrize(("mode", "status"), [("ill", "500"), ("never", "0"), ("mute", "0")])
def test_one_that_does_not_work_is_violated_and_what_it_said_is_told_without_its_password(drills: Drills, mode: str, status: str) -> None:
    ran = run(drills, mode)
    assert ran.not_holding() == {ANSWERS: Verdict.VIOLATED}
    found = ran.results[ANSWERS]
    assert (found.expected, found.observed) == ("== 200", status)
    assert "the password is ***" in found.reason


def test_something_else_that_answers_in_its_place_is_no_application(drills: Drills) -> None:
    address = urlsplit(drills.application)
    with socket.create_server((address.hostname or "", address.port or 0)) as other:
        other.listen()
        ran = run(drills, "well")
    assert ran.not_holding() == {ANSWERS: Verdict.UNKNOWN}
    assert ran.code == EXIT_UNKNOWN
    assert "something else listens at" in ran.results[ANSWERS].reason
