"""A plain dump into an empty scratch database: through the driver, statement by statement, as a role that is no superuser.

psql takes no part, so nothing of the dump is carried out on this machine. Each statement goes through the guard before it is
sent, one at a time in the extended protocol, which takes no second one; only INSERTs of literals travel together.
"""

import re
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from drill.admin import Admin
from drill.errors import Damaged, Refused
from drill.lexing import IDENTIFIER
from drill.results import DATA, INDEXES, PHASES, TABLES, Loaded, OnProgress, Progress, SqlError, Terms, silent
from drill.sql import COPY_IN, Command, Copy, Dump, Statement
from drill.sql_errors import SqlFailed, ours, scratch, told
from drill.statements import Guard, about_extensions, extension, head
from drill.streams import Stream
from drill.watchdog import Watchdog

TOGETHER = 256 * 1024
"""Bytes of INSERTs that are sent at once."""
_MOST_TOGETHER = 1000
_SESSION = re.compile(rb"\A(?:(RESET) SESSION AUTHORIZATION|SET SESSION AUTHORIZATION (?:(DEFAULT)|(.+)));\Z")
_OWNER = re.compile(rb"ALTER [A-Z ]+ (?:(%(one)s)\.)?.* OWNER TO (%(one)s);" % {b"one": IDENTIFIER}, re.DOTALL)
_OF_THE_SERVER = re.compile(rb"(?:GRANT|REVOKE) .{1,200} ON (?:FUNCTION|PROCEDURE|TABLE|TYPE|LANGUAGE) pg_catalog\.", re.DOTALL)
"""Rights to the server's own functions and views, such as a monitoring role has: only a superuser may give them, and no data is in them."""
_OF_DATA = (b"COPY ", b"INSERT ", b"SELECT pg_catalog.setval", b"SELECT pg_catalog.lo")
_OF_INDEXES = re.compile(
    rb"CREATE (?:UNIQUE INDEX|INDEX|(?:CONSTRAINT |EVENT )?TRIGGER|RULE|POLICY|STATISTICS|PUBLICATION)\s"
    rb"|ALTER TABLE .*\sADD CONSTRAINT\s|ALTER (?:INDEX|TABLE) .*\s(?:ATTACH PARTITION|CLUSTER ON|REPLICA IDENTITY)\b|REFRESH\s",
    re.DOTALL,
)
_OTHER_FORMATS = {
    b"PGDMP": "an archive of pg_dump in custom format",
    b"\x1f\x8b": "compressed by gzip",
    b"\x28\xb5\x2f\xfd": "compressed by zstd",
}


def load(connection: Any, stream: Stream, *, admin: Any, terms: Terms, ends: float, on_progress: OnProgress = silent) -> Loaded:
    """Load the dump, up to its end or the first error or refusal, which is in what is returned.

    `connection` is a psycopg connection in autocommit as the drill's own role, `admin` one to the same database that may make
    extensions; `ends` is a time of `time.monotonic`, at which both are closed, unless they are idle. Raises Damaged when the artefact is
    cut off or corrupt, CouldNotLook when the scratch server is at fault.
    """
    watchdog = Watchdog(connection, ends, scratch(connection))
    with Watchdog(admin, ends, scratch(admin)).watching() as second, watchdog.watching():
        return _Loading(connection, stream, Admin(admin, terms, second), watchdog, on_progress).all()


class _Loading:
    def __init__(self, connection: Any, stream: Stream, admin: Admin, watchdog: Watchdog, on_progress: OnProgress) -> None:
        self._connection = connection
        self._cursor = connection.cursor()
        self._stream = stream
        self._admin = admin
        self._guard = Guard(admin.terms.foreign)
        self._watchdog = watchdog
        self._tell = on_progress
        self._cause = scratch(connection)
        self._dump = Dump(self._chunks())
        self._phase = TABLES
        self._seconds = dict.fromkeys(PHASES, 0.0)
        self._since = time.monotonic()
        self._tables: Counter[str] = Counter()
        self._statements = self._copies = 0

    def all(self) -> Loaded:
        errors: tuple[SqlError, ...] = ()
        refused: tuple[Refused, ...] = ()
        try:
            with self._sending("begin", 0):
                self._cursor.execute("SET standard_conforming_strings = on")
            for run in _runs(self._dump):
                self._one_or_many(run)
        except SqlFailed as failed:
            errors = (failed.error,)
        except Refused as refusal:
            refused = (refusal,)
        return self._loaded(errors, refused)

    def _loaded(self, errors: tuple[SqlError, ...], refused: tuple[Refused, ...]) -> Loaded:
        return Loaded(
            statements=self._statements,
            copies=self._copies,
            tables=dict(self._tables),
            size=self._stream.produced,
            seconds=dict(self._seconds),
            sha256=self._stream.sha256 if self._stream.ended else "",
            dumped_from=self._dump.dumped_from,
            dumped_by=self._dump.dumped_by,
            complete=self._dump.complete and not errors and not refused,
            errors=errors,
            refused=refused,
        )

    def _chunks(self) -> Iterator[bytes]:
        """The dump's bytes, as long as there is time. A source that is silent for ever has to say so itself."""
        first = True
        for chunk in self._stream:
            if first and (other := next((what for mark, what in _OTHER_FORMATS.items() if chunk.startswith(mark)), "")):
                raise Damaged(f"this is no plain dump: it is {other}")
            first = False
            self._watchdog.check("still reading the dump")
            yield chunk

    def _one_or_many(self, run: list[Statement] | Command | Copy) -> None:
        if isinstance(run, Command):
            self._guard.command(run)
        elif isinstance(run, Copy):
            self._guard.statement(run.text, run.line)
            self._copy(run)
        elif len(run) > 1:
            self._inserts(run)
        else:
            self._statement(run[0])

    def _statement(self, piece: Statement) -> None:
        if found := extension(piece.text):
            self._admin.permit(found[0], piece)
            self._phase = TABLES
            self._admin.make(*found)
        elif not about_extensions(piece.text) and not _OF_THE_SERVER.match(piece.text):
            if not piece.into:
                self._guard.statement(piece.text, piece.line)
            if not (owner := _OWNER.fullmatch(piece.text)):
                self._send(piece)
            elif self._admin.terms.owners:
                self._give(piece, *owner.groups())

    def _send(self, piece: Statement) -> None:
        self._execute(piece.text, piece.line)
        self._count(piece)

    def _execute(self, text: bytes, line: int) -> None:
        self._phase = _phase_of(text)
        with self._sending(text, line):
            self._cursor.execute(_as_member(text), prepare=False, binary=True)

    def _give(self, piece: Statement, schema: bytes | None, owner: bytes) -> None:
        """Hand an object over. A superuser's dump does not care that owners need CREATE on the schema: here he has it for this moment."""
        try:
            self._execute(piece.text, piece.line)
        except SqlFailed as failed:
            if schema is None or failed.error.sqlstate != "42501":
                raise
            try:
                self._execute(b"GRANT CREATE ON SCHEMA %s TO %s" % (schema, owner), piece.line)
                self._execute(piece.text, piece.line)
                self._execute(b"REVOKE CREATE ON SCHEMA %s FROM %s" % (schema, owner), piece.line)
            except SqlFailed:
                raise failed from None
        self._count(piece)

    def _count(self, piece: Statement) -> None:
        self._statements += 1
        if piece.into:
            self._tables[piece.into.decode(errors="replace")] += self._cursor.rowcount
        self._progress()

    def _inserts(self, run: list[Statement]) -> None:
        """All at once; when one of them fails, nothing of the run was kept, and they are sent one by one to find it."""
        import psycopg

        self._phase = DATA
        self._agree(run[0])
        try:
            self._cursor.execute(b"".join(piece.text for piece in run), prepare=False)
        except psycopg.Error:
            for piece in run:
                self._send(piece)
            return
        for piece in run:
            self._count(piece)
            self._cursor.nextset()
        self._clock()

    def _copy(self, piece: Copy) -> None:
        self._phase = DATA
        found = COPY_IN.fullmatch(piece.text)
        name = found[1].decode(errors="replace") if found else ""
        with self._sending(piece.text, piece.line), self._cursor.copy(piece.text) as copy:
            for chunk in piece.data:
                copy.write(chunk)
                self._progress()
        self._tables[name] += self._cursor.rowcount
        self._copies += 1
        self._statements += 1

    @contextmanager
    def _sending(self, text: bytes | str, line: int) -> Iterator[None]:
        """What goes wrong in this block, in our words."""
        import psycopg

        beginning = text if isinstance(text, str) else head(text)
        doing = f"line {line}: {beginning}"
        self._watchdog.check(doing)
        try:
            yield
        except psycopg.Error as error:
            trouble = self._watchdog.late(doing) if self._watchdog.expired() else ours(error, self._cause, doing)
            raise trouble or SqlFailed(told(error, beginning, line)) from None
        finally:
            self._clock()

    def _agree(self, piece: Statement) -> None:
        """Raises Refused when something in the dump has made the server read strings in another way than we do."""
        said = self._connection.pgconn.parameter_status(b"standard_conforming_strings")
        if (said == b"on") != self._dump.standard:
            raise Refused("something has changed how the server reads strings", head(piece.text), piece.line)

    def _clock(self) -> None:
        """What has passed since the last statement belongs to this one."""
        now = time.monotonic()
        self._seconds[self._phase] += now - self._since
        self._since = now

    def _progress(self) -> None:
        self._tell(Progress(phase=self._phase, read=self._stream.read, produced=self._stream.produced, done=self._statements))


def _as_member(text: bytes) -> bytes:
    """Another session user is for superusers; a role that we are a member of we can become, and owns and grants all the same."""
    found = _SESSION.match(text)
    if not found:
        return text
    return b"SET ROLE %s;" % found[3] if found[3] else b"RESET ROLE;"


def _phase_of(text: bytes) -> str:
    if text.startswith(_OF_DATA):
        return DATA
    return INDEXES if _OF_INDEXES.match(text) else TABLES


def _runs(dump: Dump) -> Iterator[list[Statement] | Command | Copy]:
    """The pieces, INSERTs that follow each other together."""
    run: list[Statement] = []
    size = 0
    for piece in dump:
        together = isinstance(piece, Statement) and bool(piece.into)
        if run and not (together and size < TOGETHER and len(run) < _MOST_TOGETHER):
            yield run
            run, size = [], 0
        if together:
            run.append(piece)  # type: ignore[arg-type]
            size += len(piece.text)
        else:
            yield [piece] if isinstance(piece, Statement) else piece
    if run:
        yield run
