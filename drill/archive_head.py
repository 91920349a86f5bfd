"""The head of an archive of pg_dump (custom and directory format): who wrote it, in which version, from which server.

It is read here and not by pg_restore, so that it is also told for archives that the pg_restore at hand is too old for.
"""

import io
from dataclasses import dataclass
from typing import IO

from drill.errors import Damaged

MAGIC = b"PGDMP"
_FORMATS = {1: "custom", 3: "tar", 5: "directory"}
_COMPRESSION_IS_NAMED = (1, 15)
_LONGEST = 10_000


@dataclass(frozen=True, kw_only=True)
class ArchiveHead:
    """What an archive says of itself."""

    version: str
    """Of the archive's form, such as `1.14`."""
    form: str
    """custom, directory or tar."""
    dumped_from: str
    dumped_by: str


def archive_head(beginning: bytes) -> ArchiveHead:
    """Of the first bytes of a custom archive, or of a directory's `toc.dat`. Raises Damaged when they are no archive."""
    if not beginning.startswith(MAGIC):
        raise Damaged("this is no archive of pg_dump" if beginning else "the archive is empty: 0 bytes")
    file = io.BytesIO(beginning)
    file.seek(len(MAGIC))
    try:
        return _head(file)
    except (EOFError, ValueError):
        raise Damaged("the archive is cut off in its head, or the head is damaged") from None


def _head(file: IO[bytes]) -> ArchiveHead:
    major, minor, _, size, _, form = _bytes(file, 6)
    named = (major, minor) >= _COMPRESSION_IS_NAMED
    _ = _bytes(file, 1) if named else _integer(file, size)  # how it is compressed
    for _ in range(7):  # when it was made
        _integer(file, size)
    _, dumped_from, dumped_by = (_text(file, size) for _ in range(3))
    return ArchiveHead(version=f"{major}.{minor}", form=_FORMATS.get(form, f"format {form}"), dumped_from=dumped_from, dumped_by=dumped_by)


def _bytes(file: IO[bytes], size: int) -> bytes:
    read = file.read(size)
    if len(read) < size:
        raise EOFError
    return read


def _integer(file: IO[bytes], size: int) -> int:
    sign, *digits = _bytes(file, 1 + size)
    value = int.from_bytes(bytes(digits), "little")
    return -value if sign else value


def _text(file: IO[bytes], size: int) -> str:
    length = _integer(file, size)
    if length > _LONGEST:
        raise ValueError
    return _bytes(file, length).decode(errors="replace") if length > 0 else ""
