"""Restore drills: a backup is restored where that harms nobody, and what came back is compared with what it should be."""

from typing import ClassVar, Literal, Self

from pydantic import Field, PrivateAttr, field_validator, model_validator
from pydantic_core import PydanticCustomError

from muster.expectations import Expect, Limit, Many, Model, Name, Severity, Terms, Wanted
from muster.kinds.base import Entity
from muster.scratch import Scratch
from muster.units import Duration, Percent

Format = Literal["plain", "custom", "directory", "base", "rdb"]
ENDINGS: dict[str, Format] = {".sql": "plain", ".dump": "custom", ".dmp": "custom", ".pgdump": "custom", ".tar": "directory"}
OWN_SERVER = ("base", "rdb")
"""Formats for which a drill starts a server of its own, in a scratch folder."""
COMPRESSED = (".gz", ".zst", ".zstd")


class Rows(Terms):
    """How many tables may hold too few or too many rows: `{at_least: 90%, at_most: 150%, tables: 0}`."""

    primary: ClassVar[str] = "tables"

    tables: int = Field(default=0, ge=0)
    at_least: Percent = Percent(0.9)
    """Lowest share of the rows that there are, or were."""
    at_most: Percent = Percent(1.5)
    """Highest share."""


class DrillExpect(Expect):
    """What a restore has to prove."""

    backup_newer_than: Wanted[Limit[Duration]] | None = (Limit[Duration].model_construct(limit=Duration(86400)),)
    """Age of the backup that is restored: the recovery point. Everything newer would be lost."""
    backup_encrypted: Wanted[Limit[bool]] | None = None
    """It is encrypted where it lies. The default for a bucket; a host says nothing of its disks."""
    whole: Wanted[Limit[bool]] | None = (Limit[bool].model_construct(limit=True),)
    """The archive comes to its end, its checksums are right, and the dump in it is complete."""
    client_behind: Wanted[Limit[int]] | None = (Limit[int].model_construct(limit=0),)
    """Major versions by which a client (the one that dumped, the one that restores) is older than what it works on."""
    sql_errors: Wanted[Limit[int]] | None = (Limit[int].model_construct(limit=0),)
    """Errors of the restore; it stops at the first."""
    recovered: Wanted[Limit[bool]] | None = (Limit[bool].model_construct(limit=True),)
    """A recovery reached its target, and its server takes writes: one that pauses there answers, and is no recovery."""
    schema_differences: Wanted[Limit[int]] | None = (Limit[int].model_construct(limit=0),)
    """Schemas, tables, columns, indexes, constraints, sequences, functions, extensions, roles that differ from live."""
    rows_of_live: Wanted[Rows] | None = (Rows.model_construct(),)
    """Rows of every table, as a share of live's."""
    rows_of_last: Wanted[Rows] | None = None
    """Rows of every table, as a share of those in the last drill that passed."""
    orphans: Wanted[Limit[int]] | None = (Limit[int].model_construct(limit=0),)
    """Rows that refer to a row that is not there, by the foreign keys of live and the declared `references`."""
    sequences_behind: Wanted[Limit[int]] | None = (Limit[int].model_construct(limit=0),)
    """Sequences that would next yield a number that is taken."""
    corrupt: Wanted[Limit[int]] | None = (Limit[int].model_construct(limit=0),)
    """Complaints of amcheck about tables and indexes."""
    newest_row: Wanted[Limit[Duration]] | None = None
    """By how much the newest row of `newest` is older than the backup."""
    application_answers: Wanted[Limit[int]] | None = None
    """HTTP status with which the application answers on the copy."""
    restored_within: Wanted[Limit[Duration]] | None = (Limit[Duration].model_construct(limit=Duration(3600)),)
    """From the choice of the backup to the last proof: the recovery time."""
    breach_in: Wanted[Limit[Duration]] | None = None
    """How long it takes, if the trend of past drills goes on, until `restored_within` no longer holds."""
    left_behind: Wanted[Limit[int]] | None = (Limit[int].model_construct(limit=0),)
    """What is still there of this drill once it is over."""
    earlier_leftovers: Wanted[Limit[int]] | None = (Limit[int].model_construct(limit=0),)
    """What killed drills had left behind."""
    source_changes: Wanted[Limit[int]] | None = (Limit[int].model_construct(limit=0),)
    """What the drill changed where it only reads: the backup, live."""
    passed_within: Wanted[Limit[Duration]] | None = (Limit[Duration].model_construct(limit=Duration(31 * 86400)),)
    """Time since a drill of this passed, judged by the monthly checks, which do not drill."""


class Recovery(Model):
    """How far a base backup is brought forward with the write-ahead log that was archived since."""

    wal: str = Field(min_length=1)
    """Folder of the archived segments, on the host of the base backup; some may be compressed."""
    to: Literal["newest", "immediate"] = "newest"
    """The end of the archive, or the first moment at which the copy is consistent."""
    back: Duration | None = None
    """Or a moment so long before now."""
    action: Literal["promote", "pause"] = "promote"
    """recovery_target_action, as your procedure has it."""
    database: str = "postgres"
    """The database that is compared with live."""
    superuser: str = "postgres"
    preload: Many[str] = ()
    """Libraries without which the log cannot be replayed."""


class Application(Model):
    """How to start the application against the copy, and where it says that it is well."""

    command: Many[str] = Field(min_length=1)
    """An argument vector; PGHOST, PGPORT, PGDATABASE, PGUSER and PGPASSWORD lead to the copy."""
    url: str = Field(pattern=r"^http://(127\.0\.0\.1|localhost)(:\d+)?/")
    """Its health route on this machine."""
    within: Duration = Duration(60)
    """How long it may take to start."""


class Drill(Entity):
    """A backup that is restored into a scratch place, by `pytest checks/restore_drill --drill` and by nothing else."""

    section: ClassVar[str] = "drills"
    fixture: ClassVar[str] = "drill"
    severities: ClassVar[dict[str, Severity]] = {
        **dict.fromkeys(
            ("backup_newer_than", "whole", "client_behind", "sql_errors", "recovered", "schema_differences", "rows_of_live"), "P0"
        ),
        **dict.fromkeys(("corrupt", "newest_row", "application_answers", "restored_within", "source_changes"), "P0"),
        **dict.fromkeys(("backup_encrypted", "rows_of_last", "orphans", "sequences_behind", "left_behind", "passed_within"), "P1"),
    }

    backup: Name
    """Name of an entity of `backups` or `bucket_backups`: the newest of what it names is restored."""
    scratch: Name
    """Name of a place in `scratch:`."""
    live: Name | None = None
    """The connection of what was backed up (postgresql; redis for an rdb), through which the copy is compared with it; only looked
    at. Without it the last drill that passed is compared with."""
    format: Format | None = None
    """Without it, what the ending says: .sql plain, .dump custom, .tar a directory; .gz and .zst around it. `base` (a base backup with
    archived write-ahead log) and `rdb` (Redis) have to be said."""
    recovery: Recovery | None = None
    """For the format `base`."""
    jobs: int = Field(default=2, ge=1, le=64)
    """Connections of pg_restore, for custom and directory formats."""
    roles: Many[str] = ()
    """Roles that the dump names as owners and grantees; made without login for the time of the drill."""
    owners: bool = True
    """Whether what is restored is given to its owners. `false` where they are superusers on the scratch server, as `postgres` is."""
    extensions: Many[str] = ()
    """Extensions that the dump needs; made by the scratch server's administrator."""
    references: Many[str] = ()
    """Relations beside the foreign keys of live: `public.chat_messages.vod_id -> public.vods.id`."""
    newest: dict[str, str] = Field(default_factory=dict)
    """Table -> column that says when a row was written: `{public.orders: created_at}`."""
    ignore: Many[str] = ()
    """Patterns (`*`, `?`) of objects that may differ from live: `index public.tmp_*`."""
    application: Application | None = None
    timeout: Duration | None = Duration(2 * 3600)
    """Total deadline of the drill."""
    expect: DrillExpect = DrillExpect.model_construct()

    _backup: Entity | None = PrivateAttr(default=None)
    _place: Scratch | None = PrivateAttr(default=None)

    @field_validator("references")
    @classmethod
    def _are_references(cls, references: tuple[str, ...]) -> tuple[str, ...]:
        for each in references:
            if each.count("->") != 1 or not all(side.strip().count(".") >= 2 for side in each.split("->")):
                raise PydanticCustomError("reference", "a reference reads schema.table.column -> schema.table.column")
        return references

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.expect.newest_row is not None and not self.newest:
            raise PydanticCustomError("newest", "newest_row needs newest: which column of which table says when a row was written?")
        if (self.recovery is not None) != (self.format == "base"):
            raise PydanticCustomError("recovery", "format base and recovery belong together: where is the archived write-ahead log?")
        if self.expect.application_answers is not None and self.application is None:
            raise PydanticCustomError("application", "application_answers needs application: how is it started against the copy?")
        return self

    def also_named(self) -> tuple[tuple[str, str], ...]:
        """Live, and whatever the backup is reached through."""
        source = tuple((name, self._connections[name].kind) for name in self._backup.all_named()) if self._backup else ()
        kind = "redis" if self.format == "rdb" else "postgresql"
        return (*(((self.live, kind),) if self.live else ()), *source)

    def adapted(self) -> Self:
        """Only a recovery has a target, and keys have no schema."""
        names = () if self.format == "base" else ("recovered",)
        more = ("sql_errors", "schema_differences", "orphans", "sequences_behind", "corrupt") if self.format == "rdb" else ()
        return self.model_copy(update={"expect": self.expect.model_copy(update=dict.fromkeys((*names, *more)))})

    def parts(self) -> set[str]:
        return super().parts() | {"scratch"}

    def met(self, entities: tuple[Entity, ...], places: dict[str, Scratch]) -> Self:
        """This drill with its backup and its place, which loading has made sure exist. A bucket says how its objects are encrypted."""
        made = self.model_copy()
        made.meet(next((each for each in entities if each.name == self.backup and each.section in BACKUPS), None), places[self.scratch])
        stored = any(each.name == self.backup and each.section == "bucket_backups" for each in entities)
        if not stored or self.expect.backup_encrypted is not None:
            return made
        encrypted = (Limit[bool].model_construct(limit=True),)
        return made.model_copy(update={"expect": made.expect.model_copy(update={"backup_encrypted": encrypted})})

    def meet(self, backup: Entity | None, place: Scratch) -> None:
        """Learn which backup and which place are meant."""
        self._backup, self._place = backup, place

    @property
    def place_to_write(self) -> Scratch:
        """The scratch place."""
        assert self._place is not None, self.id
        return self._place

    @property
    def source_backup(self) -> Entity:
        """The backup that is restored."""
        assert self._backup is not None, self.id
        return self._backup

    def shape(self, name: str) -> Format:
        """The format of a backup of this name. ValueError when neither the file nor the name says it."""
        bare = name
        for ending in COMPRESSED:
            bare = bare.removesuffix(ending)
        found = self.format or next((each for ending, each in ENDINGS.items() if bare.endswith(ending)), None)
        if found is None:
            raise ValueError(f"{name} does not say its format; give the drill a format: plain, custom, directory or rdb")
        return found

    def target(self) -> str:
        """The drill itself: it is made in one piece, and not by the look."""
        return f"drill {self.name}"

    def at_once(self) -> int:
        return 1

    def where(self) -> str:
        return f"backup {self.backup}, restored into scratch {self.scratch}"


BACKUPS = ("backups", "bucket_backups")
"""Sections of what a drill can restore."""
