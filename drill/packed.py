"""What came from a backup's store, unpacked piece by piece: gzip, zstd or as it is, told by its first bytes."""

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from drill.errors import Damaged
from fixtures import streams
from muster.kinds.hosts import Format
from muster.probes import CouldNotLook
from muster.text import plain

PIECE = 256 * 1024
"""Bytes that are held at once."""
GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


def pieces(file: Path) -> Iterator[bytes]:
    """The bytes of a file. Raises CouldNotLook when it cannot be read."""
    try:
        with file.open("rb") as opened:
            while piece := opened.read(PIECE):
                yield piece
    except OSError as error:
        raise CouldNotLook(f"cannot read {file}: {error.strerror}", cause=f"file {file.parent}") from error


def unpacked(packed: Iterable[bytes], what: str) -> Iterator[bytes]:
    """The content of `packed`. Raises Damaged, which names it as `what`, when it is cut short or broken."""
    source = iter(packed)
    head = b""
    while len(head) < len(ZSTD) and (piece := next(source, b"")):
        head += piece
    kind: Format | None = "gzip" if head.startswith(GZIP) else "zstd" if head.startswith(ZSTD) else None
    try:
        yield from streams.unpacked(chain([head], source), kind)
    except streams.Broken as error:
        raise Damaged(f"{what}: {plain(str(error))}") from None
