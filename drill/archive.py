"""An archive in custom or directory format into an empty scratch database, by pg_restore with several jobs.

pg_restore sends what the archive says as the drill's own role. Before that its SQL, without the data, goes through the same
guard as a plain dump. Schemas come first, then extensions, which the admin makes, then the rest, and privileges at last.
"""

import contextlib
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from drill.admin import Admin
from drill.archive_files import need_room, private_folder, spooled
from drill.archive_head import ArchiveHead, archive_head
from drill.complaints import TooOld
from drill.errors import Damaged, Refused
from drill.pg_restore import PgRestore, Target, described
from drill.plain import load
from drill.results import INDEXES, TABLES, ClientTooOld, Loaded, OnProgress, SqlError, Terms, silent
from drill.sql import Command, Dump, Statement
from drill.sql_errors import SqlFailed, scratch
from drill.statements import Guard, about_extensions, extension
from drill.streams import Stream
from drill.watchdog import Watchdog
from muster.probes import CouldNotLook

__all__ = ["Archive", "Target", "Tools", "restore"]

_EXTENSION = re.compile(r"EXTENSION - |COMMENT - EXTENSION ")
_SCHEMA = re.compile(r"SCHEMA - ")
_LAST = re.compile(r"ACL |DEFAULT ACL |MATERIALIZED VIEW DATA |(?:EVENT )?TRIGGER |COMMENT \S+ (?:EVENT )?TRIGGER ")
"""Privileges, what needs them, and triggers: several jobs may make those of a partitioned table before its partitions have data."""
_CLOSED = """SELECT nspname, rolname FROM pg_namespace, pg_roles
WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' AND NOT rolsuper AND rolname !~ '^pg_' AND rolname <> %(user)s
AND pg_has_role(%(user)s, pg_roles.oid, 'MEMBER') AND NOT has_schema_privilege(pg_roles.oid, pg_namespace.oid, 'CREATE')"""
"""Schemas in which a role that the drill's is a member of may not create."""
_HEAD = 65536


@dataclass(frozen=True, kw_only=True)
class Archive:
    """What is restored."""

    content: Path | Stream
    """A file in custom format or a folder in directory format; or the bytes of the file, or of a tar of the folder."""
    tar: bool = False
    """Whether a stream is a tar."""
    size: int = 0
    """Bytes that a stream is expected to need on disk; 0: not known."""


@dataclass(frozen=True, kw_only=True)
class Tools:
    """With what, and where there is room for it."""

    folder: Path
    """Takes one folder `name` for the time of the restore: password file, list of contents, archives that come as a stream."""
    name: str
    jobs: int = 2
    program: str = "pg_restore"
    """A path, or a name on PATH."""


def restore(archive: Archive, target: Target, tools: Tools, *, terms: Terms, ends: float, on_progress: OnProgress = silent) -> Loaded:
    """Restore the archive, up to its end or the first error or refusal, which is in what is returned.

    Raises Damaged when the archive is cut off or corrupt, CouldNotLook when the scratch server, pg_restore or this machine is at
    fault, or `ends`, a time of `time.monotonic`, has come. A killed drill leaves the folder; pg_restore ends with its database.
    """
    program = shutil.which(tools.program)
    if program is None:
        raise CouldNotLook(
            f"there is no {tools.program}", cause="pg_restore", hint="install the client programs, of the newest version that dumps"
        )
    cause = scratch(target.admin)
    with private_folder(tools.folder, tools.name) as folder:
        need_room(folder, archive.size)
        path = archive.content if isinstance(archive.content, Path) else spooled(archive.content, folder, tar=archive.tar)
        with Watchdog(target.admin, ends, cause).watching() as watchdog:
            restoring = _Restoring(PgRestore(program, path, folder, ends, cause), target, Admin(target.admin, terms, watchdog), on_progress)
            loaded = restoring.all(_head(path), tools.jobs, ends)
    sha256 = archive.content.sha256 if isinstance(archive.content, Stream) else ""
    return Loaded(**{**vars(loaded), "sha256": sha256})


def _head(path: Path) -> tuple[ArchiveHead, int]:
    """What the archive says of itself, and its size."""
    files = list(path.iterdir()) if path.is_dir() else [path]
    file = path / "toc.dat" if path.is_dir() else path
    try:
        with file.open("rb") as opened:
            return archive_head(opened.read(_HEAD)), sum(each.stat().st_size for each in files)
    except FileNotFoundError:
        raise Damaged(f"the archive has no {file.name}") from None


class _Restoring:
    def __init__(self, pg_restore: PgRestore, target: Target, admin: Admin, on_progress: OnProgress) -> None:
        self._pg_restore = pg_restore
        self._target = target
        self._admin = admin
        self._tell = on_progress

    def all(self, head: tuple[ArchiveHead, int], jobs: int, ends: float) -> Loaded:
        said, size = head
        errors: tuple[SqlError, ...] = ()
        refused: tuple[Refused, ...] = ()
        old: ClientTooOld | None = None
        entries: list[str] = []
        try:
            entries = self._pg_restore.entries()
            self._restore(entries, self._guarded(), jobs, ends)
        except TooOld:
            old = ClientTooOld(client=self._pg_restore.version(), dumped_by=said.dumped_by, archive=said.version)
        except SqlFailed as failed:
            errors = (failed.error,)
        except Refused as refusal:
            refused = (refusal,)
        return Loaded(
            statements=self._pg_restore.done,
            copies=sum(described(entry).startswith("TABLE DATA ") for entry in entries),
            size=size,
            seconds=dict(self._pg_restore.seconds),
            sha256="",
            dumped_from=said.dumped_from,
            dumped_by=said.dumped_by,
            complete=not (errors or refused or old),
            errors=errors,
            refused=refused,
            client_too_old=old,
        )

    def _guarded(self) -> list[tuple[str, str]]:
        """The extensions that are wanted, after everything but the data was found to be what pg_dump writes."""
        wanted: list[tuple[str, str]] = []
        with self._pg_restore.script("--schema-only") as chunks:
            guard = Guard(self._admin.terms.foreign)
            for piece in Dump(chunks):
                if isinstance(piece, Command):
                    guard.command(piece)
                elif isinstance(piece, Statement) and (found := extension(piece.text)):
                    self._admin.permit(found[0], piece)
                    wanted.append(found)
                elif not about_extensions(piece.text):
                    guard.statement(piece.text, piece.line)
        return wanted

    def _restore(self, entries: list[str], wanted: list[tuple[str, str]], jobs: int, ends: float) -> None:
        since = time.monotonic()
        kept = [entry for entry in entries if not _EXTENSION.match(described(entry))]
        first = [entry for entry in kept if _SCHEMA.match(described(entry))]
        last = [entry for entry in kept if _LAST.match(described(entry))]
        self._run(first, 1, len(kept))
        for name, schema in wanted:
            self._admin.make(name, schema)
        self._pg_restore.seconds[TABLES] += time.monotonic() - since
        apart = {*first, *last}
        with self._open_schemas():
            self._run([entry for entry in kept if entry not in apart], jobs, len(kept))
        self._load(last, ends)

    def _run(self, entries: list[str], jobs: int, of: int) -> None:
        if entries:
            owners = [] if self._admin.terms.owners else ["--no-owner"]
            self._pg_restore.restore(self._target, [self._pg_restore.chosen(entries), f"--jobs={jobs}", *owners], self._tell, of)

    @contextlib.contextmanager
    def _open_schemas(self) -> Iterator[None]:
        """A superuser's dump does not care that owners need CREATE on a schema: in this block they have it."""
        from psycopg import sql

        rows, doing = self._admin.rows, "GRANT CREATE ON SCHEMA"
        pairs = rows(_CLOSED, doing, {"user": self._target.parameters["user"]})
        named = [(sql.Identifier(schema), sql.Identifier(role)) for schema, role in pairs]
        for pair in named:
            rows(sql.SQL("GRANT CREATE ON SCHEMA {} TO {}").format(*pair), doing)
        yield
        for pair in named:
            rows(sql.SQL("REVOKE CREATE ON SCHEMA {} FROM {}").format(*pair), doing)

    def _load(self, entries: list[str], ends: float) -> None:
        """pg_restore would become other session users to grant in their name, which is for superusers; our own loader need not."""
        if not entries:
            return
        since = time.monotonic()
        with self._as_role() as connection, self._pg_restore.script(self._pg_restore.chosen(entries)) as chunks:
            loaded = load(connection, Stream(chunks, None), admin=self._target.admin, terms=self._admin.terms, ends=ends)
        self._pg_restore.done += len(entries)
        self._pg_restore.seconds[INDEXES] += time.monotonic() - since
        if loaded.errors:
            raise SqlFailed(loaded.errors[0])
        if loaded.refused:
            raise loaded.refused[0]

    @contextlib.contextmanager
    def _as_role(self) -> Iterator[object]:
        import psycopg

        try:
            connection = psycopg.connect(**self._target.parameters, password=self._target.password, autocommit=True, connect_timeout=30)
        except psycopg.Error as error:
            raise CouldNotLook(f"no login for the privileges: {type(error).__name__}", cause=scratch(self._target.admin)) from None
        with contextlib.closing(connection):
            yield connection
