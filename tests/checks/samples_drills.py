"""Restore drills: for each check one observation that holds, one that violates."""

from checks.monthly import test_drills as remembered
from checks.restore_drill import test_backups as backups
from checks.restore_drill import test_drills as drills
from checks.restore_drill import test_restores as restores
from drill import observed
from fixtures.drills import DrillPassed
from muster.units import ByteSize, Counted, Duration, Instant

ONE = {"looked_at": 1, "of": "things"}
DAY = Duration(86400)
NONE = Counted([])
SOME = Counted(["public.orders"])


def pair(name, holds, violates, limit):
    return {name: holds, "limit": limit}, {name: violates, "limit": limit}


def counted(kind, name, field, **more):
    """An observation that counts bad things: none, and one."""
    return pair(name, *(kind(**ONE, **more, **{field: value}) for value in (NONE, SOME)), 0)


def backup(age=1, encryption="AES256"):
    return observed.DrillBackup(**ONE, age=Duration(age), size=ByteSize(1), written=Instant(0), encryption=encryption)


def archive(*, whole):
    return observed.DrillArchive(**ONE, whole=whole, sha256="")


def contents(field):
    made = [observed.DrillContents(**ONE, **{"tables": (), "orphans": NONE, "sequences": NONE, field: value}) for value in (NONE, SOME)]
    return pair("drill_contents", *made, 0)


def took(seconds):
    return observed.DrillTime(**ONE, took=Duration(seconds), phases={})


def breach(days):
    return observed.DrillTime(**ONE, took=Duration(1), phases={}, breach=Duration(days * DAY), drills=3)


SAMPLES = {
    remembered.test_a_drill_passed_recently: pair(
        "drill_passed", DrillPassed(**ONE, age=Duration(30 * DAY)), DrillPassed(**ONE, age=Duration(32 * DAY)), Duration(31 * DAY)
    ),
    backups.test_drill_restores_a_recent_backup: pair("drill_backup", backup(age=DAY - 1), backup(age=DAY), DAY),
    backups.test_backup_is_encrypted_where_it_lies: pair("drill_backup", backup(), backup(encryption=""), True),
    backups.test_backup_is_whole_when_it_is_restored: pair("drill_archive", archive(whole=True), archive(whole=False), True),
    backups.test_no_client_is_older_than_its_server: counted(observed.DrillClients, "drill_clients", "behind"),
    restores.test_restore_has_no_sql_error: counted(observed.DrillRestore, "drill_restore", "errors"),
    restores.test_recovery_reached_its_target: pair(
        "drill_recovery", *(observed.DrillRecovery(**ONE, writable=each) for each in (True, False)), True
    ),
    restores.test_restored_schema_is_that_of_live: counted(observed.DrillSchema, "drill_schema", "differences"),
    restores.test_restored_tables_hold_their_rows: counted(observed.DrillRows, "drill_rows_of_live", "outside"),
    restores.test_restored_tables_hold_what_they_last_did: counted(observed.DrillRows, "drill_rows_of_last", "outside"),
    restores.test_restored_rows_refer_to_rows: contents("orphans"),
    restores.test_restored_sequences_are_ahead: contents("sequences"),
    restores.test_restored_pages_are_sound: counted(observed.DrillCorruption, "drill_corruption", "complaints"),
    restores.test_restored_rows_are_recent: pair(
        "drill_newest", observed.DrillNewest(**ONE, older=Duration(1)), observed.DrillNewest(**ONE, older=DAY), DAY
    ),
    restores.test_application_answers_on_the_copy: pair(
        "drill_application", observed.DrillApplication(**ONE, status=200), observed.DrillApplication(**ONE, status=500), 200
    ),
    drills.test_restore_fits_the_recovery_time: pair("drill_time", took(3599), took(3600), Duration(3600)),
    drills.test_recovery_time_holds_for_a_while: pair("drill_trend", breach(90), breach(30), Duration(60 * DAY)),
    drills.test_drill_leaves_nothing_behind: counted(observed.DrillEnd, "drill_end", "left"),
    drills.test_no_earlier_drill_left_anything: counted(observed.DrillEarlier, "drill_earlier", "earlier"),
    drills.test_drill_changes_nothing_of_the_source: counted(observed.DrillSource, "drill_source", "changes"),
}
