"""The quicker Prometheus: the same program but for one constant in three places, or the program itself."""

from pathlib import Path

import pytest

from sandbox.binaries import prometheus
from sandbox.quicker import FIVE_SECONDS, FUNCTIONS, INSTEAD, quicker


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSTER_SANDBOX_PROMETHEUS", str(prometheus()))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_nothing_but_the_constant_changes() -> None:
    program = prometheus() / "prometheus"
    command = quicker(program)
    if command == [str(program)]:
        pytest.skip("this release or processor is one whose constant is not found")
    before, after = program.read_bytes(), Path(command[0]).read_bytes()
    assert len(before) == len(after)
    places, start = [], 0
    while (start := after.find(INSTEAD, start)) >= 0:
        if before[start : start + 8] == FIVE_SECONDS:
            places.append(start)
        start += 8
    assert len(places) == len(FUNCTIONS)
    restored = bytearray(after)
    for place in places:
        restored[place : place + 8] = FIVE_SECONDS
    assert bytes(restored) == before


@pytest.mark.parametrize("cut", [0, 100, 2_000_000], ids=["empty", "short", "no function table"])
def test_a_program_without_the_constant_is_used_as_it_is(tmp_path: Path, cut: int) -> None:
    program = tmp_path / "prometheus"
    with (prometheus() / "prometheus").open("rb") as whole:
        program.write_bytes(whole.read(cut))
    assert quicker(program) == [str(program)]
    assert quicker(program) == [str(program)]
