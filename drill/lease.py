"""Names of what a drill creates: each says by itself that it is a drill's, whose, and until when.

A name is all that a database has from the moment at which it exists, so nothing that a killed drill leaves is without it.
"""

import re
import secrets
import time
from dataclasses import dataclass
from hashlib import sha256

from muster.scratch import PREFIX

_SHAPE = re.compile(rf"{PREFIX}(?P<made>[0-9a-f]{{8}})_(?P<ends>[0-9a-f]{{8}})_(?P<dice>[0-9a-f]{{6}})_(?P<proof>[0-9a-f]{{8}})")


@dataclass(frozen=True)
class Lease:
    """A drill's claim on what it creates."""

    name: str
    made: int
    """Unix seconds."""
    ends: int
    """Unix seconds from which on the next drill may remove what is left."""

    def expired(self, now: float) -> bool:
        """Whether what carries this name may be removed by others."""
        return now >= self.ends


def new(ttl: float) -> Lease:
    """A new name, valid for `ttl` seconds; no two are equal. 45 characters, letters of an identifier only."""
    made = int(time.time())
    ends = made + max(1, int(ttl))
    body = f"{made:08x}_{ends:08x}_{secrets.token_hex(3)}"
    return Lease(f"{PREFIX}{body}_{_proof(body)}", made, ends)


def parse(name: str) -> Lease | None:
    """The claim that a name makes; None for a name that no drill has made, however alike it looks."""
    found = _SHAPE.fullmatch(name)
    if found is None or _proof(f"{found['made']}_{found['ends']}_{found['dice']}") != found["proof"]:
        return None
    return Lease(name, int(found["made"], 16), int(found["ends"], 16))


def _proof(body: str) -> str:
    """A checksum: a name that somebody types, or derives from another, has another one."""
    return sha256(f"muster restore drill {body}".encode()).hexdigest()[:8]
