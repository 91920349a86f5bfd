"""What a drill has seen, phase by phase. Each is the outcome of a probe that the look finds made already."""

from dataclasses import dataclass, field

from muster.kinds.drills import Drill
from muster.probes import CouldNotLook, Observation, probe
from muster.units import ByteSize, Counted, Duration, Instant


@dataclass(frozen=True, kw_only=True)
class DrillBackup(Observation):
    """The backup that was restored: when it was written, how large it is, how it is encrypted."""

    age: Duration
    size: ByteSize
    written: Instant
    encryption: str | None = None

    @property
    def encrypted(self) -> bool:
        """Whether it is encrypted where it lies. Raises CouldNotLook where nobody says so."""
        if self.encryption is None:
            raise CouldNotLook("a host does not say whether its disk is encrypted", cause=self.seen, hint="backup_encrypted: {off: reason}")
        return bool(self.encryption)


@dataclass(frozen=True, kw_only=True)
class DrillArchive(Observation):
    """Whether the archive, and the dump in it, came to their end."""

    whole: bool
    sha256: str


@dataclass(frozen=True, kw_only=True)
class DrillClients(Observation):
    """How far the programs that dumped and restore are behind what they work on."""

    behind: Counted
    """One for each major version that is lacking."""


@dataclass(frozen=True, kw_only=True)
class DrillRestore(Observation):
    """The restore itself."""

    errors: Counted
    rows: int = 0
    statements: int = 0


@dataclass(frozen=True, kw_only=True)
class DrillRecovery(Observation):
    """Whether a recovery came to its target, and ended there."""

    writable: bool


@dataclass(frozen=True, kw_only=True)
class DrillSchema(Observation):
    """What differs between the copy and live, or the last drill that passed."""

    differences: Counted


@dataclass(frozen=True, kw_only=True)
class TableRows:
    """Rows of one table: in the copy, and as far as they are known elsewhere."""

    table: str
    copy: int | None
    """None: the copy has no such table."""
    live: int | None = None
    """None: live does not have it, or does not say."""
    exact: bool = True
    """False: an estimate of live's statistics."""
    other: int | None = None
    """A second estimate, where the statistics contradict each other."""
    last: int | None = None
    """In the last drill that passed."""


@dataclass(frozen=True, kw_only=True)
class DrillContents(Observation):
    """What is in the copy."""

    tables: tuple[TableRows, ...]
    orphans: Counted
    """One for each relation with rows that refer to nothing."""
    sequences: Counted
    """One for each sequence that is behind."""
    newest: dict[str, float] = field(default_factory=dict)
    """Table -> when its newest row was written, Unix seconds."""
    empty: tuple[str, ...] = ()
    """Tables of `newest` without a row."""
    written: float = 0.0
    """When the backup was written."""
    live_known: bool = False
    """Whether live was asked."""


@dataclass(frozen=True, kw_only=True)
class DrillRows(Observation):
    """Tables whose rows lie outside a band."""

    outside: Counted


@dataclass(frozen=True, kw_only=True)
class DrillNewest(Observation):
    """The newest row of the table in which it is oldest, against the backup."""

    older: Duration


@dataclass(frozen=True, kw_only=True)
class DrillCorruption(Observation):
    """What amcheck complains of."""

    complaints: Counted


@dataclass(frozen=True, kw_only=True)
class DrillApplication(Observation):
    """What the application answered on the copy."""

    status: int


@dataclass(frozen=True, kw_only=True)
class DrillTime(Observation):
    """How long it took, by phase, and what past drills say about the next ones."""

    took: Duration
    phases: dict[str, float]
    breach: Duration | None = None
    """Until the trend reaches the limit; None: it does not rise, or too few drills say so."""
    drills: int = 0
    """Past drills that the trend is made of."""


@dataclass(frozen=True, kw_only=True)
class DrillEarlier(Observation):
    """What drills before this one had left on the scratch server."""

    earlier: Counted


@dataclass(frozen=True, kw_only=True)
class DrillEnd(Observation):
    """What is left of this drill when it is over."""

    left: Counted


@dataclass(frozen=True, kw_only=True)
class DrillSource(Observation):
    """What was changed where nothing may change: of the backup, in live."""

    changes: Counted


@probe
def drill_backup(drill: Drill) -> DrillBackup:
    """The backup that was chosen."""
    raise _not_drilled(drill)


@probe
def drill_archive(drill: Drill) -> DrillArchive:
    """Whether the backup is whole."""
    raise _not_drilled(drill)


@probe
def drill_clients(drill: Drill) -> DrillClients:
    """Versions of clients against versions of servers."""
    raise _not_drilled(drill)


@probe
def drill_restore(drill: Drill) -> DrillRestore:
    """How the restore went."""
    raise _not_drilled(drill)


@probe
def drill_recovery(drill: Drill) -> DrillRecovery:
    """How the recovery of a base backup ended."""
    raise _not_drilled(drill)


@probe
def drill_schema(drill: Drill) -> DrillSchema:
    """How the copy's schema differs."""
    raise _not_drilled(drill)


@probe
def drill_contents(drill: Drill) -> DrillContents:
    """What is in the copy."""
    raise _not_drilled(drill)


@probe
def drill_corruption(drill: Drill) -> DrillCorruption:
    """Whether tables and indexes of the copy are sound."""
    raise _not_drilled(drill)


@probe
def drill_application(drill: Drill) -> DrillApplication:
    """Whether the application works on the copy."""
    raise _not_drilled(drill)


@probe
def drill_time(drill: Drill) -> DrillTime:
    """How long it took."""
    raise _not_drilled(drill)


@probe
def drill_earlier(drill: Drill) -> DrillEarlier:
    """What earlier drills left."""
    raise _not_drilled(drill)


@probe
def drill_end(drill: Drill) -> DrillEnd:
    """What is left."""
    raise _not_drilled(drill)


@probe
def drill_source(drill: Drill) -> DrillSource:
    """What became of the backup and of live."""
    raise _not_drilled(drill)


def _not_drilled(drill: Drill) -> CouldNotLook:
    return CouldNotLook(f"{drill.name} was not drilled", cause=f"drill {drill.name}", hint="the drill ended before; see its first line")
