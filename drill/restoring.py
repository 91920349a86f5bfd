"""From a backup to a copy: which way a format goes, and what is said of it."""

import re
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from drill import archive, plain, results, servers
from drill.errors import Damaged
from drill.observed import DrillArchive, DrillClients, DrillRecovery, DrillRestore
from drill.prepared import Prepared
from drill.progress import Progress
from drill.scratch import Copy, Place
from drill.streams import Stream
from muster.probes import Observation
from muster.secrets import Setting
from muster.units import Counted

MARK = b"-- PostgreSQL database dump complete"
NO_MARK = "the mark with which pg_dump ends a dump is not there"
END = 8192
"""Bytes at the end of a dump in which its mark stands."""
COMPRESSIONS: dict[str, Literal["gzip", "zstd"]] = {".gz": "gzip", ".tgz": "gzip", ".zst": "zstd", ".zstd": "zstd"}


@dataclass
class Restored:
    """What came of a restore."""

    archive: DrillArchive | None
    clients: DrillClients | None = None
    restore: DrillRestore | None = None
    recovery: DrillRecovery | None = None
    phases: dict[str, float] = field(default_factory=dict)
    """Seconds of each step, where there are several."""
    size: int = 0
    """Bytes of the copy on the scratch server."""
    stopped: str = ""
    """Why nothing can be said about the copy; empty when it is whole."""

    def observations(self) -> Iterator[tuple[str, Observation]]:
        """Those that there are, by the name of their probe."""
        made = {"archive": self.archive, "clients": self.clients, "restore": self.restore, "recovery": self.recovery}
        yield from ((f"drill_{name}", value) for name, value in made.items() if value is not None)

    def told(self) -> dict[str, Any]:
        """What the history keeps."""
        return {"sha256": self.archive.sha256 if self.archive else "", "clients": self.clients.note if self.clients else ""}


def restore(made: Prepared, copy: Copy, progress: Progress) -> Restored:
    """Restore a dump into the copy. Raises CouldNotLook when the drill is at fault; of the backup's faults it tells."""
    assert made.artefact is not None
    shape = made.drill.shape(made.artefact.name)
    try:
        return _told(
            made, copy, _plain(made, copy, progress) if shape == "plain" else _archive(made, copy, progress, tar=shape == "directory")
        )
    except Damaged as damaged:
        return damage(made, damaged)


def _stream(made: Prepared, source: Iterator[bytes]) -> Stream:
    found = made.artefact
    assert found is not None
    compression = next((each for ending, each in COMPRESSIONS.items() if found.name.endswith(ending)), None)
    return Stream(source, compression, sha256=found.checksum)


def _plain(made: Prepared, copy: Copy, progress: Progress) -> results.Loaded:
    found, terms = made.artefact, results.Terms(extensions=frozenset(made.drill.extensions), owners=made.drill.owners)
    assert found is not None
    with closing(found.read()) as source, copy.connect(made.ends) as session, copy.administer(made.ends) as admin:
        stream = _stream(made, source)
        return plain.load(session, stream, admin=admin, terms=terms, ends=made.ends, on_progress=lambda at: progress(at.read, found.size))


def spool(made: Prepared) -> Path:
    """Where archives lie that pg_restore has to jump about in. Raises CouldNotLook."""
    return Path(Setting(made.drill.place_to_write.spool or tempfile.gettempdir()).resolve())


def _archive(made: Prepared, copy: Copy, progress: Progress, *, tar: bool) -> results.Loaded:
    """pg_restore wants a file to jump about in: it lies in a folder that the next drill finds if this one is killed."""
    assert made.artefact is not None
    terms = results.Terms(extensions=frozenset(made.drill.extensions), owners=made.drill.owners)
    with (
        closing(made.artefact.read()) as source,
        servers.private_folder(spool(made), copy.lease.name, lives=made.drill.place_to_write.ttl) as folder,
        copy.administer(made.ends) as admin,
    ):
        content = archive.Archive(content=_stream(made, source), tar=tar, size=made.artefact.size)
        tools = archive.Tools(folder=folder, name="archive", jobs=made.drill.jobs)
        target = archive.Target(parameters=copy.arguments(made.ends), password=copy.password, admin=admin)
        return archive.restore(content, target, tools, terms=terms, ends=made.ends, on_progress=lambda at: progress.steps(at.done, at.of))


def _lacking(made: Prepared) -> str:
    """Read a plain dump to its end, of which the restore took only a part; empty, or what it lacks. Raises Damaged, CouldNotLook."""
    assert made.artefact is not None
    end = b""
    with closing(made.artefact.read()) as source:
        for chunk in _stream(made, source):
            end = (end + chunk[-END:])[-END:]
    return "" if MARK in end else NO_MARK


def damage(made: Prepared, damaged: Damaged) -> Restored:
    """An archive that cannot be read to its end: how its clients or its statements are, nobody knows."""
    assert made.artefact is not None
    broken = DrillArchive(
        looked_at=max(1, made.artefact.size), of="bytes", seen=made.artefact.seen, note=str(damaged), whole=False, sha256=""
    )
    return Restored(broken, stopped=str(damaged))


def _told(made: Prepared, copy: Copy, loaded: results.Loaded) -> Restored:
    found = made.artefact
    assert found is not None
    if loaded.client_too_old:
        return _too_old(made, loaded.client_too_old)
    faults = [*map(str, loaded.refused), *map(str, loaded.errors)]
    unfinished = NO_MARK if loaded.size else "it unpacks to nothing: 0 bytes"
    lacking = "" if loaded.complete else unfinished
    if faults:  # a plain dump that stopped at an error was not read to its end; where it is damaged, that may be why
        lacking = _lacking(made) if made.drill.shape(found.name) == "plain" else ""
    found_whole = DrillArchive(
        looked_at=max(1, loaded.size), of="bytes", seen=found.seen, note=lacking, whole=not lacking, sha256=loaded.sha256
    )
    done = DrillRestore(
        looked_at=max(1, loaded.statements),
        of="statements",
        seen=copy.name,
        errors=Counted(faults),
        rows=loaded.rows,
        statements=loaded.statements,
    )
    stopped = faults[0] if faults else lacking
    size = 0 if stopped else copy.size(made.ends)
    return Restored(found_whole, _clients(made, copy, loaded), done if faults or not lacking else None, size=size, stopped=stopped)


def _too_old(made: Prepared, old: results.ClientTooOld) -> Restored:
    """Nobody knows whether an archive is whole that the client cannot read."""
    assert made.artefact is not None
    behind = DrillClients(looked_at=2, of="versions", seen=made.artefact.seen, behind=Counted([str(old)]))
    return Restored(None, behind, stopped=str(old))


def _clients(made: Prepared, copy: Copy, loaded: results.Loaded) -> DrillClients | None:
    """How far pg_dump is behind the server that it dumped, and the scratch server behind pg_dump."""
    assert isinstance(made.place, Place)
    if not loaded.dumped_from or not loaded.dumped_by:
        return None
    with made.place.again(made.ends) as place:
        here = place.version() // 10000
    pairs = (
        ("pg_dump", loaded.dumped_by, "the server that it dumped", loaded.dumped_from),
        ("the scratch server", str(here), "pg_dump", loaded.dumped_by),
    )
    behind = [f"{one} {mine} is older than {other} {theirs}" for one, mine, other, theirs in pairs if _major(mine) < _major(theirs)]
    note = f"dumped from {loaded.dumped_from} by pg_dump {loaded.dumped_by}, restored into {here}"
    return DrillClients(looked_at=3, of="versions", seen=copy.name, note=note, behind=Counted(behind))


def _major(version: str) -> tuple[int, ...]:
    """(15,) of 15.18; (9, 6) of 9.6.24: before 10, two numbers made a major version."""
    numbers = tuple(map(int, re.findall(r"\d+", version)[:2]))
    return numbers[:1] if numbers[0] >= 10 else numbers
