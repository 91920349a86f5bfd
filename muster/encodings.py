r"""The shapes in which a secret turns up in text: as it is, and as encoders, loggers, servers and parsers write it.

Escapes are a pattern: whatever a program does to a quote, a line break or an umlaut, and however often (a repr in JSON in a
log line), letters and digits of the secret stay as they are in between. Codes (base64, hex) are a list.
"""

import codecs
import html
import html.entities
import json
import re
from base64 import b64encode
from collections.abc import Iterator
from urllib.parse import quote, unquote, unquote_plus

_LINE = 8
"""Characters of the shortest line of a multi-line secret that is a secret by itself; PEM keys end in a short line of padding."""
_UTF_16 = codecs.lookup("utf-16-be")  # now: an import may write a trace, which is scrubbed
_LETTERS = {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f", "\v": "v", "\a": "a"}
"""What stands behind a backslash."""
_OTHERWISE = {
    " ": (r"\+",),  # in a form
    "'": (r"'\\*'", r"'\"'\"'", r"'\\+''"),  # in SQL and YAML, in a shell
    '"': (r'\\*"\\*"',),  # in CSV
    "%": ("%%",),
}


def parts(value: str) -> Iterator[str]:
    """The value; what it means percent-decoded; as one line; its lines; and both sides of an `@`, after which URLs have a host."""
    for each in (value, value.strip(), *((unquote(value), unquote_plus(value)) if "%" in value else ())):
        yield from (each, " ".join(each.split()))
        lines = [line.strip() for line in each.strip().splitlines()]
        yield from (line for line in lines if len(line) >= _LINE and not line.startswith("-----"))
        for at in re.finditer("@", each):
            yield from (each[: at.start()], each[at.end() :], each[at.end() :].lower())


def codes(value: str) -> Iterator[str]:
    """Base64, whatever stands before and after: of each alignment the characters that depend on the value alone. And hex."""
    data = value.encode("utf-8", "surrogatepass")
    for before in range(3):
        yield b64encode(bytes(before) + data).decode()[(0, 2, 3)[before] : (before + len(data)) * 8 // 6]
    yield from (data.hex(), data.hex().upper())
    yield from ("".join(f"%{byte:02X}" for byte in data), "".join(f"%{byte:02x}" for byte in data))


def pattern(value: str) -> str:
    """A regular expression for the value as it is and with escapes."""
    return "".join(_character(each) for each in value)


def code_pattern(code: str) -> str:
    """A regular expression for one of its `codes`; what is `+` and `/` in base64 differs in addresses."""
    return re.escape(code).replace("\\+", r"(?:\+|-|%2B)").replace("/", r"(?:\\*/|_|%2F)")


def spellings(value: str) -> Iterator[str]:
    """The value as the most usual programs write it: for what is split or cut, where a pattern has nothing to match."""
    yield value
    yield from (quote(value, safe=""), quote(value), html.escape(value), repr(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1])
    yield json.dumps(value)[1:-1]
    for code in codes(value):
        yield from (code, code.replace("+", "-").replace("/", "_"))


def _character(each: str) -> str:
    """A pattern of all ways to write one character: itself when no encoder touches it."""
    if each.isascii() and each.isalnum():
        return each
    number, data = ord(each), each.encode("utf-8", "surrogatepass")
    hexes = [f"{byte:02x}" for byte in data]
    escapes = [f"x{number:02x}", f"u{number:08x}", _units(each), r"\\+".join(f"x{byte}" for byte in hexes), *_LETTERS.get(each, ())]
    names = [name for name, meant in html.entities.html5.items() if meant == each and name.endswith(";")]
    references = [f"#0*{number};", f"#x0*{number:x};", *names]
    ways = [
        r"\\+" if each == "\\" else rf"\\*{re.escape(each)}",
        rf"\\+(?i:{'|'.join(escapes)})",
        f"(?i:{''.join(f'%(?:25)*{byte}' for byte in hexes)})",
        f"&(?:amp;)*(?i:{'|'.join(references)})",
        *_OTHERWISE.get(each, ()),
    ]
    if number > 127:
        ways.append("".join(re.escape(chr(byte)) for byte in data))  # UTF-8 that was read as latin-1
    return f"(?:{'|'.join(ways)})"


def _units(each: str) -> str:
    r"""A character in UTF-16, as JSON escapes it: the second half of a pair has a `\u` of its own."""
    data, _ = _UTF_16.encode(each, "surrogatepass")
    return r"\\+".join(f"u{data[start : start + 2].hex()}" for start in range(0, len(data), 2))
