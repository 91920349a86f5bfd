"""A base backup of PostgreSQL: unpacked as the hostile input that it is, described, and stripped of all settings it brought.

A base backup is a tar of a data directory. Whoever can write one could place files elsewhere (names, links), fill the disk,
or leave settings that run commands on this machine and connect to production; none of that comes through.
"""

import json
import os
import re
import shutil
import tarfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any

from drill.children import User, give, new_file, run
from drill.errors import Damaged
from drill.packed import PIECE
from drill.servers import disk_trouble
from drill.tars import members, whole
from drill.wal import Start, position
from muster.probes import CouldNotLook
from muster.text import cut
from muster.units import ByteSize

SMALLEST = 4096
"""Bytes that each member takes of the disk at least."""
SETTINGS = ("postgresql.conf", "postgresql.auto.conf", "pg_hba.conf", "pg_ident.conf", "recovery.conf", "recovery.signal", "standby.signal")
PAST = ("postmaster.pid", "postmaster.opts", "current_logfiles", "recovery.done")
SLOTS = "pg_replslot"
LARGEST_LABEL = 64 * 1024
LABEL = re.compile(r"START WAL LOCATION: (?P<position>[0-9A-F]+/[0-9A-F]+) \(file (?P<segment>[0-9A-F]{24})\)")


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
    total = 0
    try:
        for member, content in members(chunks, "the base backup", ends):
            total += max(SMALLEST, member.size)
            if total > at_most:
                raise CouldNotLook(f"the base backup unpacks to more than {ByteSize(at_most)}, its estimate", cause="drill room")
            _write(member, content, into, user)
            progress(total)
    except OSError as error:
        raise disk_trouble(error, into) from error
    return _data_directory(into)


def label_of(chunks: Iterable[bytes]) -> str:
    """The text of backup_label in a tar, which is read no further; "" when there is none."""
    for member, content in members(chunks, "the base backup"):
        if content is not None and PurePosixPath(member.name).name == "backup_label":
            with whole("the base backup"):
                return content.read(LARGEST_LABEL).decode(errors="replace")
    return ""


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
    begin, timeline = LABEL.search(label), re.search(r"START TIMELINE: (\d+)", label)
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


def _write(member: tarfile.TarInfo, content: IO[bytes] | None, into: Path, user: User | None) -> None:
    """Write one file or folder below `into`, where no link is ever made, so that a name can lead nowhere else."""
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts or "\0" in member.name:
        raise Damaged(f"the base backup is hostile: member {cut(member.name, 100)!r} leads out of its folder")
    if member.issym() and name.parent.name == "pg_tblspc":
        raise CouldNotLook("the base backup has tablespaces, which the drill does not restore", cause="drill tablespaces")
    if not member.isdir() and (content is None or member.issparse()):
        kind = "link" if member.issym() or member.islnk() else "device or special file"
        raise Damaged(f"the base backup is hostile: member {cut(member.name, 100)!r} is a {kind}")
    place = into.joinpath(*name.parts)
    for folder in [*reversed(place.relative_to(into).parents), *([place.relative_to(into)] if member.isdir() else [])]:
        _make_folder(into / folder, user)
    if content is not None:
        _copy(content, place, user)


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
        with new_file(place, user) as file, whole("the base backup"):
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
