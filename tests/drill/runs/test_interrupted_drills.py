"""Ctrl-C, SIGTERM and bugs, in every phase: what was created is gone, and the reports say what was not judged."""

import pytest

from muster import journal
from muster.verdicts import EXIT_UNKNOWN, Verdict
from tests.drill.runs.harness import Drills

PHASES = {
    "sweep": "drill.scratch:Place.sweep",
    "find": "drill.sources:age",
    "create": "drill.scratch:Place._make_needed",
    "restore": "drill.progress:Progress.__call__",
    "schema": "drill.schema:inventory",
    "contents": "drill.contents:counts",
    "readings": "drill.verify:Verifying.reading",
    "remove": "drill.scratch:Place.leftovers",
    "source": "drill.sources:changed",
}
"""What is called in each; `leftovers` also while it is swept."""
NUMBERS = {"restore": 12, "remove": 3, "readings": 2, "create": 2}


def _call(phase: str) -> tuple[str, int]:
    return PHASES[phase], NUMBERS.get(phase, 1)


@pytest.mark.parametrize(
    ("phase", "name"), [*((phase, "SIGTERM") for phase in PHASES), *((phase, "SIGINT") for phase in ("create", "restore", "remove"))]
)
def test_a_drill_that_is_interrupted_removes_what_it_has_made(drills: Drills, phase: str, name: str) -> None:
    ran = drills.run("asked", do=(("signal_at", *_call(phase), name),))
    assert ran.code == 2, ran.output
    assert drills.left() == []
    assert {event["phase"] for event in ran.events()} >= {phase, "remove", "source"}
    lines = journal.read(ran.reports / journal.FILE)
    assert lines.exit == 2
    assert {each.verdict for each in lines.results.values()} == {Verdict.NOT_RUN}
    assert (ran.reports / "junit.xml").exists()


def test_two_signals_do_not_wait_for_a_removal_that_hangs(drills: Drills) -> None:
    act = tuple(("signal_at", "drill.scratch:Place._end_sessions", number, "SIGTERM") for number in (2, 3))
    ran = drills.run("asked", do=act)
    assert ran.code == 2, ran.output
    assert len(drills.left()) == 4
    with drills.place() as place:
        place.sweep(ran.events()[0]["name"])


@pytest.mark.parametrize("phase", PHASES)
def test_a_bug_in_a_phase_makes_its_checks_unknown_and_leaves_nothing(drills: Drills, phase: str) -> None:
    ran = drills.run("plain" if phase != "readings" else "asked", do=(("bug_at", *_call(phase)),))
    assert ran.code in (1, EXIT_UNKNOWN), ran.output
    unknown = {name: ran.results[name] for name, verdict in ran.not_holding().items() if verdict is Verdict.UNKNOWN}
    assert set(unknown) >= OF[phase], ran.output
    told = [each for name, each in unknown.items() if name in OF[phase]]
    assert all("nobody has thought of this" in each.reason for each in told)
    assert {each.cause for each in told} == {f"probe {'asked' if phase == 'readings' else 'plain'}: {phase}"}
    if phase == "remove":
        with drills.place() as place:
            place.sweep(ran.events()[0]["name"])


COPIED = {
    "restored_schema_is_that_of_live",
    "restored_tables_hold_their_rows",
    "restored_rows_refer_to_rows",
    "restored_sequences_are_ahead",
    "restored_rows_are_recent",
}
OF = {
    "sweep": {"no_earlier_drill_left_anything"},
    "find": {"drill_restores_a_recent_backup", "restore_has_no_sql_error", *COPIED},
    "create": {"backup_is_whole_when_it_is_restored", "restore_has_no_sql_error", "restore_fits_the_recovery_time", *COPIED},
    "restore": {"backup_is_whole_when_it_is_restored", "restore_has_no_sql_error", "restore_fits_the_recovery_time", *COPIED},
    "schema": {"restored_schema_is_that_of_live"},
    "contents": COPIED - {"restored_schema_is_that_of_live"},
    "readings": {"reading_equals[broken]"},
    "remove": {"drill_leaves_nothing_behind"},
    "source": {"drill_changes_nothing_of_the_source"},
}
