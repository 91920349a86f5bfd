"""Backups that come back as servers of the drill's own: a base backup with its write-ahead log, a dump of Redis."""

import io
import posixpath
import tarfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drill import point_in_time, rdb, servers, sources
from drill.errors import Damaged
from drill.lease import Lease
from drill.observed import DrillArchive, DrillClients, DrillContents, DrillRecovery, DrillRestore, TableRows
from drill.prepared import Prepared
from drill.progress import Progress
from drill.recovery_settings import Wanted
from drill.restoring import Restored, damage
from drill.scratch_folder import Folder
from fixtures.hosts.files import state_of
from fixtures.redis import client as redis
from muster.connections import Local, Redis
from muster.kinds.hosts import Backup
from muster.probes import CouldNotLook
from muster.units import Counted

LARGEST_LOG = 64 * 2**30
"""Bytes of archived segments that are fetched from another host."""


@dataclass(frozen=True)
class Served:
    """A recovered PostgreSQL of the drill's own, as `drill.verify` asks it."""

    name: str
    recovery: point_in_time.Recovery
    database: str
    folder: Path

    def connect(self, ends: float) -> Any:
        """A session; nobody else can enter the server."""
        return self.recovery.connect(self.database, options=f"-c statement_timeout={max(1, int((ends - time.monotonic()) * 1000))}")

    administer = connect

    def variables(self) -> dict[str, str]:
        """What leads a program to the copy."""
        where = {"PGHOST": str(self.folder / "pg" / "s"), "PGPORT": "5432", "PGSSLMODE": "disable"}
        return where | {"PGDATABASE": self.database, "PGUSER": "postgres"}


@dataclass(frozen=True)
class Keys:
    """A loaded Redis of the drill's own."""

    name: str
    instance: rdb.Instance


def recover(made: Prepared, place: Folder, lease: Lease, held: ExitStack, progress: Progress) -> tuple[Restored, Served | Keys | None]:
    """Bring the backup up in a folder that `held` removes. Raises CouldNotLook; of the backup's faults it tells."""
    folder = held.enter_context(servers.private_folder(place.path, lease.name, user=place.user, lives=made.drill.place_to_write.ttl))
    try:
        return _keys(made, place, folder, held, progress) if made.drill.format == "rdb" else _base(made, place, folder, held, progress)
    except Damaged as damaged:
        return damage(made, damaged), None


def _base(made: Prepared, place: Folder, folder: Path, held: ExitStack, progress: Progress) -> tuple[Restored, Served]:
    wanted, found = made.drill.recovery, made.artefact
    assert wanted is not None
    assert found is not None
    log = _log(made, wanted.wal, folder)
    room = int(made.drill.place_to_write.room)
    backup = point_in_time.Backup(base=found.read(), archive=log, manifest=_manifest(made, folder), at_most=room)
    target = time.time() - wanted.back if wanted.back is not None else wanted.to
    aim = Wanted(target=target, action=wanted.action, superuser=wanted.superuser, database=wanted.database, preload=tuple(wanted.preload))
    programs = place.programs("postgresql")
    recovery = held.enter_context(
        point_in_time.recovered(backup, aim, folder, programs, ends=made.ends, user=place.user, progress=lambda *_: progress.steps(0, 0))
    )
    result = recovery.result
    name = f"recovered {found.seen}, timeline {result.timeline}, target {result.target}"
    note = "; ".join(result.notes)
    told = "" if result.reached else "it did not reach its target"
    told = "it paused at its target: it answers, and takes no writes" if result.paused else told
    restored = Restored(
        DrillArchive(looked_at=max(1, found.size), of="bytes", seen=found.seen, note=note, whole=True, sha256=""),
        DrillClients(looked_at=1, of="versions", seen=name, note=f"server {recovery.base.version}", behind=Counted()),
        DrillRestore(looked_at=1, of="recoveries", seen=name, errors=Counted()),
        recovery=DrillRecovery(looked_at=1, of="recoveries", seen=name, note=told, writable=result.reached and result.writable),
        size=_size(folder),
        phases=dict(result.seconds),
    )
    return restored, Served(name, recovery, wanted.database, folder)


def _manifest(made: Prepared, folder: Path) -> Path | None:
    """The list of files and checksums that pg_basebackup leaves beside its tar, if it is there."""
    backup, found = made.drill.source_backup, made.artefact
    assert isinstance(backup, Backup), "a base backup lies on a host"
    assert found is not None
    state = state_of(backup, posixpath.join(posixpath.dirname(found.name), "backup_manifest"))
    if not state.exists:
        return None
    with (folder / "backup_manifest").open("wb") as file:
        file.writelines(sources.content(backup.reached(), state.path))
    return folder / "backup_manifest"


def _log(made: Prepared, path: str, folder: Path) -> Path:
    """The folder of archived segments: where it lies on this machine, or fetched from the host of the backup."""
    backup = made.drill.source_backup
    assert isinstance(backup, Backup), "a base backup lies on a host"
    connection = backup.reached()
    place = sources.place(connection, path)
    if isinstance(connection, Local):
        return Path(place)
    into = folder / "log"
    into.mkdir(mode=0o700)
    _fetch(sources.packed(connection, place), into)
    return into


def _fetch(chunks: Iterator[bytes], into: Path) -> None:
    """The plain files of a tar, by their last names, which lead nowhere else. Raises Damaged."""
    size = 0
    try:
        with tarfile.open(fileobj=_Reader(chunks), mode="r|") as tar:
            for member in tar:
                content = tar.extractfile(member) if member.isfile() else None
                if content is None:
                    continue
                size += member.size
                if size > LARGEST_LOG:
                    reason = f"the archived log is more than {LARGEST_LOG} bytes"
                    raise CouldNotLook(reason, cause="archived log", hint="take base backups more often")
                with (into / Path(member.name).name).open("wb") as file:
                    while chunk := content.read(1 << 20):
                        file.write(chunk)
    except tarfile.TarError as error:
        raise CouldNotLook(f"the archived log did not come whole: {error}", cause="archived log", hint="is the host up?") from None


class _Reader(io.RawIOBase):
    """Chunks as a file to read from."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        super().__init__()
        self._chunks, self._rest = chunks, b""

    def read(self, size: int = -1) -> bytes:
        while len(self._rest) < size and (chunk := next(self._chunks, b"")):
            self._rest += chunk
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken


def _keys(made: Prepared, place: Folder, folder: Path, held: ExitStack, progress: Progress) -> tuple[Restored, Keys]:
    found = made.artefact
    assert found is not None
    most = int(made.drill.place_to_write.room)
    instance = held.enter_context(
        rdb.loaded(
            found.read(),
            folder,
            place.programs("redis"),
            at_most=most,
            ends=made.ends,
            user=place.user,
            progress=lambda _, done, of: progress(done, of),
        )
    )
    loaded = instance.result
    name = f"redis {loaded.server}, dump of version {loaded.rdb_version} by {loaded.written_by or 'an unknown server'}"
    restored = Restored(
        DrillArchive(looked_at=max(1, found.size), of="bytes", seen=found.seen, note="; ".join(loaded.notes), whole=True, sha256=""),
        DrillClients(looked_at=1, of="versions", seen=name, behind=Counted()),
        None,
        size=loaded.used_memory,
        phases=dict(loaded.seconds),
    )
    return restored, Keys(name, instance)


def key_counts(made: Prepared, keys: Keys) -> DrillContents:
    """Keys of each database against live's, and those of the last drill that passed. Raises CouldNotLook."""
    assert made.artefact is not None
    found = {f"db{number}": count for number, count in keys.instance.result.keys.items()}
    connection = made.environment.connections.get(made.drill.live or "")
    live = _live_keys(connection) if isinstance(connection, Redis) else {}
    last = made.last.counts if made.last else {}
    names = sorted({"db0", *found, *live, *last})
    tables = tuple(TableRows(table=each, copy=found.get(each, 0), live=live.get(each), last=last.get(each)) for each in names)
    expired = keys.instance.result.expired
    note = f"{expired} keys had expired" if expired else ""
    return DrillContents(
        looked_at=len(tables), of="databases", seen=keys.name, note=note, tables=tables, orphans=Counted(), sequences=Counted(),
        written=made.artefact.written, live_known=isinstance(connection, Redis),
    )  # fmt: skip


def _live_keys(connection: Redis) -> dict[str, int]:
    spaces = redis.session(connection).info().starting("db")
    return {name: int(text.partition("keys=")[2].partition(",")[0]) for name, text in spaces.items() if text.startswith("keys=")}


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file() and not file.is_symlink())
