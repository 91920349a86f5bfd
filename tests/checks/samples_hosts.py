"""Hosts, files and backups: for each check one observation that holds, one that violates."""

from checks.daily import test_backups as backups
from checks.daily import test_hosts as hosts
from fixtures.hosts.backups import BackupContent, BackupEnd
from fixtures.hosts.files import AgainstPrevious, Aged, FileState
from fixtures.hosts.machines import FileSystem, Fullest, Lacking, MachineDisks, MachineFacts
from fixtures.hosts.texts import FileText, FoundLines
from muster.units import ByteSize, Counted, Duration, Percent

ONE = {"looked_at": 1, "of": "things"}
DAY = Duration(86400)


def pair(name, holds, violates, limit):
    return {name: holds, "limit": limit}, {name: violates, "limit": limit}


def shares(kind, holds, violates):
    return kind(**ONE, share=Percent(holds)), kind(**ONE, share=Percent(violates))


def file(**values):
    return FileState(**ONE, **{"exists": True, **values})


def facts(*, load=0.5, skew=0.0):
    return MachineFacts(**ONE, load=Percent(load), skew=Duration(skew), running={}, listening={})


def disks(*unmounted, read_only=False):
    system = FileSystem(mount="/data", used=Percent(0.1), size=ByteSize(1), inodes_used=None, read_only=read_only)
    return MachineDisks(**ONE, systems=(system,), unmounted=Counted(unmounted))


def content(*, intact):
    return BackupContent(**ONE, intact=intact, markers={})


def text(valid):
    return FileText(**ONE, format=valid, found={})


LINES = (FoundLines(**ONE, count=Counted()), FoundLines(**ONE, count=Counted(["^kind: Secret$"])))
AGES = (Aged(**ONE, age=Duration(3600)), Aged(**ONE, age=Duration(31 * 86400)))
SIZES = (file(size=ByteSize(2 * 10**6)), file(size=ByteSize(20)))
LACKING = (Lacking(**ONE, count=Counted()), Lacking(**ONE, count=Counted(["nginx: 0 of 1"])))

SAMPLES = {
    hosts.test_no_file_system_of_the_host_is_full: pair("disk_use", *shares(Fullest, 0.5, 0.95), Percent(0.8)),
    hosts.test_no_file_system_of_the_host_runs_out_of_inodes: pair("inode_use", *shares(Fullest, 0.5, 1.0), Percent(0.8)),
    hosts.test_file_systems_of_the_host_are_mounted: pair("machine_disks", disks(), disks("/backups"), 0),
    hosts.test_file_systems_of_the_host_can_be_written: pair("machine_disks", disks(), disks(read_only=True), 0),
    hosts.test_host_is_not_overloaded: pair("machine_facts", facts(), facts(load=8), Percent(2)),
    hosts.test_clock_of_the_host_is_right: pair("machine_facts", facts(), facts(skew=3600), Duration(10)),
    hosts.test_processes_run_on_the_host: pair("processes_missing", *LACKING, 0),
    hosts.test_units_of_the_host_are_active: pair("units_missing", *LACKING, 0),
    hosts.test_ports_of_the_host_are_listened_at: pair("ports_missing", *LACKING, 0),
    hosts.test_file_exists_as_it_should: pair("file_state", file(), file(exists=False), True),
    hosts.test_file_is_recent: pair("file_age", *AGES, DAY),
    hosts.test_file_is_not_too_small: pair("present_file", *SIZES, ByteSize(10**6)),
    hosts.test_file_does_not_grow_too_large: pair("present_file", *reversed(SIZES), ByteSize(10**6)),
    hosts.test_file_is_not_much_smaller_than_the_one_before: pair("file_sizes", *shares(AgainstPrevious, 1.0, 0.2), Percent(0.5)),
    hosts.test_file_is_valid: pair("file_text", text("yaml"), text("not yaml"), "yaml"),
    hosts.test_file_holds_what_it_should: pair("lines_missing", *LINES, 0),
    hosts.test_file_holds_nothing_that_it_should_not: pair("lines_unwanted", *LINES, 0),
    hosts.test_file_has_its_permissions: pair("present_file", file(mode="0640"), file(mode="0666"), "0640"),
    hosts.test_file_has_its_owner: pair("file_owner", file(owner="root"), file(owner="mallory"), "root"),
    backups.test_backup_is_recent: pair("backup_age", *AGES, DAY),
    backups.test_backup_is_not_too_small: pair("backup_file", *SIZES, ByteSize(10**6)),
    backups.test_backup_is_not_much_smaller_than_the_one_before: pair("backup_sizes", *shares(AgainstPrevious, 1.0, 0.2), Percent(0.5)),
    backups.test_backup_is_intact: pair("backup_content", content(intact=True), content(intact=False), True),
    backups.test_backup_is_complete: pair("backup_end", BackupEnd(**ONE, complete=True), BackupEnd(**ONE, complete=False), True),
}
