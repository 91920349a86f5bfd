"""What proving a restored copy costs, as a share of restoring it with `zcat dump | psql`.

Each variant gets a copy that nothing has read before, as a drill does: the first reader of restored rows also writes to them.
"""

import atexit
import gzip
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from drill import contents, corruption, references, schema, sequences
from drill.asks import Copy
from sandbox.binaries import postgresql
from sandbox.services.postgres import PostgresServer
from sandbox.world import Database, Served
from tests.bench.processes import PATIENCE, surroundings
from tests.bench.rounds import Benchmark, Goal, Ran, figure, share

MEGABYTES = 500
ROW = 136
"""Bytes of a row in the dump, on the average."""
SETTINGS = {"shared_buffers": "128MB", "max_wal_size": "1GB", "min_wal_size": "80MB", "autovacuum": "off", "max_connections": "20"}
DATA = (
    "CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL, joined_at timestamptz NOT NULL)",
    "CREATE TABLE vods (id bigserial PRIMARY KEY, title text NOT NULL, recorded_at timestamptz NOT NULL)",
    (
        "CREATE TABLE chat_messages (id bigserial PRIMARY KEY, vod_id bigint NOT NULL, user_id bigint NOT NULL,"
        " message text NOT NULL, at timestamptz NOT NULL)"
    ),
    "INSERT INTO users SELECT n, md5(n::text), now() - n * interval '1 s' FROM generate_series(1, {rows} / 20) n",
    "INSERT INTO vods (title, recorded_at) SELECT md5(n::text), now() - n * interval '1 min' FROM generate_series(1, {rows} / 50) n",
    (
        "INSERT INTO chat_messages (vod_id, user_id, message, at) SELECT 1 + n % ({rows} / 50), 1 + n % ({rows} / 20),"
        " md5(n::text) || md5((-n)::text) || n, now() - n * interval '1 s' FROM generate_series(1, {rows}) n"
    ),
    "CREATE INDEX users_by_name ON users (name)",
    "CREATE INDEX vods_by_time ON vods (recorded_at)",
    "CREATE INDEX chat_messages_by_vod ON chat_messages (vod_id)",
    "CREATE INDEX chat_messages_by_time ON chat_messages (at)",
    "ALTER TABLE chat_messages ADD FOREIGN KEY (vod_id) REFERENCES vods (id), ADD FOREIGN KEY (user_id) REFERENCES users (id)",
    "ANALYZE",
)
NEWEST = {"public.users": "joined_at", "public.vods": "recorded_at", "public.chat_messages": "at"}
RESTORE, COUNTS, LIGHT, ALL = "zcat | psql", "counts by psql", "counts, newest, orphans, schema", "the same and amcheck"


class Restored:
    """A server with what stands for production, its dump, and copies of it."""

    def __init__(self, folder: Path, megabytes: int) -> None:
        self._server = PostgresServer(folder / "server", _no_certificate, lambda _: None)
        self._dump = folder / "dump.sql.gz"
        self._rows = max(1000, megabytes * 1_000_000 // ROW)
        self._number = 0

    def start(self) -> None:
        """Fill production, dump it, restore it once."""
        self._server.apply(Database(name="production", owner="platform", settings=SETTINGS))
        with self._server.connect("production") as admin:
            for statement in DATA:
                admin.execute(statement.format(rows=self._rows))
        with (
            self._program("pg_dump", "production", stdout=subprocess.PIPE) as dumping,
            gzip.open(self._dump, "wb", compresslevel=6) as file,
        ):
            assert dumping.stdout is not None
            shutil.copyfileobj(dumping.stdout, file)
        assert dumping.returncode == 0
        with self._server.connect() as admin:
            admin.execute("CREATE DATABASE fresh")
        self.load("fresh")

    def stop(self) -> None:
        """Remove everything."""
        self._server.stop()

    def _program(self, name: str, database: str, *arguments: str, **streams: Any) -> "subprocess.Popen[bytes]":
        with self._server.connect() as admin:
            where = [f"--host={admin.info.host}", f"--port={admin.info.port}", "--username=postgres", f"--dbname={database}"]
        return subprocess.Popen([str(postgresql() / name), *where, *arguments], env=surroundings(), **streams)

    def load(self, database: str) -> float:
        """Restore the dump as the runbooks do; the seconds that it took."""
        began = time.monotonic()
        quietly = ("--no-psqlrc", "--quiet", "-v", "ON_ERROR_STOP=1")
        with (
            subprocess.Popen(["zcat", str(self._dump)], stdout=subprocess.PIPE) as reading,
            self._program("psql", database, *quietly, stdin=reading.stdout, stdout=subprocess.DEVNULL) as loading,
        ):
            assert loading.wait(PATIENCE) == 0
        return time.monotonic() - began

    @contextmanager
    def database(self, *, filled: bool) -> Iterator[str]:
        """A new database, empty or a copy that nobody has read, until the end."""
        self._number += 1
        name = f"copy_{self._number}"
        with self._server.connect() as admin:
            admin.execute(f"CREATE DATABASE {name} {'TEMPLATE fresh STRATEGY file_copy' if filled else ''}")
            admin.execute("CHECKPOINT")
            yield name
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def restored(self) -> Ran:
        """The reference."""
        with self.database(filled=False) as name:
            took = self.load(name)
            return Ran(took, self.counted(name))

    def counted_only(self) -> Ran:
        """The floor: what it costs to read each table once."""
        with self.database(filled=True) as name:
            began = time.monotonic()
            found = self.counted(name)
            return Ran(time.monotonic() - began, found)

    def counted(self, name: str) -> dict[str, int]:
        """How many rows each table has, asked with psql."""
        statement = " union all ".join(f"select '{table}', count(*) from {table}" for table in sorted(NEWEST))
        with self._program("psql", name, "--no-psqlrc", "-At", "-F=", "-c", statement, stdout=subprocess.PIPE) as asking:
            said = asking.communicate(timeout=PATIENCE)[0].decode()
        return {table: int(rows) for table, rows in (line.split("=") for line in said.split())}

    def verified(self, *, amcheck: bool) -> Ran:
        """The verification: production is looked at too."""
        with self.database(filled=True) as name, self._server.connect("production") as here, self._server.connect(name) as there:
            parts = Parts()
            live, copy = Copy(here, "production"), Copy(there, "copy")
            bad = list(parts("schema", lambda: schema.differences(schema.inventory(live), schema.inventory(copy))))
            found = parts("counts", lambda: contents.counts(copy))
            bad += parts("band", lambda: contents.compare(found, contents.live_counts(live, small=0), 0.9, 1.1).outside.things)
            bad += parts("orphans", lambda: references.found(references.orphans(copy, references.keys(live))).things)
            bad += parts("sequences", lambda: sequences.behind(copy).things)
            bad += [name for name, each in parts("newest", lambda: contents.newest(copy, NEWEST)).items() if each.moment is None]
            if amcheck:
                with self._server.connect(name) as admin:
                    bad += parts("amcheck", lambda: corruption.check(admin, time.monotonic() + PATIENCE).complaints)
            assert not bad, bad
            return Ran(sum(parts.seconds.values()), found, parts.seconds)


@dataclass
class Parts:
    """Seconds by part."""

    seconds: dict[str, float] = field(default_factory=dict)

    def __call__(self, name: str, part: Callable[[], Any]) -> Any:
        began = time.monotonic()
        found = part()
        self.seconds[name] = time.monotonic() - began
        return found


def _no_certificate(served: Served) -> tuple[bytes, bytes]:
    raise AssertionError(served)


@contextmanager
def verification(megabytes: int = MEGABYTES) -> Iterator[Benchmark]:
    """The benchmark with its server, until the end."""
    with tempfile.TemporaryDirectory(prefix="muster-bench-") as folder, ExitStack() as ends:
        restored = Restored(Path(folder), megabytes)
        ends.callback(restored.stop)
        restored.start()
        told = [
            Goal(f"{part} / {RESTORE}", lambda ran, part=part: figure(ALL, part)(ran) / ran[RESTORE].seconds)
            for part in ("schema", "counts", "orphans", "sequences", "newest", "amcheck")
        ]
        yield Benchmark(
            name="verification",
            title=f"Proving a restored copy of {megabytes} MB of SQL",
            variants={
                RESTORE: restored.restored,
                COUNTS: restored.counted_only,
                LIGHT: lambda: restored.verified(amcheck=False),
                ALL: lambda: restored.verified(amcheck=True),
            },
            floor=COUNTS,
            reference=RESTORE,
            goals=[
                Goal(f"{LIGHT} / {RESTORE}", share(LIGHT, RESTORE), at_most=0.08, needs=(LIGHT, RESTORE)),
                Goal(f"{ALL} / {RESTORE}", share(ALL, RESTORE), at_most=0.35, needs=(ALL, RESTORE)),
                *told,
            ],
        )


def benchmarks() -> list[Benchmark]:
    """All of this module; the server that they share ends with the process."""
    ends = ExitStack()
    atexit.register(ends.close)
    return [ends.enter_context(verification())]
