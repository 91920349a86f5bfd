"""The stream counter gives the same answer however the stream is cut, in constant memory, for every log shape we know."""

import io
import itertools
import tracemalloc

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from stringzilla import count, find

from fixtures.logs.levels import RANKS, level_of, trace
from fixtures.logs.lines import BLOCK, LONGEST, Cutter
from fixtures.logs.tally import SIGNATURES, Tally, Wanted, masked, signature
from muster.amounts import Pattern

LEVELS = {
    b'{"level":50,"time":1,"msg":"boom"}': "error",
    b'{"level":30,"time":1,"msg":"ERROR is only in the text"}': "info",
    b'{"level":60,"msg":"dead"}': "fatal",
    b'{"level": 50, "msg": "spaced"}': "error",
    b'{"msg":"x","level":"error"}': "error",
    b'{"severity":"ERROR","message":"x"}': "error",
    b'{"log.level":"error","message":"ecs"}': "error",
    b'{"log":{"level":"error"},"message":"ecs nested"}': "error",
    b'{"level":"info","context":{"level":"error"}}': "info",
    b'{"level":"info","text":"{\\"level\\":\\"error\\"}"}': "info",
    b'time="2026-11-20T10:00:00Z" level=error msg="boom"': "error",
    b'ts=1 msg="ERROR in the text" level=info': "info",
    b"level=info error=false errors=0": "info",
    b"2026-11-20 10:00:00,123 ERROR [main] c.e.App - boom": "error",
    b"2026-11-20 10:00:00,123 INFO  [main] c.e.App - no ERROR at all": "info",
    b"ERROR:root:boom": "error",
    b"E1120 10:00:00.123456       1 server.go:12] boom": "error",
    b"I1120 10:00:00.123456       1 server.go:12] fine": "info",
    b"2026/11/20 10:00:00 [error] 31#31: *1 connect() failed": "error",
    b"2026-11-20 10:00:00.123 UTC [123] FATAL:  too many clients already": "fatal",
    b"2026-11-20 10:00:00.123 UTC [123] LOG:  checkpoint complete, ERROR": "info",
    b"2026-11-20 10:00:00.123 UTC [123] STATEMENT:  select 'ERROR'": "info",
    b"error: cannot open": "error",
    b"Error: connect ECONNREFUSED 10.0.0.5:5432": "error",
    b"Uncaught TypeError: x is undefined": "error",
    b"requests.exceptions.ConnectionError: refused": "error",
    b"java.lang.IllegalStateException: closed": "error",
    b'Exception in thread "main" java.lang.OutOfMemoryError': "error",
    b"ErrorHandler: ready": None,
    b"the last Error: none": None,
    b'{"error_severity":"FATAL","message":"too many clients"}': "fatal",
    b"2026-11-20T10:00:00.123Z\terror\tcluster\tboom": "error",
    b"2026-11-20T10:00:00.123Z\tinfo\tno ERROR here": "info",
    b"0 errors, 0 warnings": None,
    b"12 requests, error=false": None,
    b"ERROR_CODE=0": None,
    b"": None,
}


@pytest.mark.parametrize(("line", "level"), LEVELS.items(), ids=range(len(LEVELS)))
def test_the_level_of_a_record_is_its_own_and_not_a_word_in_its_text(line: bytes, level: str | None) -> None:
    assert level_of(line) == (RANKS[level] if level else None)


def tallied(stream: bytes, wanted: Wanted, sizes: list[int]) -> Tally:
    tally = Tally(wanted)
    cutter = Cutter(tally.block, tally.long, wanted.contains)
    tally.begin()
    source, turns = io.BytesIO(stream), itertools.cycle(sizes)
    while cutter.read(lambda room: source.readinto(room[: next(turns)])):
        pass
    cutter.close()
    assert cutter.bytes == len(stream)
    return tally


pieces = st.sampled_from(
    [*LEVELS, b"pool exhausted", b"caf\xc3\xa9 \xff", b'{"id":"a","ms":12.5,"route":"/x"}', b"err", b"Error: x\n    at y"]
)
lines = st.lists(
    st.tuples(pieces, pieces, st.sampled_from([b"", b" "])).map(lambda parts: parts[0] + parts[2] + parts[1] if parts[2] else parts[0]),
    max_size=30,
)


@given(lines, st.lists(st.integers(1, 40), min_size=1, max_size=5), st.booleans())
@example([b"a", b"pool exhausted"], [1], False)
def test_every_cut_of_a_stream_gives_the_same_count(lines: list[bytes], sizes: list[int], ended: bool) -> None:
    stream = b"\n".join(lines) + (b"\n" if ended and lines else b"")
    whole = list(stream.split(b"\n"))
    whole = whole[:-1] if whole[-1] == b"" else whole
    cut = tallied(stream, Wanted(level=50), sizes)
    assert cut.records == len(whole)
    assert cut.matched == sum((level_of(line) or 0) >= 50 for line in whole)
    found = tallied(stream, Wanted(contains=(b"exhausted", b"boom")), sizes)
    assert found.matched == sum(b"exhausted" in line or b"boom" in line for line in whole)
    sought = tallied(stream, Wanted(matches=Pattern('^pool .*ed$|boom"')), sizes)
    assert sought.matched == sum(
        line == b"pool exhausted" or b'boom"' in line or (line.startswith(b"pool ") and line.endswith(b"ed")) for line in whole
    )


@given(st.text(st.sampled_from('{}":= [errorERRlvfatnic50]\t1:'), max_size=60), st.sampled_from([40, 50, 60]))
def test_the_fast_search_never_loses_a_record(text: str, rank: int) -> None:
    line = text.encode()
    tally = tallied(b"first\n" + line.replace(b"\n", b"") + b"\n", Wanted(level=rank), [1000])
    assert tally.matched == int((level_of(line) or 0) >= rank)


@pytest.mark.parametrize("rank", [20, 40, 50, 60])
def test_every_known_name_of_a_level_is_found_by_the_fast_search(rank: int) -> None:
    for name, own in RANKS.items():
        shapes = [f'{{"level":"{each}"}}' for each in (name, name.upper(), name.capitalize())] + [
            f"a=1 level={name}",
            f"x {name.upper()} y",
            f'level="{name}"',
        ]
        for shape in shapes:
            seen = level_of(shape.encode())
            assert not trace(rank) or f"\n{shape}\n" in Pattern(trace(rank)) or (seen or 0) < rank, (shape, own)


@pytest.mark.parametrize("length", [LONGEST - 1, LONGEST, LONGEST + 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 7])
@pytest.mark.parametrize("size", [1021, BLOCK, 10 * BLOCK])
def test_a_text_at_the_end_of_a_long_line_is_found_whatever_its_length(length: int, size: int) -> None:
    stream = b"short\n" + b"x" * length + b"pool exhausted\nlast pool exhausted"
    assert tallied(stream, Wanted(contains=(b"pool exhausted",)), [size]).matched == 2
    assert tallied(stream, Wanted(), [size]).records == 3


@pytest.mark.parametrize("wanted", [Wanted(contains=(b"pool exhausted", b"boom")), Wanted(matches=Pattern("^pool .*ed$|boom"))])
def test_a_stream_that_is_split_at_any_byte_has_the_same_count(wanted: Wanted) -> None:
    stream = b"pool exhausted\nfine\n\npool exhausted\nboom boom\npool exhauste\nd\npool exhausted"
    for at in range(1, len(stream)):
        assert tallied(stream, wanted, [at, len(stream)]).matched == 4


@pytest.mark.parametrize("before", [10, LONGEST, 3 * BLOCK])
def test_a_text_across_the_end_of_the_buffer_is_found(before: int) -> None:
    text = b"pool exhausted"
    for shift in range(len(text) + 2):
        line = b"x" * (BLOCK - before % BLOCK - 1 - shift) + text
        stream = b"y" * before + b"\n" + line + b"\n" + text
        assert tallied(stream, Wanted(contains=(text,)), [len(stream)]).matched == 2


def test_a_text_that_is_longer_than_the_buffer_is_found() -> None:
    text = b"x" * (2 * BLOCK)
    assert tallied(b"a\n" + b"y" * 7 + text + b"\n" + text[1:], Wanted(contains=(text,)), [BLOCK // 3]).matched == 1


@given(st.binary(max_size=40), st.binary(min_size=1, max_size=5), st.integers(0, 40), st.integers(0, 40))
@example(b"a\0ab", b"\0a", 0, 4)
def test_the_search_of_stringzilla_is_that_of_python(lines: bytes, text: bytes, start: int, end: int) -> None:
    end = min(end, len(lines))
    start = min(start, end)
    for sought in (text, lines[start : start + 3] or text):
        assert find(bytearray(lines), sought, start, end) == lines.find(sought, start, end)
    assert count(lines, text[:1]) == lines.count(text[:1])


@pytest.mark.parametrize("size", [997, BLOCK + 1])
def test_the_level_of_a_long_json_record_is_read_from_its_beginning(size: int) -> None:
    stream = b'{"level":50,"text":"' + b"x" * (5 * BLOCK) + b'"}\n{"level":30}\n'
    assert tallied(stream, Wanted(level=50), [size]).matched == 1


def test_a_line_of_any_length_takes_constant_memory() -> None:
    tally = Tally(Wanted(level=50, contains=(b"needle",)))
    cutter = Cutter(tally.block, tally.long, tally.wanted.contains)
    source = itertools.chain(itertools.repeat(b"ERROR " + b"y" * 60_000, 1000), [b"needle\n"], itertools.repeat(b""))

    def readinto(room: memoryview) -> int:
        piece = next(source)
        room[: len(piece)] = piece
        return len(piece)

    tracemalloc.start()
    while cutter.read(readinto):
        pass
    cutter.close()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (tally.records, tally.matched, tally.long_lines) == (1, 1, 1)
    assert peak < 4 * BLOCK


def test_records_that_differ_in_numbers_and_identifiers_have_one_signature() -> None:
    a = signature(b'{"level":50,"msg":"order 17 of 550e8400-e29b-41d4-a716-446655440000 failed after 12.5 ms"}')
    b = signature(b'{"level":50,"msg":"order 9004 of 6ba7b810-9dad-11d1-80b4-00c04fd430c8 failed after 3 ms"}')
    assert a == b == "order <n> of <uuid> failed after <n> ms"


def test_a_signature_holds_no_address_no_quoted_text_and_no_control_characters() -> None:
    shown = masked('login of jane.doe@example.org as "Jane Doe" failed \x1b[31m from 10.0.0.1')
    assert "jane" not in shown.lower()
    assert "\x1b" not in shown
    assert "10.0" not in shown


def test_a_frequent_signature_survives_a_flood_of_rare_ones() -> None:
    words = ["".join("abcdefghij"[int(digit)] for digit in str(number)) for number in range(5 * SIGNATURES)]
    stream = "".join(f"ERROR {word}\nERROR always the same\n" for word in words)
    tally = tallied(stream.encode(), Wanted(level=50), [5000])
    count, name = tally.top()
    assert name == "ERROR always the same"
    assert count >= 4 * SIGNATURES
    assert len(tally.signatures) <= SIGNATURES


def test_a_field_is_counted_in_all_records_and_not_only_in_those_that_match() -> None:
    stream = b'{"level":30,"correlationId":"a"}\n{"level":30,"correlationId":""}\n{"level":50}\nplain\n'
    tally = tallied(stream, Wanted(level=50, field="correlationId"), [10])
    assert (tally.records, tally.carrying, tally.matched) == (4, 1, 1)


def test_values_are_kept_apart_by_route_and_identifiers_in_routes_are_masked() -> None:
    stream = (
        b"".join(b'{"responseTimeMs":%d,"route":"/users/%d"}\n' % (n, n) for n in range(1, 101))
        + b'{"responseTimeMs":7,"route":"/health"}\n'
    )
    values = tallied(stream, Wanted(value="responseTimeMs", by="route"), [100]).values
    assert {route: (each.count, each.p95()) for route, each in values.items()} == {"/users/<n>": (100, 95.0), "/health": (1, 7.0)}


def test_a_stream_without_any_known_level_is_told_from_one_without_errors() -> None:
    assert not tallied(b"hello\nworld\n", Wanted(level=50), [100]).proven
    assert tallied(b"hello\nINFO world\n", Wanted(level=50), [100]).proven
    assert tallied(b'{"level":30,"text":"' + b"x" * (3 * BLOCK) + b'"}\n', Wanted(level=50), [5000]).proven
