"""Looking at the server of a real database: corruption, archiving, volume, extensions and statements."""

from pathlib import Path

import psycopg
import pytest

from fixtures.postgresql.server import archiving, corruption, last_archived
from fixtures.postgresql.statements import missing_extensions, slow_statements
from fixtures.postgresql.volume import VolumeClaims, volume_use
from muster.kinds.base import bind
from muster.kinds.postgresql import Database, Extensions, SlowStatements
from muster.probes import Nothing
from muster.units import ByteSize, Duration, Percent
from tests.probes.database_servers import database, look, pick

pytestmark = pytest.mark.usefixtures("unhurried", "healthy")


def test_the_server_is_measured(server):
    seen = look("database_server", database(server.connection()))

    assert ByteSize(5_000_000) < seen.size < seen.all_databases
    assert seen.wal >= 2**20
    assert seen.volume == seen.all_databases + seen.wal
    assert 0 <= seen.wraparound < 0.01
    assert seen.superusers.things == ("postgres",)
    assert pick(corruption, seen).failures == 0


def test_a_corrupt_page_is_counted(server):
    with server.superuser() as administrator:
        administrator.execute("CREATE DATABASE victim TEMPLATE template0 STRATEGY file_copy")
    with server.superuser("victim") as administrator:
        # Copied as files, so that none of its pages is in the server's memory yet.
        folder, path = administrator.execute("SELECT current_setting('data_directory'), pg_relation_filepath('pg_description')").fetchone()
        with (Path(folder) / path).open("r+b") as file:
            file.seek(4000)
            file.write(b"\xff" * 64)
        with pytest.raises(psycopg.errors.DataCorrupted):
            administrator.execute("SELECT count(*) FROM pg_description")
    seen = look("database_server", database(server.connection()))
    with server.superuser() as administrator:
        administrator.execute("DROP DATABASE victim WITH (FORCE)")

    assert pick(corruption, seen).failures >= 1


def test_without_checksums_corruption_would_not_be_noticed(server):
    seen = look("database_server", database(server.connection()))

    without = type(seen)(**{**vars(seen), "checksums": False})

    assert isinstance(pick(corruption, without), Nothing)


def test_archiving_that_is_off_is_no_archiving(server):
    seen = look("database_server", database(server.connection()))

    assert not pick(archiving, seen).works
    assert "archive_mode = off" in pick(last_archived, seen).note


@pytest.mark.parametrize(("command", "works"), [("true", True), ("false", False)])
def test_the_archiver_is_judged_by_its_last_attempt(server, command, works):
    server.become(settings={"archive_mode": "on", "archive_command": command})
    with server.superuser() as administrator:
        administrator.execute("SELECT pg_switch_wal()")
        counted = "SELECT archived_count + failed_count FROM pg_stat_archiver"
        while administrator.execute(counted).fetchone() == (0,):
            pass

    seen = look("database_server", database(server.connection()))

    assert pick(archiving, seen).works is works
    assert isinstance(pick(last_archived, seen), Nothing) is not works
    if not works:
        assert "failed" in pick(archiving, seen).note


def test_a_volume_is_compared_with_its_claim(server):
    seen = look("database_server", database(server.connection()))
    volume = {"connection": "cluster", "claim": "data-postgres-0"}
    made = Database.model_validate({"name": "d", "connection": "database", "volume": volume, "expect": {"volume_used": "80%"}})
    entity = bind(made, "s/e", {"database": server.connection()})
    claims = VolumeClaims(looked_at=1, of="claims", capacity={"data-postgres-0": ByteSize(seen.volume * 2)})

    assert pick(volume_use, seen, claims, entity).share == Percent(0.5)
    assert isinstance(pick(volume_use, seen, VolumeClaims(looked_at=1, of="claims", capacity={}), entity), Nothing)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"sql": ["DROP EXTENSION pg_stat_statements"]}, "not installed"), ({"settings": {"shared_preload_libraries": ""}}, "must be loaded")],
)
def test_an_extension_that_does_not_answer_is_missing(server, changes, reason):
    server.become(**changes)
    entity = database(server.connection())

    missing = pick(missing_extensions, look("database_extensions", entity), Extensions(names=("pg_stat_statements",)))
    statements = look("database_statements", entity)

    assert missing.count == 1
    assert reason in str(missing.count)
    assert isinstance(statements, Nothing)
    assert reason in statements.note


def test_a_slow_and_frequent_statement_is_named_by_its_id(server):
    server.become(sql=["SELECT pg_sleep(0.02), 'secret literal'"] * 5)
    terms = SlowStatements(slower_than=Duration(0.01), calls_above=4)
    limit = {"slower_than": "10ms", "calls_above": 4}

    seen = look("database_statements", database(server.connection(), slow_statements=limit))

    assert pick(slow_statements, seen, terms).count == 1
    assert "over 5 calls" in str(pick(slow_statements, seen, terms).count)
    assert "pg_sleep" not in repr(seen)
    assert pick(slow_statements, seen, SlowStatements(slower_than=Duration(0.01), calls_above=5)).count == 0
