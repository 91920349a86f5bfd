"""PostgreSQL point in time: a base backup and its archived log become a server of our own, at a moment that we choose.

No setting of the backup is obeyed: an archive_command, a primary_conninfo or a subscription in it would write to production, or
connect to it. The server has our settings only, a unix socket in a folder of its own, and no network where the machine can take
it away.
"""

import os
import re
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from drill.base_backup import Base, describe, strip, unpack, verify
from drill.children import Child, User, give, new_file
from drill.errors import Damaged
from drill.packed import pieces, unpacked
from drill.recovery_log import too_early, why_ended, why_stopped
from drill.recovery_settings import PORT, Wanted, log_in, settings, target_text
from drill.servers import disk_trouble, no_room
from drill.wal import Archive, Chain, chain, copy, segment_name, segment_number
from muster.probes import CouldNotLook
from muster.text import cut

Progress = Callable[[str, int, int], None]
"""(phase, bytes done, bytes in all)."""
LONGEST_SOCKET = 107
PAUSE_STATE_SINCE = 14
SEGMENT = re.compile(r"[0-9A-F]{24}")
NOT_YET = "hot standby is not possible because of insufficient parameter settings"
STATE = (
    "select pg_is_in_recovery(), case when pg_is_in_recovery() then {paused} else false end,"
    " coalesce(pg_last_wal_replay_lsn() - '0/0', 0)::bigint"
)
"""Whether it recovers, whether it has paused, and the position that it has replayed."""


@dataclass(frozen=True, kw_only=True)
class Backup:
    """A base backup, and the log that was archived since."""

    base: Iterable[bytes]
    """The tar as it is stored: gzip, zstd or neither."""
    archive: Path
    manifest: Path | None = None
    """backup_manifest beside the tar, where `pg_basebackup -Ft` puts it; one inside is found."""
    at_most: int
    """Bytes that it may unpack to: the estimate."""


@dataclass(frozen=True, kw_only=True)
class Recovered:
    """What came of a recovery."""

    reached: bool
    """The server stopped at the target; for the newest: it replayed the archive to its end."""
    paused: bool
    in_recovery: bool
    writable: bool
    target: str
    last_replayed_at: float | None
    """Commit time of the last transaction, Unix seconds; None when the log held none."""
    timeline: int
    seconds: dict[str, float]
    """By phase: unpack, check, replay."""
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Recovery:
    """A recovered server, and how it is asked."""

    result: Recovered
    base: Base
    chain: Chain
    connect: Callable[..., Any]
    """`connect(dbname, **parameters)` -> a psycopg connection in autocommit mode, as the superuser."""


@contextmanager
def recovered(
    backup: Backup,
    wanted: Wanted,
    folder: Path,
    binaries: Path,
    *,
    ends: float,
    user: User | None = None,
    progress: Progress = lambda *_: None,
) -> Iterator[Recovery]:
    """Recover `backup` in the private `folder` with the programs in `binaries`; the server is ended at the end.

    Raises Damaged when the backup is at fault, CouldNotLook when we are, and at `ends` (monotonic).
    """
    if os.geteuid() == 0 and user is None:
        raise CouldNotLook("PostgreSQL does not run as root", cause="drill user", hint="declare a user for the drill's servers")
    made = _Recovery(wanted, folder, binaries, ends, user, progress)
    try:
        made.unpack(backup)
        made.check(backup)
        yield made.replay()
    finally:
        made.stop()


class _Recovery:
    """The steps of one recovery; each takes its time down."""

    def __init__(self, wanted: Wanted, folder: Path, binaries: Path, ends: float, user: User | None, progress: Progress) -> None:
        self.wanted, self.folder, self.binaries, self.ends, self.user, self.progress = wanted, folder, binaries, ends, user, progress
        self.home = folder / "pg"
        self.seconds: dict[str, float] = {}
        self.notes: list[str] = []
        self.child: Child | None = None
        self.connection: Any = None

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Take the time of a phase, and tell a full disk."""
        began = time.monotonic()
        try:
            yield
        except OSError as error:
            raise disk_trouble(error, self.home) from error
        finally:
            self.seconds[name] = time.monotonic() - began

    def unpack(self, backup: Backup) -> None:
        """Lay out the folders, and the data directory in them."""
        with self.phase("unpack"):
            for each in ("", "data", "wal", "s"):
                (self.home / each).mkdir(mode=0o700)
                give(self.home / each, self.user)
            if len(str(self.home / "s" / f".s.PGSQL.{PORT}.lock")) > LONGEST_SOCKET:
                raise CouldNotLook(f"the path {self.home / 's'} is too long for a unix socket", cause=f"drill folder {self.folder.parent}")
            if why := no_room(self.folder, backup.at_most):
                raise CouldNotLook(why, cause=f"drill folder {self.folder.parent}")
            chunks = unpacked(backup.base, "the base backup")
            told = lambda done: self.progress("unpack", done, backup.at_most)  # noqa: E731
            self.data = unpack(chunks, self.home / "data", backup.at_most, self.user, self.ends, told)

    def check(self, backup: Backup) -> None:
        """Compare the backup with its manifest, find the log that leads on, and replace every setting."""
        with self.phase("check"):
            manifest = None
            if backup.manifest is not None:
                manifest = self.home / "backup_manifest"
                with new_file(manifest, self.user) as file:
                    file.writelines(pieces(backup.manifest))
            programs = (self.binaries, self.folder, self.user, self.ends)
            self.base = describe(self.data, manifest, *programs)
            if not isinstance(self.wanted.target, str) and self.wanted.target < self.base.checkpoint_at:
                raise too_early(target_text(self.wanted.target))  # the server would stop later, and call that the target
            self.notes += [note] if (note := verify(self.data, manifest, *programs)) else []
            strip(self.data)
            archive = Archive(backup.archive)
            beside = frozenset(entry.name for entry in (self.data / "pg_wal").iterdir() if SEGMENT.fullmatch(entry.name))
            self.chain = chain(self.base.start, archive, beside)
            self.notes += self.chain.notes
            size = self.base.start.segment_size * len(self.chain.segments)
            if why := no_room(self.folder, 2 * size):  # the server copies them once more
                raise CouldNotLook(why, cause=f"drill folder {self.folder.parent}")
            copy(self.chain, archive, self.base.start, self.home / "wal", self.user, self.told_of_segments)
            self.configure()

    def configure(self) -> None:
        """Write settings of our own, outside the data directory, and the signal that asks for a recovery."""
        for name, text in settings(self.wanted, self.home, self.base, self.chain.timeline).items():
            with new_file(self.home / name, self.user) as file:
                file.write(text.encode())
        with new_file(self.data / "recovery.signal", self.user):
            pass

    def told_of_segments(self, done: int, whole: int) -> None:
        """Progress while the log is copied. Raises CouldNotLook at the deadline."""
        self.progress("check", done, whole)
        if time.monotonic() > self.ends:
            raise CouldNotLook(f"gave up at the deadline: {done} of {whole} bytes of the log were copied", cause="drill deadline")

    def replay(self) -> Recovery:
        """Start the server and wait until it is where it should be."""
        with self.phase("replay"):
            command = [str(self.binaries / "postgres"), "-D", str(self.data), "-c", f"config_file={self.home / 'postgresql.conf'}"]
            # SIGQUIT on our death: unlike SIGKILL it lets the postmaster take its children along.
            self.child = Child(command, self.folder, self.data, self.user, signal.SIGQUIT)
            if not self.child.wait_until(self.there, self.ends, "through with its recovery"):
                raise why_ended(self.child.text(), target_text(self.wanted.target), self.chain.newest)
            if NOT_YET in self.child.text():
                raise CouldNotLook(f"the recovery waits: {NOT_YET}: {self.child.last_words()}", cause="drill postgresql settings")
            done = self.result(self.child)
        return Recovery(replace(done, seconds=self.seconds), self.base, self.chain, self.connect)

    def connect(self, dbname: str = "", **more: Any) -> Any:
        """A psycopg connection in autocommit mode as the superuser."""
        return log_in(self.home / "s", self.wanted.superuser, int(self.base.version), dbname or self.wanted.database, **more)

    def asked(self, statement: str) -> tuple[Any, ...] | None:
        """The row of a statement in the connection that is kept; None while the server cannot answer yet."""
        import psycopg

        try:
            if self.connection is None or self.connection.closed:
                self.connection = self.connect(connect_timeout=max(2, min(10, int(self.ends - time.monotonic()))))
                self.connection.execute("set statement_timeout = '10s'")
            row: tuple[Any, ...] = self.connection.execute(statement).fetchone()
        except psycopg.Error as error:
            if missing := re.search(r'FATAL:\s+((role|database) ".*" does not exist)', str(error)):
                reason = f"cannot ask the recovered server: {cut(missing[1], 100)}"
                raise CouldNotLook(reason, cause="drill superuser", hint="declare the superuser and a database of this backup") from None
            return None
        return row

    def state(self) -> tuple[bool, bool, int] | None:
        """What STATE asks; None while the server cannot answer."""
        asks = "pg_get_wal_replay_pause_state() = 'paused'" if int(self.base.version) >= PAUSE_STATE_SINCE else "pg_is_wal_replay_paused()"
        row = self.asked(STATE.format(paused=asks))
        return None if row is None else (row[0], row[1], row[2])

    def there(self) -> bool:
        """Whether the server has come to where it stops by itself; tells how far it is."""
        if (state := self.state()) is None:
            return False
        in_recovery, paused, replayed = state
        begin, size = self.base.start.position, self.base.start.segment_size
        whole = (segment_number(self.chain.newest, size) + 1) * size - begin
        self.progress("replay", min(max(replayed - begin, 0), whole), whole)
        return not in_recovery or paused

    def result(self, child: Child) -> Recovered:
        """Ask the server what came of it. Raises Damaged when it stopped before its target."""
        state = self.state()
        answer = self.asked("select extract(epoch from pg_last_xact_replay_timestamp())::float8")
        if state is None or answer is None:
            raise CouldNotLook(f"the recovered server does not answer: {child.last_words()}", cause="drill postgresql")
        in_recovery, paused, replayed = state
        size = self.base.start.segment_size
        stopped = segment_name(self.chain.timeline, (replayed - 1) // size, size)
        if self.wanted.target == "newest":
            if segment_number(stopped, size) < segment_number(self.chain.newest, size):
                raise Damaged(f"the replay ended in {stopped}, before the newest segment {self.chain.newest}: {why_stopped(child.text())}")
        elif not paused and "recovery stopping" not in child.text():
            raise Damaged(
                f"the recovery ended before its target {target_text(self.wanted.target)}; the newest segment is {self.chain.newest}"
            )
        writable = self.writes()
        self.notes += ["paused at its target: not writable"] if paused else []
        self.notes += [] if child.alone else ["the server shares our network: this machine does not let us take it away"]
        return Recovered(
            reached=True,
            paused=paused,
            in_recovery=in_recovery,
            writable=writable,
            target=target_text(self.wanted.target),
            last_replayed_at=answer[0],
            timeline=self.timeline(),
            seconds={},
            notes=self.notes,
        )

    def writes(self) -> bool:
        """Whether the server takes a change; what is tried is taken back."""
        import psycopg

        try:
            with self.connection.transaction(force_rollback=True):
                self.connection.execute("set transaction read write")
                self.connection.execute("create schema muster_drill_writes")
        except (psycopg.errors.ReadOnlySqlTransaction, psycopg.errors.FeatureNotSupported):
            return False
        except psycopg.Error as error:
            raise CouldNotLook(f"cannot try to write: {cut(str(error), 200)}", cause="drill postgresql") from None
        return True

    def timeline(self) -> int:
        """The timeline that the server is on."""
        row = self.asked("select case when pg_is_in_recovery() then null else left(pg_walfile_name(pg_current_wal_lsn()), 8) end")
        return int(row[0], 16) if row and row[0] else self.chain.timeline

    def stop(self) -> None:
        """End the server."""
        if self.connection is not None:
            self.connection.close()
        if self.child is not None:
            self.child.stop(signal.SIGQUIT)
