"""The restore, and whether what came back is the data."""

import pytest

from drill.observed import (
    DrillApplication,
    DrillContents,
    DrillCorruption,
    DrillNewest,
    DrillRecovery,
    DrillRestore,
    DrillRows,
    DrillSchema,
)
from muster.units import Duration


@pytest.mark.expects("sql_errors")
def test_restore_has_no_sql_error(drill_restore: DrillRestore, limit: int) -> None:
    """The backup is restored without one error.

    Next: the line of the dump that is named; which roles and extensions does it need that the drill does not declare?
    """
    assert drill_restore.errors <= limit


@pytest.mark.expects("recovered")
def test_recovery_reached_its_target(drill_recovery: DrillRecovery, limit: bool) -> None:
    """The recovery came to its target, and the server takes writes: one that waits there answers every question and is no recovery.

    Next: recovery_target_action; which segment is the newest in the archive? select pg_is_in_recovery()
    """
    assert drill_recovery.writable == limit


@pytest.mark.expects("schema_differences")
def test_restored_schema_is_that_of_live(drill_schema: DrillSchema, limit: int) -> None:
    """Tables, columns, indexes, constraints and all else are as they are in live.

    Next: was something migrated after the backup? which tables does the backup job leave out?
    """
    assert drill_schema.differences <= limit


@pytest.mark.expects("rows_of_live")
def test_restored_tables_hold_their_rows(drill_rows_of_live: DrillRows, limit: int) -> None:
    """Every table holds as many rows as it should.

    Next: zgrep -n '^COPY' of the dump; may the role that dumps see all rows (row security)?
    """
    assert drill_rows_of_live.outside <= limit


@pytest.mark.expects("rows_of_last")
def test_restored_tables_hold_what_they_last_did(drill_rows_of_last: DrillRows, limit: int) -> None:
    """Every table holds about as many rows as in the last drill that passed.

    Next: was something deleted on purpose? the backups in between say since when
    """
    assert drill_rows_of_last.outside <= limit


@pytest.mark.expects("orphans")
def test_restored_rows_refer_to_rows(drill_contents: DrillContents, limit: int) -> None:
    """Every row that refers to another one finds it.

    Next: is the foreign key valid in live? was the dump made in one snapshot?
    """
    assert drill_contents.orphans <= limit


@pytest.mark.expects("sequences_behind")
def test_restored_sequences_are_ahead(drill_contents: DrillContents, limit: int) -> None:
    """No sequence would yield a number that is taken: the first insert after a restore must not fail.

    Next: select setval(...) beyond the maximum of the column; does the dump hold the sequence's value?
    """
    assert drill_contents.sequences <= limit


@pytest.mark.expects("corrupt")
def test_restored_pages_are_sound(drill_corruption: DrillCorruption, limit: int) -> None:
    """Amcheck has no complaint about any table or index of the copy.

    Next: the same check in live (pg_amcheck); the disks of both
    """
    assert drill_corruption.complaints <= limit


@pytest.mark.expects("newest_row")
def test_restored_rows_are_recent(drill_newest: DrillNewest, limit: Duration) -> None:
    """The newest rows are about as old as the backup: it is not last month's data in last night's file.

    Next: from which server does the backup job dump? is that a replica that no longer follows?
    """
    assert drill_newest.older < limit


@pytest.mark.expects("application_answers")
def test_application_answers_on_the_copy(drill_application: DrillApplication, limit: int) -> None:
    """The application works on what was restored.

    Next: its log, in the observation; does it need something that is not in the backup?
    """
    assert drill_application.status == limit
