"""Where the backup lies that is to be restored: the newest one, looked at and read, never changed."""

import os
import select
import shlex
import signal
import subprocess
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager

from drill import source_objects
from drill.artefact import Artefact
from drill.errors import Damaged
from fixtures.hosts.backups import newest
from fixtures.hosts.facts import path_of
from fixtures.hosts.files import FileState, state_of
from fixtures.once import forget
from muster.connections import Local, Ssh
from muster.kinds.base import Entity
from muster.kinds.buckets import BucketBackup
from muster.kinds.hosts import Backup
from muster.probes import CouldNotLook, left, remaining
from muster.text import cut

CHUNK = 1 << 20
"""Bytes that are read at once."""
SKEW = 60.0
"""Seconds by which clocks may differ before ages mean nothing."""


def find(backup: Entity) -> Artefact:
    """The newest backup of what an entity names. Raises Damaged when there is none, CouldNotLook when nobody can say."""
    if isinstance(backup, BucketBackup):
        return source_objects.find(backup)
    assert isinstance(backup, Backup), backup.key
    file = newest(backup) if backup.newest else state_of(backup, backup.path)
    if not file.exists:
        raise Damaged(f"there is no backup: {file.note}")
    return _artefact(backup, file)


def changed(backup: Entity, before: Artefact) -> list[str]:
    """What has become of the backup since, in a sentence; none when it is as it was. Raises CouldNotLook."""
    forget()  # what the look before the drill saw is no longer the question
    if isinstance(backup, BucketBackup):
        return source_objects.changed(backup, before)
    assert isinstance(backup, Backup), backup.key
    file = state_of(backup, before.name)
    if not file.exists:
        return [f"the backup {before.name} is gone"]
    after = _artefact(backup, file)
    if (after.version, after.size) == (before.version, before.size):
        return []
    return [f"the backup {before.name} was replaced or written to: {before.size} bytes before, {after.size} after"]


def _artefact(backup: Backup, file: FileState) -> Artefact:
    connection, path = backup.reached(), file.path
    return Artefact(
        name=path,
        seen=file.seen,
        size=int(file.size),
        written=float(file.written),
        now=float(file.now),
        version=f"{file.inode} {float(file.written):.0f}",
        read=lambda: content(connection, path),
    )


def place(connection: Ssh | Local, path: str) -> str:
    """A path as the host knows it. Raises CouldNotLook."""
    return path_of(connection, path)


def content(connection: Ssh | Local, path: str) -> Generator[bytes, None, None]:
    """The bytes of a file. Raises CouldNotLook as `_output` does."""
    return _output(connection, "cat", "--", path)


def packed(connection: Ssh | Local, folder: str) -> Generator[bytes, None, None]:
    """The files of a folder as a tar. Raises CouldNotLook as `_output` does."""
    return _output(connection, "tar", "-C", folder, "-cf", "-", ".")


def _output(connection: Ssh | Local, *command: str) -> Generator[bytes, None, None]:
    """What a program on a host writes. Raises CouldNotLook when it does not come to its end in what is left of the deadline."""
    with _running(connection, *command) as process:
        assert process.stdout is not None
        while chunk := _chunk(process.stdout.fileno(), connection):
            yield chunk
        try:
            process.wait(remaining())
        except subprocess.TimeoutExpired:
            raise _stalled(connection) from None
        if process.returncode:
            assert process.stderr is not None
            said = cut(process.stderr.read(4096).decode(errors="replace").strip(), 300)
            raise CouldNotLook(
                f"reading the backup broke off: {said or process.returncode}", cause=connection.target(), hint="is the host up?"
            )


def _chunk(file: int, connection: Ssh | Local) -> bytes:
    """What has come, after waiting for it; nothing at the end."""
    if not select.select([file], [], [], max(0.0, left()))[0]:
        raise _stalled(connection)
    return os.read(file, CHUNK)


def _stalled(connection: Ssh | Local) -> CouldNotLook:
    return CouldNotLook("nothing more of the backup came before the deadline", cause=connection.target(), hint="is the host up?")


@contextmanager
def _running(connection: Ssh | Local, *command: str) -> Iterator["subprocess.Popen[bytes]"]:
    from fixtures.hosts.session import KEPT

    environment = {name: os.environ[name] for name in KEPT if name in os.environ} | {"LC_ALL": "C"}
    pipe = subprocess.PIPE
    try:
        process = subprocess.Popen(
            _command(connection, *command), stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, env=environment, start_new_session=True
        )
    except OSError as error:
        raise CouldNotLook(f"cannot run {command[0]}: {error.strerror}", cause="this machine") from error
    with process:
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def _command(connection: Ssh | Local, *command: str) -> list[str]:
    if isinstance(connection, Local):
        return list(command)
    from fixtures.hosts.session import options, session

    held = session(connection)
    chosen = [*options(connection), "-o", "ControlMaster=no", "-o", f"ControlPath={held.path}"]
    return ["ssh", *chosen, "--", connection.name(), shlex.join(command)]


def age(artefact: Artefact) -> float:
    """Seconds since it was written, by the clock of where it lies. Raises CouldNotLook when that lies in the future, or clocks differ."""
    skew = artefact.now - time.time()
    if abs(skew) > SKEW:
        raise CouldNotLook(
            f"the clock where the backup lies is {abs(skew):.0f} s {'ahead' if skew > 0 else 'behind'}, so no age means anything",
            cause=f"{artefact.seen}: clock",
            hint="timedatectl on both machines",
        )
    old = artefact.now - artefact.written
    if old < -SKEW:
        raise CouldNotLook(
            f"the backup was written {-old:.0f} s in the future of its own host", cause=f"{artefact.seen}: clock", hint="date; stat"
        )
    return max(0.0, old)
