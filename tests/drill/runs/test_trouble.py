"""What goes wrong while a drill is under way: an honest verdict, by whose fault it is, and nothing is left."""

import gzip
import re
import shutil
from pathlib import Path

import pytest

from muster.verdicts import EXIT_UNKNOWN, EXIT_VIOLATED, Verdict
from sandbox.faults import builder
from sandbox.world import World
from sandbox.worlds.platform_service.hosts import newest
from tests.drill.runs.harness import Drills, Ran, await_file
from tests.drill.runs.proxy import proxy

RESTORE = "drill.progress:Progress.__call__"
COPIED = {
    "restored_schema_is_that_of_live",
    "restored_tables_hold_their_rows",
    "restored_rows_refer_to_rows",
    "restored_sequences_are_ahead",
    "restored_rows_are_recent",
    "restore_fits_the_recovery_time",
}
RESTORED = {"backup_is_whole_when_it_is_restored", "no_client_is_older_than_its_server", "restore_has_no_sql_error"}


def unknown(ran: Ran, *checks: str) -> str:
    """Exactly these are unknown, all else holds; why the restore was."""
    assert ran.not_holding() == dict.fromkeys({*COPIED, *RESTORED, *checks}, Verdict.UNKNOWN), ran.output
    assert ran.code == EXIT_UNKNOWN
    return ran.results["restore_has_no_sql_error"].reason


@pytest.fixture
def local(drills: Drills) -> Path:
    """The newest dump as a file of this machine."""
    target = drills.folder / "here" / "latest.sql.gz"
    shutil.copyfile(Path(drills.variables["SANDBOX_BACKUP_HOST_ROOT"], "backups/latest.sql.gz").resolve(), target)
    return target


def become(drills: Drills, edit) -> None:
    """Break the sandbox's world, or heal it."""
    world = builder("platform-service")(drills.platform.epoch)
    edit(world)
    drills.platform.apply(world)


def healed(_: World) -> None:
    """As it was."""


# What the scratch server does


def test_a_restore_that_waits_for_ever_is_given_up_at_its_deadline(drills: Drills) -> None:
    with proxy("127.0.0.2", drills.scratch.port) as way:
        ran = drills.run("hanging", do=(("locked_at", RESTORE, 30, "public.orders"),), TEST_PROXY_PORT=way.port)
    assert "no end of the restore before the deadline" in unknown(ran)


def test_a_way_to_the_scratch_server_that_comes_to_a_stop_is_given_up_and_what_is_left_told_by_the_next(
    drills: Drills, tmp_path: Path
) -> None:
    begun, goes_on = tmp_path / "begun", tmp_path / "goes-on"
    with proxy("127.0.0.2", drills.scratch.port) as way:
        out = drills.begin("hanging", do=(("removal", 1), ("wait_at", RESTORE, 12, str(begun), str(goes_on))), TEST_PROXY_PORT=way.port)
        await_file(begun)
        way.passing.clear()
        goes_on.touch()
        ran = drills.end(out)
    unknown(ran, "drill_leaves_nothing_behind")
    kept = drills.run("plain", do=(("later", 7200),))
    assert kept.not_holding() == {"no_earlier_drill_left_anything": Verdict.VIOLATED}


def test_a_full_disk_of_the_scratch_server_is_no_fault_of_the_backup(drills: Drills, local: Path) -> None:
    rows = "".join(f"{number}\t{'x' * 1000}\n" for number in range(2000))
    large = f"CREATE TABLE public.large (id bigint, filling text);\n\nCOPY public.large (id, filling) FROM stdin;\n{rows}\\.\n\n"
    dump = gzip.decompress(local.read_bytes()).decode()
    local.write_bytes(gzip.compress(dump.replace("CREATE TABLE public.orders", f"{large}CREATE TABLE public.orders", 1).encode()))
    # What would go beyond a file's largest size is cut short, and that is how the server notices a full disk.
    _largest_file(drills, str(2**20 + 4096))
    try:
        ran = drills.run("local")
    finally:
        _largest_file(drills, "unlimited")
    assert "SQL error 53100: could not extend file" in unknown(ran)


def _largest_file(drills: Drills, size: str) -> None:
    """Bytes that a file of the scratch server may have, for sessions that begin from now on."""
    drills.admin(f"copy (select 1) to program 'cat > /dev/null; prlimit --pid {drills.scratch.pid} --fsize={size}:unlimited'")


def test_a_session_that_somebody_ends_is_no_fault_of_the_backup(drills: Drills) -> None:
    end = (
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'muster_drill_%' and usename = application_name"
    )
    ran = drills.run("plain", do=(("sql_at", RESTORE, 12, end),))
    assert "terminating connection due to administrator command" in unknown(ran)


def test_every_session_that_somebody_ends_keeps_no_drill_from_removing(drills: Drills) -> None:
    end = "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'muster%'"
    unknown(drills.run("plain", do=(("sql_at", RESTORE, 12, end),)))


def test_a_scratch_server_that_stops_in_the_middle_keeps_what_it_has_and_nothing_is_claimed(drills: Drills) -> None:
    pid = drills.scratch.pid
    assert pid is not None
    try:
        ran = drills.run("plain", do=(("run_at", RESTORE, 12, "kill", "-QUIT", str(pid)), ("removal", 1)))
    finally:
        become(drills, lambda world: setattr(world.scratch["scratch"], "stopped", True))
        become(drills, healed)
    unknown(ran, "drill_leaves_nothing_behind")


def test_a_removal_that_fails_is_violated_and_names_what_is_left(drills: Drills) -> None:
    try:
        ran = drills.run("plain", do=(("sql_at", "drill.verify:Verifying.contents", 1, "create database owned owner platform"),))
        left = drills.left()
        assert left == ["role platform"]
        assert ran.not_holding() == {"drill_leaves_nothing_behind": Verdict.VIOLATED}
        assert left[0] in ran.results["drill_leaves_nothing_behind"].observed
        assert ran.code == EXIT_VIOLATED
    finally:
        drills.admin("drop database if exists owned")
        with drills.place() as place:
            place.sweep(ran.events()[0]["name"])


def test_a_leftover_in_which_somebody_works_is_told_and_kept(drills: Drills) -> None:
    drills.run("plain", do=(("signal_at", RESTORE, 12, "SIGKILL"),))
    database = next(each.partition(" ")[2] for each in drills.left() if each.startswith("database"))
    with drills.scratch.connect(database) as person:
        ran = drills.run("plain", do=(("later", 7200),))
        assert person.execute("select 1").fetchone() == (1,)
    said = ran.results["no_earlier_drill_left_anything"].observed
    assert f"database {database}, which could not be removed: the scratch server refuses: database" in said
    assert "is being accessed by other users" in said
    with drills.place() as place:
        place.sweep(database)


# What the source does


def test_a_backup_that_does_not_exist_is_violated_and_nothing_else_is_claimed(drills: Drills) -> None:
    ran = drills.run("none")
    assert ran.results["drill_restores_a_recent_backup"].verdict is Verdict.VIOLATED
    assert "there is no backup" in ran.results["drill_restores_a_recent_backup"].reason
    consequences = dict.fromkeys({*COPIED, *RESTORED, "drill_changes_nothing_of_the_source"}, Verdict.UNKNOWN)
    assert ran.not_holding() == consequences | {"drill_restores_a_recent_backup": Verdict.VIOLATED}


def test_a_backup_that_may_not_be_read_is_unknown(drills: Drills) -> None:
    become(drills, lambda world: setattr(newest(world), "mode", "0000"))
    try:
        said = unknown(drills.run("plain"))
    finally:
        become(drills, healed)
    assert "Permission denied" in said


def test_without_the_backup_host_everything_of_the_backup_is_unknown(drills: Drills) -> None:
    become(drills, lambda world: setattr(world.hosts["backup-host"], "stopped", True))
    try:
        said = unknown(drills.run("plain"), "drill_restores_a_recent_backup", "drill_changes_nothing_of_the_source")
    finally:
        become(drills, healed)
    assert "nothing listens on this port" in said


def test_clocks_that_differ_make_every_age_unknown(drills: Drills) -> None:
    said = unknown(drills.run("plain", do=(("ahead", 300),)), "drill_restores_a_recent_backup")
    assert re.search(r"the clock where the backup lies is (299|300) s ahead, so no age means anything", said)


def test_reading_that_breaks_off_is_unknown_and_no_fault_of_the_backup(drills: Drills) -> None:
    assert "reading the backup broke off" in unknown(drills.run("plain", do=(("cut_off", 1),)))


def test_a_source_that_stops_in_the_middle_is_given_up_at_the_deadline(drills: Drills, local: Path) -> None:
    assert "nothing more of the backup came before the deadline" in unknown(drills.run("stalling", do=(("stalled", str(local)),)))


def test_a_backup_that_is_replaced_while_it_is_read_proves_little_and_is_told(drills: Drills, local: Path) -> None:
    shutil.copyfile(local, f"{local}.new")
    ran = drills.run("local", do=(("run_at", RESTORE, 2, "mv", f"{local}.new", str(local)),))
    assert ran.not_holding() == {"drill_changes_nothing_of_the_source": Verdict.VIOLATED}
    assert "was replaced or written to" in ran.results["drill_changes_nothing_of_the_source"].observed


def test_a_backup_that_is_removed_while_it_is_read_is_told(drills: Drills, local: Path) -> None:
    ran = drills.run("local", do=(("run_at", RESTORE, 2, "rm", str(local)),))
    assert ran.not_holding() == {"drill_changes_nothing_of_the_source": Verdict.VIOLATED}
    assert f"the backup {local} is gone" in ran.results["drill_changes_nothing_of_the_source"].observed


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda data: data[: len(data) // 2], "cut off"),
        (lambda data: data[:2000] + bytes(2000) + data[4000:], "damaged"),
        (lambda _: gzip.compress(b""), "it unpacks to nothing: 0 bytes"),
        (lambda _: b"", "0 bytes"),
    ],
    ids=["cut", "overwritten", "empty", "no bytes"],
)
def test_a_damaged_archive_is_violated_and_not_what_the_restore_makes_of_it(drills: Drills, local: Path, damage, said: str) -> None:
    local.write_bytes(damage(local.read_bytes()))
    ran = drills.run("local")
    assert ran.not_holding() == {
        **dict.fromkeys({*COPIED, *RESTORED}, Verdict.UNKNOWN),
        "backup_is_whole_when_it_is_restored": Verdict.VIOLATED,
    }, ran.output
    assert said in ran.results["backup_is_whole_when_it_is_restored"].reason
