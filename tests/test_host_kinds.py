"""Hosts, files and backups as files of environments say them."""

import re

import pytest
from pydantic import ValidationError

from muster.connections import Local, Reach, Ssh
from muster.kinds.base import bind
from muster.kinds.hosts import DUMP_COMPLETE, Backup, Host, HostFile
from muster.units import Duration

HERE = {"name": "it", "connection": "here"}


def backup(**fields):
    return Backup.model_validate({**HERE, "path": "backups/latest.sql.gz", **fields})


def test_a_backup_has_a_limit_for_each_occasion():
    made = backup(expect={"newer_than": [{"limit": "24h", "severity": "P0"}, {"limit": "1h", "on": "gate"}]})

    assert [(each.limit, each.on) for each in made.expect.newer_than] == [(Duration(86400), None), (Duration(3600), "gate")]


def test_what_is_not_said_of_a_backup_is_expected_all_the_same():
    expected = backup().expect

    assert all(expected.wanted(name) for name in ("newer_than", "larger_than", "size_of_previous", "intact"))
    assert expected.complete is None


def test_a_dump_ends_as_pg_dump_says_unless_told_otherwise():
    assert backup(expect={"complete": True}).expect.complete[0].marker == DUMP_COMPLETE
    assert backup(expect={"complete": {"marker": "Dump completed"}}).expect.complete[0].marker == "Dump completed"


@pytest.mark.parametrize(
    ("fields", "format_"),
    [
        ({}, "gzip"),
        ({"path": "a.tgz"}, "gzip"),
        ({"path": "a.zst"}, "zstd"),
        ({"path": "a.xz"}, "xz"),
        ({"path": "a.bz2"}, "bzip2"),
        ({"path": "a.sql"}, None),
        ({"path": "a", "format": "xz"}, "xz"),
        ({"path": "folder", "newest": True, "siblings": "*.sql.zst"}, "zstd"),
    ],
)
def test_the_ending_says_how_a_backup_is_compressed(fields, format_):
    made = bind(backup(**fields), "system/environment", {"here": Local()})

    assert made.compression() == format_
    assert (made.expect.intact is not None) == (format_ is not None)


def test_the_integrity_of_a_plain_file_cannot_be_asked_for():
    with pytest.raises(ValidationError, match="needs a format"):
        backup(path="a.sql", expect={"intact": True})


def test_the_newest_of_a_folder_needs_to_know_which_files_count():
    with pytest.raises(ValidationError, match="newest needs siblings"):
        backup(path="backups", newest=True)


@pytest.mark.parametrize(
    ("path", "siblings", "same", "other"),
    [
        ("db-2026.11.20.sql.gz", None, "db-2026.11.19.sql.gz", "db.dump"),
        ("a.csv", None, "b.csv", "b.csv.old"),
        ("app.log", "app.log*", "app.log.1", "other.log"),
        ("noending", None, "anything", None),
        ("a.t[x]", None, "b.t[x]", "b.tx"),
    ],
)
def test_files_of_one_kind_share_their_ending_or_match_a_pattern(path, siblings, same, other):
    made = HostFile.model_validate({**HERE, "path": path} | ({"siblings": siblings} if siblings else {}))

    pattern = re.compile(made.pattern(path))
    assert pattern.match(same)
    assert other is None or not pattern.match(other)


@pytest.mark.parametrize("mode", ["640", "rw-r-----", "0999", "00640"])
def test_permissions_are_four_octal_digits(mode):
    with pytest.raises(ValidationError, match="four octal digits"):
        HostFile.model_validate({**HERE, "path": "a", "expect": {"mode": mode}})


@pytest.mark.parametrize("fields", [{"path": "a/b"}, {"path": "b", "expect": {"newer_than": "1h"}}])
def test_what_is_looked_for_everywhere_is_a_name_that_exists_or_not(fields):
    with pytest.raises(ValidationError, match="name without folders"):
        HostFile.model_validate({**HERE, "everywhere": True, **fields})


def test_an_entity_on_a_host_needs_a_way_to_a_host():
    assert {kind.connects for kind in (Host, HostFile, Backup)} == {("ssh", "local")}
    assert isinstance(Reach.model_validate({"ssh": {"host": "h"}}).connection, Ssh)
    assert isinstance(Reach.model_validate({"local": {}}).connection, Local)


@pytest.mark.parametrize("field", ["password", "forward_agent", "strict_host_key_checking"])
def test_a_connection_has_no_field_for_what_it_never_does(field):
    with pytest.raises(ValidationError, match="Extra inputs"):
        Ssh.model_validate({"host": "h", field: "yes"})


def test_a_host_says_where_it_is_without_reading_variables():
    made = bind(backup(), "system/environment", {"here": Ssh.model_validate({"host": "env:BACKUP_HOST", "user": "muster"})})

    assert made.where() == "env:BACKUP_HOST backups/latest.sql.gz"
