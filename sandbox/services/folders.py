"""Folders of files as a world describes them: contents, links, ages, permissions."""

import base64
import gzip
import os
import random
import shutil
from contextlib import suppress
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
        self._epoch = 0.0

    def apply(self, files: dict[str, HostFile], epoch: float) -> None:
        """Hold `files` and nothing else; ages count back from `epoch` (Unix seconds)."""
        if files == self._files:
            if epoch != self._epoch:
                self._age(epoch)
            return
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.mkdir(parents=True, mode=0o755)
        for name, file in files.items():
            self._write(self.root / name, file)
        self._files = files
        self._age(epoch)

    def _age(self, epoch: float) -> None:
        for name, file in (self._files or {}).items():
            moment = epoch - file.written
            with suppress(FileNotFoundError):  # somebody tries what happens without it
                os.utime(self.root / name, (moment, moment), follow_symlinks=False)
        self._epoch = epoch

    def remove(self) -> None:
        """Be gone, until files are held again."""
        shutil.rmtree(self.root, ignore_errors=True)
        self._files = None

    def _write(self, path: Path, file: HostFile) -> None:
        for parent in reversed(path.relative_to(self.root).parents):
            (self.root / parent).mkdir(exist_ok=True)
        if file.link is not None:
            path.symlink_to(file.link)
        else:
            path.write_bytes(content(file.head, file.filler, file.tail, compressed=file.gzip, kept=file.kept))
            path.chmod(int(file.mode, 8))
        if self._account:
            os.chown(path, self._account.uid, self._account.gid, follow_symlinks=False)


@lru_cache(maxsize=4)
def comments(size: int) -> str:
    """About so many bytes of SQL comments, the same each time."""
    dice = random.Random(size)  # noqa: S311 - no secret, only hard to compress
    lines = base64.encodebytes(dice.randbytes(size * 3 // 4)).decode().splitlines()
    return "".join(f"-- {line}\n" for line in lines)


@lru_cache(maxsize=32)
def content(head: str, filler: int, tail: str, *, compressed: bool, kept: float) -> bytes:
    """The bytes of a file, the same each time."""
    dice = random.Random(filler)  # noqa: S311 - no secret, only hard to compress
    rows = base64.encodebytes(dice.randbytes(filler * 3 // 4)).decode()
    text = (head + rows + tail).encode()
    made = gzip.compress(text, compresslevel=1, mtime=0) if compressed else text
    return made[: round(len(made) * kept)]
