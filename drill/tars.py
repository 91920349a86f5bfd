"""A tar read forwards, as the hostile input that it is: nothing large is held, and its end is told from a cut."""

import tarfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO, cast

from drill.errors import Damaged
from drill.packed import PIECE
from muster.probes import CouldNotLook
from muster.text import cut

LARGEST_HEADER = 64 * 1024
"""Bytes of a long name or of extended attributes, which tarfile holds in memory."""
HELD = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
END = 1024
"""Bytes of zero with which a tar ends, at least."""


def members(chunks: Iterable[bytes], what: str, ends: float = float("inf")) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    """The members of the tar `what`, each with its content when it is a file, which has to be read before the next.

    Raises Damaged when it is cut short or broken, and CouldNotLook at `ends` (monotonic).
    """
    stream = _Stream(chunks, what, ends)
    with whole(what), tarfile.open(None, "r|", cast("IO[bytes]", stream), PIECE, tarinfo=_Member) as tar:
        for member in tar:
            yield member, tar.extractfile(member) if member.isreg() else None
        stream.check_end(tar.offset)


@contextmanager
def whole(what: str) -> Iterator[None]:
    """Where the content of a member is read: raises Damaged when it is cut short."""
    try:
        yield
    except (tarfile.TarError, ValueError, OverflowError, EOFError) as error:
        raise Damaged(f"{what} is no whole tar: {cut(str(error), 200)}") from None


class _Member(tarfile.TarInfo):
    """A member of which nothing large is held in memory."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> "_Member":
        made = super().frombuf(buf, encoding, errors)
        if made.size < 0 or (made.type in HELD and made.size > LARGEST_HEADER):
            raise tarfile.ReadError("a header of impossible size")
        return made


class _Stream:
    """Chunks as a file that tarfile reads forwards, and whether they ended as a tar ends."""

    def __init__(self, chunks: Iterable[bytes], what: str, ends: float) -> None:
        self._what = what
        self._chunks: Iterator[bytes] = iter(chunks)
        self._rest = b""
        self._ends = ends
        self._tail = b""
        self._total = 0

    def read(self, size: int) -> bytes:
        parts, missing = [self._rest[:size]], size - len(self._rest[:size])
        self._rest = self._rest[size:]
        while missing and (chunk := next(self._chunks, None)) is not None:
            if time.monotonic() > self._ends:
                raise CouldNotLook(f"gave up at the deadline: {self._what} was not read to its end", cause="drill deadline")
            parts.append(chunk[:missing])
            self._rest = chunk[missing:]
            missing -= len(parts[-1])
        read = b"".join(parts)
        self._tail = (self._tail + read)[-2 * PIECE :]
        self._total += len(read)
        return read

    def check_end(self, offset: int) -> None:
        """Read to the end, so that checksums are compared; raises tarfile.ReadError unless empty blocks follow the last member.

        tarfile itself takes a broken header, and the end of the stream between two members, for the end of the tar.
        """
        rest = self._tail[-(self._total - offset) :] if self._total > offset else b""
        empty, length = not rest.strip(b"\0"), len(rest)
        while more := self.read(PIECE):
            empty, length = empty and not more.strip(b"\0"), length + len(more)
        if not empty:
            raise tarfile.ReadError(f"a broken header at byte {offset}")
        if length < END:
            raise tarfile.ReadError("it is cut short: there is no end marker")
