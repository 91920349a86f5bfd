"""Decompression on the way: whatever is wrong with an artefact is said, and what is right comes out the same, however it is cut."""

import gzip
import hashlib
import zlib

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from drill.errors import Damaged
from drill.streams import LARGEST, SMALLEST, Stream

TEXT = b"".join(b"%d\tsome text\n" % n for n in range(300_000))
PACK = {"gzip": lambda text: gzip.compress(text, 1), "zstd": zstandard.ZstdCompressor(write_checksum=True).compress, None: bytes}
PACKED = {how: pack(TEXT) for how, pack in PACK.items()}
HOW = pytest.mark.parametrize("how", PACK)
PACKERS = pytest.mark.parametrize("how", ["gzip", "zstd"])


def cut(content, size):
    return [content[at : at + size] for at in range(0, len(content), size)]


@HOW
@pytest.mark.parametrize("size", [1000, 65536, 10_000_000])
def test_what_comes_out_is_what_went_in(how, size):
    stream = Stream(cut(PACKED[how], size), how, sha256=hashlib.sha256(PACKED[how]).hexdigest())

    chunks = list(stream)

    assert b"".join(chunks) == TEXT
    assert (stream.read, stream.produced, stream.ended) == (len(PACKED[how]), len(TEXT), True)
    assert stream.sha256 == hashlib.sha256(PACKED[how]).hexdigest()
    assert all(SMALLEST <= len(chunk) <= LARGEST + SMALLEST for chunk in chunks[:-1])


@HOW
def test_nothing_at_all_is_damaged(how):
    for chunks in ([], [b""], [b"", b""]):
        with pytest.raises(Damaged, match="0 bytes"):
            list(Stream(chunks, how))


@PACKERS
def test_an_archive_of_nothing_is_whole_and_empty(how):
    stream = Stream([PACK[how](b"")], how)

    assert list(stream) == []
    assert stream.read >= 9
    assert stream.produced == 0


@PACKERS
def test_several_members_are_one_content(how):
    assert b"".join(Stream(cut(PACK[how](b"one,") + PACK[how](b"") + PACK[how](b"two"), 3), how)) == b"one,two"


@PACKERS
@pytest.mark.parametrize("rubbish", [b"x", b"rubbish after the end", b"\0", b"\0" * 512, b"\x1f\x8b", b"\x28\xb5\x2f\xfd"])
def test_what_follows_the_end_is_damage(how, rubbish):
    with pytest.raises(Damaged, match=how):
        list(Stream([PACKED[how] + rubbish], how))


@PACKERS
@settings(deadline=None)
@given(st.data())
def test_every_cut_is_damage(how, data):
    packed = PACK[how](b"a text that is not long, " * 20)
    at = data.draw(st.integers(1, len(packed) - 1))

    with pytest.raises(Damaged, match=how):
        list(Stream(cut(packed[:at], data.draw(st.integers(1, 50))), how))


@PACKERS
def test_a_changed_byte_is_damage(how):
    for place in (len(PACKED[how]) // 3, len(PACKED[how]) - 6):
        changed = bytearray(PACKED[how])
        changed[place] ^= 0x55
        with pytest.raises(Damaged, match=how):
            list(Stream([bytes(changed)], how))


@PACKERS
def test_what_is_something_else_is_damaged(how):
    with pytest.raises(Damaged, match=how):
        list(Stream([b"SELECT 1;\n" * 100], how))


@HOW
def test_another_checksum_is_damage(how):
    stream = Stream([PACKED[how]], how, sha256="0" * 64)

    with pytest.raises(Damaged, match=f"{'0' * 64}"):
        list(stream)
    assert not stream.ended


@PACKERS
def test_a_little_that_unpacks_to_much_comes_in_small_pieces(how):
    much = PACK[how](bytes(200 * 2**20))

    assert max(len(chunk) for chunk in Stream([much], how)) <= LARGEST + SMALLEST
    assert len(much) < 2**20


def test_flush_points_and_other_levels_make_no_difference():
    packer = zlib.compressobj(9, wbits=31)
    packed = packer.compress(b"one") + packer.flush(zlib.Z_FULL_FLUSH) + packer.compress(b"two") + packer.flush()

    assert b"".join(Stream(cut(packed, 1), "gzip")) == b"onetwo"
