"""`${name}` in an address stands for a connection; `$$` is a dollar."""

import re
from collections.abc import Callable

from pydantic_core import PydanticCustomError

_TOKEN = re.compile(r"\$(?:(\$)|\{([^{}]*)\}|(.|$))", re.DOTALL)


def names(template: str) -> tuple[str, ...]:
    """The names in `${}`, in order, each once. PydanticCustomError for a dollar that is neither `$$` nor `${name}`."""
    found: dict[str, None] = {}
    for match in _TOKEN.finditer(template):
        if match[2]:
            found[match[2]] = None
        elif not match[1]:
            raise PydanticCustomError("dollar", "a dollar is written $$, and a connection ${name}: {text}", {"text": template})
    return tuple(found)


def filled(template: str, value: Callable[[str], str]) -> str:
    """The text with `value(name)` for each `${name}` and `$` for each `$$`."""
    return _TOKEN.sub(lambda match: "$" if match[1] else value(match[2] or ""), template)
