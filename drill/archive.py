"""An archive in custom or directory format into an empty scratch database, by pg_restore with several jobs.

pg_restore sends what the archive says as the drill's own role. Before that its SQL, without the data, goes through the same
guard as a plain dump. Schemas come first, then extensions, which the admin makes, then all the rest.
"""

import contextlib
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from drill.archive_files import need_room, private_folder, spooled
from drill.archive_head import ArchiveHead, archive_head
from drill.complaints import TooOld, judged, records
from drill.errors import Damaged, Refused
from drill.plain import Extensions, load
from drill.programs import running
from drill.results import DATA, INDEXES, PHASES, TABLES, ClientTooOld, Loaded, OnProgress, Progress, SqlError, Terms, silent
from drill.sql import Command, Dump, Statement
from drill.sql_errors import scratch
from drill.statements import Guard, about_extensions, extension
from drill.streams import Stream
from muster.probes import CouldNotLook

_ENTRY = re.compile(r"(\d+); \d+ \d+ (.*)")
_EXTENSION = re.compile(r"EXTENSION - |COMMENT - EXTENSION ")
_SCHEMA = re.compile(r"SCHEMA - ")
_LAST = re.compile(r"ACL |DEFAULT ACL |MATERIALIZED VIEW DATA |EVENT TRIGGER ")
_STEP = re.compile(r"pg_restore: (?:creating ([A-Z ]+) |(processing data for table|executing|restoring large object))")
_OF_INDEXES = re.compile(
    r"INDEX|CONSTRAINT|FK CONSTRAINT|CHECK CONSTRAINT|TRIGGER|EVENT TRIGGER|RULE|POLICY|STATISTICS|PUBLICATION|MATERIALIZED VIEW DATA|ACL"
)
_CHUNK = 65536


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
class Target:
    """Where to, and as whom."""

    parameters: Mapping[str, Any]
    """libpq's: host, port, dbname, user, sslmode ..., without the password."""
    password: str = field(repr=False)
    admin: Any
    """A psycopg connection to the same database in autocommit that may make extensions and grant on schemas."""


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
            f"there is no {tools.program}", cause="pg_restore", hint="install the client programs, not older than those that dump"
        )
    with private_folder(tools.folder, tools.name) as folder:
        need_room(folder, archive.size)
        stream = archive.content if isinstance(archive.content, Stream) else None
        path = spooled(stream, folder, tar=archive.tar) if stream else archive.content
        assert isinstance(path, Path)
        return _Restoring(path, stream, target, folder, (program, tools.jobs), ends, on_progress).all(terms)


class _Failed(Exception):
    def __init__(self, error: SqlError) -> None:
        super().__init__(str(error))
        self.error = error


class _Restoring:
    def __init__(
        self,
        path: Path,
        stream: Stream | None,
        target: Target,
        folder: Path,
        program: tuple[str, int],
        ends: float,
        on_progress: OnProgress,
    ) -> None:
        self._path = path
        self._stream = stream
        self._target = target
        self._folder = folder
        self._program, self._jobs = program
        self._ends = ends
        self._tell = on_progress
        self._cause = scratch(target.admin)
        self._names: frozenset[str] = frozenset()
        self._seconds = dict.fromkeys(PHASES, 0.0)
        self._done = self._of = 0

    def all(self, terms: Terms) -> Loaded:
        head = self._head()
        errors: tuple[SqlError, ...] = ()
        refused: tuple[Refused, ...] = ()
        old: ClientTooOld | None = None
        entries: list[str] = []
        try:
            entries = self._contents()
            wanted = self._guarded(terms)
            self._restore(entries, wanted, terms)
        except TooOld:
            old = ClientTooOld(client=self._version(), dumped_by=head.dumped_by, archive=head.version)
        except _Failed as failed:
            errors = (failed.error,)
        except Refused as refusal:
            refused = (refusal,)
        files = [self._path] if self._path.is_file() else list(self._path.iterdir())
        return Loaded(
            statements=self._done,
            copies=sum(" TABLE DATA " in entry for entry in entries),
            size=sum(file.stat().st_size for file in files),
            seconds=dict(self._seconds),
            sha256=self._stream.sha256 if self._stream else "",
            dumped_from=head.dumped_from,
            dumped_by=head.dumped_by,
            complete=not (errors or refused or old),
            errors=errors,
            refused=refused,
            client_too_old=old,
        )

    def _head(self) -> ArchiveHead:
        file = self._path / "toc.dat" if self._path.is_dir() else self._path
        try:
            with file.open("rb") as opened:
                return archive_head(opened.read(_CHUNK))
        except FileNotFoundError:
            raise Damaged(f"the archive has no {file.name}") from None

    def _version(self) -> str:
        with running([self._program, "--version"], self._ends) as program:
            said = program.process.communicate()[0].decode(errors="replace")
        return said.partition("PostgreSQL) ")[2].split(" ")[0].strip()

    def _contents(self) -> list[str]:
        """The archive's entries, one a line."""
        with running([self._program, "--list", str(self._path)], self._ends) as program:
            said, complaints = program.process.communicate()
            self._judge(program.code(), complaints.decode(errors="replace").splitlines(keepends=True))
        lines = said.decode(errors="replace").splitlines()
        entries = [line for line in lines if _ENTRY.match(line)]
        if not entries:
            raise Damaged("the archive has no contents")
        self._names = frozenset(word for entry in entries for word in re.findall(r"[\w$]+", entry))
        return entries

    def _judge(self, code: int, complaints: list[str]) -> None:
        if code and (error := judged(records(complaints), self._names, self._cause)):
            raise _Failed(error)

    def _guarded(self, terms: Terms) -> list[tuple[tuple[str, str], Statement]]:
        """The extensions that are wanted, after everything but the data was found to be what pg_dump writes."""
        wanted: list[tuple[tuple[str, str], Statement]] = []
        damage: Damaged | None = None
        complaints = self._folder / "complaints"
        command = [self._program, "--schema-only", "--file=-", str(self._path)]
        with complaints.open("wb") as file, running(command, self._ends, file) as program:
            try:
                wanted = list(self._extensions(Dump(iter(partial(program.output().read, _CHUNK), b"")), terms))
            except Refused:
                raise
            except Damaged as cut_off:  # because pg_restore has failed, most likely
                damage = cut_off
            code = program.code()
        self._judge(code, complaints.read_text(errors="replace").splitlines(keepends=True))
        if damage:
            raise damage
        return wanted

    def _extensions(self, dump: Dump, terms: Terms) -> Iterator[tuple[tuple[str, str], Statement]]:
        guard = Guard(terms.foreign)
        for piece in dump:
            if isinstance(piece, Command):
                guard.command(piece)
            elif isinstance(piece, Statement) and (found := extension(piece.text)):
                Extensions(self._target.admin, terms).permit(found[0], piece)
                yield found, piece
            elif not about_extensions(piece.text):
                guard.statement(piece.text, piece.line)

    def _restore(self, entries: list[str], wanted: list[tuple[tuple[str, str], Statement]], terms: Terms) -> None:
        """Schemas, extensions, all the rest, and at last privileges and what needs them, which go through our own loader."""
        since = time.monotonic()
        kept = [entry for entry in entries if not _EXTENSION.match(_described(entry))]
        first = [entry for entry in kept if _SCHEMA.match(_described(entry))]
        last = [entry for entry in kept if _LAST.match(_described(entry))]
        self._of = len(kept)
        self._run(first, terms)
        for (name, schema), piece in wanted:
            Extensions(self._target.admin, terms).make(name, schema, piece)
        self._seconds[TABLES] += time.monotonic() - since
        with self._open_schemas():
            apart = {*first, *last}
            self._run([entry for entry in kept if entry not in apart], terms)
        self._load(last, terms)

    @contextlib.contextmanager
    def _open_schemas(self) -> Iterator[None]:
        """A superuser's dump does not care that owners need CREATE on a schema: in this block they have it."""
        from psycopg import sql

        admin = self._target.admin
        pairs = admin.execute(_CLOSED, {"user": self._target.parameters["user"]}).fetchall()
        named = [(sql.Identifier(schema), sql.Identifier(role)) for schema, role in pairs]
        for pair in named:
            admin.execute(sql.SQL("GRANT CREATE ON SCHEMA {} TO {}").format(*pair))
        yield
        for pair in named:
            admin.execute(sql.SQL("REVOKE CREATE ON SCHEMA {} FROM {}").format(*pair))

    def _load(self, entries: list[str], terms: Terms) -> None:
        """pg_restore would become other session users to grant in their name, which is for superusers; our loader need not."""
        import psycopg

        if not entries:
            return
        contents = self._list(entries)
        since = time.monotonic()
        command = [self._program, f"--use-list={contents}", "--file=-", str(self._path)]
        try:
            connection = psycopg.connect(**self._target.parameters, password=self._target.password, autocommit=True)
        except psycopg.Error as error:
            raise CouldNotLook(f"no login for the privileges: {type(error).__name__}", cause=self._cause) from None
        with connection, (self._folder / "complaints").open("wb") as file, running(command, self._ends, file) as program:
            chunks = iter(partial(program.output().read, _CHUNK), b"")
            loaded = load(connection, Stream(chunks, None), admin=self._target.admin, terms=terms, ends=self._ends)
        self._done += len(entries)
        self._seconds[INDEXES] += time.monotonic() - since
        if loaded.errors:
            raise _Failed(loaded.errors[0])
        if loaded.refused:
            raise loaded.refused[0]

    def _list(self, entries: list[str]) -> Path:
        contents = self._folder / "contents"
        contents.write_text("".join(f"{entry}\n" for entry in entries))
        return contents

    def _run(self, entries: list[str], terms: Terms) -> None:
        if not entries:
            return
        with self._arguments(entries, terms) as command, running(command, self._ends) as program:
            complaints = list(self._followed(program.complaints()))
            self._judge(program.code(), complaints)

    @contextlib.contextmanager
    def _arguments(self, entries: list[str], terms: Terms) -> Iterator[list[str]]:
        from psycopg.conninfo import make_conninfo

        contents, secret = self._list(entries), self._folder / "password"
        password = re.sub(r"([\\:])", r"\\\1", self._target.password)
        secret.touch(mode=0o600)
        secret.write_text(f"*:*:*:*:{password}\n")
        where = make_conninfo(**self._target.parameters, passfile=str(secret))
        options = ["--exit-on-error", "--no-password", "--verbose", f"--jobs={self._jobs}", f"--use-list={contents}", f"--dbname={where}"]
        try:
            yield [self._program, *options, *([] if terms.owners else ["--no-owner"]), str(self._path)]
        finally:
            secret.unlink()

    def _followed(self, output: Any) -> Iterator[str]:
        """What pg_restore says that is no step; steps are told as progress. Jobs run side by side, so phases are told by what began last."""
        phase, since = TABLES, time.monotonic()
        error = False
        for raw in output:
            line = raw.decode(errors="replace")
            if line.startswith("pg_restore: "):
                error = "error: " in line[:30]
            if error:
                yield line
            if step := _STEP.match(line):
                self._seconds[phase] += time.monotonic() - since
                since = time.monotonic()
                phase = DATA if step[2] else INDEXES if _OF_INDEXES.fullmatch(step[1]) else TABLES
                self._done += 1
                self._tell(Progress(phase=phase, read=0, produced=0, done=self._done, of=self._of))
        self._seconds[phase] += time.monotonic() - since


_CLOSED = """SELECT nspname, rolname FROM pg_namespace, pg_roles
WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' AND NOT rolsuper AND rolname !~ '^pg_' AND rolname <> %(user)s
AND pg_has_role(%(user)s, pg_roles.oid, 'MEMBER') AND NOT has_schema_privilege(pg_roles.oid, pg_namespace.oid, 'CREATE')"""
"""Schemas in which a role that the drill's is a member of may not create."""


def _described(entry: str) -> str:
    found = _ENTRY.match(entry)
    return found[2] if found else ""
