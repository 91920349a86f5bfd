"""HTML from data that nobody trusts: every text and every value of an attribute is escaped, because nothing else can be put in."""

import html
from collections.abc import Iterable
from urllib.parse import urlsplit

from muster.text import cut, legible

LONGEST = 2000
"""Characters of one text."""


class Markup(str):
    """HTML that was made by `tag`."""

    __slots__ = ()


Child = Markup | str | Iterable["Child"] | None


def tag(name: str, /, *children: Child, **attributes: str) -> Markup:
    """An element. Names of attributes end in `_` where Python has the word (`class_`), and take `_` for `-`."""
    shown = "".join(f' {key.rstrip("_").replace("_", "-")}="{_text(value)}"' for key, value in attributes.items() if value)
    return Markup(f"<{name}{shown}>{join(children)}</{name}>")


def void(name: str, /, **attributes: str) -> Markup:
    """An element without an end."""
    return Markup(str(tag(name, **attributes)).removesuffix(f"</{name}>"))


def join(children: Iterable[Child]) -> Markup:
    """All children, one behind the other; texts are escaped."""
    made = []
    for each in children:
        if isinstance(each, Markup):
            made.append(str(each))
        elif isinstance(each, str):
            made.append(_text(each))
        elif each is not None:
            made.append(str(join(each)))
    return Markup("".join(made))


def _text(text: str) -> str:
    return html.escape(legible(text) if "\n" in text else cut(text, LONGEST))


def link(url: str, text: str) -> Markup:
    """A link that leads to the web or, where the address is of another kind, the text alone."""
    try:
        known = urlsplit(url).scheme in ("http", "https")
    except ValueError:
        known = False
    return tag("a", text, href=url, rel="noreferrer noopener") if known and len(url) < LONGEST else tag("span", text)
