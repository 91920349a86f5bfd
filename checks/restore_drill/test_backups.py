"""The backup that a drill restores: recent, encrypted, whole, made by programs that can."""

import pytest

from drill.observed import DrillArchive, DrillBackup, DrillClients
from muster.units import Duration


@pytest.mark.expects("backup_newer_than")
def test_drill_restores_a_recent_backup(drill_backup: DrillBackup, limit: Duration) -> None:
    """The newest backup is inside the recovery point: everything after it would be lost.

    Next: the log of the backup job; where does it write to now?
    """
    assert drill_backup.age < limit


@pytest.mark.expects("backup_encrypted")
def test_backup_is_encrypted_where_it_lies(drill_backup: DrillBackup, limit: bool) -> None:
    """The backup is encrypted where it lies.

    Next: who could read it until now? default encryption of the place, then write it anew
    """
    assert drill_backup.encrypted == limit


@pytest.mark.expects("whole")
def test_backup_is_whole_when_it_is_restored(drill_archive: DrillArchive, limit: bool) -> None:
    """The archive comes to its end, its checksums are right, and the dump in it is complete.

    Next: is the one before it whole? the log of the backup job; pipefail; compare checksums with where it was copied from
    """
    assert drill_archive.whole == limit


@pytest.mark.expects("client_behind")
def test_no_client_is_older_than_its_server(drill_clients: DrillClients, limit: int) -> None:
    """The program that dumped is not older than its server, and the one that restores not older than the dump.

    Next: the image of the backup job and that of the drill; pg_dump --version in both
    """
    assert drill_clients.behind <= limit
