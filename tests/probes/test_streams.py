"""Archives are read to their ends in constant memory, and whatever is wrong with one is said."""

import bz2
import gzip
import lzma
import tracemalloc

import pytest
import zstandard

from fixtures.streams import PIECE, Broken, Ending, unpacked

TEXT = b"".join(b"%d\trow of a dump\n" % number for number in range(60_000)) + b"-- PostgreSQL database dump complete\n\n"
PACK = {
    "gzip": lambda data: gzip.compress(data, 1),
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
    "xz": lambda data: lzma.compress(data, preset=0),
    "bzip2": bz2.compress,
}
KINDS = list(PACK)


def pieces(data, size=1000):
    return (data[start : start + size] for start in range(0, len(data), size))


@pytest.mark.parametrize("size", [1, 1000, 10**7])
@pytest.mark.parametrize("kind", KINDS)
def test_what_was_packed_comes_out(kind, size):
    text = TEXT[-2000:] if size == 1 else TEXT

    assert b"".join(unpacked(pieces(PACK[kind](text), size), kind)) == text


def test_what_is_not_packed_comes_as_it_is():
    assert b"".join(unpacked(pieces(TEXT), None)) == TEXT


@pytest.mark.parametrize("size", [7, 1000, 10**7])
@pytest.mark.parametrize("kind", KINDS)
def test_members_are_joined(kind, size):
    assert b"".join(unpacked(pieces(PACK[kind](b"one") + PACK[kind](TEXT[:5000]) + PACK[kind](b""), size), kind)) == b"one" + TEXT[:5000]


@pytest.mark.parametrize("kind", KINDS)
def test_large_members_are_joined_too(kind):
    assert b"".join(unpacked([PACK[kind](TEXT) * 3], kind)) == TEXT * 3


@pytest.mark.parametrize("lost", [1, 4, 1000])
@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_that_breaks_off_is_broken(kind, lost):
    with pytest.raises(Broken, match="unexpected end of file"):
        list(unpacked(pieces(PACK[kind](TEXT)[:-lost]), kind))


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_at_all_is_no_archive(kind):
    with pytest.raises(Broken, match="not a byte"):
        list(unpacked(iter(()), kind))


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_archive_is_said_to_be_none(kind):
    with pytest.raises(Broken, match=f"not in {kind} format"):
        list(unpacked(pieces(b"<html>Sign in</html>" * 100), kind))


@pytest.mark.parametrize("kind", KINDS)
def test_one_changed_bit_is_noticed(kind):
    packed = bytearray(PACK[kind](TEXT))
    packed[len(packed) // 2] ^= 4

    with pytest.raises(Broken):
        list(unpacked(pieces(bytes(packed)), kind))


@pytest.mark.parametrize("kind", KINDS)
def test_something_behind_the_archive_is_noticed(kind):
    with pytest.raises(Broken):
        list(unpacked(pieces(PACK[kind](TEXT) + b"\x01\x02 no member, but some words"), kind))


@pytest.mark.parametrize("kind", KINDS)
def test_a_bomb_comes_out_in_pieces_of_a_bounded_size(kind):
    packed = PACK[kind](bytes(2**27))
    tracemalloc.start()
    try:
        largest = max(len(piece) for piece in unpacked([packed], kind))
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert largest <= 2**24 + PIECE
    assert most < 2**25 + 2**22


def test_the_marker_counts_in_the_last_lines_only():
    ending = Ending()
    for piece in pieces(TEXT, 3):
        ending.add(piece)

    assert ending.size == len(TEXT)
    assert ending.holds("PostgreSQL database dump complete")
    assert not ending.holds("0\trow of a dump ")
    for _ in range(10):
        ending.add(b"another line\n\n")
    assert not ending.holds("PostgreSQL database dump complete")
