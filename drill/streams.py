"""Decompression on the way: gzip, zstd or nothing, in chunks of a bounded size, counted and hashed in the same pass.

Nothing here keeps more than a few chunks, also when a small archive unpacks to very much. A stream says at its end whether
it was whole: the checksums inside gzip and zstd, the end of the last member or frame, and the checksum that was handed over.
"""

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from typing import IO, Literal, cast

from drill.errors import Damaged

Compression = Literal["gzip", "zstd"]

SMALLEST = 256 * 1024
LARGEST = 1024 * 1024
"""Between these sizes, or little above, lies what is handed on; only the last chunk may be smaller."""
_SLICE = 64 * 1024
_GZIP_WITH_HEADER = 31
"""What zlib calls its window of 32 KiB in a gzip member, whose checksum and length it compares."""
_MARK = b"\x00the end of all frames"


class Stream:
    """The decompressed bytes of an artefact. Iterate once; `read`, `produced` and `sha256` grow meanwhile."""

    def __init__(self, chunks: Iterable[bytes], compression: Compression | None, *, sha256: str = "") -> None:
        """`sha256` is what the compressed bytes must hash to, where the source knows. Time-outs of the source are its own."""
        self.read = 0
        """Bytes that came from the source."""
        self.produced = 0
        """Bytes that they were unpacked to."""
        self.ended = False
        """Whether all of it was read, and found whole."""
        self._chunks = chunks
        self._compression = compression
        self._expected = sha256.lower()
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """Of the bytes that were read so far."""
        return self._digest.hexdigest()

    def __iter__(self) -> Iterator[bytes]:
        """Raises Damaged where the artefact is, at the latest at its end."""
        raw = self._counted()
        unpacked = {"gzip": self._gunzipped, "zstd": self._unzstd}[self._compression](raw) if self._compression else _sliced(raw)
        for chunk in _gathered(unpacked):
            self.produced += len(chunk)
            yield chunk
        self._judge()
        self.ended = True

    def _counted(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.read += len(chunk)
            self._digest.update(chunk)
            yield chunk

    def _judge(self) -> None:
        if not self.read:
            raise Damaged("the artefact is empty: 0 bytes")
        if self._expected and self.sha256 != self._expected:
            raise Damaged(f"the sha256 of the {self.read} bytes that were read is {self.sha256}, expected is {self._expected}")

    def _gunzipped(self, raw: Iterable[bytes]) -> Iterator[bytes]:
        """The content of all members; a gzip file may have several."""
        member, members = None, 0
        for piece in _sliced(raw, _SLICE):
            rest, unpacked = piece, b""
            while rest or (member and len(unpacked) == LARGEST):
                if member is None:
                    member, members = zlib.decompressobj(_GZIP_WITH_HEADER), members + 1
                try:
                    unpacked = member.decompress(rest, LARGEST)
                except zlib.error as error:
                    raise Damaged(self._why_no_gzip(members, str(error))) from None
                rest = member.unconsumed_tail
                if member.eof:
                    rest, member = member.unused_data, None
                if unpacked:
                    yield unpacked
        if member is not None:
            raise Damaged(f"the gzip stream is cut off: it ends after {self.read} bytes, in the middle")

    def _why_no_gzip(self, members: int, said: str) -> str:
        if "incorrect header check" not in said:
            return f"the gzip stream is damaged before byte {self.read} ({said.rpartition(': ')[2]})"
        return f"bytes that are no gzip follow its end before byte {self.read}" if members > 1 else "this is no gzip stream"

    def _unzstd(self, raw: Iterable[bytes]) -> Iterator[bytes]:
        """The content of all frames.

        The reader takes the end of its source for the end of the archive, wherever it comes. So a frame of our own is put
        behind the last: what is cut off swallows it, or trips over it.
        """
        import zstandard

        source = _Source(raw, zstandard.ZstdCompressor().compress(_MARK))
        reader = zstandard.ZstdDecompressor().stream_reader(cast("IO[bytes]", source), read_size=_SLICE, read_across_frames=True)
        held = b""
        try:
            while unpacked := reader.read(LARGEST):
                held += unpacked
                yield held[: -len(_MARK)]
                held = held[-len(_MARK) :]
        except zstandard.ZstdError as error:
            raise Damaged(self._why_no_zstd(source, str(error))) from None
        if held != _MARK:
            raise Damaged(self._why_no_zstd(source, "cut off"))

    def _why_no_zstd(self, source: "_Source", said: str) -> str:
        if source.exhausted:
            return f"the zstd stream is cut off, or followed by something else: nothing whole ends after its {self.read} bytes"
        return f"the zstd stream is damaged before byte {self.read} ({said.rpartition(': ')[2]})"


class _Source:
    """What zstandard reads from: the chunks, then `last`."""

    def __init__(self, chunks: Iterable[bytes], last: bytes) -> None:
        self._pieces = _sliced(chunks, _SLICE)
        self._last = last
        self.exhausted = False

    def read(self, _: int) -> bytes:
        """At most `_SLICE` bytes; the reader asks for as many."""
        if piece := next(self._pieces, b""):
            return piece
        # Byte by byte: libzstd decodes a whole frame that it gets at once by itself, also behind half a head of another.
        self.exhausted, byte, self._last = True, self._last[:1], self._last[1:]
        return byte


def _sliced(chunks: Iterable[bytes], size: int = LARGEST) -> Iterator[bytes]:
    """The same bytes in pieces of at most `size`; never an empty one."""
    for chunk in chunks:
        if len(chunk) <= size:
            if chunk:
                yield chunk
            continue
        for start in range(0, len(chunk), size):
            yield chunk[start : start + size]


def _gathered(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of at least `SMALLEST`, but for the last."""
    waiting: list[bytes] = []
    size = 0
    for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if size >= SMALLEST:
            yield b"".join(waiting)
            waiting, size = [], 0
    if size:
        yield b"".join(waiting)
