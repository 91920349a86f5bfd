"""Databases, every day: connections, sessions that hold things up, replication, archiving, corruption."""

import pytest

from fixtures.postgresql.databases import ConnectionUse, LastingSessions
from fixtures.postgresql.replication import DatabaseReplication
from fixtures.postgresql.server import Archiving, Corruption, ScratchDatabases
from muster.units import ByteSize, Duration, Percent


@pytest.mark.gate
@pytest.mark.expects("connections")
def test_connections_stay_under_the_servers_limit(connection_use: ConnectionUse, limit: Percent) -> None:
    """Database connections stay well under the tightest limit: of the server, the database or a role.

    Next: select usename, application_name, state, count(*) from pg_stat_activity group by 1, 2, 3 order by 4 desc
    """
    assert connection_use.share <= limit


@pytest.mark.expects("idle_in_transaction")
def test_no_session_idles_in_a_transaction(idle_transactions: LastingSessions, limit: int) -> None:
    """No session holds a transaction open and does nothing: it keeps locks and stops the cleaning of dead rows.

    Next: select pid, usename, xact_start, state_change, query from pg_stat_activity where state like 'idle in transaction%'
    """
    assert idle_transactions.count <= limit


@pytest.mark.expects("long_queries")
def test_no_statement_runs_for_long(long_queries: LastingSessions, limit: int) -> None:
    """No statement runs for longer than it may.

    Next: select pid, usename, query_start, wait_event, query from pg_stat_activity where state = 'active' order by query_start
    """
    assert long_queries.count <= limit


@pytest.mark.expects("blocked_sessions")
def test_no_session_waits_long_for_a_lock(blocked_sessions: LastingSessions, limit: int) -> None:
    """No session waits long for a lock that another one holds.

    Next: select pid, pg_blocking_pids(pid), query from pg_stat_activity where wait_event_type = 'Lock'; follow it to its end
    """
    assert blocked_sessions.count <= limit


@pytest.mark.expects("checksum_failures")
def test_no_page_of_the_server_is_corrupt(corruption: Corruption, limit: int) -> None:
    """The server found no corrupt page, and would notice one.

    Next: select datname, checksum_failures, checksum_last_failure from pg_stat_database; do not restart before a backup is verified
    """
    assert corruption.failures <= limit


@pytest.mark.expects("standbys")
def test_standbys_stream_from_the_primary(database_replication: DatabaseReplication, limit: int) -> None:
    """As many standbys as are wanted stream from the primary.

    Next: select application_name, state, sync_state from pg_stat_replication; the log of the standby that is missing
    """
    assert database_replication.streaming >= limit


@pytest.mark.expects("replication_lag")
def test_standbys_follow_in_time(database_replication: DatabaseReplication, limit: Duration) -> None:
    """No standby is further behind the primary than a failover may lose.

    Next: select application_name, write_lag, flush_lag, replay_lag from pg_stat_replication
    """
    assert database_replication.lag <= limit


@pytest.mark.expects("replication_behind")
def test_standbys_replay_what_they_receive(database_replication: DatabaseReplication, limit: ByteSize) -> None:
    """No standby has much write-ahead log left to replay; bytes grow when replay stalls, whatever the time says.

    Next: on the standby: select pg_is_wal_replay_paused(), pg_last_wal_replay_lsn(); long queries there also hold replay up
    """
    assert database_replication.behind <= limit


@pytest.mark.expects("archiving")
def test_write_ahead_log_is_archived(archiving: Archiving, limit: bool) -> None:
    """Write-ahead log is archived: archiving is on, and the last attempt did not fail.

    Next: select * from pg_stat_archiver; the server's log says what archive_command answered
    """
    assert archiving.works == limit


@pytest.mark.expects("archived_within")
def test_write_ahead_log_was_archived_recently(last_archived: Archiving, limit: Duration) -> None:
    """The last piece of write-ahead log was archived recently: everything newer is lost with the server.

    Next: select * from pg_stat_archiver; show archive_timeout
    """
    assert last_archived.age <= limit


@pytest.mark.expects("scratch_databases")
def test_no_scratch_database_is_left(scratch_databases: ScratchDatabases, limit: int) -> None:
    """No database of a restore test is left on this server: it holds a copy of somebody's data, and its next test will fail.

    Next: whose is it, and does a test still run? then drop it
    """
    assert scratch_databases.left <= limit
