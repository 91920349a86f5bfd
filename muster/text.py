"""Values on their way to a person: control characters made visible, long texts cut, times as people say them."""

import textwrap
import time
import unicodedata

from muster.scrubber import scrub

_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Unicode categories that a terminal acts on or a reader cannot see: controls, bidi marks, surrogates, line separators."""


def plain(text: str) -> str:
    """The text in one line, every character that a terminal or an XML parser would act on as an escape."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(each) if unicodedata.category(each) in _HIDDEN else each for each in text)


def _escaped(character: str) -> str:
    if character in _NAMED:
        return _NAMED[character]
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def legible(text: str) -> str:
    """`plain`, line by line."""
    return "\n".join(map(plain, text.split("\n")))


def cut(text: str, most: int) -> str:
    """`plain` text of at most `most` characters; what was left out is said. Half a secret would not be recognised later: see `scrub`."""
    shown = plain(scrub(text))
    if len(shown) <= most:
        return shown
    note = f"... ({len(shown)} characters)"
    return shown[: max(0, most - len(note))] + note


def count(number: int, noun: str, plural: str = "") -> str:
    """`1 check`, `3 checks`."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def moment(at: float) -> str:
    """A Unix time as `2026-11-20 16:29 UTC`."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(at))


def span(seconds: float) -> str:
    """A length of time in its largest fitting unit: `1.9 s`, `12 min`, `3 h`, `4 days`."""
    for size, unit in ((172800, 86400), (5400, 3600), (120, 60)):
        if seconds >= size:
            name = {86400: "days", 3600: "h", 60: "min"}[unit]
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.1f} s"


def fold(text: str, width: int, indent: str = "", more: str = "  ") -> list[str]:
    """The text in lines of at most `width`, for narrow terminals; lines after the first stand further in by `more`."""
    return textwrap.wrap(
        cut(text, 900), width=max(width, 30), initial_indent=indent, subsequent_indent=indent + more,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
