"""A real PostgreSQL server on loopback: a copied data directory, so that starting and replacing it takes moments.

Whatever changes in a `Database` beyond passwords, sessions and `stopped` means a fresh copy: also roles, slots and settings that
a fault's SQL left behind are gone then. The port stays the same for the server's whole life.
"""

import hashlib
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sandbox.binaries import postgresql
from sandbox.cache import provided_folder
from sandbox.processes import Child, Server, ServiceFailed
from sandbox.services.postgres_sessions import Sessions
from sandbox.services.unprivileged import Home, home
from sandbox.world import Database, Served

Certificate = Callable[[Served], tuple[bytes, bytes]]  # -> chain to send and private key, both PEM
INITDB = ("--no-sync", "--username=postgres", "--auth=trust", "--no-locale", "--encoding=UTF8", "--wal-segsize=1", "--data-checksums")
SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "16MB",
    "min_wal_size": "2MB",
    "max_wal_size": "64MB",
    "huge_pages": "off",
    "dynamic_shared_memory_type": "mmap",  # files in the data directory: nothing is left in /dev/shm after a kill
    "shared_preload_libraries": "pg_stat_statements",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
START_SECONDS = 30.0


class PostgresServer(Server):
    """One server with one `Database` in it. Not for use from several threads at once."""

    def __init__(self, folder: Path, certificate: Certificate, remember: Callable[[Path], None], address: str = "127.0.0.1") -> None:
        """`folder` takes its log; `remember` is told of every folder made elsewhere. Raises NotProvided without a server."""
        folder.mkdir(parents=True, exist_ok=True)
        self._log = folder / "postgres.log"
        self._home = home(postgresql(), remember)
        self._certificate = certificate
        self._template = _template(self._home, address)
        self._database: Database | None = None
        self._sessions = Sessions()
        self._address = address
        super().__init__(address)

    def apply(self, database: Database) -> None:
        """Become `database`. Raises ServiceFailed when the server or one of its statements refuses."""
        before, self._database = self._database, None
        if database.stopped:
            self._shut_down()
        elif before is None or before.stopped or not self._alive() or _needs_fresh_copy(before, database):
            self._shut_down()
            self._start_fresh(database)
        else:
            if before.passwords != database.passwords:
                self._set_passwords(database, before)
            if before.sessions != database.sessions:
                self._sessions.replace(database.sessions, self.connect, database.name)
        self._database = database

    def connect(self, dbname: str = "postgres", user: str = "postgres") -> Any:
        """A psycopg connection in autocommit mode through the socket that only the sandbox reaches; no password."""
        import psycopg

        return psycopg.connect(
            host=str(self._home.sockets),
            port=self.port,
            user=user,
            dbname=dbname,
            autocommit=True,
            gssencmode="disable",
            connect_timeout=10,
        )

    def dump(self, dbname: str, options: list[str]) -> str:
        """What pg_dump says of a database. Raises ServiceFailed."""
        command = [str(self._home.binaries / "pg_dump"), "-h", str(self._home.sockets), "-p", str(self.port), "-U", "postgres"]
        made = self._home.run([*command, "--lock-wait-timeout=20s", *options, dbname])
        if made.returncode:
            raise ServiceFailed(f"pg_dump failed: {made.stderr.strip()[-500:]}")
        return made.stdout

    def stop(self) -> None:
        """End the server and remove its files, the log aside."""
        self._shut_down()
        self._port.release()
        self._home.remove()

    def _shut_down(self) -> None:
        self._sessions.forget()
        if self._child is not None:
            # Immediate: the data directory is thrown away, a checkpoint would be wasted.
            self._child.stop(signal.SIGQUIT)
            self._child = None
        shutil.rmtree(self._home.data, ignore_errors=True)

    def _start_fresh(self, database: Database) -> None:
        self._home.copy_data(self._template)
        self._write_certificate(database)
        self._write_access(database)
        self._start(database)
        self._fill(database)

    def _start(self, database: Database) -> None:
        settings = SETTINGS | {
            "listen_addresses": self._address,
            "port": str(self.port),
            "unix_socket_directories": str(self._home.sockets),
        }
        if database.certificate is not None:
            settings |= {"ssl": "on", "ssl_cert_file": "server.crt", "ssl_key_file": "server.key"}
        text = "".join(f"{name} = '{value.replace(chr(39), chr(39) * 2)}'\n" for name, value in (settings | database.settings).items())
        self._home.write("postgresql.auto.conf", text.encode())
        command = [str(self._home.binaries / "postgres"), "-D", str(self._home.data)]
        self._log.write_bytes(b"")
        # SIGQUIT on our death: unlike SIGKILL it lets the postmaster take its children along.
        self._child = Child(command, self._log, self._home.account, self._home.prefix, signal.SIGQUIT)
        pid_file = self._home.data / "postmaster.pid"
        # Its last line says "ready"; a port that answers could belong to somebody else.
        self._child.wait_until(lambda: _says_ready(pid_file), START_SECONDS)

    def _write_certificate(self, database: Database) -> None:
        if database.certificate is not None:
            chain, key = self._certificate(database.certificate)
            self._home.write("server.crt", chain)
            self._home.write("server.key", key)

    def _write_access(self, database: Database) -> None:
        lines = ["local all all trust", *database.access, "host all all all scram-sha-256", "host replication all all scram-sha-256"]
        self._home.write("pg_hba.conf", "\n".join([*lines, ""]).encode())

    def _fill(self, database: Database) -> None:
        self._set_passwords(database, None)
        with self.connect() as connection:
            _run(connection, f"CREATE DATABASE {_name(database.name)} OWNER {_name(database.owner)}")
        if database.sql:
            with self.connect(database.name) as connection:
                for statement in database.sql:
                    _run(connection, statement)
        self._sessions.replace(database.sessions, self.connect, database.name)

    def _set_passwords(self, database: Database, before: Database | None) -> None:
        from psycopg import sql

        with self.connect() as connection:
            known = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles")}
            for role in sorted({database.owner, *database.passwords} - known):
                _run(connection, f"CREATE ROLE {_name(role)} LOGIN")
            for role, password in database.passwords.items():
                if before is None or before.passwords.get(role) != password:
                    connection.execute(sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(role), sql.Literal(password)))
            for role in sorted(set(before.passwords if before else ()) - set(database.passwords)):
                _run(connection, f"ALTER ROLE {_name(role)} NOLOGIN")


def _needs_fresh_copy(before: Database, after: Database) -> bool:
    """Whether anything differs that a running server cannot simply be told."""
    told = {"passwords", "sessions", "stopped"}
    return any(value != getattr(after, name) for name, value in vars(before).items() if name not in told)


def _says_ready(pid_file: Path) -> bool:
    try:
        lines = pid_file.read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) >= 8 and lines[7].strip() == "ready"


def _name(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def _run(connection: Any, statement: str) -> None:
    import psycopg

    try:
        connection.execute(statement)
    except psycopg.Error as error:
        raise ServiceFailed(f"postgresql refuses {statement[:120]!r}: {str(error).strip()}") from error


def _template(place: Home, address: str) -> Path:
    """An initialised data directory in the cache folder, one for each server version and address.

    Servers that are copies of one directory have the same system identifier.
    """
    said = subprocess.run([place.binaries / "postgres", "--version"], capture_output=True, text=True, timeout=60, check=True)
    key = hashlib.sha256(" ".join([said.stdout, *INITDB, *(() if address == "127.0.0.1" else (address,))]).encode()).hexdigest()[:12]

    def fill(folder: Path) -> None:
        made = place.run([str(place.binaries / "initdb"), *INITDB, f"--pgdata={place.data}"])
        if made.returncode:
            raise ServiceFailed(f"initdb failed: {made.stderr.strip()[-500:]}")
        shutil.copytree(place.data, folder, dirs_exist_ok=True)
        shutil.rmtree(place.data)

    return provided_folder(f"postgresql-data-{key}", fill)
