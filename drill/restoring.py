"""From a backup to a copy: which way a format goes, and what is said of it."""

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Literal

from drill import plain, results
from drill.errors import Damaged
from drill.observed import DrillArchive, DrillClients, DrillRestore
from drill.prepared import Prepared
from drill.progress import Progress
from drill.scratch import Copy
from drill.sources import Artefact
from drill.streams import Stream
from muster.probes import CouldNotLook, Observation
from muster.units import Counted

MARK = b"-- PostgreSQL database dump complete"
NO_MARK = "the mark with which pg_dump ends a dump is not there"
END = 8192
"""Bytes at the end of a dump in which its mark stands."""
COMPRESSIONS: dict[str, Literal["gzip", "zstd"]] = {".gz": "gzip", ".tgz": "gzip", ".zst": "zstd", ".zstd": "zstd"}


@dataclass
class Restored:
    """What came of a restore."""

    archive: DrillArchive
    clients: DrillClients | None = None
    restore: DrillRestore | None = None
    size: int = 0
    """Bytes of the copy on the scratch server."""
    stopped: str = ""
    """Why nothing can be said about the copy; empty when it is whole."""

    def observations(self) -> Iterator[tuple[str, Observation]]:
        """Those that there are, by the name of their probe."""
        made = {"drill_archive": self.archive, "drill_clients": self.clients, "drill_restore": self.restore}
        yield from ((probe, value) for probe, value in made.items() if value is not None)

    def told(self) -> dict[str, Any]:
        """What the history keeps."""
        return {"sha256": self.archive.sha256, "clients": self.clients.note if self.clients else ""}


def restore(made: Prepared, copy: Copy, progress: Progress) -> Restored:
    """Restore the backup into the copy. Raises CouldNotLook when the drill is at fault; of the backup's faults it tells."""
    assert made.artefact is not None
    try:
        shape = made.drill.shape(made.artefact.name)
    except ValueError as error:
        raise CouldNotLook(str(error), cause=f"configuration: drill {made.drill.name}") from None
    if shape != "plain":
        raise CouldNotLook(f"a backup of the format {shape} is not restored into a server", cause=f"configuration: drill {made.drill.name}")
    try:
        return _told(made, copy, _plain(made, copy, progress))
    except Damaged as damaged:
        return _damaged(made, damaged)


def _plain(made: Prepared, copy: Copy, progress: Progress) -> results.Loaded:
    found = made.artefact
    assert found is not None
    terms = results.Terms(extensions=frozenset(made.drill.extensions))
    with closing(found.read()) as source, copy.connect(made.ends) as session, copy.administer(made.ends) as admin:
        stream = Stream(source, _compression(found), sha256=found.checksum)
        return plain.load(session, stream, admin=admin, terms=terms, ends=made.ends, on_progress=lambda at: progress(at.read, found.size))


def _compression(found: Artefact) -> Literal["gzip", "zstd"] | None:
    return next((each for ending, each in COMPRESSIONS.items() if found.name.endswith(ending)), None)


def _lacking(found: Artefact) -> str:
    """Read a backup to its end, of which the restore took only a part; empty, or what it lacks. Raises Damaged, CouldNotLook."""
    end = b""
    with closing(found.read()) as source:
        for chunk in Stream(source, _compression(found), sha256=found.checksum):
            end = (end + chunk[-END:])[-END:]
    return "" if MARK in end else NO_MARK


def _damaged(made: Prepared, damaged: Damaged) -> Restored:
    """An archive that cannot be read to its end: how its clients or its statements are, nobody knows."""
    assert made.artefact is not None
    archive = DrillArchive(
        looked_at=max(1, made.artefact.size), of="bytes", seen=made.artefact.seen, note=str(damaged), whole=False, sha256=""
    )
    return Restored(archive, stopped=str(damaged))


def _told(made: Prepared, copy: Copy, loaded: results.Loaded) -> Restored:
    found = made.artefact
    assert found is not None
    faults = [*map(str, loaded.refused), *map(str, loaded.errors)]
    unfinished = NO_MARK if loaded.size else "it unpacks to nothing: 0 bytes"
    # What stopped at an error was not read to its end; where the archive is damaged, that is why.
    lacking = _lacking(found) if faults else "" if loaded.complete else unfinished
    archive = DrillArchive(
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
    return Restored(
        archive, _clients(made, copy, loaded), done if faults or not lacking else None, 0 if stopped else copy.size(made.ends), stopped
    )


def _clients(made: Prepared, copy: Copy, loaded: results.Loaded) -> DrillClients | None:
    """How far pg_dump is behind the server that it dumped, and the scratch server behind pg_dump."""
    assert made.place is not None
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
