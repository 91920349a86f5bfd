"""What a restore tells while it runs and when it has ended, for plain dumps and archives alike."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from drill.errors import Refused

TABLES = "tables"
DATA = "data"
INDEXES = "indexes and constraints"
PHASES = (TABLES, DATA, INDEXES)


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a restore is. It is told after each statement and each chunk of data: whoever shows it thins it out."""

    phase: str
    read: int
    """Bytes of the artefact, of which the size is known."""
    produced: int
    """Bytes that they were unpacked to. For archives both are 0."""
    done: int
    """Statements, or entries of the archive."""
    of: int = 0
    """How many there are; 0: that is not known."""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What an environment says about its dumps."""

    extensions: frozenset[str] = frozenset()
    """Extensions that the admin may make; all others are refused."""
    foreign: frozenset[str] = frozenset()
    """Kinds of objects through which a server connects to others (`drill.statements.FOREIGN`); all others are refused."""
    owners: bool = True
    """Whether owners are restored. Without, everything stays with the drill's role: for dumps whose owner is a superuser here."""


OnProgress = Callable[[Progress], None]


def silent(_: Progress) -> None:
    """Tells nobody."""


@dataclass(frozen=True, kw_only=True)
class SqlError:
    """The server refused a statement of the dump. Nothing in it is data of a row."""

    statement: str
    """Its beginning: keywords and names."""
    sqlstate: str
    """Empty where pg_restore does not say it."""
    message: str
    line: int = 0
    """Of the dump, for a COPY the line of the data; 0 in an archive."""

    def __str__(self) -> str:
        place = f"line {self.line}: " if self.line else ""
        return f"{place}{self.statement}: {f'SQL error {self.sqlstate}: ' if self.sqlstate else ''}{self.message}"


@dataclass(frozen=True, kw_only=True)
class ClientTooOld:
    """pg_restore cannot read what a newer pg_dump has written."""

    client: str
    """Version of pg_restore."""
    dumped_by: str
    """Version of pg_dump; empty where not even the archive's head can be read."""
    archive: str
    """Version of the archive's form, such as `1.16`."""

    def __str__(self) -> str:
        by = self.dumped_by or f"a pg_dump that writes archives of version {self.archive}"
        return f"pg_restore {self.client} is too old for a dump of {by if by[:2] == 'a ' else f'pg_dump {by}'}"


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What came of a restore. It was complete and without error when `whole` says so."""

    statements: int
    """Sent statements, COPY included; of an archive: its entries."""
    copies: int
    """Tables that were filled by COPY."""
    tables: Mapping[str, int] = field(default_factory=dict)
    """Rows that the server says it took, by table as the dump writes it. An archive does not tell: empty."""
    size: int
    """Bytes of SQL, or of the archive."""
    seconds: Mapping[str, float]
    """By phase."""
    sha256: str
    """Of the artefact as it was read; empty where it was not read to its end, or given as files."""
    dumped_from: str
    dumped_by: str
    complete: bool
    """pg_dump's end mark stood at the end; pg_restore ended without complaint."""
    errors: tuple[SqlError, ...] = ()
    """The first SQL error, at which the restore has ended."""
    refused: tuple[Refused, ...] = ()
    """The first statement that was not sent, at which the restore has ended."""
    client_too_old: ClientTooOld | None = None

    @property
    def rows(self) -> int:
        """Of all tables."""
        return sum(self.tables.values())

    @property
    def whole(self) -> bool:
        """Whether everything was restored."""
        return self.complete and not self.errors and not self.refused and self.client_too_old is None
