"""A secret that is easy to find again: whatever encodes it, some run of its letters and digits, or of their code, stays as it is."""

import base64
import html
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

PLAIN = "canaryK3yq7ZrVLpWx94tUe"
UGLY = "canaryZr4\"vL'pWx\\ @hostN9qb\nSecndLine8:%/?#&<nïcødeT77w"


def shapes(secret: str) -> dict[str, str]:
    """The secret as programs write it."""
    return {
        "raw": secret,
        "base64": base64.b64encode(secret.encode()).decode(),
        "base64 after one byte": base64.b64encode(b":" + secret.encode()).decode(),
        "base64 after two bytes": base64.b64encode(b"u:" + secret.encode()).decode(),
        "base64 for addresses": base64.urlsafe_b64encode(b"\xff\xfe\xfd" + secret.encode()).decode(),
        "quoted": quote(secret, safe=""),
        "quoted for a form": quote_plus(secret),
        "in JSON": json.dumps(secret),
        "in JSON of JSON": json.dumps(json.dumps({"password": secret})),
        "hex": secret.encode().hex(),
        "HEX": secret.encode().hex().upper(),
        "repr": repr(secret),
        "bytes": repr(secret.encode()),
        "in HTML": html.escape(secret),
    }


def traces(secret: str) -> set[str]:
    """What gives the secret away: runs of letters and digits of it, and of every shape that hides these."""
    runs = {each for each in _runs(secret) if each.isascii() and len(each) >= 7}
    codes = {base64.b64encode(bytes(skip) + secret.encode()).decode()[8:-8] for skip in range(3)}
    codes |= {secret.encode().hex()[16:-16], secret.encode().hex().upper()[16:-16]}
    windows = {code[start : start + 12] for code in codes for start in range(0, len(code) - 11, 4)}
    return runs | windows


def _runs(text: str) -> Iterator[str]:
    yield from "".join(each if each.isalnum() else " " for each in text).split()


def hits(text: str, *secrets: str) -> list[str]:
    """The traces that are in the text."""
    return sorted(trace for secret in secrets for trace in traces(secret) if trace in text)


def swept(folder: Path, *secrets: str) -> dict[str, list[str]]:
    """Relative path -> traces, for each file below a folder that gives a secret away, in its content or in its name."""
    found = {}
    for file in (each for each in folder.rglob("*") if each.is_file()):
        name = str(file.relative_to(folder))
        if gone := hits(name + "\n" + file.read_bytes().decode("utf-8", "replace"), *secrets):
            found[name] = gone
    return found
