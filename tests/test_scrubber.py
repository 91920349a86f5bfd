"""Whatever the secret and however it is written, split or nested, it does not come through; what is no secret does."""

import json
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muster import scrubber
from muster.probes import CouldNotLook
from muster.secrets import SecretRef, learned_header
from muster.text import cut
from tests.canaries.canary import PLAIN, UGLY, hits, shapes

PEM = (
    "-----BEGIN PRIVATE KEY-----\n"
    + "\n".join(f"MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBK{each}cwggSjAgEAA" for each in "abc")
    + "\n-----END PRIVATE KEY-----"
)
secrets = st.text(st.sampled_from("abcXYZ019\"'\\\n\t @/:%+=&<>#?{}$é✓🔑 ") | st.characters(codec="utf-8"), min_size=4, max_size=40).filter(
    lambda each: len(each.strip()) >= 4
)


@pytest.fixture(autouse=True)
def _knows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scrubber, "_secrets", set())
    monkeypatch.setattr(scrubber, "_known", None)


def only(secret: str) -> None:
    """Know this secret alone."""
    scrubber._secrets.clear()
    scrubber._known = None
    scrubber.learn(secret)


def streamed(text: str, borders: list[int]) -> str:
    """The text, written in pieces."""
    said: list[str] = []
    stream, places = scrubber.Stream(said.append), sorted({0, len(text), *(each % (len(text) + 1) for each in borders)})
    for start, stop in pairwise(places):
        stream.write(text[start:stop])
    stream.release()
    return "".join(said)


@settings(deadline=None, max_examples=300)
@given(secret=secrets, before=st.text(max_size=5), after=st.text(max_size=5))
def test_no_shape_of_any_secret_comes_through(secret: str, before: str, after: str) -> None:
    only(secret)
    for name, text in shapes(secret).items():
        if not name.startswith("base64"):
            assert text not in scrubber.scrub(f"{before}{text}{after}"), name


@settings(deadline=None, max_examples=200)
@given(secret=secrets, borders=st.lists(st.integers(0, 500), max_size=12))
def test_a_secret_that_is_written_in_pieces_does_not_come_through(secret: str, borders: list[int]) -> None:
    only(secret)
    for name in ("raw", "quoted", "in JSON", "repr", "hex"):
        text = shapes(secret)[name]
        assert text not in streamed(f"see {text} and {text}.", borders), name


@settings(deadline=None, max_examples=200)
@given(text=st.text(), borders=st.lists(st.integers(0, 500), max_size=12))
def test_text_without_a_secret_stays_as_it_is(text: str, borders: list[int]) -> None:
    only(PLAIN)
    scrubber.learn(UGLY)
    scrubber.learn(PEM)
    assert scrubber.scrub(text) == text
    assert streamed(text, borders) == text


@pytest.mark.parametrize("secret", [PLAIN, UGLY, PEM])
def test_nothing_of_a_secret_stays_in_any_shape_however_deep(secret: str) -> None:
    only(secret)
    for name, text in shapes(secret).items():
        for again in (text, json.dumps(text), repr(text), repr(json.dumps(json.dumps(text))), repr(repr(repr(text)))):
            assert hits(scrubber.scrub(f"a {again} b"), secret) == [], name


def test_base64_is_found_at_every_alignment() -> None:
    only(PLAIN)
    for shape in ("base64", "base64 after one byte", "base64 after two bytes", "base64 for addresses"):
        assert hits(scrubber.scrub(shapes(PLAIN)[shape]), PLAIN) == []


def test_every_line_of_a_key_is_a_secret_and_its_frame_is_none() -> None:
    only(PEM)
    for line in PEM.splitlines()[1:-1]:
        assert scrubber.scrub(f"line {line} ") == "line *** "
    assert scrubber.scrub("-----BEGIN PRIVATE KEY-----") == "-----BEGIN PRIVATE KEY-----"


def test_the_tail_behind_an_at_sign_is_a_secret_too() -> None:
    only("hunter2@Tail-of-it")
    text = 'could not translate host name "Tail-of-it@db" to address; no host tail-of-it'
    assert scrubber.scrub(text) == 'could not translate host name "***@db" to address; no host ***'


def test_overlapping_secrets_leave_nothing_of_either() -> None:
    scrubber.learn("abcdefgh")
    scrubber.learn("efghijkl")
    assert scrubber.scrub("abcdefghijkl") == "***"


def test_a_mark_never_completes_another_secret() -> None:
    scrubber.learn("hunter2")
    scrubber.learn("x***y")
    assert scrubber.scrub("xhunter2y") == "***"


def test_half_a_secret_beside_dots_does_not_come_through() -> None:
    only(PLAIN)
    assert scrubber.scrub(f"'{PLAIN[:12]}...{PLAIN[12:]}'") == "'***...***'"
    assert scrubber.scrub("looking ... 3 done") == "looking ... 3 done"


def test_a_text_that_is_cut_shows_no_half_of_a_secret() -> None:
    only(PLAIN)
    assert hits(cut(f"{'x' * 50}{PLAIN}{'y' * 50}", 85), PLAIN) == []
    assert hits(scrubber.head(f"{'x' * 50}{PLAIN}{'y' * 50}", 60), PLAIN) == []
    assert scrubber.head("short", 60) == "short"


@dataclass(frozen=True)
class Row:
    text: str
    number: float
    more: tuple[str, ...] = ()


def test_data_keeps_its_structure_and_its_numbers() -> None:
    scrubber.learn("12345678")
    scrubber.learn("nfoo")
    data: dict[str, Any] = {"at": 12345678, "12345678": [1.5, None, True, "is 12345678"], "12345678x": "\nfoo", "escaped": "a\nfoo"}
    assert json.loads(scrubber.dumps(data)) == {"at": 12345678, "***": [1.5, None, True, "is ***"], "***x": "\nfoo", "escaped": "a\nfoo"}
    assert scrubber.scrubbed(Row("is 12345678", 12345678.0, ("12345678",))) == Row("is ***", 12345678.0, ("***",))


def test_two_keys_that_are_secrets_stay_two() -> None:
    scrubber.learn("alpha-secret")
    scrubber.learn("gamma-secret")
    assert scrubber.scrubbed({"alpha-secret": 1, "gamma-secret": 2}) == {"***": 1, "******": 2}


@pytest.mark.parametrize("short", ["a", "pw", "abc", "é✓"])
def test_a_secret_too_short_to_hide_is_not_used(short: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSTER_TEST_SHORT", short)
    with pytest.raises(CouldNotLook) as caught:
        SecretRef("env:MUSTER_TEST_SHORT").resolve()
    assert caught.value.reason == "env:MUSTER_TEST_SHORT is not used: a secret of fewer than 4 characters cannot be kept out of a report"


def test_a_secret_is_known_from_the_moment_when_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSTER_TEST_SECRET", PLAIN)
    assert scrubber.scrub(PLAIN) == PLAIN
    SecretRef("env:MUSTER_TEST_SECRET").resolve()
    assert scrubber.scrub(PLAIN) == "***"


def test_a_header_is_known_with_and_without_its_scheme() -> None:
    learned_header(f"Bearer {PLAIN}", "env:TOKEN")
    learned_header("session=cookie-value-1; theme=dark", "env:COOKIE")
    assert scrubber.scrub(f"{PLAIN} cookie-value-1") == "*** ***"
