"""Text inside Markdown."""

from muster.text import cut


def cell(text: str) -> str:
    """Text inside a Markdown table: nothing in it starts markup or a new cell."""
    shown = cut(text, 300).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(f"\\{each}" if each in "\\|`*_[]#" else each for each in shown)
