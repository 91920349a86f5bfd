"""What a base backup and its archive promise, without a recovery: where the log begins, that it has no hole, how new it is."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from drill.base_backup import LABEL, label_of
from drill.errors import Damaged
from drill.packed import unpacked
from drill.wal import HEADER, Archive, Start, chain, check_segment, position
from muster.text import cut

SMALLEST = 2**20
"""Bytes of a segment, at least; always a power of two."""


@dataclass(frozen=True, kw_only=True)
class Inspected:
    """A base backup from which a recovery can begin, and the log that leads on from it."""

    label: str
    begins: str
    """The segment that a recovery begins with."""
    newest: str
    newest_written: float
    """When the newest segment was archived, Unix seconds."""
    segments: int
    """From the first to the newest, without a hole."""
    timeline: int
    notes: list[str] = field(default_factory=list)


def inspect(base: Iterable[bytes], folder: Path) -> Inspected:
    """Look at the label of a base backup, which stands in front, and at the names in the archive `folder`.

    Raises Damaged for a hole, with the name of what is missing, and for a base backup without a label; CouldNotLook when the
    archive cannot be listed or read. What the backup brings of the log itself does not count.
    """
    text = label_of(unpacked(base, "the base backup"))
    archive = Archive(folder)
    found = LABEL.search(text)
    if found is None:
        raise Damaged("the base backup has no backup_label that says where its log begins")
    begins = found["segment"]
    if begins not in archive.segments:
        raise Damaged(f"the WAL archive lacks {begins}, with which the base backup begins")
    head = b""
    for piece in archive.content(begins):
        head += piece
        if len(head) >= HEADER.size:
            break
    if len(head) < HEADER.size:
        raise Damaged(f"{begins} in the WAL archive is truncated: {len(head)} bytes")
    *_, system, size, _ = HEADER.unpack(head[: HEADER.size])
    if size < SMALLEST or size & (size - 1):
        raise Damaged(f"{begins} in the WAL archive is no WAL segment")
    start = Start(int(begins[:8], 16), position(found["position"]), size, system)
    check_segment(begins, head[: HEADER.size], start)
    made = chain(start, archive)
    named = re.search(r"^LABEL: (.*)$", text, re.MULTILINE)
    return Inspected(
        label=cut(named[1], 100) if named else "",
        begins=begins,
        newest=made.newest,
        newest_written=made.newest_written,
        segments=len(made.segments),
        timeline=made.timeline,
        notes=made.notes,
    )
