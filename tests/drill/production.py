"""A PostgreSQL that archives its log, and what it leaves: base backups taken by pg_basebackup, and the segments since."""

import os
import resource
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from drill.children import User, user_named
from drill.packed import pieces
from drill.point_in_time import Backup, Progress, Recovery, recovered
from drill.recovery_settings import Wanted
from drill.servers import private_folder
from sandbox.services.postgres import PostgresServer
from sandbox.world import Database

ROOM = 2**30


def drill_user() -> User | None:
    """As whom the drill's servers run: as ourselves unless we are root."""
    return user_named("nobody") if os.geteuid() == 0 else None


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder that the servers' user can walk through."""
    folder = Path(tempfile.mkdtemp(prefix="muster-test-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@dataclass
class Taken:
    """A base backup and the log that followed; `moments` are times between the rows of table marks."""

    base: Path
    archive: Path
    binaries: Path
    manifest: Path | None = None
    moments: list[float] = field(default_factory=list)

    def copy(self, folder: Path) -> "Taken":
        """One of its own to damage."""
        shutil.copytree(self.archive, folder / "archive")
        shutil.copyfile(self.base, folder / self.base.name)
        if self.manifest:
            shutil.copyfile(self.manifest, folder / "backup_manifest")
        manifest = folder / "backup_manifest" if self.manifest else None
        return Taken(folder / self.base.name, folder / "archive", self.binaries, manifest, self.moments)

    @property
    def segments(self) -> list[Path]:
        """The archived segments, oldest first."""
        return sorted(each for each in self.archive.iterdir() if len(each.name.partition(".")[0]) == 24 and ".backup" not in each.name)

    @property
    def backup(self) -> Backup:
        """What the drill is handed."""
        return Backup(base=pieces(self.base), archive=self.archive, manifest=self.manifest, at_most=ROOM)


def member(name: str, kind: bytes = tarfile.REGTYPE, content: bytes = b"", **more: Any) -> tuple[tarfile.TarInfo, bytes]:
    """A member of a tar, and its content."""
    made = tarfile.TarInfo(name)
    made.type, made.size = kind, len(content)
    for name_of_field, value in more.items():
        setattr(made, name_of_field, value)
    return made, content


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Path]:
    """A folder that takes no more than `size` bytes, by whatever means this user has: its file system, or a limit on files."""
    place = folder / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0711", "none", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode == 0:
        try:
            yield place
        finally:
            subprocess.run(["umount", place], check=True)
            place.rmdir()
        return
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield place
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        shutil.rmtree(place)


class Production:
    """The server whose backups are taken."""

    def __init__(self, folder: Path) -> None:
        self.real = PostgresServer(folder / "server", lambda _: (b"", b""), lambda _: None)
        self.home = self.real._home
        self.archive = self.home.root / "archive"
        self.made = 0

    def start(self, **more: Any) -> None:
        """Start it with an empty archive."""
        shutil.rmtree(self.archive, ignore_errors=True)
        self.archive.mkdir()
        self.archive.chmod(0o777)
        settings = {
            "archive_mode": "on",
            "archive_command": f"cp %p {self.archive}/%f.part && mv {self.archive}/%f.part {self.archive}/%f",
            "wal_level": "replica",
            "full_page_writes": "on",
            **more,
        }
        self.real.apply(Database(name="shop", settings=settings, access=["local replication all trust"]))
        self.run("create table marks (n int, at timestamptz default clock_timestamp())")

    def run(self, *statements: str) -> Any:
        """The first value that the last statement returns."""
        with self.real.connect("shop") as connection:
            for statement in statements:
                cursor = connection.execute(statement)
            return cursor.fetchone()[0] if cursor.description else None

    def take(self, *options: str) -> Path:
        """The folder of a new base backup."""
        self.made += 1
        place = self.home.root / f"base-{self.made}"
        connect = ["-h", str(self.home.sockets), "-p", str(self.real.port), "-U", "postgres"]
        done = self.home.run([str(self.home.binaries / "pg_basebackup"), *connect, "-D", str(place), "-c", "fast", "--no-sync", *options])
        assert done.returncode == 0, done.stderr
        return place

    def switch(self) -> str:
        """End the current segment and wait until it is archived; its name."""
        name: str = self.run("select pg_walfile_name(pg_switch_wal())")
        deadline = time.monotonic() + 60
        while not (self.archive / name).exists():
            assert time.monotonic() < deadline, f"{name} was not archived"
            time.sleep(0.02)
        return name

    def mark(self, number: int) -> float:
        """Insert a row; a moment after it."""
        self.run(f"insert into marks values ({number})")
        moment: float = self.run("select extract(epoch from clock_timestamp())::float8")
        return moment

    def stop(self) -> None:
        """End the server; its folders are gone."""
        self.real.stop()


@contextmanager
def running_production(folder: Path) -> Iterator[Production]:
    """A server until the end."""
    made = Production(folder)
    try:
        made.start()
        yield made
    finally:
        made.stop()


def take_all(production: Production, into: Path, *options: str) -> Taken:
    """A base backup between rows 1 and 2, and rows up to 6, each followed by a segment's end."""
    production.mark(1)
    base = production.take(*(options or ("-Ft", "-z", "-X", "none")))
    moments = []
    for number in range(2, 7):
        moments.append(production.mark(number))
        production.switch()
    into.mkdir()
    shutil.copytree(production.archive, into / "archive")
    tar = next(base.glob("base.tar*"))
    shutil.copyfile(tar, into / tar.name)
    shutil.copyfile(base / "backup_manifest", into / "backup_manifest")
    return Taken(into / tar.name, into / "archive", production.home.binaries, into / "backup_manifest", moments)


@contextmanager
def recovery(
    taken: Taken, parent: Path, *, seconds: float = 60, progress: Progress = lambda *_: None, at_most: int = ROOM, **wanted: Any
) -> Iterator[Recovery]:
    """A recovery of what was taken, in a private folder that is gone afterwards."""
    with private_folder(parent, "muster-drill-test", user=drill_user()) as folder:
        backup, ends = replace(taken.backup, at_most=at_most), time.monotonic() + seconds
        with recovered(backup, Wanted(**wanted), folder, taken.binaries, ends=ends, user=drill_user(), progress=progress) as made:
            yield made


def marks(made: Recovery) -> list[int]:
    """The rows that came back."""
    with made.connect("shop") as connection:
        return [row[0] for row in connection.execute("select n from public.marks order by n")]
