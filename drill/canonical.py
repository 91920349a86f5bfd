"""Definitions as PostgreSQL prints them, brought into one form: what it reads back it prints a little differently.

Two such differences come of every dump, without any meaning: conditions that AND or OR joins are flattened, and the cast of an
array of strings moves to its elements.
"""

import re
from typing import TypeAlias

Node: TypeAlias = "str | list[Node]"
"""A word, or what stands in a pair of parentheses."""

_TOKEN = re.compile(r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | [()] | [^\s()'"]+ | \s+ | .""", re.VERBOSE)
_STRINGS = r"'(?:[^']|'')*'::character varying(?:\(\d+\))?"
_CAST_OF_ARRAY = re.compile(rf"\(ARRAY\[({_STRINGS}(?:, {_STRINGS})*)\]\)::text\[\]")
_STRING = re.compile(_STRINGS)
_JOINS = ("AND", "OR")


def canonical(definition: str) -> str:
    """Equal for definitions that differ only in what a dump and its restore change."""
    moved = _CAST_OF_ARRAY.sub(lambda found: f"ARRAY[{_STRING.sub(lambda one: f'({one[0]})::text', found[1])}]", definition)
    return _text(_flat(_tree(moved)))


def _tree(text: str) -> list[Node]:
    opened: list[list[Node]] = [[]]
    for found in _TOKEN.finditer(text):
        piece = found[0]
        if piece == "(":
            opened.append([])
        elif piece == ")" and len(opened) > 1:
            inner = opened.pop()
            opened[-1].append(inner)
        elif not piece.isspace():
            opened[-1].append(piece)
    while len(opened) > 1:
        inner = opened.pop()
        opened[-1].append(inner)
    return opened[0]


def _join(items: list[Node]) -> str:
    """The word that joins all of it, "" when there is none or when both are found."""
    found = {item for item in items if isinstance(item, str) and item in _JOINS}
    return found.pop() if len(found) == 1 else ""


def _flat(items: list[Node]) -> list[Node]:
    """The same conditions, without parentheses around what the same word joins anyway."""
    items = [_flat(item) if isinstance(item, list) else item for item in items]
    word = _join(items)
    flat: list[Node] = []
    for place, item in enumerate(items):
        alone = all(items[near] == word for near in (place - 1, place + 1) if 0 <= near < len(items))
        if word and alone and isinstance(item, list) and _join(item) == word:
            flat += item
        else:
            flat.append(item)
    return flat


def _text(items: list[Node]) -> str:
    return " ".join(item if isinstance(item, str) else f"({_text(item)})" for item in items)
