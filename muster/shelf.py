"""Where the memory between runs lies: one small text for each environment, replaced whole and never over somebody else's.

A shelf is a folder, or a bucket (`fixtures.aws.history`). `read` says which version it has read; `write` takes the place of that
version alone, so that of two runs at once the later one reads again what the earlier one has written.
"""

import fcntl
import os
from hashlib import sha256
from pathlib import Path
from typing import Protocol


class ShelfError(Exception):
    """A shelf cannot be reached, read or written; the text says which, and why."""


class Shelf(Protocol):
    """A place for the memory of environments (`system/environment`)."""

    @property
    def name(self) -> str:
        """For a person: the folder, or the address of the bucket."""

    @property
    def remote(self) -> bool:
        """Whether reading it opens a connection."""

    def read(self, environment: str) -> tuple[bytes, str]:
        """What is remembered, and its version; nothing and "" when there is none yet. Raises ShelfError."""

    def write(self, environment: str, content: bytes, version: str) -> bool:
        """Put this in place of that version; False when another one is there by now. Raises ShelfError."""


class Folder:
    """A folder of this machine: `<system>/<environment>.json`."""

    remote = False

    def __init__(self, folder: Path) -> None:
        """Nothing is made before something is written."""
        self.folder = folder
        self.name = str(folder)

    def read(self, environment: str) -> tuple[bytes, str]:
        """See `Shelf`."""
        try:
            content = self.path(environment).read_bytes()
        except FileNotFoundError:
            return b"", ""
        except OSError as error:
            raise ShelfError(f"{self.path(environment)}: {error.strerror}") from error
        return content, sha256(content).hexdigest()

    def write(self, environment: str, content: bytes, version: str) -> bool:
        """See `Shelf`. The file is replaced whole, so that a run killed here leaves the old one."""
        path = self.path(environment)
        fresh = path.with_suffix(f".{os.getpid()}.new")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.with_suffix(".lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                if self.read(environment)[1] != version:
                    return False
                fresh.write_bytes(content)
                fresh.replace(path)
        except OSError as error:
            raise ShelfError(f"{path}: {error.strerror}") from error
        return True

    def path(self, environment: str) -> Path:
        """The file of an environment."""
        return self.folder / f"{environment}.json"
