"""An archive as files that pg_restore can jump about in: where it lies already, or for the time of a restore in a folder of its own."""

import contextlib
import errno
import os
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, cast

from drill.errors import Damaged
from drill.streams import Stream
from muster.probes import CouldNotLook

_HINT = "df -h; the drill needs room for one archive there"


@contextlib.contextmanager
def private_folder(parent: Path, name: str) -> Iterator[Path]:
    """`parent`/`name`, for this user alone, and gone afterwards. Raises CouldNotLook when it is there already."""
    folder = parent / name
    try:
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise CouldNotLook(f"no folder for the archive: {error.strerror}", cause=f"folder {parent}", hint=_HINT) from None
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def need_room(folder: Path, size: int) -> None:
    """Raises CouldNotLook when `size` bytes do not fit there."""
    if (free := shutil.disk_usage(folder).free) < size:
        raise CouldNotLook(f"an archive of {size} bytes does not fit: {free} are free", cause=f"folder {folder.parent}", hint=_HINT)


def spooled(stream: Stream, folder: Path, *, tar: bool) -> Path:
    """The archive of a stream as a file, or as the folder that a tar holds. Raises Damaged, or CouldNotLook when it does not fit."""
    try:
        return _unpacked(stream, folder / "archive") if tar else _written(stream, folder / "archive")
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            reason = f"no room for the archive after {stream.produced} bytes: {error.strerror}"
            raise CouldNotLook(reason, cause=f"folder {folder.parent}", hint=_HINT) from None
        raise


def _written(stream: Stream, path: Path) -> Path:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        for chunk in stream:
            file.write(chunk)
    return path


def _unpacked(stream: Stream, folder: Path) -> Path:
    """Only plain files, by their last name: a directory archive has no others, and no name leads out of the folder."""
    folder.mkdir(mode=0o700)
    chunks = iter(stream)
    try:
        with tarfile.open(fileobj=cast("IO[bytes]", _Reader(chunks)), mode="r|") as tar:
            for member in tar:
                content = tar.extractfile(member) if member.isreg() else None
                name = PurePosixPath(member.name).name
                if content is None or not name:
                    continue
                with os.fdopen(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                    shutil.copyfileobj(content, file)
    except tarfile.TarError as error:
        raise Damaged(f"the tar of the archive is cut off or damaged: {str(error)[:100]}") from None
    except FileExistsError:
        raise Damaged("the tar of the archive holds two files of one name") from None
    for _ in chunks:  # to the end, so that the stream can say whether it is whole
        pass
    return folder


class _Reader:
    """What tarfile reads from."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def read(self, size: int) -> bytes:
        """`size` bytes, fewer at the end."""
        while len(self._rest) < size and (chunk := next(self._chunks, b"")):
            self._rest += chunk
        read, self._rest = self._rest[:size], self._rest[size:]
        return read
