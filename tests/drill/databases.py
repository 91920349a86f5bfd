"""Databases on a real server for the tests of what a drill verifies: made of a schema, copied, damaged, asked."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from drill.asks import Copy
from fixtures.postgresql.client import Session, session
from muster.connections import Postgresql
from sandbox.binaries import postgresql
from sandbox.processes import child_environment
from sandbox.services.postgres import PostgresServer
from sandbox.world import Database, Served

SCHEMAS = Path(__file__).with_name("schemas")
NAMES = ("vod_tender", "mdvr", "shop")
ROLE = Path(__file__).parents[2] / "deploy" / "postgresql-readonly.sql"
PASSWORD = "of-the-monitoring-role"
SETTINGS = {"autovacuum": "off", "timezone": "Asia/Kolkata", "datestyle": "SQL, DMY"}
"""As a server of production may print times; a copy prints them otherwise, and nothing must come of it."""

ANALYSED = (
    # Else rows inserted before would be counted once more after the ANALYZE. Servers before 15 do not know this.
    "DO $$ BEGIN IF to_regproc('pg_stat_force_next_flush') IS NOT NULL THEN PERFORM pg_stat_force_next_flush(); END IF; END $$",
    "ANALYZE",
)


class Databases:
    """A server with one database for each of the schemas, and as many copies of them as are asked for."""

    def __init__(self, folder: Path) -> None:
        self.server = PostgresServer(folder / "server", _no_certificate, lambda _: None)
        self._number = count()

    def start(self) -> None:
        made = Database(name="unused", owner="platform", passwords={"muster": PASSWORD}, settings=SETTINGS)
        self.server.apply(made)
        self.run("postgres", "CREATE ROLE reporting")
        for name in NAMES:
            self.create(name, (SCHEMAS / f"{name}.sql").read_text(), ROLE.read_text(), *ANALYSED)

    def admin(self, name: str) -> Any:
        """A connection of the superuser in autocommit mode."""
        return self.server.connect(name)

    def run(self, name: str, *statements: str) -> None:
        with self.admin(name) as admin:
            for statement in statements:
                admin.execute(statement)

    def create(self, name: str, *statements: str) -> None:
        self.run("postgres", f'CREATE DATABASE "{name}"')
        self.run(name, *statements)

    def copied(self, name: str, *damage: str) -> str:
        """A copy of a database, file by file, and what is then done to it."""
        copy = f"copy_{next(self._number)}"
        self.run("postgres", f'CREATE DATABASE "{copy}" TEMPLATE "{name}"')
        self.run(copy, *damage)
        return copy

    def overwritten(self, name: str, relation: str, block: int = 1) -> str:
        """A copy of a database in which one page of a relation is noise, before any server has read it."""
        copy = f"copy_{next(self._number)}"
        # Copied as files: through the log, the page would stay in the server's memory.
        self.run("postgres", f'CREATE DATABASE "{copy}" TEMPLATE "{name}" STRATEGY file_copy')
        with self.admin(name) as admin:
            file = admin.execute("SELECT pg_relation_filenode(%s::regclass)", (relation,)).fetchall()[0][0]
            folder = admin.execute("SELECT oid FROM pg_database WHERE datname = %s", (copy,)).fetchall()[0][0]
        noise = f"cat > /dev/null; dd if=/dev/urandom of=base/{folder}/{file} bs=8192 seek={block} count=1 conv=notrunc status=none"
        self.run("postgres", f"COPY (SELECT 1) TO PROGRAM '{noise}'")
        return copy

    def restored(self, name: str) -> str:
        """A copy that went through a dump, as a backup does."""
        copy = f"copy_{next(self._number)}"
        self.run("postgres", f'CREATE DATABASE "{copy}"')
        dump = self.program("pg_dump", name, "--no-password")
        self.program("psql", copy, "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", given=dump)
        return copy

    def program(self, program: str, database: str, *arguments: str, given: bytes = b"") -> bytes:
        """What one of PostgreSQL's programs says, connected to a database."""
        with self.admin("postgres") as admin:
            where = [f"--host={admin.info.host}", f"--port={admin.info.port}", "--username=postgres", f"--dbname={database}"]
        command = [str(postgresql() / program), *where, *arguments]
        done = subprocess.run(command, input=given, env=child_environment({}), capture_output=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    @contextmanager
    def copy(self, name: str, **options: Any) -> Iterator[Copy]:
        """A database as the restored copy that is asked."""
        with self.admin(name) as raw:
            for setting in ("timezone TO 'America/New_York'", "datestyle TO 'ISO, MDY'", "intervalstyle TO 'iso_8601'"):
                raw.execute(f"SET {setting}")
            yield Copy(raw, f"copy {name}", **options)

    @contextmanager
    def live(self, name: str) -> Iterator[Session]:
        """A database as production, through the monitoring role."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TEST_PASSWORD_MUSTER", PASSWORD)
            given = {"host": "127.0.0.1", "port": self.server.port, "dbname": name, "user": "muster"}
            connection = Postgresql.model_validate({**given, "password": "env:TEST_PASSWORD_MUSTER", "sslmode": "disable"})
            with session(connection) as (opened, _):
                yield opened


def _no_certificate(served: Served) -> tuple[bytes, bytes]:
    raise AssertionError(served)


@contextmanager
def databases(folder: Path) -> Iterator[Databases]:
    """The server with its databases, until the end."""
    made = Databases(folder)
    try:
        made.start()
        yield made
    finally:
        made.server.stop()
