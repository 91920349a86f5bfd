"""Databases and logins: for each check one observation that holds, one that violates."""

from checks.daily import test_databases as daily
from checks.daily import test_logins as logins
from checks.weekly import test_databases as weekly
from fixtures.postgresql.databases import ConnectionUse, LastingSessions
from fixtures.postgresql.growth import TableGrowth
from fixtures.postgresql.logins import LoginSession, NoSession
from fixtures.postgresql.replication import DatabaseReplication, Standby
from fixtures.postgresql.server import Archiver, Archiving, Corruption, DatabaseServer, ScratchDatabases
from fixtures.postgresql.statements import MissingExtensions, SlowOnes
from fixtures.postgresql.tables import DatabaseTables, StaleTables, WorstShare
from fixtures.postgresql.volume import VolumeUse
from muster.units import ByteSize, Counted, Duration, Percent

ONE = {"looked_at": 1, "of": "things"}


def sessions(*things):
    return LastingSessions(**ONE, count=Counted(things))


def replication(*standbys):
    made = tuple(Standby(name="b", state=state, behind=ByteSize(behind), lag=Duration(lag)) for state, behind, lag in standbys)
    return DatabaseReplication(**ONE, standbys=made)


def archiving(*, works=True, age=60.0):
    return Archiving(**ONE, works=works, age=Duration(age))


def server(*, size=2**20, wraparound=0.1, superusers=("postgres",)):
    archiver = Archiver(on=True, failing=False, trouble="", last_archived=None)
    return DatabaseServer(
        **ONE,
        size=ByteSize(size),
        all_databases=ByteSize(size),
        wal=None,
        wraparound=Percent(wraparound),
        checksums=True,
        checksum_failures=0,
        archiver=archiver,
        superusers=Counted(superusers),
        databases=("postgres",),
    )


def tables(*invalid):
    return DatabaseTables(**ONE, tables=(), invalid_indexes=Counted(invalid), sequences={}, unreadable=())


def pair(name, holds, violates, limit):
    return {name: holds, "limit": limit}, {name: violates, "limit": limit}


WORST = (WorstShare(**ONE, share=Percent(0.1)), WorstShare(**ONE, share=Percent(0.9)))
OPENED = LoginSession(**ONE, succeeded=True, took=Duration(0.02))
REFUSED = NoSession(took=Duration(0.01))

SAMPLES = {
    daily.test_no_scratch_database_is_left: pair(
        "scratch_databases", ScratchDatabases(**ONE, left=Counted()), ScratchDatabases(**ONE, left=Counted(["vod_restore_test"])), 0
    ),
    logins.test_application_opens_a_database_session: pair("login_session", OPENED, REFUSED, True),
    logins.test_application_session_opens_quickly: pair(
        "login_session", OPENED, LoginSession(**ONE, succeeded=True, took=Duration(3)), Duration(1)
    ),
    daily.test_connections_stay_under_the_servers_limit: pair(
        "connection_use", ConnectionUse(**ONE, share=Percent(0.5)), ConnectionUse(**ONE, share=Percent(0.97)), Percent(0.8)
    ),
    daily.test_no_session_idles_in_a_transaction: pair("idle_transactions", sessions(), sessions("pid 7"), 0),
    daily.test_no_statement_runs_for_long: pair("long_queries", sessions(), sessions("pid 7"), 0),
    daily.test_no_session_waits_long_for_a_lock: pair("blocked_sessions", sessions(), sessions("pid 7"), 0),
    daily.test_no_page_of_the_server_is_corrupt: pair("corruption", Corruption(**ONE, failures=0), Corruption(**ONE, failures=1), 0),
    daily.test_standbys_stream_from_the_primary: pair(
        "database_replication", replication(("streaming", 0, 0)), replication(("startup", 0, 0)), 1
    ),
    daily.test_standbys_follow_in_time: pair(
        "database_replication", replication(("streaming", 0, 1)), replication(("streaming", 0, 1), ("streaming", 0, 99)), Duration(30)
    ),
    daily.test_standbys_replay_what_they_receive: pair(
        "database_replication", replication(("streaming", 10, 0)), replication(("streaming", 33 * 2**20, 2.8)), ByteSize(2**20)
    ),
    daily.test_write_ahead_log_is_archived: pair("archiving", archiving(), archiving(works=False), True),
    daily.test_write_ahead_log_was_archived_recently: pair("last_archived", archiving(), archiving(age=7200), Duration(900)),
    weekly.test_dead_rows_are_kept_low: pair("dead_rows", *WORST, Percent(0.2)),
    weekly.test_planner_statistics_are_fresh: pair(
        "stale_statistics", StaleTables(**ONE, count=Counted()), StaleTables(**ONE, count=Counted(["orders"])), 0
    ),
    weekly.test_no_index_is_invalid: pair("database_tables", tables(), tables("orders_created_at"), 0),
    weekly.test_no_sequence_nears_its_end: pair("sequence_use", *WORST, Percent(0.75)),
    weekly.test_transaction_ids_are_far_from_wraparound: pair("database_server", server(), server(wraparound=0.5), Percent(0.4)),
    weekly.test_database_is_not_larger_than_planned: pair("database_server", server(), server(size=2**31), ByteSize(2**30)),
    weekly.test_tables_grow_within_plan: (
        {"table_growth": TableGrowth(**ONE, share=Percent(0.2)), "limit": Percent(0.2)},
        {"table_growth": TableGrowth(**ONE, share=Percent(0.21)), "limit": Percent(0.2)},
    ),
    weekly.test_database_fits_its_volume: pair(
        "volume_use", VolumeUse(**ONE, share=Percent(0.5)), VolumeUse(**ONE, share=Percent(0.92)), Percent(0.8)
    ),
    weekly.test_few_superusers_can_log_in: pair("database_server", server(), server(superusers=("postgres", "mallory")), 1),
    weekly.test_no_frequent_statement_is_slow: pair(
        "slow_statements", SlowOnes(**ONE, count=Counted()), SlowOnes(**ONE, count=Counted(["queryid 1"])), 0
    ),
    weekly.test_extensions_answer_before_they_are_needed: pair(
        "missing_extensions", MissingExtensions(**ONE, count=Counted()), MissingExtensions(**ONE, count=Counted(["pg_stat_statements"])), 0
    ),
}
