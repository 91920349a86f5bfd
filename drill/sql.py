"""A plain dump in pieces: statements, blocks of COPY data, psql's commands. Nothing is judged here, and nothing is sent.

COPY data is passed through in the chunks it comes in, never line by line.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from drill.errors import Damaged
from drill.lexing import IDENTIFIER, Lexer
from muster.probes import CouldNotLook

LARGEST_STATEMENT = 256 * 2**20
"""A statement is kept whole in memory; one that is larger is not ours to load."""
NAME = rb"%(one)s(?:\.%(one)s)*+" % {b"one": IDENTIFIER}
COLUMNS = rb"\((?:%(one)s(?:,\s*)?)*+\)" % {b"one": IDENTIFIER}
COPY_IN = re.compile(rb"COPY (%s) (?:%s)? ?FROM stdin;" % (NAME, COLUMNS))
"""The one form in which pg_dump writes it."""
_LITERALS = {
    standard: rb"(?:[^'\"();\\$/\-bBxX\0]++|-(?!-)|[bBxX](?!')|(?<![\w$&\x80-\xff])(?:[bBxX]'[0-9A-Fa-f]*+'|%s))*+" % string
    for standard, string in {True: rb"'[^'\0]*+'", False: rb"'(?:[^'\\\0]++|\\[^\0])*+'"}.items()
}
"""What stands between the parentheses of VALUES: no name in quotes, no call, nothing that is not a literal."""
INSERT = {
    standard: re.compile(
        rb"INSERT INTO (%s) (?:%s )?(?:OVERRIDING SYSTEM VALUE )?(?:DEFAULT VALUES|VALUES\s\s?\(%s\)(?:,\s*\(%s\))*+)"
        rb"(?:\s?ON CONFLICT DO NOTHING)?;" % (NAME, COLUMNS, literals, literals),
        re.DOTALL,
    )
    for standard, literals in _LITERALS.items()
}
"""The one form in which pg_dump writes it, by standard_conforming_strings."""
_SET_STRINGS = re.compile(rb"SET standard_conforming_strings = (on|off);")
_SPACE = re.compile(rb"[ \t\r\n\f\v]*+")
_REST_OF_LINE = re.compile(rb"[ \t]*+\r?\n")
_END_OF_DATA = re.compile(rb"\n\\\.\r?\n")
_BEGINS_AN_END = (b"\n\\.\r", b"\n\\.", b"\n\\", b"\n")
_DUMPED_FROM = b"-- Dumped from database version "
_DUMPED_BY = b"-- Dumped by pg_dump version "
_COMPLETE = b"-- PostgreSQL database dump complete"


@dataclass(frozen=True)
class Statement:
    """One statement, its semicolon included, and the line of the dump in which it begins."""

    text: bytes
    line: int
    into: bytes = b""
    """The table, when it is an INSERT of nothing but literals, in the form in which pg_dump writes it."""


@dataclass(frozen=True)
class Command:
    """A backslash outside of quotes and data, with what stands around it: something that psql would do by itself."""

    text: bytes
    line: int


@dataclass(frozen=True)
class Copy:
    """COPY ... FROM stdin and its data, which is read from the dump while it is iterated. Its end is not part of it."""

    text: bytes
    line: int
    data: Iterator[bytes]


Piece = Statement | Command | Copy


class Dump:
    """A plain dump. Iterate once; what it says of itself is known when its head, or its end, was read."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.dumped_from = ""
        """Version of the server that was dumped, in the words of the dump."""
        self.dumped_by = ""
        """Version of pg_dump."""
        self.complete = False
        """Whether pg_dump's end mark stands at the end."""
        self._chunks = iter(chunks)
        self._lexer = Lexer()
        self._line = 1
        self._ended = False
        self._begun = False
        self._copying: Iterator[bytes] = iter(())

    @property
    def standard(self) -> bool:
        """standard_conforming_strings as the dump has set it last."""
        return self._lexer.standard

    def __iter__(self) -> Iterator[Piece]:
        """Raises Damaged when the dump ends in the middle of something."""
        while self._to_statement():
            piece = self._piece()
            self._begun |= not isinstance(piece, Command)
            if not (isinstance(piece, Command) and piece.text.startswith(b"\\unrestrict ")):
                self.complete = False
            yield piece
            for _ in self._copying:  # whatever was not taken
                pass

    def _feed(self) -> bool:
        """More bytes; the last are a line end of ours, because a file may end without. False: there are none."""
        if self._ended:
            return False
        chunk = next(self._chunks, None)
        self._ended = chunk is None
        self._lexer.feed(b"\n" if chunk is None else chunk)
        if len(self._lexer.buffer) > LARGEST_STATEMENT:
            raise CouldNotLook(
                f"line {self._line}: a statement of more than {LARGEST_STATEMENT >> 20} MiB is more than the drill keeps in memory",
                cause="drill: size of a statement",
                hint="dump without --inserts, or in custom format",
            )
        return True

    def _advance(self, to: int) -> None:
        self._line += self._lexer.buffer.count(b"\n", self._lexer.start, to)
        self._lexer.begin(to)

    def _to_statement(self) -> bool:
        """Step over space and comments. False: the dump has ended."""
        lexer = self._lexer
        while True:
            space = _SPACE.match(lexer.buffer, lexer.start)
            self._advance(space.end() if space else lexer.start)
            beginning = bytes(lexer.buffer[lexer.start : lexer.start + 2])
            if beginning == b"--":
                self._comment()
            elif beginning not in (b"", b"-"):
                return True
            elif not self._feed():
                return False

    def _comment(self) -> None:
        end = self._end_of_line()
        said = bytes(self._lexer.buffer[self._lexer.start : end]).rstrip()
        if said == _COMPLETE:
            self.complete = True
        elif not self._begun and said.startswith(_DUMPED_FROM):
            self.dumped_from = said[len(_DUMPED_FROM) :].decode(errors="replace")
        elif not self._begun and said.startswith(_DUMPED_BY):
            self.dumped_by = said[len(_DUMPED_BY) :].decode(errors="replace")
        self._advance(end)

    def _end_of_line(self) -> int:
        """Where the line ends in which the lexer stands; the file's end has one too."""
        lexer = self._lexer
        looked = lexer.at
        while (end := lexer.buffer.find(b"\n", looked)) < 0:
            ahead = len(lexer.buffer) - lexer.start
            self._feed()
            looked = lexer.start + ahead
        return end

    def _piece(self) -> Piece:
        lexer, line = self._lexer, self._line
        if found := INSERT[lexer.standard].match(lexer.buffer, lexer.start):
            self._advance(found.end())
            return Statement(found[0], line, found[1])
        while not (mark := lexer.scan()):
            if not self._feed():
                raise Damaged(f"the dump ends in the middle of the statement that begins in line {line}")
        end = lexer.at if mark == b";" else self._end_of_line()
        text = bytes(lexer.buffer[lexer.start : end])
        self._advance(end)
        if mark == b"\\":
            return Command(text.rstrip(b"\r"), line)
        if COPY_IN.fullmatch(text):
            return self._copy(text, line)
        if found := _SET_STRINGS.fullmatch(text):
            lexer.standard = found[1] == b"on"
        found = INSERT[lexer.standard].fullmatch(text)
        return Statement(text, line, found[1] if found else b"")

    def _copy(self, text: bytes, line: int) -> Piece:
        end = self._end_of_line() + 1
        if not _REST_OF_LINE.fullmatch(self._lexer.buffer, self._lexer.start, end):
            raise Damaged(f"line {line}: something stands between COPY ... FROM stdin and its data")
        self._advance(end)
        self._copying = self._data(line)
        return Copy(text, line, self._copying)

    def _data(self, began: int) -> Iterator[bytes]:
        """To the line that holds nothing but a backslash and a full stop."""
        lexer = self._lexer
        chunk = b"\n" + bytes(lexer.buffer[lexer.start :])
        lexer.begin(len(lexer.buffer))
        ours = 1  # the line end before the first line is put there, so that the data may be empty
        while not (found := _END_OF_DATA.search(chunk)):
            held = next((end for end in _BEGINS_AN_END if chunk.endswith(end)), b"")
            if ready := chunk[ours : len(chunk) - len(held)]:
                self._line += ready.count(b"\n")
                yield ready
            ours = max(0, ours - len(chunk) + len(held))
            more = next(self._chunks, None)
            if more is None:
                raise Damaged(f"the dump ends in the middle of the data of COPY in line {began}")
            chunk = held + more if held else more
        if ready := chunk[ours : found.start() + 1]:
            self._line += ready.count(b"\n")
            yield ready
        self._line += 1
        lexer.feed(chunk[found.end() :])
