"""Hosts and files on them: room, load, clock, processes, sockets; files that are there, fresh and of their size."""

import pytest

from fixtures.hosts.files import AgainstPrevious, Aged, FileState
from fixtures.hosts.machines import Fullest, Lacking, MachineDisks, MachineFacts
from fixtures.hosts.texts import FileText, FoundLines
from muster.units import ByteSize, Duration, Percent


@pytest.mark.gate
@pytest.mark.expects("disk_used")
def test_no_file_system_of_the_host_is_full(disk_use: Fullest, limit: Percent) -> None:
    """No file system of the host is nearly full.

    Next: df -h; du -xh --max-depth=2 MOUNT | sort -h | tail
    """
    assert disk_use.share <= limit


@pytest.mark.gate
@pytest.mark.expects("inodes_used")
def test_no_file_system_of_the_host_runs_out_of_inodes(inode_use: Fullest, limit: Percent) -> None:
    """No file system of the host is nearly out of inodes: without one no file can be made, however much room there is.

    Next: df -i; du -x --inodes --max-depth=3 MOUNT | sort -n | tail
    """
    assert inode_use.share <= limit


@pytest.mark.expects("unmounted")
def test_file_systems_of_the_host_are_mounted(machine_disks: MachineDisks, limit: int) -> None:
    """Every declared file system is mounted: else what is written goes to the disk below.

    Next: findmnt MOUNT; journalctl -b | grep -i mount; /etc/fstab
    """
    assert machine_disks.unmounted <= limit


@pytest.mark.expects("read_only")
def test_file_systems_of_the_host_can_be_written(machine_disks: MachineDisks, limit: int) -> None:
    """No file system is mounted read-only; the kernel does that when it finds errors.

    Next: dmesg | grep -i -e remount -e error; smartctl -a DEVICE
    """
    assert machine_disks.read_only <= limit


@pytest.mark.expects("load")
def test_host_is_not_overloaded(machine_facts: MachineFacts, limit: Percent) -> None:
    """Not many more processes run, or wait for a disk, than the host has cores.

    Next: top; ps -eo state,pid,comm | grep '^[RD]'
    """
    assert machine_facts.load <= limit


@pytest.mark.expects("clock_skew")
def test_clock_of_the_host_is_right(machine_facts: MachineFacts, limit: Duration) -> None:
    """The clock of the host agrees with ours.

    Next: timedatectl; chronyc tracking
    """
    assert machine_facts.skew <= limit


@pytest.mark.gate
@pytest.mark.expects("processes")
def test_processes_run_on_the_host(processes_missing: Lacking, limit: int) -> None:
    """Every process that should runs, as often as it should.

    Next: systemctl status; journalctl -u UNIT
    """
    assert processes_missing.count <= limit


@pytest.mark.gate
@pytest.mark.expects("units")
def test_units_of_the_host_are_active(units_missing: Lacking, limit: int) -> None:
    """Every systemd unit that should is active.

    Next: systemctl status UNIT; journalctl -u UNIT
    """
    assert units_missing.count <= limit


@pytest.mark.gate
@pytest.mark.expects("listening")
def test_ports_of_the_host_are_listened_at(ports_missing: Lacking, limit: int) -> None:
    """Something listens at every port that should be served.

    Next: ss -ltnp
    """
    assert ports_missing.count <= limit


@pytest.mark.gate
@pytest.mark.expects("exists")
def test_file_exists_as_it_should(file_state: FileState, limit: bool) -> None:
    """The file is there, or is not there, as it should be.

    Next: ls -la FOLDER; git log -- PATH where it is a checkout
    """
    assert file_state.exists == limit


@pytest.mark.expects("newer_than")
def test_file_is_recent(file_age: Aged, limit: Duration) -> None:
    """The file was written recently.

    Next: which job writes it, and what does its log say?
    """
    assert file_age.age < limit


@pytest.mark.expects("larger_than")
def test_file_is_not_too_small(present_file: FileState, limit: ByteSize) -> None:
    """The file is as large as a complete one.

    Next: what wrote it, and did it run to its end?
    """
    assert present_file.size > limit


@pytest.mark.expects("smaller_than")
def test_file_does_not_grow_too_large(present_file: FileState, limit: ByteSize) -> None:
    """The file does not grow beyond its bound, as a log does whose rotation stopped.

    Next: systemctl status logrotate.timer; logrotate -d CONFIGURATION
    """
    assert present_file.size < limit


@pytest.mark.expects("size_of_previous")
def test_file_is_not_much_smaller_than_the_one_before(file_sizes: AgainstPrevious, limit: Percent) -> None:
    """The file is not much smaller than the one before it.

    Next: compare the two: what is missing?
    """
    assert file_sizes.share >= limit


@pytest.mark.gate
@pytest.mark.expects("valid")
def test_file_is_valid(file_text: FileText, limit: str) -> None:
    """The file can be read as what it is.

    Next: open it; what changed it last?
    """
    assert file_text.format == limit


@pytest.mark.gate
@pytest.mark.expects("contains")
def test_file_holds_what_it_should(lines_missing: FoundLines, limit: int) -> None:
    """The file has the lines that it should have.

    Next: open it; what changed it last?
    """
    assert lines_missing.count <= limit


@pytest.mark.gate
@pytest.mark.expects("free_of")
def test_file_holds_nothing_that_it_should_not(lines_unwanted: FoundLines, limit: int) -> None:
    """The file has no line that it should not have.

    Next: open it; is it a secret that everybody can read now? Then change the secret, too.
    """
    assert lines_unwanted.count <= limit


@pytest.mark.expects("mode")
def test_file_has_its_permissions(present_file: FileState, limit: str) -> None:
    """The file has the permissions that it should have.

    Next: stat PATH; who changed it?
    """
    assert present_file.mode == limit


@pytest.mark.expects("owner")
def test_file_has_its_owner(file_owner: FileState, limit: str) -> None:
    """The file belongs to whom it should.

    Next: stat PATH; who changed it?
    """
    assert file_owner.owner == limit
