"""The scratch folder: servers of the drill's own run in it, each in a folder that proves itself; a lock; the sweeping of what was left."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from drill import children, servers
from drill.scratch import Busy
from muster.probes import CouldNotLook
from muster.scratch import PREFIX, ScratchFolder
from muster.secrets import Setting
from muster.text import moment

LOCK = ".muster-drill.lock"


class Folder:
    """The place; whoever has it open holds its lock."""

    def __init__(self, settings: ScratchFolder, path: Path) -> None:
        self.settings, self.path = settings, path
        self.name = f"folder {path}"
        self.user = children.user_named(settings.user) if settings.user else None

    @contextmanager
    def again(self, _: float, __: str = "") -> Iterator["Folder"]:
        """The same: a folder is in no state that an interruption could have spoilt."""
        yield self

    def programs(self, which: str) -> Path:
        """The folder of PostgreSQL's or of Redis' programs. Raises CouldNotLook."""
        given = self.settings.postgresql if which == "postgresql" else self.settings.redis
        return _programs(given, "postgres" if which == "postgresql" else "redis-server")

    def sweep(self, mine: str = "") -> list[str]:
        """Remove what expired drills left; what is left of others that are dead is told. `mine` has removed itself."""
        told = servers.sweep(self.path, PREFIX, time.time())
        kept = [each for each in servers.leftovers(self.path, PREFIX) if each.lease.drill != mine]
        return told + [f"{each}; it may be removed from {moment(each.lease.expires)} on" for each in kept]

    def left(self, mine: str) -> list[str]:
        """What is there of a drill."""
        return [f"folder {self.path / mine}"] if (self.path / mine).exists() else []


def _programs(given: str | None, program: str) -> Path:
    import shutil

    found = shutil.which(program, path=given) if given else shutil.which(program)
    if found is None:
        raise CouldNotLook(
            f"there is no {program} {f'in {given}' if given else 'on PATH'}", cause="this machine", hint="name its folder in scratch:"
        )
    return Path(found).resolve().parent


@contextmanager
def opened_folder(settings: ScratchFolder) -> Iterator[Folder]:
    """The folder, with the lock that keeps a second drill away. Raises CouldNotLook, or Busy."""
    path = Path(Setting(settings.path).resolve())
    if not path.name.startswith("muster-drill"):
        raise CouldNotLook(
            f"{path} is not used: the name of a scratch folder begins with muster-drill", cause=f"configuration: {settings.path}"
        )
    try:
        lock = os.open(path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise CouldNotLook(f"the scratch folder {path} cannot be used: {error.strerror}", cause=f"drill folder {path}") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield Folder(settings, path)
    except BlockingIOError:
        raise Busy(f"another drill is under way in {path}") from None
    finally:
        os.close(lock)
