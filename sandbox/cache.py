"""The cache folder of this user, and how a folder in it comes to be: whole or not at all, once."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path


class NotProvided(Exception):
    """This machine cannot provide a part; the text says which and why."""


def cache_folder() -> Path:
    """`$XDG_CACHE_HOME/muster`, else `~/.cache/muster`; made when it is missing, for this user alone."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    folder = (base if base.is_absolute() else Path.home() / ".cache") / "muster"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


@contextlib.contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold the lock `name` of the cache folder; waits for whoever holds it, and survives their death."""
    with (cache_folder() / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def provided_folder(name: str, fill: Callable[[Path], None]) -> Path:
    """The cache folder's folder `name`; the first caller fills it, under a lock, and it appears by one rename.

    Raises whatever `fill` raises; nothing stays behind then.
    """
    folder = cache_folder() / name
    if folder.is_dir():
        return folder
    with locked(name):
        if folder.is_dir():
            return folder
        scratch = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=folder.parent))
        try:
            fill(scratch)
            scratch.chmod(0o755)
            scratch.rename(folder)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return folder
