"""Hosts, files on them, and backups that are files: looked at over ssh, or on this machine."""

from fnmatch import translate
from pathlib import PurePosixPath
from typing import ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from muster.amounts import Pattern
from muster.connections import Local, Ssh
from muster.expectations import Expect, Limit, Many, Severity, Terms, Wanted
from muster.host_names import HostPath, MountPoint, ProcessName, UnitName
from muster.kinds.base import Connected
from muster.units import ByteSize, Duration, Percent

Format = Literal["gzip", "zstd", "xz", "bzip2"]
FORMATS: dict[str, Format] = {".gz": "gzip", ".tgz": "gzip", ".zst": "zstd", ".xz": "xz", ".bz2": "bzip2"}
DUMP_COMPLETE = "PostgreSQL database dump complete"
"""The comment with which pg_dump ends a plain dump."""


class Missing(Terms):
    """How many of the named things may be missing."""

    primary: ClassVar[str] = "at_most"

    at_most: int = Field(default=0, ge=0)


class Processes(Missing):
    """Processes that must run: `{running: {postgres: 1, nginx: 2}}`, by exact name and least number."""

    running: dict[ProcessName, int] = Field(min_length=1)


class Units(Missing):
    """systemd units that must be active: `{active: [nginx, backup.timer]}`."""

    active: Many[UnitName] = Field(min_length=1)


class Listening(Missing):
    """TCP ports on which something must listen: `{ports: [22, 443]}`."""

    ports: Many[int] = Field(min_length=1)

    @field_validator("ports")
    @classmethod
    def _are_ports(cls, ports: tuple[int, ...]) -> tuple[int, ...]:
        if not all(0 < port < 65536 for port in ports):
            raise PydanticCustomError("port", "a port lies between 1 and 65535")
        return ports


class HostExpect(Expect):
    """What a host may be like."""

    disk_used: Wanted[Limit[Percent]] | None = (Limit[Percent].model_construct(limit=Percent(0.8)),)
    """Share of the fullest file system that is taken, as df counts it: what only root may fill counts as taken."""
    inodes_used: Wanted[Limit[Percent]] | None = (Limit[Percent].model_construct(limit=Percent(0.8)),)
    """Share of the inodes of the file system that has fewest left; those that make inodes as needed do not count."""
    unmounted: Wanted[Limit[int]] | None = (Limit[int].model_construct(limit=0),)
    """Declared mounts that are not mounted."""
    read_only: Wanted[Limit[int]] | None = (Limit[int].model_construct(limit=0),)
    """File systems that are mounted read-only; the kernel does that when one has errors."""
    load: Wanted[Limit[Percent]] | None = (Limit[Percent].model_construct(limit=Percent(2.0)),)
    """Load average of 15 minutes as a share of the cores: 100% is one process that runs or waits for each core."""
    clock_skew: Wanted[Limit[Duration]] | None = (Limit[Duration].model_construct(limit=Duration(10)),)
    """How far the host's clock is from ours, either way, to about a second."""
    processes: Wanted[Processes] | None = None
    """Processes that must run; zombies do not count."""
    units: Wanted[Units] | None = None
    """systemd units that must be active. Unknown on a host without systemd."""
    listening: Wanted[Listening] | None = None
    """Ports of exactly these numbers, in state LISTEN, at any address."""


class OnHost(Connected):
    """The base of what lies on a host."""

    connects: ClassVar[tuple[str, ...]] = ("ssh", "local")

    def reached(self) -> Ssh | Local:
        """The connection to the host."""
        source = self.source()
        assert isinstance(source, Ssh | Local), source
        return source


class Host(OnHost):
    """A machine: its file systems, load, clock, processes and sockets."""

    section: ClassVar[str] = "hosts"
    fixture: ClassVar[str] = "machine"
    severities: ClassVar[dict[str, Severity]] = {
        "disk_used": "P1",
        "inodes_used": "P1",
        "unmounted": "P1",
        "read_only": "P1",
        "processes": "P1",
        "units": "P1",
        "listening": "P1",
    }

    mounts: Many[MountPoint] = ()
    """Mount points to look at; without them every file system on a disk of the host."""
    expect: HostExpect = HostExpect.model_construct()

    def where(self) -> str:
        return _where(self)


class Lines(Missing):
    """Patterns (regular expressions), each looked for in the lines of a file: `{patterns: ["^kind: SealedSecret$"]}`."""

    patterns: Many[Pattern] = Field(min_length=1)


class FileExpect(Expect):
    """What a file may be like."""

    exists: Wanted[Limit[bool]] | None = (Limit[bool].model_construct(limit=True),)
    """`false` for what must not be there; the folder that it would lie in must be."""
    newer_than: Wanted[Limit[Duration]] | None = None
    """Time since it was last written, by the host's own clock."""
    larger_than: Wanted[Limit[ByteSize]] | None = None
    """In bytes, as `ls -l` says."""
    smaller_than: Wanted[Limit[ByteSize]] | None = None
    """A log whose rotation stopped only grows."""
    size_of_previous: Wanted[Limit[Percent]] | None = None
    """Size as a share of the next older file of the folder whose name matches `siblings`."""
    valid: Wanted[Limit[Literal["yaml", "json"]]] | None = None
    """It is of this format, and holds something."""
    contains: Wanted[Lines] | None = None
    """Patterns that must be found; at most so many may be missing."""
    free_of: Wanted[Lines] | None = None
    """Patterns that must not be found; at most so many may be."""
    mode: Wanted[Limit[str]] | None = None
    """Permissions as four octal digits, in quotes: `"0640"`."""
    owner: Wanted[Limit[str]] | None = None
    """Name of the user that it belongs to, or `user:group`."""

    @field_validator("mode")
    @classmethod
    def _octal(cls, value: Wanted[Limit[str]] | None) -> Wanted[Limit[str]] | None:
        for each in value if isinstance(value, tuple) else ():
            if len(each.limit) != 4 or not set(each.limit) <= set("01234567"):
                raise PydanticCustomError("mode", 'permissions are four octal digits in quotes: "0640"')
        return value


class InFolder(OnHost):
    """The base of a file that has others of its kind beside it."""

    path: HostPath
    """Absolute, or below the root of the connection. A symbolic link is followed."""
    siblings: str | None = Field(default=None, min_length=1, max_length=255)
    """Pattern (`*`, `?`) of the names of its kind in its folder, such as `nightly-*.sql.gz`; without it, all with its ending."""

    def where(self) -> str:
        return f"{_where(self)} {self.path}"

    def pattern(self, name: str) -> str:
        """The regular expression for names of files of the same kind as `name`."""
        ending = "".join(suffix for suffix in PurePosixPath(name).suffixes[-2:] if suffix[1:2].isalpha())  # a date is no ending
        return translate(self.siblings or f"*{_escaped(ending)}")


class HostFile(InFolder):
    """A file on a host, as a checkout, an export or a log is made of."""

    section: ClassVar[str] = "files"
    fixture: ClassVar[str] = "host_file"

    everywhere: bool = False
    """`path` is a name, or a pattern (`*`, `?`) of names, looked for in every folder below the connection's root, `.git` aside."""
    expect: FileExpect = FileExpect.model_construct()

    @model_validator(mode="after")
    def _one_or_any(self) -> Self:
        others = [name for name in FileExpect.model_fields if name != "exists" and getattr(self.expect, name) is not None]
        if self.everywhere and ("/" in self.path or others):
            raise PydanticCustomError("everywhere", "what is looked for everywhere has a name without folders, and can only exist or not")
        return self


class Complete(Terms):
    """Whether the end of the decompressed file holds a text: `true`, or `{marker: Dump completed}`."""

    primary: ClassVar[str] = "complete"

    complete: bool = True
    marker: str = Field(default=DUMP_COMPLETE, min_length=3, max_length=200)
    """Looked for in the last ten lines that are not empty; without it the comment with which pg_dump ends a plain dump."""


class BackupExpect(Expect):
    """What a backup must be like, before anybody needs it."""

    newer_than: Wanted[Limit[Duration]] | None = (Limit[Duration].model_construct(limit=Duration(26 * 3600)),)
    """Time since the file that a link leads to was last written, by the host's own clock."""
    larger_than: Wanted[Limit[ByteSize]] | None = (Limit[ByteSize].model_construct(limit=ByteSize(10**6)),)
    """In bytes, as `ls -l` says; a compressed nothing has 20."""
    size_of_previous: Wanted[Limit[Percent]] | None = (Limit[Percent].model_construct(limit=Percent(0.5)),)
    """Size as a share of the backup before it. Violated when there is none, unless `allow_empty`."""
    intact: Wanted[Limit[bool]] | None = (Limit[bool].model_construct(limit=True),)
    """The archive decompresses to its end, which includes its checksums. By default not expected of what is not compressed."""
    complete: Wanted[Complete] | None = None
    """The decompressed text ends as complete ones do: a dump that died half way can be a valid archive."""


class Backup(InFolder):
    """A backup that is a file on a host. A large one needs a `timeout` that lets it be decompressed once."""

    section: ClassVar[str] = "backups"
    fixture: ClassVar[str] = "backup"
    severities: ClassVar[dict[str, Severity]] = dict.fromkeys(BackupExpect.model_fields, "P0")

    newest: bool = False
    """`path` is a folder; the backup is the file in it, of those that match `siblings`, that was written last."""
    format: Format | None = None
    """How it is compressed; without it, what the ending of `path` or `siblings` says: .gz, .tgz, .zst, .xz, .bz2."""
    expect: BackupExpect = BackupExpect.model_construct()

    @model_validator(mode="after")
    def _can_be_read(self) -> Self:
        if self.newest and not self.siblings:
            raise PydanticCustomError("newest", "newest needs siblings: which of the folder's files are backups?")
        if not self.compression() and "intact" in self.expect.model_fields_set and isinstance(self.expect.intact, tuple):
            raise PydanticCustomError("format", "intact needs a format; none of .gz, .tgz, .zst, .xz, .bz2 is its ending")
        return self

    def compression(self) -> Format | None:
        """How the file is compressed; None for plain."""
        name = self.siblings or self.path
        return self.format or next((found for ending, found in FORMATS.items() if name.endswith(ending)), None)

    def adapted(self) -> Self:
        """A plain file cannot be tested for integrity."""
        if self.compression():
            return self
        return self.model_copy(update={"expect": self.expect.model_copy(update={"intact": None})})


def _escaped(text: str) -> str:
    return "".join(f"[{each}]" if each in "*?[" else each for each in text)


def _where(entity: OnHost) -> str:
    """The host as the file names it: `env:` references stay references."""
    source = entity.reached()
    return str(source.host) if isinstance(source, Ssh) else f"this machine{f', {source.root}' if source.root else ''}"
