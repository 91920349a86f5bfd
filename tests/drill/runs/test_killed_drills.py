"""A drill that is killed after any event, and in between, leaves only what the next one finds, removes and tells, once."""

import signal
import time
from itertools import count

import pytest

from drill import scratch
from muster import journal
from muster.__main__ import main
from muster.verdicts import EXIT_UNKNOWN, EXIT_VIOLATED, Verdict
from tests.drill.runs.harness import Drills, Ran

BETWEEN = {
    "between the role and the database": ("signal_at", "drill.scratch:Place._make_needed", 1, "SIGKILL"),
    "between the roles that a dump needs": ("signal_at", "drill.scratch:Place._make_needed", 2, "SIGKILL"),
    "between the database and its grants": ("signal_at", "drill.scratch:Copy.administer", 1, "SIGKILL"),
    "between statements": ("signal_at", "drill.progress:Progress.__call__", 12, "SIGKILL"),
    "while rows are copied": ("signal_at", "drill.streams:Stream._judge", 1, "SIGKILL"),
    "between the removal of the database and of the roles": ("signal_at", "drill.scratch:Place.remove", 2, "SIGKILL"),
}
ALIKE = 50


@pytest.fixture(scope="module")
def killed(sandboxed: Drills):
    """Runs that were killed after each event, each swept away, with what was left before."""
    runs: list[tuple[str, Ran, list[str], list[str]]] = []
    before = sandboxed.fingerprint()
    alike = _look_alikes(sandboxed)

    def run(what: str, *act: object) -> Ran:
        ran = sandboxed.run("asked", do=(act,))
        left = sandboxed.left()
        runs.append((what, ran, left, _swept(sandboxed)))
        assert _swept(sandboxed) == []
        assert sandboxed.left() == []
        return ran

    for number in count(1):
        if run(f"event {number}", "signal_after_event", number, "SIGKILL").code != -signal.SIGKILL:
            break
    for what, act in BETWEEN.items():
        run(what, *act)
    assert sandboxed.fingerprint() == before
    assert _names(sandboxed) == alike
    _forget(sandboxed, alike)
    return runs


def _look_alikes(drills: Drills) -> set[str]:
    """Databases and roles that look as if drills had made them."""
    from drill.lease import new

    name = new(1).name
    near = [
        name[:-1] + ("0" if name[-1] != "0" else "1"),
        name.upper(),
        f"{name}_",
        f"a{name}",
        name.replace("muster_drill", "muster-drill"),
        name[:-9],
    ]
    near += [f"muster_drill_{number:08x}_{number:08x}_{number:06x}_{number:08x}" for number in range(ALIKE - len(near) - 2)]
    drills.admin(*(f'create role "{each}" login' for each in near))
    drills.admin(*(f"comment on role \"{near[number]}\" is 'made by {near[0]}'" for number in range(4)))
    drills.admin('create database "muster_drill_of_somebody" template template0', f'create database "{near[0]}" template template0')
    return _names(drills)


def _names(drills: Drills) -> set[str]:
    return {
        name for (name,) in drills.admin("select 'database ' || datname from pg_database union all select 'role ' || rolname from pg_roles")
    }


def _forget(drills: Drills, alike: set[str]) -> None:
    made = [each for each in alike if "muster" in each.lower() and each not in KEPT]
    drills.admin(*(f'drop {kind} "{name}"' for kind, _, name in sorted(each.partition(" ") for each in made)))


KEPT = {"role muster_drill", "database muster_drill_notes", "database muster_drill_65000000"}


def _swept(drills: Drills) -> list[str]:
    """What a sweep an hour later tells."""
    later = time.time() + 7200
    with pytest.MonkeyPatch.context() as patch, drills.place() as place:
        patch.setattr(scratch.time, "time", lambda: later)
        return place.sweep()


def test_each_event_of_a_drill_was_one_to_be_killed_after(killed) -> None:
    whole = killed[-len(BETWEEN) - 1][1]
    phases = [event["phase"] for event in whole.events() if event["state"] == "began"]
    assert phases == ["sweep", "find", "create", "restore", "schema", "contents", "readings", "remove", "source"]
    assert len(killed) == 2 * len(phases) + 1 + len(BETWEEN)


def test_what_is_left_is_removed_and_each_thing_told_once(killed) -> None:
    left = {what: len(names) for what, _, names, _ in killed}
    assert left["event 5"] == 0
    assert left["event 6"] == 4  # a database, its role, and the two roles of the dump
    assert left["event 15"] == 4
    assert left["event 16"] == 0
    for what, _, names, told in killed:
        assert sorted(told) == sorted(f"{name}, removed" for name in names), what
    assert left["between the role and the database"] == 1
    assert left["between the roles that a dump needs"] == 2
    assert left["while rows are copied"] == 4
    assert left["between the removal of the database and of the roles"] == 3


def test_a_killed_drill_is_finalised_and_none_of_its_checks_holds(killed, capsys: pytest.CaptureFixture[str]) -> None:
    for what, ran, _, _ in killed:
        if ran.code != -signal.SIGKILL:
            assert ran.code == EXIT_VIOLATED, ran.output  # two invariants of the environment are wrong on purpose
            continue
        code = main(["finalise", "--reports", str(ran.reports)])
        assert code == EXIT_UNKNOWN, what
        assert {each.verdict for each in journal.read(ran.reports / journal.FILE).results.values()} == {Verdict.NOT_RUN}
        assert "not run" in capsys.readouterr().out


def test_the_next_drill_removes_what_is_left_and_reports_it_once(drills: Drills) -> None:
    ran = drills.run("plain", do=(("signal_at", "drill.progress:Progress.__call__", 12, "SIGKILL"),))
    assert ran.code == -signal.SIGKILL
    left = drills.left()
    assert len(left) == 4
    kept = drills.run("plain", do=(("later", 7200),))

    assert kept.not_holding() == {"no_earlier_drill_left_anything": Verdict.VIOLATED}
    assert all(f"{name}, removed" in kept.results["no_earlier_drill_left_anything"].observed for name in left)
    assert drills.run("plain").not_holding() == {}


def test_what_a_drill_left_that_may_still_go_on_is_told_and_kept(drills: Drills) -> None:
    ran = drills.run("plain", do=(("signal_at", "drill.progress:Progress.__call__", 12, "SIGKILL"),))
    assert ran.code == -signal.SIGKILL
    left = drills.left()

    again = drills.run("plain")

    assert again.not_holding() == {"no_earlier_drill_left_anything": Verdict.VIOLATED}
    assert "of a drill that did not end; it may be removed from" in again.results["no_earlier_drill_left_anything"].observed
    assert drills.left() == left
    assert len(_swept(drills)) == len(left)
