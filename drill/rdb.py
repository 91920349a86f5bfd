"""Redis: a dump is checked, loaded into a server of our own, and counted.

The server gets our settings only, a unix socket in a folder of its own, a random password, and writes nothing.
"""

import hashlib
import re
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from drill.children import Child, User, give, new_file, run
from drill.errors import Damaged
from drill.packed import unpacked
from drill.servers import disk_trouble
from muster.probes import CouldNotLook
from muster.text import cut
from muster.units import ByteSize

LOGIN = "drill"
LONGEST_SOCKET = 107
SANITIZES_SINCE = (6, 2)
CHECKSUM_SINCE = 5
AUX = re.compile(r"^\[offset \d+\] AUX FIELD ([a-z0-9-]+) = '([^'\n]*)'$", re.MULTILINE)
ERROR = re.compile(r"^\[offset (\d+)\] (.*)$", re.MULTILINE)
FOUND = "--- RDB ERROR DETECTED ---"
NEWER = "Can't handle RDB format version"
OURS = re.compile(
    r"no matching module|can't load|configured to handle more than|Out Of Memory|Can't allocate|Cannot allocate"
    r"|FATAL CONFIG FILE|Permission denied|Failed opening Unix socket|No space left"
)
"""What a server says that is not able to load a dump which is whole."""
SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    "dbfilename": "dump.rdb",
    "save": '""',
    "appendonly": "no",
    "databases": "4096",
    "daemonize": "no",
    "rdbchecksum": "yes",
    "maxmemory": "0",
}


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What a server made of a dump."""

    keys: dict[int, int]
    """By the number of the database; those without a key are absent."""
    in_file: int
    """Keys that the dump holds, expired ones too."""
    expired: int
    """Keys that were dropped because they had expired by now."""
    used_memory: int
    rdb_version: int
    written_by: str
    """Version of the server that wrote the dump, "" when the dump does not say."""
    server: str
    """Version of the server that loaded it."""
    written: float | None
    """When the dump was begun, Unix seconds, by its own word; None when it does not say."""
    aux: dict[str, str]
    """What else the dump says of itself: repl-id, repl-offset, used-mem ..."""
    seconds: dict[str, float]
    """By phase: receive, check, load."""
    notes: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        """Keys in all databases."""
        return sum(self.keys.values())

    def deviation(self, live: int) -> float:
        """How far the number of keys is from the live server's: 0.1 is a tenth more or less."""
        return abs(self.total - live) / live if live else float(self.total > 0)


@dataclass(frozen=True)
class Instance:
    """A server with the dump in it, and how it is asked."""

    result: Loaded
    connect: Callable[..., Any]
    """`connect(db=0)` -> a client of redis-py that may do everything."""


@contextmanager
def loaded(
    dump: Iterable[bytes],
    folder: Path,
    binaries: Path,
    *,
    at_most: int,
    ends: float,
    user: User | None = None,
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> Iterator[Instance]:
    """Load a dump of at most so many bytes (gzip, zstd or neither) in the private `folder`; the server is ended at the end.

    Raises Damaged when the dump is at fault, CouldNotLook when we are, and at `ends` (monotonic).
    """
    made = _Load(folder, binaries, ends, user, progress)
    try:
        made.receive(dump, at_most)
        made.check()
        yield Instance(made.load(), made.connect)
    finally:
        made.stop()


class _Load:
    """The steps of loading one dump; each takes its time down."""

    def __init__(self, folder: Path, binaries: Path, ends: float, user: User | None, progress: Callable[[str, int, int], None]) -> None:
        self.folder, self.binaries, self.ends, self.user, self.progress = folder, binaries, ends, user, progress
        self.home = folder / "redis"
        self.password = secrets.token_hex(32)
        self.seconds: dict[str, float] = {}
        self.notes: list[str] = []
        self.child: Child | None = None

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Take the time of a phase, and tell a full disk."""
        began = time.monotonic()
        try:
            yield
        except OSError as error:
            raise disk_trouble(error, self.folder) from error
        finally:
            self.seconds[name] = time.monotonic() - began

    def receive(self, dump: Iterable[bytes], at_most: int) -> None:
        """Write the dump to where the server looks for it."""
        with self.phase("receive"):
            self.home.mkdir(mode=0o700)
            give(self.home, self.user)
            if len(str(self.home / "s")) > LONGEST_SOCKET:
                raise CouldNotLook(f"the path {self.home / 's'} is too long for a unix socket", cause=f"drill folder {self.folder.parent}")
            size, head, tail = 0, b"", b""
            with new_file(self.home / "dump.rdb", self.user) as file:
                for piece in unpacked(dump, "the dump"):
                    size, head, tail = size + len(piece), (head + piece[:9])[:9], (tail + piece[-8:])[-8:]
                    if size > at_most:
                        raise CouldNotLook(f"the dump unpacks to more than {ByteSize(at_most)}, its estimate", cause="drill room")
                    if time.monotonic() > self.ends:
                        raise CouldNotLook("gave up at the deadline: the dump was not received", cause="drill deadline")
                    file.write(piece)
                    self.progress("receive", size, at_most)
            self.recognise(head, tail)

    def recognise(self, head: bytes, tail: bytes) -> None:
        """Read the first line of the dump, and whether it carries a checksum. Raises Damaged when it is no dump."""
        if head.startswith(b"VALKEY"):
            raise CouldNotLook(
                f"the dump is Valkey's ({cut(head.decode(errors='replace'), 20)}), and the drill loads Redis's", cause="drill redis"
            )
        match = re.fullmatch(rb"REDIS(\d{4})", head)
        if match is None:
            raise Damaged("the dump is empty" if not head else f"the dump is no RDB file: it begins with {cut(repr(head), 60)}")
        self.version = int(match[1])
        if self.version >= CHECKSUM_SINCE and tail == bytes(8):
            self.notes.append("the dump carries no checksum: a flipped bit in a value would not be seen")

    def check(self) -> None:
        """Let Redis's own checker read the dump from end to end."""
        with self.phase("check"):
            asked = run([str(self.binaries / "redis-server"), "--version"], self.folder, self.user, self.ends)
            named = re.search(r"v=([\d.]+)", asked.stdout)
            if asked.returncode or named is None:
                raise CouldNotLook(f"cannot run redis-server: {cut((asked.stderr or asked.stdout).strip(), 200)}", cause="drill redis")
            self.server = named[1]
            done = run([str(self.binaries / "redis-check-rdb"), str(self.home / "dump.rdb")], self.folder, self.user, self.ends)
            said = done.stdout
            if FOUND not in said and done.returncode:
                raise CouldNotLook(f"cannot run redis-check-rdb: {cut((done.stderr or said).strip()[-200:], 200)}", cause="drill redis")
            if NEWER in said:
                reason = f"the dump has RDB format version {self.version}, which Redis {self.server}, the drill's, is too old to read"
                raise CouldNotLook(reason, cause="drill redis version", hint="give the drill the Redis that production has")
            if done.returncode:
                where = ERROR.search(said, said.index(FOUND))
                raise Damaged(f"redis-check-rdb: {cut(where[2], 200)} at byte {where[1]}" if where else "redis-check-rdb found an error")
            self.aux = dict(AUX.findall(said))
            self.in_file, self.expired = (_number(rf"\[info\] (\d+) {what}", said) for what in ("keys read", "already expired"))

    def load(self) -> Loaded:
        """Start the server and wait until it has loaded the dump."""
        with self.phase("load"):
            self.check_memory()
            with new_file(self.home / "redis.conf", self.user) as file:
                file.write(self.settings().encode())
            self.child = Child([str(self.binaries / "redis-server"), str(self.home / "redis.conf")], self.folder, self.home, self.user)
            if not self.child.wait_until(self.there, self.ends, "through with loading"):
                said = self.child.text()
                kind = CouldNotLook if OURS.search(said) else Damaged
                raise kind(f"the dump was not loaded: {_reason(said)}")
            with self.connect() as client:
                info = client.info("everything")
                self.notes += [] if self.child.alone else ["the server shares our network: this machine does not let us take it away"]
        return self.result(info)

    def check_memory(self) -> None:
        """Raises CouldNotLook when the memory that the dump took of its server is more than this machine has left."""
        needed = _whole(self.aux.get("used-mem", "")) or 0
        free = _number(r"MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text()) * 1024
        if needed > free:
            raise CouldNotLook(
                f"the dump takes {ByteSize(needed)} of memory, and this machine has {ByteSize(free)} left", cause="drill room"
            )

    def settings(self) -> str:
        """Our redis.conf."""
        digest = hashlib.sha256(self.password.encode()).hexdigest()
        lines = SETTINGS | {"dir": _quoted(self.home), "unixsocket": _quoted(self.home / "s")}
        if tuple(int(part) for part in self.server.split(".")[:2]) >= SANITIZES_SINCE:
            lines["sanitize-dump-payload"] = "yes"
        users = f"user default off\nuser {LOGIN} on #{digest} ~* +@all\n"
        return "".join(f"{name} {value}\n" for name, value in lines.items()) + users

    def connect(self, db: int = 0) -> Any:
        """A client that may do everything."""
        from redis import Redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        login: dict[str, Any] = {"username": LOGIN, "password": self.password}
        return Redis(unix_socket_path=str(self.home / "s"), db=db, socket_timeout=10.0, retry=Retry(NoBackoff(), 0), **login)

    def there(self) -> bool:
        """Whether the dump is loaded; tells how far it is."""
        from redis.exceptions import RedisError

        try:
            with self.connect() as client:
                info = client.info("persistence")
        except RedisError:
            return False
        if info["loading"]:
            self.progress("load", int(info.get("loading_loaded_bytes", 0)), int(info.get("loading_total_bytes", 0)))
        return not info["loading"]

    def result(self, info: dict[str, Any]) -> Loaded:
        """What the server says of what it loaded."""
        keys = {int(name[2:]): said["keys"] for name, said in info.items() if re.fullmatch(r"db\d+", name) and isinstance(said, dict)}
        expired = int(info.get("rdb_last_load_keys_expired", self.expired))
        if self.in_file and not sum(keys.values()):
            self.notes.append(f"all {self.in_file} keys of the dump had expired by now")
        return Loaded(
            keys=keys,
            in_file=self.in_file,
            expired=expired,
            used_memory=int(info["used_memory"]),
            rdb_version=self.version,
            written_by=cut(self.aux.get("redis-ver", ""), 40),
            server=self.server,
            written=_whole(self.aux.get("ctime", "")),
            aux={name: cut(value, 100) for name, value in self.aux.items()},
            seconds=self.seconds,
            notes=self.notes,
        )

    def stop(self) -> None:
        """End the server; what it holds is thrown away."""
        if self.child is not None:
            self.child.stop(seconds=0.5)


def _number(pattern: str, text: str) -> int:
    found = re.findall(pattern, text)
    return int(found[-1]) if found else 0


def _whole(text: str) -> int | None:
    """What a dump says as a number; None when it is none."""
    return int(text) if re.fullmatch(r"\d{1,18}", text) else None


def _quoted(path: Path) -> str:
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _reason(log: str) -> str:
    """What the server said before it gave up, without its process, role and time."""
    lines = [line for line in log.strip().splitlines() if "Exiting" not in line or OURS.search(line)] or ["it said nothing"]
    return cut(re.sub(r"^\d+:\w .*? [*#.-] ", "", next((line for line in lines if OURS.search(line)), lines[-1])), 300)
