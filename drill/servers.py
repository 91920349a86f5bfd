"""The private folder of a drill on this machine: leased, ours alone, and gone at the end; what a killed drill left is swept.

A folder proves to be a drill's own by its lease, a file that is in it from its first moment to its last: it is made, and in the
end emptied, under a name that holds the drill, the process and its start, and no folder is without a lease for longer than that.
"""

import errno
import json
import os
import re
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from drill.children import User, end_all
from muster.probes import CouldNotLook
from muster.text import count, moment, plain
from muster.units import ByteSize

LEASE = "lease.json"
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{2,62}")
HALF = re.compile(r"\.(?P<drill>[a-z0-9][a-z0-9_-]{2,62})\.(?P<pid>\d+)\.(?P<started>\d+)")
"""A folder that is not leased yet, or not any more; it holds nothing but perhaps the lease."""
LARGEST_LEASE = 4096
MODES = (0o700, 0o710)
"""Of a folder for ourselves, and of one that a server's user walks through."""
HOURS = 3600.0
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass(frozen=True)
class Lease:
    """Whose folder this is, and for how long. Times are Unix seconds."""

    drill: str
    created: float
    expires: float
    pid: int
    started: str
    """The machine's boot and the process's start: a process id alone may be somebody else's by now."""

    @property
    def held(self) -> bool:
        """Whether the drill that made the folder still runs."""
        return _start_of(self.pid) == self.started


@dataclass(frozen=True)
class Leftover:
    """A folder that proves to be a drill's own, and whose drill is dead."""

    folder: Path
    lease: Lease

    def __str__(self) -> str:
        return f"{self.folder} of drill {self.lease.drill}, made {moment(self.lease.created)}, leased until {moment(self.lease.expires)}"


@contextmanager
def private_folder(parent: Path, name: str, *, user: User | None = None, lives: float = 6 * HOURS) -> Iterator[Path]:
    """A folder `name` in `parent` that nobody else can enter, removed at the end with all that runs in it.

    `user`, as whom the servers in it run, may walk through it and no more. Raises CouldNotLook when it cannot be made.
    """
    folder = _made(parent, name, user, lives)
    try:
        yield folder
    finally:
        end_all(folder)
        _remove(folder)


def leftovers(parent: Path, prefix: str) -> list[Leftover]:
    """The folders in `parent` whose name begins with `prefix`, that prove to be a drill's own, and whose drill is dead."""
    found = []
    for folder in sorted(parent.resolve().iterdir()) if parent.is_dir() else []:
        lease = _half_lease(folder) or _lease(folder)
        if lease is not None and lease.drill.startswith(prefix) and not lease.held:
            found.append(Leftover(folder, lease))
    return found


def sweep(parent: Path, prefix: str, now: float) -> list[str]:
    """Remove the leftovers whose lease has expired by `now` (Unix seconds), and end what runs in them; a line for each."""
    return [_swept(leftover) for leftover in leftovers(parent, prefix) if leftover.lease.expires <= now]


def room(folder: Path) -> int:
    """Bytes that are free where `folder` is."""
    return shutil.disk_usage(folder).free


def no_room(folder: Path, needed: int) -> str | None:
    """Why `needed` bytes do not fit where `folder` is; None when they do."""
    free = room(folder)
    if needed <= free:
        return None
    return f"the restore needs {ByteSize(needed)} in {folder}, where {ByteSize(free)} are free"


def disk_trouble(error: OSError, folder: Path) -> CouldNotLook:
    """Why a file could not be written in `folder`, which is never the backup's fault."""
    said = "the disk is full" if error.errno in FULL else "cannot write"
    return CouldNotLook(f"{said}: {error.strerror} in {folder}", cause=f"drill folder {folder}")


def _made(parent: Path, name: str, user: User | None, lives: float) -> Path:
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a drill: {NAME.pattern}")
    now, started = time.time(), _start_of(os.getpid())
    folder = parent.resolve() / name
    half = _half_name(folder, os.getpid(), started)
    try:
        if user is not None:
            _check_reachable(folder.parent, user)
        half.mkdir(mode=0o700)
        _write_lease(half, Lease(name, now, now + lives, os.getpid(), started))
        if user is not None:
            os.chown(half, -1, user.gid)
            half.chmod(0o710)
        _rename_new(half, folder)
    except OSError as error:
        with suppress(OSError):
            shutil.rmtree(half)
        raise CouldNotLook(f"cannot make the drill's folder {folder}: {error.strerror or error}", cause=f"drill folder {parent}") from error
    except BaseException:
        with suppress(OSError):
            shutil.rmtree(half)
        raise
    return folder


def _rename_new(half: Path, folder: Path) -> None:
    """Give the folder its name; what has the name already is left alone (an empty folder, which rename replaces, too)."""
    if os.path.lexists(folder):
        raise FileExistsError(errno.EEXIST, "there is one of this name")
    half.rename(folder)


def _check_reachable(parent: Path, user: User) -> None:
    for place in (parent, *parent.parents):
        if not place.stat().st_mode & stat.S_IXOTH:
            reason = f"{place} is closed to {user.name or user.uid}, as whom the drill's servers run"
            raise CouldNotLook(reason, cause=f"drill folder {parent}", hint="declare a scratch folder that this user can reach")


def _write_lease(folder: Path, lease: Lease) -> None:
    descriptor = os.open(folder / LEASE, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(asdict(lease), file)
        file.flush()
        os.fsync(file.fileno())


def _lease(folder: Path) -> Lease | None:
    """The lease in a folder of ours, None unless folder and lease are exactly what a drill makes."""
    try:
        place, file = folder.lstat(), (folder / LEASE).lstat()
        exact = stat.S_ISDIR(place.st_mode) and stat.S_ISREG(file.st_mode) and stat.S_IMODE(file.st_mode) == 0o600
        exact = exact and stat.S_IMODE(place.st_mode) in MODES
        if not exact or {place.st_uid, file.st_uid} != {os.geteuid()} or file.st_size > LARGEST_LEASE:
            return None
        said = json.loads((folder / LEASE).read_text())
        lease = Lease(**said)
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    kinds = (str, float, float, int, str)
    exact = all(isinstance(value, kind) for value, kind in zip(said.values(), kinds, strict=True))
    return lease if exact and lease.drill == folder.name and NAME.fullmatch(lease.drill) else None


def _half_lease(folder: Path) -> Lease | None:
    """What the name of a folder says that a drill was about to lease, or had emptied; None for every other folder."""
    match = HALF.fullmatch(folder.name)
    try:
        place = folder.lstat()
        empty = {each.name for each in folder.iterdir()} <= {LEASE} if match and stat.S_ISDIR(place.st_mode) else False
    except OSError:
        return None
    if not match or not empty or place.st_uid != os.geteuid():
        return None
    return Lease(match["drill"], place.st_mtime, place.st_mtime, int(match["pid"]), f"{_boot()} {match['started']}")


def _swept(leftover: Leftover) -> str:
    ended = end_all(leftover.folder)
    still = f", where {count(len(ended), 'process', 'processes')} still ran: {', '.join(map(plain, ended))}" if ended else ""
    try:
        _remove(leftover.folder)
    except OSError as error:
        return f"could not remove {leftover}{still}: {error}"
    return f"removed {leftover}{still}"


def _remove(folder: Path, seconds: float = 5.0) -> None:
    """Delete the folder, its lease last; raises OSError when it is not gone after `seconds`."""
    deadline = time.monotonic() + seconds
    while os.path.lexists(folder):
        try:
            for each in folder.iterdir():
                if each.name != LEASE:
                    shutil.rmtree(each) if each.is_dir() and not each.is_symlink() else each.unlink()
            half = folder if HALF.fullmatch(folder.name) else _half_name(folder, os.getpid(), _start_of(os.getpid()))
            folder.rename(half)
            shutil.rmtree(half)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)  # something in it was still being written


def _half_name(folder: Path, pid: int, started: str) -> Path:
    return folder.with_name(f".{folder.name}.{pid}.{started.rpartition(' ')[2]}")


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _start_of(pid: int) -> str:
    """What tells this process from all others that had or will have its id: the machine's boot, its start; "" when it ended."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    # The program's name, the second field, may hold blanks and parentheses; the fields after it are counted.
    state, *_ = fields = status.rpartition(")")[2].split()
    return "" if state in "ZX" else f"{_boot()} {fields[19]}"
