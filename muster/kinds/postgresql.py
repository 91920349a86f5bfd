"""PostgreSQL: databases looked at through a monitoring login, and the logins of applications."""

from typing import ClassVar

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from muster.connections import Kubernetes, Postgresql
from muster.expectations import Expect, Limit, Many, Model, Name, Severity, Terms, Wanted
from muster.kinds.base import Connected
from muster.kinds.earlier import TableGrowth
from muster.probes import CouldNotLook
from muster.scratch import PREFIX
from muster.units import ByteSize, Duration, Percent


class LoginExpect(Expect):
    """What opening a session as an application may take."""

    succeeds: Wanted[Limit[bool]] | None = (Limit[bool].model_construct(limit=True),)
    """The server lets the login in and answers `SELECT 1`."""
    faster_than: Wanted[Limit[Duration]] | None = (Limit[Duration].model_construct(limit=Duration(1)),)
    """Login and `SELECT 1` together take no longer."""


class Login(Connected):
    """A login of an application, tried with its own credentials.

    A refusal is violated; a time-out, or a name that does not resolve, is unknown.
    """

    section: ClassVar[str] = "logins"
    fixture: ClassVar[str] = "login"
    connects: ClassVar[tuple[str, ...]] = ("postgresql",)
    subject: ClassVar[bool] = True
    severities: ClassVar[dict[str, Severity]] = {"succeeds": "P0", "faster_than": "P0"}

    expect: LoginExpect = LoginExpect.model_construct()

    def where(self) -> str:
        """The address of the database, as far as the file says it."""
        return _where(self)


class Lasting(Terms):
    """How many sessions may last longer than a time: `{at_most: 0, longer_than: 5m}`."""

    primary: ClassVar[str] = "at_most"

    at_most: int = Field(default=0, ge=0)
    longer_than: Duration = Duration(300)


class Blocked(Lasting):
    """How many sessions may wait for a lock longer than a time."""

    longer_than: Duration = Duration(30)


class DeadRows(Terms):
    """The share of dead rows in any table of at least `min_rows` live and dead rows."""

    limit: Percent
    min_rows: int = Field(default=10_000, ge=1)


class Statistics(Terms):
    """How many tables may have old planner's statistics although enough of them changed since: `{at_most: 0, older_than: 7d}`."""

    primary: ClassVar[str] = "at_most"

    at_most: int = Field(default=0, ge=0)
    older_than: Duration = Duration(7 * 86400)
    """Age of the last ANALYZE, by hand or automatic; never counts as old."""
    changed: Percent = Percent(0.1)
    """A table churns when this share of its rows changed since then."""
    min_rows: int = Field(default=1000, ge=1)
    """Fewer changed rows than this are no churn."""


class Extensions(Terms):
    """Extensions that must be installed, and answer when they have something to ask: `{names: [pg_stat_statements]}`."""

    primary: ClassVar[str] = "at_most"

    names: Many[str] = Field(min_length=1)
    at_most: int = Field(default=0, ge=0)
    """How many of them may be missing."""


class SlowStatements(Terms):
    """How many kinds of frequent statements may be slow on average, by pg_stat_statements."""

    primary: ClassVar[str] = "at_most"

    at_most: int = Field(default=0, ge=0)
    slower_than: Duration = Duration(0.5)
    """Mean execution time."""
    calls_above: int = Field(default=100, ge=0)
    """Statements that ran no more often do not count."""


class Volume(Model):
    """The claim that holds the data directory: how large it is stands in the cluster."""

    connection: Name
    """A kubernetes connection."""
    claim: str = Field(min_length=1)
    """Name of the PersistentVolumeClaim."""
    namespace: str | None = None
    """Where the claim lives; without it the connection's namespace."""


class Leftovers(Terms):
    """Databases that restore tests have left: `{at_most: 0, named: ["muster_drill_*", vod_restore_test]}`."""

    primary: ClassVar[str] = "at_most"

    at_most: int = Field(default=0, ge=0)
    named: Many[str] = (f"{PREFIX}*",)
    """Patterns (`*`, `?`) of their names."""


def _count(most: int = 0) -> tuple[Limit[int], ...]:
    return (Limit[int](limit=most),)


class DatabaseExpect(Expect):
    """What a database and its server may be like."""

    connections: Wanted[Limit[Percent]] | None = (Limit[Percent].model_construct(limit=Percent(0.8)),)
    """Client connections as a share of those that ordinary users can have: max_connections without the reserved ones."""
    idle_in_transaction: Wanted[Lasting] | None = (Lasting.model_construct(),)
    """Sessions that hold a transaction open and do nothing."""
    long_queries: Wanted[Lasting] | None = (Lasting.model_construct(),)
    """Statements that run; the server's own workers, replication and our own session aside."""
    blocked_sessions: Wanted[Blocked] | None = (Blocked.model_construct(),)
    """Sessions that wait for a lock that another one holds."""
    dead_rows: Wanted[DeadRows] | None = (DeadRows.model_construct(limit=Percent(0.2)),)
    """Rows that are deleted and not yet cleaned up, in the worst table."""
    stale_statistics: Wanted[Statistics] | None = (Statistics.model_construct(),)
    """Tables that change and were not analysed for long."""
    invalid_indexes: Wanted[Limit[int]] | None = _count()
    """Indexes left behind by a failed CREATE INDEX CONCURRENTLY: they cost writes and answer nothing."""
    sequences_used: Wanted[Limit[Percent]] | None = (Limit[Percent].model_construct(limit=Percent(0.75)),)
    """How far the furthest sequence is on its way to the end of its own or its column's type. Holds where there is none."""
    wraparound: Wanted[Limit[Percent]] | None = (Limit[Percent].model_construct(limit=Percent(0.4)),)
    """The oldest transaction id or multixact of any database, as a share of the two thousand million after which writes stop."""
    checksum_failures: Wanted[Limit[int]] | None = _count()
    """Corrupt pages found in any database since the statistics were reset. Violated when data checksums are off."""
    size: Wanted[Limit[ByteSize]] | None = None
    """Size of this database."""
    table_growth: Wanted[TableGrowth] | None = None
    """Growth of the large table that grew most, and of all tables together; indexes count, and partitions as one table."""
    volume_used: Wanted[Limit[Percent]] | None = None
    """All databases of the server and its write-ahead log, as a share of the claim named in `volume`."""
    extensions: Wanted[Extensions] | None = None
    """Extensions that are needed, some only in an incident."""
    slow_statements: Wanted[SlowStatements] | None = None
    """Frequent statements; needs pg_stat_statements."""
    standbys: Wanted[Limit[int]] | None = None
    """At least this many standbys stream from this server."""
    replication_lag: Wanted[Limit[Duration]] | None = None
    """How long ago the furthest behind standby replayed what this server wrote; on a standby, its own lag."""
    replication_behind: Wanted[Limit[ByteSize]] | None = None
    """Bytes of write-ahead log that the furthest behind standby has not replayed: grows when replay stalls, whatever the time says."""
    archiving: Wanted[Limit[bool]] | None = None
    """Write-ahead log is archived: archive_mode is on, and the last attempt did not fail."""
    archived_within: Wanted[Limit[Duration]] | None = None
    """Age of the last archived piece of write-ahead log; set archive_timeout for quiet servers."""
    scratch_databases: Wanted[Leftovers] | None = (Leftovers.model_construct(),)
    """Databases of restore tests on this server, where none belong."""
    superusers: Wanted[Limit[int]] | None = None
    """Superusers that can log in."""


class Database(Connected):
    """A database and the server it is on, through a login that may read statistics and nothing else."""

    section: ClassVar[str] = "databases"
    fixture: ClassVar[str] = "database"
    connects: ClassVar[tuple[str, ...]] = ("postgresql",)
    severities: ClassVar[dict[str, Severity]] = {
        "connections": "P0",
        "idle_in_transaction": "P1",
        "blocked_sessions": "P1",
        "volume_used": "P1",
        "wraparound": "P1",
        "sequences_used": "P1",
        "checksum_failures": "P1",
        "standbys": "P1",
        "replication_lag": "P1",
        "replication_behind": "P1",
        "archiving": "P1",
        "archived_within": "P1",
        "scratch_databases": "P3",
    }

    volume: Volume | None = None
    """Where the data directory lies, for `volume_used`."""
    expect: DatabaseExpect = DatabaseExpect.model_construct()

    @model_validator(mode="after")
    def _volume_and_limit(self) -> "Database":
        if (self.volume is None) != (self.expect.volume_used is None):
            raise PydanticCustomError("volume", "volume and expect.volume_used belong together: one says where, the other how much")
        return self

    def cluster(self) -> Kubernetes:
        """The cluster that `volume` names. Raises CouldNotLook when there is no volume."""
        found = self._connections.get(self.volume.connection) if self.volume else None
        if not isinstance(found, Kubernetes):
            raise CouldNotLook(f"{self.name} has no volume in a cluster", cause="configuration")
        return found

    def also_named(self) -> tuple[tuple[str, str], ...]:
        return ((self.volume.connection, "kubernetes"),) if self.volume else ()

    def where(self) -> str:
        """The address of the database, as far as the file says it."""
        return _where(self)


def _where(entity: Connected) -> str:
    """`host/dbname` as written in the file: `env:` references stay references."""
    source = entity.source()
    return f"{source.host}/{source.dbname}" if isinstance(source, Postgresql) else ""
