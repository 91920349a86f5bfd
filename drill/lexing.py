"""Where a statement of SQL ends: quotes, comments, parentheses and function bodies, as PostgreSQL and psql read them.

The buffer grows while it is read. Every construct remembers how far it was looked at, so that no byte is looked at twice,
and nothing is decided that the next byte could change.
"""

import re
from collections.abc import Callable

_LETTERS = rb"A-Za-z_\x80-\xff"
IDENTIFIER = rb'(?:[A-Za-z_\x80-\xff][A-Za-z0-9_$\x80-\xff]*+|"(?:[^"\0]|"")++")'
"""A name, quoted or not."""
ENDS_OF_LINES = b"\r\n"
_DULL = re.compile(
    rb"""(?:
    [^'"$;()\\/\-%(letters)s]++                                            # what begins nothing
  | (?!(?i:begin|case|end)[^\w$\x80-\xff])[%(letters)s][\w$\x80-\xff]*+(?=[^'\w$\x80-\xff])   # a word that ends here and prefixes nothing
  | -(?=[^-]) | /(?=[^*])
)*+"""
    % {b"letters": _LETTERS},
    re.VERBOSE,
)
_WORD = re.compile(rb"[%s][\w$\x80-\xff]*+" % _LETTERS)
_TAG = re.compile(rb"\$(?:[%s][\w\x80-\xff]*+)?\$" % _LETTERS)
_PART_OF_TAG = re.compile(rb"\$[\w\x80-\xff]*+\Z")
_COMMENT_MARK = re.compile(rb"/\*|\*/")
_LINE_END = re.compile(rb"[\r\n]")
_ESCAPED = re.compile(rb"(?:[^'\\]++|\\.|'')*+", re.DOTALL)
_GOES_ON = re.compile(rb"(?:[ \t\f\v]|--[^\n\r]*+)*+[\n\r](?:[ \t\n\r\f\v]|--[^\n\r]*+[\n\r])*+'")
_MAY_GO_ON = re.compile(rb"(?:[ \t\n\r\f\v]|--[^\n\r]*+[\n\r])*+(?:-|--[^\n\r]*+)?\Z")
_ROUTINE = re.compile(rb"CREATE\s+(?:OR\s+REPLACE\s+)?(?:FUNCTION|PROCEDURE)\s", re.IGNORECASE)
_NEXT_WORD = re.compile(rb"\s*+(\w*+)")


class Lexer:
    """Reads one statement after the other in `buffer`, from `start` on; `at` is how far it has come."""

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.start = 0
        self.at = 0
        self.standard = True
        """standard_conforming_strings: whether a backslash in '...' is only a backslash."""
        self._fresh()

    def _fresh(self) -> None:
        self._inside: Callable[[], bool] | None = None
        self._parentheses = 0
        self._bodies = 0
        self._tag = b""
        self._comments = 0

    def feed(self, chunk: bytes) -> None:
        """More bytes; those before `start` are forgotten."""
        del self.buffer[: self.start]
        self.at -= self.start
        self.start = 0
        self.buffer += chunk

    def begin(self, start: int) -> None:
        """The next statement starts there."""
        self.start = self.at = start
        self._fresh()

    def scan(self) -> bytes:
        """Read on until `;` ends the statement, a backslash stands outside of quotes, or the buffer ends (empty: feed it)."""
        while self._inside is None or self._inside():
            self._inside = None
            self._go(_DULL)
            mark = bytes(self.buffer[self.at : self.at + 1])
            if mark == b";" and not self._parentheses and not self._bodies:
                self.at += 1
                return mark
            if mark == b"\\":
                return mark
            if not mark or not self._enter(mark):
                return b""
        return b""

    def _go(self, pattern: "re.Pattern[bytes]") -> None:
        found = pattern.match(self.buffer, self.at)
        self.at = found.end() if found else self.at

    def _enter(self, mark: bytes) -> bool:
        """Step over or into what begins with `mark`. False: what it is depends on bytes that are still to come."""
        if mark == b"'":
            return self._open(self._string if self.standard else self._escaped, 1)
        if mark == b'"':
            return self._open(self._quoted, 1)
        if mark == b"$":
            return self._dollar()
        if mark in b"-/":
            return self._comment()
        if mark in b"();":
            self._parentheses = max(0, self._parentheses + {b"(": 1, b")": -1, b";": 0}[mark])
            self.at += 1
            return True
        return self._word()

    def _open(self, construct: Callable[[], bool], length: int) -> bool:
        self._inside = construct
        self.at += length
        return True

    def _word(self) -> bool:
        """BEGIN, CASE, END, or a word that stands before a quote."""
        found = _WORD.match(self.buffer, self.at)
        end = found.end() if found else self.at + 1
        if end == len(self.buffer):
            return False
        word = bytes(self.buffer[self.at : end]).lower()
        if self.buffer[end] == ord("'"):
            plain = word in (b"b", b"x") or (self.standard and word != b"e")
            return self._open(self._string if plain else self._escaped, len(word) + 1)
        if not self._parentheses and not self._count(word, end):
            return False
        self.at = end
        return True

    def _count(self, word: bytes, end: int) -> bool:
        """Bodies between BEGIN ATOMIC and END hold semicolons, and CASE has an END too. False: the next word is to come."""
        if word == b"begin" and not self._bodies and _ROUTINE.match(self.buffer, self.start):
            following = _NEXT_WORD.match(self.buffer, end)
            if following is None or following.end() == len(self.buffer):
                return False
            self._bodies = int(following[1].lower() == b"atomic")
        elif self._bodies:
            self._bodies += {b"case": 1, b"end": -1}.get(word, 0)
        return True

    def _dollar(self) -> bool:
        if found := _TAG.match(self.buffer, self.at):
            self._tag = found[0]
            return self._open(self._tagged, len(self._tag))
        if _PART_OF_TAG.match(self.buffer, self.at):
            return False
        self.at += 1
        return True

    def _comment(self) -> bool:
        two = self.buffer[self.at : self.at + 2]
        if two == b"--":
            return self._open(self._line, 2)
        if two == b"/*":
            self._comments = 1
            return self._open(self._block, 2)
        return False

    # What follows leaves a construct: True when its end was found, False when the buffer ended first.

    def _find(self, wanted: bytes) -> bool:
        found = self.buffer.find(wanted, self.at)
        self.at = found + len(wanted) if found >= 0 else max(self.at, len(self.buffer) - len(wanted) + 1)
        return found >= 0

    def _string(self) -> bool:
        return self._find(b"'")

    def _quoted(self) -> bool:
        return self._find(b'"')

    def _tagged(self) -> bool:
        return self._find(self._tag)

    def _line(self) -> bool:
        found = _LINE_END.search(self.buffer, self.at)
        self.at = found.start() if found else len(self.buffer)
        return found is not None

    def _block(self) -> bool:
        while found := _COMMENT_MARK.search(self.buffer, self.at):
            self._comments += 1 if found[0] == b"/*" else -1
            self.at = found.end()
            if not self._comments:
                return True
        self.at = max(self.at, len(self.buffer) - 1)
        return False

    def _escaped(self) -> bool:
        """To the quote that is neither escaped nor doubled, and behind which the string does not go on in another line."""
        while True:
            self._go(_ESCAPED)
            behind = self.at + 1
            if behind >= len(self.buffer):
                return False
            if found := _GOES_ON.match(self.buffer, behind):
                self.at = found.end()
                continue
            if _MAY_GO_ON.match(self.buffer, behind):
                return False
            self.at = behind
            return True
