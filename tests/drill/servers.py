"""A real PostgreSQL in which tests dump and restore, and pg_dump, psql and pg_restore of the same version."""

import contextlib
import itertools
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from drill.plain import load
from drill.results import Loaded, Terms
from drill.streams import Stream
from sandbox.binaries import postgresql
from sandbox.services.postgres import PostgresServer
from sandbox.world import Database

_numbers = itertools.count(1)
PASSWORD = "the-drill-s-own-password"


@dataclass
class Scratch:
    """An empty database, its role, and an admin's connection to it."""

    server: "Server"
    name: str
    admin: Any

    def connect(self) -> Any:
        """As the drill's role, in autocommit."""
        return psycopg.connect(**self.parameters(), password=PASSWORD, autocommit=True)

    def parameters(self) -> dict[str, Any]:
        """How the drill's role gets there, but for its password."""
        return {"host": "127.0.0.1", "port": self.server.port, "dbname": self.name, "user": self.name, "sslmode": "disable"}

    def load(self, dump: bytes | Stream, *, ends: float = 120.0, terms: Terms | None = None, **more: Any) -> Loaded:
        """Load a dump."""
        stream = dump if isinstance(dump, Stream) else Stream([dump], None)
        with self.connect() as connection:
            return load(connection, stream, admin=self.admin, terms=terms or Terms(), ends=time.monotonic() + ends, **more)

    def rows(self, statement: str) -> list[Any]:
        """What the admin sees."""
        return self.admin.execute(statement).fetchall()


class Server:
    """The server."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.real = PostgresServer(folder / "server", lambda _: (b"", b""), lambda _: None)
        self.real.apply(Database(name="source", owner="application", settings={"max_connections": "30"} | settings))
        self.port = self.real.port
        self.binaries = postgresql()

    def admin(self, dbname: str = "postgres") -> Any:
        """A superuser's connection in autocommit."""
        return self.real.connect(dbname)

    @contextlib.contextmanager
    def database(self, *statements: str, owner: str = "postgres") -> Iterator[str]:
        """A source in which these statements were run as the superuser."""
        name = self.make(*statements, owner=owner)
        try:
            yield name
        finally:
            with self.admin() as admin:
                admin.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def make(self, *statements: str, owner: str = "postgres") -> str:
        """A source that lives as long as the server."""
        name = f"source_{next(_numbers)}"
        with self.admin() as admin:
            admin.execute(f"CREATE DATABASE {name} OWNER {owner}")
        with self.admin(name) as source:
            for statement in statements:
                source.execute(statement)
        return name

    @contextlib.contextmanager
    def scratch(self, *roles: str) -> Iterator[Scratch]:
        """An empty database whose owner is a role that is a member of `roles`."""
        name = f"drill_{next(_numbers)}"
        with self.admin() as admin:
            admin.execute(f"CREATE ROLE {name} LOGIN NOSUPERUSER PASSWORD '{PASSWORD}'")
            for role in roles:
                admin.execute(f"GRANT {role} TO {name}")
            admin.execute(f"CREATE DATABASE {name} OWNER {name}")
            try:
                with self.admin(name) as inside:
                    yield Scratch(self, name, inside)
            finally:
                admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
                for role in roles:
                    admin.execute(f"REVOKE {role} FROM {name}")
                admin.execute(f"DROP ROLE {name}")

    def dump(self, database: str, *options: str) -> bytes:
        """What pg_dump says."""
        return self.program("pg_dump", *options, "--dbname", self.superuser(database))

    def superuser(self, database: str) -> str:
        """A connection string for the server's own programs."""
        return f"host={self.real._home.sockets} port={self.port} user=postgres dbname={database}"

    def signal(self, pid: int, number: int) -> None:
        """Send a signal to one of its processes."""
        os.kill(pid, number)

    def program(self, name: str, *arguments: str, **more: Any) -> bytes:
        """The output of one of PostgreSQL's programs."""
        done = subprocess.run([self.binaries / name, *arguments], capture_output=True, timeout=120, check=False, **more)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Server]:
    """The server, until the end."""
    made = Server(folder)
    try:
        yield made
    finally:
        made.real.stop()
