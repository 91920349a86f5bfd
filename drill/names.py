"""Names of what a database holds: in parts as the catalogs keep them, in one text as people write them in SQL."""

import re

from muster.text import plain

_SIMPLE = re.compile(r"[a-z_][a-z0-9_$]*")
_PART = re.compile(r'"(?P<quoted>(?:[^"]|"")+)"|(?P<simple>[^\W\d][\w$]*)')


def written(*parts: str) -> str:
    """`public."Odd.Name"`: parts joined by dots, each in quotes unless it is lower case letters, digits and underscores."""
    return ".".join(part if _SIMPLE.fullmatch(part) else '"' + part.replace('"', '""') + '"' for part in parts)


def parts(text: str, wanted: int) -> tuple[str, ...]:
    """The parts of a name as `written` joins them; what is not quoted is folded to lower case, as SQL does.

    Raises ValueError unless these are `wanted` parts.
    """
    found: list[str] = []
    at = 0
    while match := _PART.match(text, at):
        quoted = match["quoted"]
        found.append(match["simple"].lower() if quoted is None else quoted.replace('""', '"'))
        at = match.end() + 1
        if text[match.end() : at] != ".":
            break
    if at <= len(text) or len(found) != wanted:
        example = ".".join(("public", "orders", "id")[:wanted])
        raise ValueError(f'{shown(text)} is no name of {wanted} parts: write {example}, and "Odd.Names" in double quotes')
    return tuple(found)


def shown(text: str) -> str:
    """The text in one line, whatever a hostile name holds."""
    return plain(text)
