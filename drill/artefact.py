"""A backup, as a drill takes it in hand."""

from collections.abc import Callable, Generator
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Artefact:
    """A backup, as it lay there when it was chosen."""

    name: str
    """Path or key."""
    seen: str
    """Where: connection, host, path; or bucket and key."""
    size: int
    written: float
    """Unix seconds, by the clock of where it lies."""
    now: float
    """That clock when it was looked at."""
    version: str
    """What changes when somebody replaces it: inode and time, or the version of an object."""
    read: Callable[[], Generator[bytes, None, None]] = field(repr=False, compare=False)
    """Its bytes, from the beginning; whoever reads them closes it."""
    encrypted: str | None = None
    """How it is encrypted where it lies; empty: it is not; None: nobody says."""
    checksum: str = ""
    """SHA-256 in hex, where it is stored beside the object."""
