"""A restore of a plain dump and of an archive, ours and the programs' own, into the same server."""

import contextlib
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.bench.processes import surroundings, tell, told
from tests.bench.rounds import Benchmark, Goal, Ran, share
from tests.drill.servers import PASSWORD, Scratch, Server

MIB = int(os.environ.get("MUSTER_BENCH_RESTORE_MIB", "500"))
"""Size of the dump, about."""
ROWS_PER_MIB = 7300
JOBS = 2
SCHEMA = (
    "CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL, mail text NOT NULL, born date, score numeric(10,2))",
    "CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint NOT NULL, state text, net numeric(10,2), made timestamptz, note text)",
    "CREATE TABLE events (id bigint PRIMARY KEY, order_id bigint NOT NULL, what text, at timestamptz, payload text)",
)
ROWS = (
    (
        "INSERT INTO users SELECT n, 'user ' || n, md5(n::text) || '@example.org', date '1970-01-01' + n % 15000, n % 1000 / 7.0"
        " FROM generate_series(1, {users}) n"
    ),
    (
        "INSERT INTO orders SELECT n, 1 + n % {users}, CASE n % 3 WHEN 0 THEN 'new' WHEN 1 THEN 'paid' END, n % 999 / 3.0,"
        " timestamptz '2024-01-01' + n * interval '1 second', md5(n::text) || E'\\\\ a note\\twith tabs'"
        " FROM generate_series(1, {orders}) n"
    ),
    (
        "INSERT INTO events SELECT n, 1 + n % {orders}, 'event ' || n % 50, timestamptz '2024-01-01' + n * interval '1 second',"
        " md5(n::text) || md5((n + 1)::text) || ' some text that is the same in every row of it' FROM generate_series(1, {events}) n"
    ),
)
INDEXES = (
    "CREATE INDEX ON users (mail)",
    "CREATE INDEX ON orders (user_id)",
    "CREATE INDEX ON orders (made)",
    "CREATE INDEX ON events (order_id)",
    "ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users",
    "ALTER TABLE events ADD FOREIGN KEY (order_id) REFERENCES orders",
)
COUNTS = "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM orders), (SELECT count(*) FROM events)"


@dataclass(frozen=True)
class Place:
    """A server with a source, and its dumps as files."""

    server: Server
    plain: Path
    archive: Path


@cache
def place() -> Place:
    """Made once for each process, and gone with it."""
    import atexit
    import tempfile

    kept = contextlib.ExitStack()
    atexit.register(kept.close)
    folder = Path(kept.enter_context(tempfile.TemporaryDirectory(prefix="muster-bench-")))
    server = Server(folder, max_wal_size="2GB", shared_buffers="128MB", maintenance_work_mem="64MB")
    kept.callback(server.real.stop)
    events = MIB * ROWS_PER_MIB * 4 // 7
    sizes = {"users": events // 10, "orders": events // 2, "events": events}
    source = server.make(*SCHEMA, *(rows.format(**sizes) for rows in ROWS), *INDEXES)
    made = Place(server, folder / "dump.sql.gz", folder / "dump.custom")
    with made.plain.open("wb") as file:
        dump = subprocess.Popen([server.binaries / "pg_dump", "--no-owner", "-d", server.superuser(source)], stdout=subprocess.PIPE)
        subprocess.run(["gzip", "-6"], stdin=dump.stdout, stdout=file, check=True)
        assert dump.wait() == 0
    server.dump(source, "-Fc", "-f", str(made.archive))
    return made


def into_scratch(restore: Callable[[Scratch], Ran | None]) -> Callable[[], Ran]:
    """A variant: a fresh database, the time of the restore, and what is in it afterwards. A Python of ours is started before."""

    def run() -> Ran:
        with place().server.scratch() as scratch:
            scratch.admin.execute("CHECKPOINT")
            began = time.monotonic()
            ran = restore(scratch)
            took = time.monotonic() - began
            counts = list(scratch.rows(COUNTS)[0])
            return Ran(ran.seconds, counts, ran.figures) if ran else Ran(took, counts)

    return run


def piped(scratch: Scratch) -> None:
    """The runbook's own way."""
    environment = surroundings(PGPASSWORD=PASSWORD)
    where = " ".join(f"{name}={value}" for name, value in scratch.parameters().items())
    with subprocess.Popen(["zcat", place().plain], stdout=subprocess.PIPE) as unpacked:
        command = [scratch.server.binaries / "psql", "-v", "ON_ERROR_STOP=1", "-q", "-o", "/dev/null", "-d", where]
        subprocess.run(command, stdin=unpacked.stdout, env=environment, check=True)


def pg_restore(scratch: Scratch) -> None:
    """pg_restore by itself."""
    environment = surroundings(PGPASSWORD=PASSWORD)
    where = " ".join(f"{name}={value}" for name, value in scratch.parameters().items())
    command = [scratch.server.binaries / "pg_restore", "--no-owner", "--exit-on-error", f"--jobs={JOBS}", "-d", where, place().archive]
    subprocess.run(command, env=environment, check=True)


def ours(way: str, file: Callable[[], Path]) -> Callable[[Scratch], Ran]:
    """Ours, in a process of its own; the drill's runs already when it restores, so its start is no part of the time."""

    def restore(scratch: Scratch) -> Ran:
        parameters = scratch.parameters()
        admin = {"host": str(scratch.server.real._home.sockets), "port": scratch.server.port, "user": "postgres", "dbname": scratch.name}
        binaries = str(scratch.server.binaries)
        said = told("tests.bench.restores", way=way, parameters=parameters, admin=admin, file=str(file()), binaries=binaries)
        return Ran(said["seconds"], said["verdicts"], said["figures"])

    return restore


def load_plain(parameters: dict[str, Any], admin: dict[str, Any], file: str, binaries: str) -> Callable[[], Any]:  # ways take the same
    """A plain dump through our loader."""
    import psycopg

    from drill.plain import load
    from drill.results import Terms
    from drill.streams import Stream

    def run() -> Any:
        with (
            psycopg.connect(**parameters, password=PASSWORD, autocommit=True) as connection,
            psycopg.connect(**admin, autocommit=True) as as_admin,
            Path(file).open("rb") as opened,
        ):
            chunks = iter(lambda: opened.read(262144), b"")
            stream = Stream(chunks, "gzip" if file.endswith(".gz") else None)
            loaded = load(connection, stream, admin=as_admin, terms=Terms(), ends=time.monotonic() + 3600)
        assert loaded.whole, (loaded.errors, loaded.refused)
        return [loaded.rows, loaded.seconds]

    return run


def load_archive(parameters: dict[str, Any], admin: dict[str, Any], file: str, binaries: str) -> Callable[[], Any]:
    """An archive through our pg_restore."""
    import psycopg

    from drill.archive import Archive, Target, Tools, restore
    from drill.results import Terms

    def run() -> Any:
        with psycopg.connect(**admin, autocommit=True) as as_admin:
            tools = Tools(folder=Path(file).parent, name=parameters["dbname"], jobs=JOBS, program=f"{binaries}/pg_restore")
            target = Target(parameters=parameters, password=PASSWORD, admin=as_admin)
            loaded = restore(Archive(content=Path(file)), target, tools, terms=Terms(owners=False), ends=time.monotonic() + 3600)
        assert loaded.whole, (loaded.errors, loaded.refused)
        return [loaded.copies, loaded.seconds]

    return run


def unpacked() -> Ran:
    """The floor of both: the dump is read and unpacked, and goes nowhere."""
    began = time.monotonic()
    with subprocess.Popen(["zcat", place().plain], stdout=subprocess.DEVNULL) as process:
        assert process.wait() == 0
    return Ran(time.monotonic() - began, None)


def benchmarks() -> list[Benchmark]:
    """Both, with what is expected of them."""
    plain = Benchmark(
        name="restore-plain",
        title=f"a plain dump of about {MIB} MB, gzip",
        variants={
            "unpack only": unpacked,
            "zcat | psql": into_scratch(piped),
            "ours": into_scratch(ours("load_plain", lambda: place().plain)),
        },
        floor="unpack only",
        reference="zcat | psql",
        goals=[
            Goal("ours takes at most 1.03 of zcat | psql", share("ours", "zcat | psql"), at_most=1.03),
            Goal("memory over its start (MiB)", lambda ran: ran["ours"].figures["peak"] - ran["ours"].figures["idle"], at_most=64),
        ],
        silent=("unpack only",),
    )
    archive = Benchmark(
        name="restore-custom",
        title=f"an archive of the same in custom format, {JOBS} jobs",
        variants={
            "unpack only": unpacked,
            "pg_restore": into_scratch(pg_restore),
            "ours": into_scratch(ours("load_archive", lambda: place().archive)),
        },
        floor="unpack only",
        reference="pg_restore",
        goals=[Goal("ours takes at most 1.05 of pg_restore with the same jobs", share("ours", "pg_restore"), at_most=1.05)],
        silent=("unpack only",),
    )
    return [plain, archive]


if __name__ == "__main__":
    tell(load_plain, load_archive)
