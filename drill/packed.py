"""What came from a backup's store, unpacked piece by piece: gzip, zstd or as it is, told by its first bytes."""

import zlib
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from drill.errors import Damaged
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
    whole = chain([head], source)
    if head.startswith(GZIP):
        return _each(whole, (lambda: zlib.decompressobj(wbits=31), zlib.error, 16384), what)
    if head.startswith(ZSTD):
        import zstandard

        return _each(whole, (zstandard.ZstdDecompressor(max_window_size=2**27).decompressobj, zstandard.ZstdError, 1024), what)
    return (piece for piece in whole if piece)


def _each(packed: Iterable[bytes], how: tuple[Callable[[], Any], type[Exception], int], what: str) -> Iterator[bytes]:
    """One compressed stream after the other. `how`: a new reader, its error, and the bytes it may be given at once.

    Few at once, because what they grow to is held in memory: 16 MiB of gzip, 32 MiB of zstd at the worst.
    """
    new, broken, step = how
    reader, begun = new(), False
    try:
        for arrived in packed:
            piece = arrived
            while piece := piece if begun else piece.lstrip(b"\0"):  # streams may be padded
                begun = True
                yield reader.decompress(piece[:step])
                piece = piece[step:]
                if reader.eof:
                    piece = reader.unused_data + piece
                    reader, begun = new(), False
    except broken as error:
        raise Damaged(f"{what} is broken: {plain(str(error))}") from None
    if begun:
        raise Damaged(f"{what} is cut short: its compressed stream has no end")
