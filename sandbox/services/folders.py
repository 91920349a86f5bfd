"""Folders of files as a world describes them: contents, links, ages, permissions."""

import base64
import gzip
import os
import random
import shutil
from functools import lru_cache
from pathlib import Path

from sandbox.processes import Account
from sandbox.world import HostFile


class Folder:
    """A folder with the files of one host. Not for several threads at once."""

    def __init__(self, root: Path, account: Account | None = None) -> None:
        """`account` owns what is in it."""
        self.root, self._account = root, account
        self._files: dict[str, HostFile] | None = None

    def apply(self, files: dict[str, HostFile], epoch: float) -> None:
        """Hold `files` and nothing else; ages count back from `epoch` (Unix seconds)."""
        if files == self._files:
            return
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.mkdir(parents=True, mode=0o755)
        for name, file in files.items():
            self._write(self.root / name, file, epoch)
        self._files = files

    def remove(self) -> None:
        """Be gone, until files are held again."""
        shutil.rmtree(self.root, ignore_errors=True)
        self._files = None

    def _write(self, path: Path, file: HostFile, epoch: float) -> None:
        for parent in reversed(path.relative_to(self.root).parents):
            (self.root / parent).mkdir(exist_ok=True)
        if file.link is not None:
            path.symlink_to(file.link)
        else:
            path.write_bytes(content(file.head, file.filler, file.tail, compressed=file.gzip, kept=file.kept))
            path.chmod(int(file.mode, 8))
        moment = epoch - file.written
        os.utime(path, (moment, moment), follow_symlinks=False)
        if self._account:
            os.chown(path, self._account.uid, self._account.gid, follow_symlinks=False)


def rows(size: int) -> str:
    """About so many bytes in lines that hardly compress, the same each time."""
    dice = random.Random(size)  # noqa: S311 - no secret
    return base64.encodebytes(dice.randbytes(size * 3 // 4)).decode()


@lru_cache(maxsize=32)
def content(head: str, filler: int, tail: str, *, compressed: bool, kept: float) -> bytes:
    """The bytes of a file, the same each time."""
    text = (head + rows(filler) + tail).encode()
    made = gzip.compress(text, compresslevel=1, mtime=0) if compressed else text
    return made[: round(len(made) * kept)]
