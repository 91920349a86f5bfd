"""Databases, every week: space, cleaning, statistics, slow statements, limits that come near, what an incident presupposes."""

import pytest

from fixtures.postgresql.growth import TableGrowth
from fixtures.postgresql.server import DatabaseServer
from fixtures.postgresql.statements import MissingExtensions, SlowOnes
from fixtures.postgresql.tables import DatabaseTables, StaleTables, WorstShare
from fixtures.postgresql.volume import VolumeUse
from muster.units import ByteSize, Percent


@pytest.mark.expects("dead_rows")
def test_dead_rows_are_kept_low(dead_rows: WorstShare, limit: Percent) -> None:
    """Dead rows are cleaned up before tables bloat.

    Next: select relname, n_dead_tup, last_autovacuum from pg_stat_user_tables order by 2 desc; what holds the oldest transaction?
    """
    assert dead_rows.share <= limit


@pytest.mark.expects("stale_statistics")
def test_planner_statistics_are_fresh(stale_statistics: StaleTables, limit: int) -> None:
    """Every table that changes is analysed, so that the planner knows what is in it.

    Next: show autovacuum; select relname, n_mod_since_analyze, last_autoanalyze from pg_stat_user_tables order by 2 desc
    """
    assert stale_statistics.count <= limit


@pytest.mark.expects("invalid_indexes")
def test_no_index_is_invalid(database_tables: DatabaseTables, limit: int) -> None:
    """No index is invalid: one that a failed CREATE INDEX CONCURRENTLY left behind costs writes and answers nothing.

    Next: drop index concurrently, or reindex index concurrently
    """
    assert database_tables.invalid_indexes <= limit


@pytest.mark.expects("sequences_used")
def test_no_sequence_nears_its_end(sequence_use: WorstShare, limit: Percent) -> None:
    """No sequence comes near the end of its own or its column's type: the first insert after it fails.

    Next: select * from pg_sequences; alter the column to bigint in time
    """
    assert sequence_use.share <= limit


@pytest.mark.expects("wraparound")
def test_transaction_ids_are_far_from_wraparound(database_server: DatabaseServer, limit: Percent) -> None:
    """The oldest transaction id is far from the age at which the server stops writing.

    Next: select datname, age(datfrozenxid) from pg_database; what holds the oldest transaction (prepared, slot, long session)?
    """
    assert database_server.wraparound <= limit


@pytest.mark.expects("size")
def test_database_is_not_larger_than_planned(database_server: DatabaseServer, limit: ByteSize) -> None:
    """The database is not larger than planned.

    Next: select oid::regclass, pg_size_pretty(pg_total_relation_size(oid)) from pg_class order by pg_total_relation_size(oid) desc limit 10
    """
    assert database_server.size <= limit


@pytest.mark.expects("table_growth")
def test_tables_grow_within_plan(table_growth: TableGrowth, limit: Percent) -> None:
    """No large table grows faster than planned.

    Next: which rows came last? is its clean-up still running? vacuum verbose, pgstattuple: rows or bloat?
    """
    assert table_growth.share <= limit


@pytest.mark.expects("volume_used")
def test_database_fits_its_volume(volume_use: VolumeUse, limit: Percent) -> None:
    """The databases and the write-ahead log fit their volume, with room to grow.

    Next: df in the pod; inactive replication slots and failing archiving keep write-ahead log; then enlarge the claim
    """
    assert volume_use.share <= limit


@pytest.mark.expects("superusers")
def test_few_superusers_can_log_in(database_server: DatabaseServer, limit: int) -> None:
    """No more superusers can log in than are known.

    Next: select rolname from pg_roles where rolsuper and rolcanlogin
    """
    assert database_server.superusers <= limit


@pytest.mark.expects("slow_statements")
def test_no_frequent_statement_is_slow(slow_statements: SlowOnes, limit: int) -> None:
    """No frequent statement is slow on average since the statistics were reset.

    Next: select query from pg_stat_statements where queryid = ...; then explain (analyze, buffers)
    """
    assert slow_statements.count <= limit


@pytest.mark.readiness
@pytest.mark.expects("extensions")
def test_extensions_answer_before_they_are_needed(missing_extensions: MissingExtensions, limit: int) -> None:
    """The extensions that an incident needs are installed, and answer.

    Next: show shared_preload_libraries; create extension ... in this very database
    """
    assert missing_extensions.count <= limit
