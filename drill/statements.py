"""What a dump may say: the statements that pg_dump 12 to 18 writes into a plain dump, in its own spelling, and nothing else.

This is the second fence; the first is that statements run as a role that is no superuser. An allow-list, because what a
statement may do is known for those that pg_dump needs, and for no others.
"""

import functools
import re

from drill.errors import Refused
from drill.lexing import IDENTIFIER
from drill.sql import COPY_IN, NAME, Command
from muster.text import cut

FOREIGN = ("FOREIGN DATA WRAPPER", "SERVER", "USER MAPPING", "FOREIGN TABLE", "SUBSCRIPTION")
"""Kinds through which a server connects to others; refused unless the environment declares them."""
KINDS = (
    rb"TABLE|VIEW|MATERIALIZED VIEW|SEQUENCE|(?:UNIQUE )?INDEX|FUNCTION|PROCEDURE|ROUTINE|AGGREGATE|TYPE|DOMAIN|SCHEMA"
    rb"|(?:CONSTRAINT )?TRIGGER|EVENT TRIGGER|RULE|OPERATOR(?: CLASS| FAMILY)?|CAST|(?:DEFAULT )?CONVERSION|COLLATION"
    rb"|TEXT SEARCH (?:PARSER|TEMPLATE|DICTIONARY|CONFIGURATION)|(?:TRUSTED )?(?:PROCEDURAL )?LANGUAGE|ACCESS METHOD|STATISTICS"
    rb"|POLICY|PUBLICATION|TRANSFORM"
)
_SETTINGS = (
    rb"statement_timeout|lock_timeout|idle_in_transaction_session_timeout|transaction_timeout|client_encoding|standard_conforming_strings"
    rb"|check_function_bodies|xmloption|client_min_messages|row_security|escape_string_warning|default_with_oids|default_tablespace"
    rb"|default_table_access_method"
)
_LITERAL = rb"(?:'[^'\\]*+'|-?\w++|%s)" % IDENTIFIER
_PRIVILEGES = rb"(?:GRANT OPTION FOR )?[A-Z]++(?: ?\(%(one)s\))?(?:, ?[A-Z]++(?: ?\(%(one)s\))?)*+" % {b"one": IDENTIFIER}
_GRANTED = rb"TABLE|SEQUENCE|FUNCTION|PROCEDURE|ROUTINE|SCHEMA|TYPE|DOMAIN|LANGUAGE|LARGE OBJECT"
_LARGE_OBJECTS = (
    rb"lo_create\('\d+'\)|lo_open\('\d+', \d+\)|lowrite\(0, '\\{1,2}x[0-9a-f]*+'\)|lo_close\(0\)"
    rb"|lo_unlink\((?:'\d+'\)|oid\) FROM pg_catalog\.pg_largeobject_metadata WHERE oid = '\d+')"
)
_TEMPLATE = rb"""(?:
    SET\ (?:%(settings)s)\ =\ %(literal)s;\Z
  | (?:SET|RESET)\ SESSION\ AUTHORIZATION(?:\ %(literal)s)?;\Z
  | SELECT\ pg_catalog\.set_config\('search_path',\ '[^'\\]*+',\ false\);\Z
  | SELECT\ pg_catalog\.setval\('(?:[^'\\]|'')++',\ -?\d++,\ (?:true|false)\);\Z
  | SELECT\ pg_catalog\.(?:%(large)s);\Z
  | SELECT\ \*\ FROM\ pg_catalog\.pg_restore_(?:relation|attribute)_stats\(
  | (?:BEGIN|COMMIT);\Z
  | CREATE\ (?:OR\ REPLACE\ )?(?:%(kinds)s)\s
  | CREATE\ UNLOGGED\ (?:TABLE|SEQUENCE)\s
  | ALTER\ (?:%(kinds)s|DEFAULT\ PRIVILEGES|LARGE\ OBJECT)\s
  | DROP\ (?:%(kinds)s)\s
  | COMMENT\ ON\ (?!DATABASE|ROLE|TABLESPACE)[A-Z]
  | SECURITY\ LABEL\ (?:FOR\ %(name)s\ )?ON\ (?!DATABASE|ROLE|TABLESPACE)[A-Z]
  | (?:GRANT|REVOKE)\ %(privileges)s\ ON\ (?:%(granted)s)\s
  | REFRESH\ MATERIALIZED\ VIEW\s
)"""
_TABLE = re.compile(rb"CREATE (?:UNLOGGED |FOREIGN )?TABLE(?! %s (?:\(|OF |PARTITION OF ))" % NAME)
"""A table that is made in another way than by its columns."""
_EXTENSION = re.compile(rb"CREATE EXTENSION IF NOT EXISTS (%(one)s) WITH SCHEMA (%(one)s);" % {b"one": IDENTIFIER})
_ABOUT_EXTENSIONS = re.compile(rb"(?:COMMENT ON EXTENSION|DROP EXTENSION(?: IF EXISTS)?) (%s)(?: IS\s|;)" % IDENTIFIER)
_RESTRICT = re.compile(rb"\\(un)?restrict ([A-Za-z0-9]+)")
_ENCODING = re.compile(rb"SET client_encoding = '([^']*)';")
_NOT_ASCII_SAFE = {b"BIG5", b"GB18030", b"GBK", b"JOHAB", b"SJIS", b"SHIFTJIS2004", b"UHC", b"MSKANJI", b"SHIFTJIS", b"WIN949", b"WIN950"}
"""Encodings in which a byte of a letter may look like a quote or a backslash (and WIN936)."""
_WHY = [
    (re.compile(beginning, re.IGNORECASE | re.DOTALL), why)
    for beginning, why in [
        (rb"COPY\b.*\bPROGRAM\b", "it would run a program on the server"),
        (rb"COPY\b", "only COPY ... FROM stdin as pg_dump writes it is loaded; other forms read and write files of the server"),
        (
            rb"(?:CREATE|DROP|ALTER|COMMENT ON|GRANT .* ON|REVOKE .* ON) DATABASE\b",
            "it reaches beyond the scratch database: dump without -C",
        ),
        (rb"(?:CREATE|DROP|ALTER|COMMENT ON) (?:ROLE|USER|GROUP)\b(?! MAPPING)", "roles belong to the whole server: declare them instead"),
        (rb"(?:CREATE|DROP|ALTER|COMMENT ON) TABLESPACE\b", "tablespaces belong to the whole server"),
        (rb"ALTER SYSTEM\b", "it would change the configuration of the whole server"),
        (rb"SET (?:SESSION |LOCAL )?ROLE\b", "pg_dump never changes its role"),
        (rb"LOAD\b", "it would load a library into the server"),
        (rb"(?:DO|CALL|EXECUTE|PREPARE)\b", "it would run code; pg_dump never writes it"),
        (
            rb"(?:CREATE|DROP|ALTER) (?:%s)\b" % "|".join(FOREIGN).encode(),
            "it makes the server connect to others; declare it if that is wanted",
        ),
        (rb"(?:CREATE|ALTER) EXTENSION\b", "only CREATE EXTENSION as pg_dump writes it is understood"),
        (rb"SELECT\b", "it would call a function that no restore calls"),
        (rb"INSERT\b", "only INSERTs of literals are loaded"),
        (rb"CREATE (?:UNLOGGED )?TABLE\b", "pg_dump never makes a table from a query"),
    ]
]
_WORD_OF_HEAD = re.compile(rb"\s*+(?:(?!(?i:VALUES|PASSWORD|IS)\b)%s|[.,=*])" % IDENTIFIER)


def head(text: bytes) -> str:
    """The beginning of a statement for a person: keywords and names, nothing that may be data."""
    if text.startswith(b"\\"):
        return cut(text[:2].decode(errors="replace") if len(text) > 2 else "\\", 10) + " ..."
    end = 0
    while end < 200 and (found := _WORD_OF_HEAD.match(text, end)):
        end = found.end()
    words = re.split(r"[ \t\r\n]+(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)", text[:end].decode(errors="replace").strip())
    return cut(" ".join(words), 120) or "(no word)"


@functools.cache
def _allowed(declared: frozenset[str]) -> "re.Pattern[bytes]":
    kinds = b"|".join([KINDS, *(kind.encode() for kind in sorted(declared))])
    granted = b"|".join([_GRANTED, *(re.sub("^SERVER", "FOREIGN SERVER", kind).encode() for kind in sorted(declared))])
    parts = {
        b"kinds": kinds.replace(b" ", rb"\ "),
        b"granted": granted.replace(b" ", rb"\ "),
        b"settings": _SETTINGS,
        b"literal": _LITERAL,
        b"large": _LARGE_OBJECTS.replace(b" ", rb"\ "),
        b"privileges": _PRIVILEGES.replace(b" ", rb"\ "),
        b"name": NAME,
    }
    return re.compile(_TEMPLATE % parts, re.VERBOSE | re.DOTALL)


class Guard:
    """Judges the statements of one dump. `declared` are those of `FOREIGN` that the environment allows."""

    def __init__(self, declared: frozenset[str] = frozenset()) -> None:
        if unknown := declared - set(FOREIGN):
            raise ValueError(f"not among {', '.join(FOREIGN)}: {', '.join(sorted(unknown))}")
        self._pattern = _allowed(declared)
        self._token: bytes | None = None

    def statement(self, text: bytes, line: int) -> None:
        """Raises Refused for everything that pg_dump does not write; INSERTs of literals need not be asked about."""
        if b"\0" in text:
            raise Refused("it holds a zero byte", head(text), line)
        if (found := _ENCODING.fullmatch(text)) and _unsafe(found[1]):
            raise Refused("an encoding in which letters may hold quotes and backslashes is not loaded: dump in UTF8", head(text), line)
        if COPY_IN.fullmatch(text):
            return
        if not self._pattern.match(text) or _TABLE.match(text):
            why = next((why for beginning, why in _WHY if beginning.match(text)), "pg_dump writes no such statement")
            raise Refused(why, head(text), line)

    def command(self, command: Command) -> None:
        r"""Raises Refused for everything but `\restrict` and `\unrestrict` with one token, as pg_dump writes them."""
        found = _RESTRICT.fullmatch(command.text)
        if not found:
            raise Refused(
                "psql would carry it out on this machine or elsewhere: no such command is loaded", head(command.text), command.line
            )
        if bool(found[1]) != (self._token is not None) or (found[1] and found[2] != self._token):
            raise Refused("its token is not the one that pg_dump wrote at the beginning", head(command.text), command.line)
        self._token = None if found[1] else found[2]


def _unsafe(encoding: bytes) -> bool:
    name = re.sub(rb"[^A-Z0-9]", b"", encoding.upper())
    return name in _NOT_ASCII_SAFE or name == b"WIN936"


def unquoted(name: bytes) -> str:
    """An identifier as the catalog has it."""
    text = name.decode(errors="surrogateescape")
    return text[1:-1].replace('""', '"') if text.startswith('"') else text


def extension(text: bytes) -> tuple[str, str] | None:
    """Name and schema of a CREATE EXTENSION in exactly pg_dump's form."""
    found = _EXTENSION.fullmatch(text)
    return (unquoted(found[1]), unquoted(found[2])) if found else None


def about_extensions(text: bytes) -> bool:
    """Whether a statement comments on an extension, or drops one before it is made: what the admin's own do not need."""
    return bool(_ABOUT_EXTENSIONS.match(text))
