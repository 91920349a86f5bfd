"""What every last writer calls before bytes leave the process: no loaded secret is among them, in any of its encodings.

`learn` when a secret is read; `scrub` for text; `scrubbed` for data and dataclasses, before they are cut or encoded; `dumps`
for a line of JSON; `Stream` for text that comes in chunks. A text without a hit costs one substring search for each form.
"""

import json
import re
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import Any

from muster.encodings import code_pattern, codes, parts, pattern, spellings

MARK = "***"
"""What stands in place of a secret. Shorter than any secret that is taken, so that no mark can hold one."""
SHORTEST = 4
"""Characters of the shortest secret that is taken: replacing shorter ones would shred ordinary text (docs/decisions/0009)."""

HALF = 8
"""Characters of the shortest part of a secret that is replaced where a text was cut in its middle."""


class _Known:
    """All secrets and their parts, and what makes looking for them cheap."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self.seeds: dict[str, list[str]] = defaultdict(list)
        self.starts: dict[str, list[str]] = defaultdict(list)
        self.ends: dict[str, list[str]] = defaultdict(list)
        values = {part for each in secrets for part in parts(each) if len(part) >= SHORTEST}
        spelled = {each for value in values for each in spellings(value)}
        self.longest = max(map(len, spelled), default=0)
        for value in values:
            self.seeds[_seed(value)].append(pattern(value))
            for code in codes(value):
                self.seeds[_seed(code, also="%")].append(code_pattern(code))
        for each in spelled:
            self.starts[each[:SHORTEST]].append(each)
            self.ends[each[-SHORTEST:]].append(each)
        self.shortest = {each[:length] for each in self.starts for length in range(1, SHORTEST)}

    def suspects(self, text: str) -> list[str]:
        """Patterns that may match the text, or what it is decoded to: no escape changes letters and digits."""
        return [each for seed, patterns in self.seeds.items() if seed in text for each in patterns]

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where secrets are in the text."""
        if not any(seed in text for seed in self.seeds):  # nearly always
            return []
        return sorted({found.span() for each in self.suspects(text) for found in _compiled(each).finditer(text)})

    def beginning(self, text: str) -> int:
        """Where the longest end of the text starts that may be the beginning of a secret; the text's length when none does."""
        for start in range(max(0, len(text) - self.longest + 1), len(text) - SHORTEST + 1):
            alike = self.starts.get(text[start : start + SHORTEST])
            if alike and any(each.startswith(text[start:]) for each in alike):
                return start
        for start in range(max(0, len(text) - SHORTEST + 1), len(text)):
            if text[start:] in self.shortest:
                return start
        return len(text)

    def end(self, text: str) -> int:
        """Where the longest beginning of the text stops that may be the end of a secret; 0 when none does."""
        for stop in range(min(self.longest - 1, len(text)), SHORTEST - 1, -1):
            alike = self.ends.get(text[stop - SHORTEST : stop])
            if alike and any(each.endswith(text[:stop]) for each in alike):
                return stop
        return 0


_compiled = cache(re.compile)


def _seed(text: str, also: str = "") -> str:
    """What a text holds that holds this one, however it is escaped: its longest run of letters, digits and `also`."""
    return max(re.findall(f"[0-9A-Za-z{also}]+", text), key=len, default="")


_lock = threading.RLock()
_secrets: set[str] = set()
_known: _Known | None = _Known(())


def learn(value: str) -> str:
    """Remember a secret at the moment when it is read; the value, for the caller. Raises ValueError for one to three characters."""
    global _known  # noqa: PLW0603 - forgotten here, made again by the first text that comes
    if value and len(value) < SHORTEST:
        raise ValueError(f"a secret of fewer than {SHORTEST} characters cannot be kept out of a report")
    with _lock:
        if value and value not in _secrets:
            _secrets.add(value)
            _known = None
    return value


def _now() -> _Known:
    global _known  # noqa: PLW0603 - see `learn`
    known = _known
    if known is None:
        # Made without the lock: a trace of pytest, or a handler of a signal, may write while this runs, and come here again.
        with _lock:
            secrets = tuple(_secrets)
        known = _Known(secrets)
        with _lock:
            if len(_secrets) == len(secrets):
                _known = known
    return known


def suspected(text: str) -> bool:
    """Whether a secret may be in a text, or in what it is decoded to."""
    return bool(_now().suspects(text))


def scrub(text: str) -> str:
    """The text with every known secret replaced. Overlapping hits become one mark; nothing else changes."""
    while spans := _now().spans(text):
        text = _marked(text, spans)  # shorter each time; a mark may complete what looks like another secret
    return _without_halves(text) if "..." in text and _secrets else text


def head(text: str, most: int) -> str:
    """The first `most` characters. Half a secret would not be recognised later, so a text that is cut is scrubbed before."""
    return text if len(text) <= most else scrub(text)[:most]


def _without_halves(text: str) -> str:
    """The text without halves of secrets beside dots: pytest and others leave out the middle, or the end, of what is long."""
    known, pieces = _now(), text.split("...")
    for number, piece in enumerate(pieces):
        start = known.end(piece) if number else 0
        stop = known.beginning(piece) if number < len(pieces) - 1 else len(piece)
        start, stop = start if start >= HALF else 0, stop if len(piece) - stop >= HALF else len(piece)
        pieces[number] = (MARK if start else "") + piece[start:stop] + (MARK if stop < len(piece) else "")
    return "...".join(pieces)


def _marked(text: str, spans: list[tuple[int, int]]) -> str:
    made, end = [], 0
    for start, stop in spans:
        if start >= end:
            made += [text[end:start], MARK]
        end = max(end, stop)
    return "".join([*made, text[end:]])


def scrubbed(value: Any) -> Any:
    """Plain data or a dataclass, its texts scrubbed, keys included. Numbers and the structure stay as they are."""
    return _scrubbed(value) if _now().suspects(repr(value)) else value


def _scrubbed(value: Any) -> Any:
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, dict):
        made: dict[Any, Any] = {}
        for key, each in value.items():
            name = _scrubbed(key)
            while name in made:  # two keys that were secrets are still two
                name += MARK
            made[name] = _scrubbed(each)
        return made
    if isinstance(value, (list, tuple)):
        return type(value)(map(_scrubbed, value))
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{each.name: _scrubbed(getattr(value, each.name)) for each in fields(value)})
    return value


def dumps(data: Any, **options: Any) -> str:
    """JSON, its texts scrubbed before they are encoded, so that the result is JSON again."""
    options = {"ensure_ascii": False, **options}
    text = json.dumps(data, **options)
    return json.dumps(scrubbed(data), **options) if _now().suspects(text) else text


class Stream:
    """Scrubs text on its way to `write`, also a secret that comes in pieces: an end that may begin one waits for what follows."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write, self._held, self._lock = write, "", threading.RLock()

    def write(self, text: str) -> int:
        """Pass the text on, apart from an end that could be the beginning of a secret."""
        with self._lock:
            clean = scrub(self._held + text)
            keep = _now().beginning(clean)
            self._held = clean[keep:]
            if keep:
                self._write(clean[:keep])
        return len(text)

    def release(self) -> None:
        """Pass on what is held back: nothing follows any more."""
        with self._lock:
            held, self._held = self._held, ""
            if held:
                self._write(held)
