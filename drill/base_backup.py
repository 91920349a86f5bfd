"""A base backup of PostgreSQL: unpacked as the hostile input that it is, described, and stripped of all settings it brought.

A base backup is a tar of a data directory. Whoever can write one could place files elsewhere (names, links), fill the disk,
or leave settings that run commands on this machine and connect to production; none of that comes through.
"""

import json
import os
import re
import shutil
import tarfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from drill.children import User, give, new_file, run
from drill.errors import Damaged
from drill.packed import PIECE
from drill.servers import disk_trouble
from drill.wal import Start, position
from muster.probes import CouldNotLook
from muster.text import cut
from muster.units import ByteSize

LARGEST_HEADER = 64 * 1024
"""Bytes of a long name or of extended attributes, which tarfile holds in memory."""
HELD = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
SMALLEST = 4096
"""Bytes that each member takes of the disk at least."""
END = 1024
"""Bytes of zero with which a tar ends, at least."""
SETTINGS = ("postgresql.conf", "postgresql.auto.conf", "pg_hba.conf", "pg_ident.conf", "recovery.conf", "recovery.signal", "standby.signal")
PAST = ("postmaster.pid", "postmaster.opts", "current_logfiles", "recovery.done")
SLOTS = "pg_replslot"
LARGEST_LABEL = 64 * 1024
START = re.compile(r"START WAL LOCATION: (?P<position>[0-9A-F]+/[0-9A-F]+) \(file [0-9A-F]{24}\)")


@dataclass(frozen=True)
class Base:
    """What an unpacked base backup says of itself."""

    start: Start
    version: str
    """Major version of the server: `15`."""
    label: str
    checkpoint_at: float
    """Unix seconds of its last checkpoint; the copy was finished later, and no earlier moment can be recovered."""
    control: dict[str, str]
    """What pg_controldata prints."""


def unpack(
    chunks: Iterable[bytes],
    into: Path,
    at_most: int,
    user: User | None = None,
    ends: float = float("inf"),
    progress: Callable[[int], None] = lambda _: None,
) -> Path:
    """Unpack a tar into the empty folder `into` and return the data directory in it: the folder that holds PG_VERSION.

    `progress` is told how many bytes there are.

    Raises Damaged for a tar that is cut short, broken or hostile, CouldNotLook for a full disk, for more than `at_most`
    bytes and at `ends` (monotonic).
    """
    stream = _Stream(chunks, ends)
    try:
        with tarfile.open(None, "r|", cast("IO[bytes]", stream), PIECE, tarinfo=_Member) as tar:
            total = 0
            for member in tar:
                total += max(SMALLEST, member.size)
                if total > at_most:
                    raise CouldNotLook(f"the base backup unpacks to more than {ByteSize(at_most)}, its estimate", cause="drill room")
                _write(tar, member, into, user)
                progress(total)
            stream.check_end(tar.offset)
    except (tarfile.TarError, ValueError, OverflowError, EOFError) as error:
        raise Damaged(f"the base backup is no whole tar: {cut(str(error), 200)}") from None
    except OSError as error:
        raise disk_trouble(error, into) from error
    return _data_directory(into)


def verify(data: Path, manifest: Path | None, binaries: Path, folder: Path, user: User | None, ends: float) -> str:
    """Compare every file with the backup's manifest, before anything is changed. Returns a note when there is none.

    Raises Damaged with pg_verifybackup's words.
    """
    manifest = manifest or data / "backup_manifest"
    if not manifest.exists():
        return "the base backup has no backup_manifest: its files were not verified"
    # The log is not in the data directory, and checked otherwise.
    command = [str(binaries / "pg_verifybackup"), "--exit-on-error", "--no-parse-wal", f"--manifest-path={manifest}", str(data)]
    done = run(command, folder, user, ends)
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        if done.returncode != 1 or "could not execute" in said[0]:
            raise CouldNotLook(f"pg_verifybackup failed: {cut(said[0], 300)}", cause="drill pg_verifybackup")
        raise Damaged(f"pg_verifybackup: {cut(said[0].removeprefix('pg_verifybackup: error: '), 300)}")
    return ""


def describe(data: Path, manifest: Path | None, binaries: Path, folder: Path, user: User | None, ends: float) -> Base:
    """Read who made the backup, and where its log begins.

    Raises Damaged when it does not say so, CouldNotLook when it is of another version than our binaries.
    """
    version = _small(data / "PG_VERSION").strip()
    asked = run([str(binaries / "postgres"), "--version"], folder, user, ends)
    if asked.returncode:
        raise CouldNotLook(f"cannot run {binaries / 'postgres'}: {cut(asked.stderr.strip()[-200:], 200)}", cause="drill postgresql")
    ours = asked.stdout.strip()
    if (match := re.search(r"\) (\d+)", ours)) is None or match[1] != version:
        reason = f"the base backup is of PostgreSQL {cut(version, 20)}, and the drill's server is {cut(ours, 80)}"
        raise CouldNotLook(reason, cause="drill postgresql version", hint="a base backup starts only with its own major version")
    if _small(data / "tablespace_map").strip() or any((data / "pg_tblspc").iterdir()):
        raise CouldNotLook("the base backup has tablespaces, which the drill does not restore", cause="drill tablespaces")
    label = _small(data / "backup_label")
    begin, timeline = START.search(label), re.search(r"START TIMELINE: (\d+)", label)
    if begin is None or timeline is None:
        raise Damaged("the base backup has no backup_label that says where its log begins")
    control = _control(data, binaries, folder, user, ends)
    start = Start(
        timeline=int(timeline[1]),
        position=position(begin["position"]),
        segment_size=int(control["Bytes per WAL segment"]),
        system_identifier=int(control["Database system identifier"]),
        ends=_end(manifest or data / "backup_manifest"),
    )
    named = re.search(r"^LABEL: (.*)$", label, re.MULTILINE)
    return Base(start, version, cut(named[1], 100) if named else "", _checkpoint(control), control)


def strip(data: Path) -> list[str]:
    """Remove every setting, signal and slot that the backup brought; returns what was there."""
    found = [name for name in (*SETTINGS, *PAST) if os.path.lexists(data / name)]
    for name in found:
        place = data / name
        shutil.rmtree(place) if place.is_dir() else place.unlink()
    # A slot would keep the log from being removed, and wants settings of its own.
    for slot in (data / SLOTS).iterdir() if (data / SLOTS).is_dir() else ():
        shutil.rmtree(slot) if slot.is_dir() else slot.unlink()
    return found


class _Member(tarfile.TarInfo):
    """A member of which nothing large is held in memory."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> "_Member":
        made = super().frombuf(buf, encoding, errors)
        if made.size < 0 or (made.type in HELD and made.size > LARGEST_HEADER):
            raise tarfile.ReadError("a header of impossible size")
        return made


class _Stream:
    """Chunks as a file that tarfile reads forwards, and whether they ended as a tar ends."""

    def __init__(self, chunks: Iterable[bytes], ends: float) -> None:
        self._chunks: Iterator[bytes] = iter(chunks)
        self._rest = b""
        self._ends = ends
        self._tail = b""
        self._total = 0

    def read(self, size: int) -> bytes:
        parts, missing = [self._rest[:size]], size - len(self._rest[:size])
        self._rest = self._rest[size:]
        while missing and (chunk := next(self._chunks, None)) is not None:
            if time.monotonic() > self._ends:
                raise CouldNotLook("gave up at the deadline: the base backup was not unpacked", cause="drill deadline")
            parts.append(chunk[:missing])
            self._rest = chunk[missing:]
            missing -= len(parts[-1])
        read = b"".join(parts)
        self._tail = (self._tail + read)[-2 * PIECE :]
        self._total += len(read)
        return read

    def check_end(self, offset: int) -> None:
        """Read to the end, so that checksums are compared; raises tarfile.ReadError unless empty blocks follow the last member.

        tarfile itself takes a broken header, and the end of the stream between two members, for the end of the tar.
        """
        rest = self._tail[-(self._total - offset) :] if self._total > offset else b""
        empty, length = not rest.strip(b"\0"), len(rest)
        while more := self.read(PIECE):
            empty, length = empty and not more.strip(b"\0"), length + len(more)
        if not empty:
            raise tarfile.ReadError(f"a broken header at byte {offset}")
        if length < END:
            raise tarfile.ReadError("it is cut short: there is no end marker")


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, into: Path, user: User | None) -> None:
    """Write one file or folder below `into`, where no link is ever made, so that a name can lead nowhere else."""
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts or "\0" in member.name:
        raise Damaged(f"the base backup is hostile: member {cut(member.name, 100)!r} leads out of its folder")
    if member.issym() and name.parent.name == "pg_tblspc":
        raise CouldNotLook("the base backup has tablespaces, which the drill does not restore", cause="drill tablespaces")
    if not (member.isdir() or (member.isreg() and not member.issparse())):
        kind = "link" if member.issym() or member.islnk() else "device or special file"
        raise Damaged(f"the base backup is hostile: member {cut(member.name, 100)!r} is a {kind}")
    place = into.joinpath(*name.parts)
    for folder in [*reversed(place.relative_to(into).parents), *([place.relative_to(into)] if member.isdir() else [])]:
        _make_folder(into / folder, user)
    if not member.isdir():
        source: IO[bytes] | None = tar.extractfile(member)
        assert source is not None
        _copy(source, place, user)


def _make_folder(folder: Path, user: User | None) -> None:
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        if not folder.is_dir():
            raise Damaged(f"the base backup is hostile: {cut(folder.name, 100)!r} is a file and a folder") from None
    else:
        give(folder, user)


def _copy(source: IO[bytes], place: Path, user: User | None) -> None:
    try:
        with new_file(place, user) as file:
            shutil.copyfileobj(source, file, PIECE)
    except FileExistsError:
        raise Damaged(f"the base backup is hostile: member {cut(place.name, 100)!r} is there twice") from None


def _data_directory(into: Path) -> Path:
    """`into`, or the single folder in it, as a tar of a folder has."""
    inside = list(into.iterdir())
    for folder in (into, *(inside if len(inside) == 1 and inside[0].is_dir() else [])):
        if (folder / "PG_VERSION").is_file() and (folder / "global" / "pg_control").is_file():
            for name in ("pg_tblspc", "pg_wal"):
                (folder / name).mkdir(mode=0o700, exist_ok=True)
            return folder
    raise Damaged("the base backup is no data directory: PG_VERSION or global/pg_control is missing")


def _small(file: Path) -> str:
    """The text of a small file, "" when it is missing."""
    if not file.is_file():
        return ""
    with file.open("rb") as opened:
        return opened.read(LARGEST_LABEL).decode(errors="replace")


def _control(data: Path, binaries: Path, folder: Path, user: User | None, ends: float) -> dict[str, str]:
    done = run([str(binaries / "pg_controldata"), "-D", str(data)], folder, user, ends)
    said = dict(re.findall(r"^([^:\n]+):\s+(.*)$", done.stdout, re.MULTILINE))
    if done.returncode or "CRC checksum" in done.stdout or "Bytes per WAL segment" not in said:
        raise Damaged(f"the base backup's pg_control is broken: {cut((done.stderr or done.stdout).strip(), 200)}")
    return said


def _checkpoint(control: dict[str, str]) -> float:
    """When the last checkpoint began: our child has the time zone UTC and no language. Raises Damaged when it is no time."""
    text = control.get("Time of latest checkpoint", "")
    try:
        return datetime.strptime(text, "%a %b %d %H:%M:%S %Y").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise Damaged(f"the base backup's pg_control is broken: {cut(text, 100)!r} is no time") from None


def _end(manifest: Path) -> int:
    """Where the copying ended, as the manifest says; 0 when it does not."""
    if not manifest.is_file():
        return 0
    try:
        said: Any = json.loads(manifest.read_bytes())
        return max((position(each["End-LSN"]) for each in said["WAL-Ranges"]), default=0)
    except (ValueError, KeyError, TypeError):
        raise Damaged("the base backup's backup_manifest is broken") from None
