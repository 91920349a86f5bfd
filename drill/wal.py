"""An archive of write-ahead log: which segments a recovery needs, whether all are there, and what their first page says.

Names are of PostgreSQL's making: timeline, log and segment in 8 hexadecimal digits each; a timeline's history says from which
other one it branched off, and where.
"""

import os
import re
import stat
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from drill.children import User, new_file
from drill.errors import Damaged
from drill.packed import pieces, unpacked
from muster.probes import CouldNotLook
from muster.text import cut

ENTRY = re.compile(r"(?P<name>[0-9A-F]{24}|[0-9A-F]{8}\.history)(?P<packed>\.[a-z0-9]+)?")
PACKED = ("", ".gz", ".zst", ".zstd")
LONG_HEADER = 0x0002
HEADER = struct.Struct("=HHIQI4xQII")
"""magic, info, timeline, address, rest of a record, system identifier, size of a segment, size of a block."""
LARGEST_HISTORY = 2**20


@dataclass(frozen=True)
class Start:
    """Where a base backup begins, and of which server it is."""

    timeline: int
    position: int
    """Byte position in the log."""
    segment_size: int
    system_identifier: int
    ends: int = 0
    """Position that has to be replayed before the copy is consistent; 0: the backup does not say."""


@dataclass(frozen=True)
class Chain:
    """The segments from a base backup's start to the newest, without a hole."""

    segments: list[str]
    histories: list[str]
    timeline: int
    newest_written: float
    """When the newest was written, Unix seconds; 0 when only the base backup has it."""
    notes: list[str] = field(default_factory=list)

    @property
    def newest(self) -> str:
        """Name of the newest segment."""
        return self.segments[-1]


class Archive:
    """Files of an archive folder, by the names they have for PostgreSQL; a segment may be compressed."""

    def __init__(self, folder: Path) -> None:
        """List the folder. Raises CouldNotLook when that is not possible, Damaged for what is no regular file."""
        self.files: dict[str, Path] = {}
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            raise CouldNotLook(f"cannot list the WAL archive {folder}: {error.strerror}", cause=f"WAL archive {folder}") from error
        for entry in entries:
            match = ENTRY.fullmatch(entry.name)
            if not match or match["packed"] in (".partial", ".ready", ".done", ".tmp"):
                continue
            if (match["packed"] or "") not in PACKED:
                reason = f"{entry.name} in the WAL archive is packed in a way that the drill does not read"
                raise CouldNotLook(reason, cause=f"WAL archive {folder}")
            if not stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode):
                raise Damaged(f"{entry.name} in the WAL archive is no file")
            self.files.setdefault(match["name"], Path(entry.path))
        self.segments = {name for name in self.files if not name.endswith(".history")}

    def content(self, name: str) -> Iterator[bytes]:
        """The unpacked content of a file, piece by piece."""
        return unpacked(pieces(self.files[name]), f"{self.files[name].name} in the WAL archive")

    def history(self, timeline: int) -> str:
        """The text of a timeline's history."""
        text = b""
        for piece in self.content(history_name(timeline)):
            text += piece
            if len(text) > LARGEST_HISTORY:
                raise Damaged(f"{history_name(timeline)} in the WAL archive is no history of a timeline")
        return text.decode(errors="replace")


def segment_name(timeline: int, number: int, size: int) -> str:
    """The name of the segment of this number."""
    per_log = 0x1_0000_0000 // size
    return f"{timeline:08X}{number // per_log:08X}{number % per_log:08X}"


def segment_number(name: str, size: int) -> int:
    """The number of the segment of this name."""
    return int(name[8:16], 16) * (0x1_0000_0000 // size) + int(name[16:24], 16)


def history_name(timeline: int) -> str:
    """The name of a timeline's history."""
    return f"{timeline:08X}.history"


def position(text: str) -> int:
    """`0/3000028` as a number. Raises ValueError."""
    high, _, low = text.partition("/")
    return int(high, 16) << 32 | int(low, 16)


def chain(start: Start, archive: Archive, beside: frozenset[str] = frozenset()) -> Chain:
    """The segments that lead from `start` to the newest; `beside` are those that the base backup brings itself.

    Raises Damaged for a hole, with the name of what is missing.
    """
    size, first = start.segment_size, start.position // start.segment_size
    branches, notes = _branches(start, archive)
    spans = _spans(branches, size)
    there = {name for name in archive.segments | beside if _counts(name, spans, size) and segment_number(name, size) >= first}
    if not there:
        name = segment_name(start.timeline, first, size)
        raise Damaged(f"the WAL archive lacks {name}, with which the base backup begins, and everything after it")
    last = max(segment_number(name, size) for name in there)
    segments = [_segment(number, spans, there, size, last) for number in range(first, last + 1)]
    if start.ends > (last + 1) * size:
        needed = segment_name(start.timeline, (start.ends - 1) // size, size)
        raise Damaged(f"the WAL archive ends with {segments[-1]}, and the base backup needs it up to {needed}")
    if own := [name for name in segments if name not in archive.segments]:
        notes.append(f"{len(own)} segment(s) are in the base backup and not in the archive: {own[0]}")
    newest = archive.files.get(segments[-1])
    histories = [history_name(timeline) for timeline, _ in branches if history_name(timeline) in archive.files]
    return Chain(segments, histories, branches[-1][0], newest.stat().st_mtime if newest else 0.0, notes)


def copy(
    needed: Chain, archive: Archive, start: Start, into: Path, user: User | None, progress: Callable[[int, int], None] = lambda *_: None
) -> None:
    """Unpack what a recovery needs to where its server can read it. Raises Damaged for a segment that is none, or not whole."""
    size, segments = start.segment_size, [name for name in needed.segments if name in archive.files]
    for number, name in enumerate([*needed.histories, *segments]):
        progress(max(0, number - len(needed.histories)) * size, len(segments) * size)
        copied, head = 0, b""
        with new_file(into / name, user) as file:
            for piece in archive.content(name):
                head, copied = (head + piece[: HEADER.size])[: HEADER.size], copied + len(piece)
                if copied > size:
                    break
                file.write(piece)
        if name in needed.histories:
            continue
        if copied != size:
            raise Damaged(f"{name} in the WAL archive is {'truncated' if copied < size else 'too long'}: {copied} of {size} bytes")
        check_segment(name, head, start)


def check_segment(name: str, head: bytes, start: Start) -> None:
    """Raises Damaged unless the first page of a segment is of this server, of this size, and in this place."""
    magic, info, timeline, address, _, system, size, _ = HEADER.unpack(head)
    if not magic & 0xFF00 or not info & LONG_HEADER or size != start.segment_size:
        raise Damaged(f"{name} in the WAL archive is no WAL segment of {start.segment_size} bytes")
    if system != start.system_identifier:
        raise Damaged(f"{name} in the WAL archive is of another server: system identifier {system}, not {start.system_identifier}")
    if address != segment_number(name, size) * size or timeline > int(name[:8], 16):
        raise Damaged(f"{name} in the WAL archive holds another part of the log: {segment_name(timeline, address // size, size)}")


def _spans(branches: list[tuple[int, int]], size: int) -> list[tuple[int, int, int]]:
    """(timeline, number of its first segment, number of its last), oldest first."""
    ends = [since // size for _, since in branches[1:]]
    return [(timeline, since // size, end) for (timeline, since), end in zip(branches, [*ends, 2**64], strict=True)]


def _counts(name: str, spans: list[tuple[int, int, int]], size: int) -> bool:
    """Whether a recovery may read this segment; what an old primary wrote after the branch is none of it."""
    return any(timeline == int(name[:8], 16) and first <= segment_number(name, size) <= last for timeline, first, last in spans)


def _segment(number: int, spans: list[tuple[int, int, int]], there: set[str], size: int, newest: int) -> str:
    """The segment of this number on the newest timeline that had begun by then."""
    begun = [timeline for timeline, first, last in spans if first <= number <= last]
    names = [segment_name(timeline, number, size) for timeline in reversed(begun)]
    # Where a timeline branches off, its first segment goes on where the old one's last ends; only at the very end is the old one enough.
    found = next((name for name in names[: None if number == newest else 1] if name in there), None)
    if found is None:
        raise Damaged(f"the WAL archive has a hole: {names[0]} is missing, and it goes on to {max(there, key=lambda each: each[8:])}")
    return found


def _branches(start: Start, archive: Archive) -> tuple[list[tuple[int, int]], list[str]]:
    """(timeline, position from which it counts), oldest first, up to the newest that descends from the base backup."""
    known = {int(name[:8], 16) for name in archive.files}
    newer = sorted((timeline for timeline in known if timeline > start.timeline), reverse=True)
    notes: list[str] = []
    for timeline in newer:
        if history_name(timeline) not in archive.files:
            raise Damaged(f"the WAL archive holds segments of timeline {timeline}, and {history_name(timeline)} is missing")
        parents = _parents(archive.history(timeline), timeline)
        until = dict(parents).get(start.timeline)
        if until is not None and until >= start.position:
            since = [(start.timeline, 0)]
            for (_, switch), (child, _) in zip(parents, [*parents[1:], (timeline, 0)], strict=True):
                since += [(child, switch)] if child > start.timeline else []
            return since, notes
        notes.append(f"timeline {timeline} branched off before the base backup and is left aside")
    return [(start.timeline, 0)], notes


def _parents(history: str, timeline: int) -> list[tuple[int, int]]:
    """(timeline, position at which it was left), oldest first."""
    parents = []
    for line in history.splitlines():
        words = line.partition("#")[0].split(maxsplit=2)
        try:
            if words:
                parents.append((int(words[0]), position(words[1])))
        except (ValueError, IndexError):
            raise Damaged(f"{history_name(timeline)} in the WAL archive is broken: {cut(line, 80)}") from None
    if not parents or [each for each, _ in parents] != sorted({each for each, _ in parents}) or parents[-1][0] >= timeline:
        raise Damaged(f"{history_name(timeline)} in the WAL archive does not say from which timeline it branched off")
    return parents
