"""A real PostgreSQL server on loopback: a copied data directory, so that starting and replacing it takes moments.

Whatever changes in a `Database` beyond passwords, sessions, `stopped` and what its standby does means a fresh copy: also roles, slots
and settings that a fault's SQL left behind are gone then. The port stays the same for the server's whole life.
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
from sandbox.processes import Server, ServiceFailed
from sandbox.services.postgres_child import started
from sandbox.services.postgres_sessions import Sessions
from sandbox.services.postgres_standby import ACCESS, RESERVE, StandbyServer
from sandbox.services.unprivileged import Home, home
from sandbox.world import Database, Served

Certificate = Callable[[Served], tuple[bytes, bytes]]  # -> chain to send and private key, both PEM
INITDB = ("--no-sync", "--username=postgres", "--auth=trust", "--no-locale", "--encoding=UTF8", "--wal-segsize=1", "--data-checksums")


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
        self._standby: StandbyServer | None = None
        super().__init__(address)

    @property
    def standby_port(self) -> int | None:
        """The port of its standby, if it has ever had one."""
        return self._standby.port if self._standby else None

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
            if before.standby != database.standby:
                self._follow(database)
            if before.sessions != database.sessions:
                self._hold_sessions(database)
        self._database = database

    def connect(self, dbname: str = "postgres", user: str = "postgres") -> Any:
        """A psycopg connection in autocommit mode through the socket that only the sandbox reaches; no password."""
        return _connected(self._home.sockets, self.port, dbname, user)

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
        if self._standby is not None:
            self._standby.stop()
        self._port.release()
        self._home.remove()

    def _shut_down(self) -> None:
        self._sessions.forget()
        if self._standby is not None:
            self._standby.forget()
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
        settings = {"listen_addresses": self._address, "port": str(self.port)}
        if database.certificate is not None:
            settings |= {"ssl": "on", "ssl_cert_file": "server.crt", "ssl_key_file": "server.key"}
        self._child = started(self._home, self._log, settings | database.settings)

    def _write_certificate(self, database: Database) -> None:
        if database.certificate is not None:
            chain, key = self._certificate(database.certificate)
            self._home.write("server.crt", chain)
            self._home.write("server.key", key)

    def _write_access(self, database: Database) -> None:
        lines = ["local all all trust", *database.access, "host all all all scram-sha-256", "host replication all all scram-sha-256"]
        if database.standby is not None:
            lines.append(ACCESS)
        self._home.write("pg_hba.conf", "\n".join([*lines, ""]).encode())

    def _fill(self, database: Database) -> None:
        if database.standby is not None:
            with self.connect() as connection:
                _run(connection, RESERVE)
        self._set_passwords(database, None)
        with self.connect() as connection:
            _run(connection, f"CREATE DATABASE {_name(database.name)} OWNER {_name(database.owner)}")
        if database.sql:
            with self.connect(database.name) as connection:
                for statement in database.sql:
                    _run(connection, statement)
        self._follow(database)
        self._hold_sessions(database)

    def _follow(self, database: Database) -> None:
        """Let the standby be as it is wanted."""
        if database.standby is None:
            return
        if self._standby is None:
            self._standby = StandbyServer(self._home, self._log.with_name("standby.log"), _connected, self._address, self.port)
        self._standby.follow(database.standby, self._template, database.settings)

    def _hold_sessions(self, database: Database) -> None:
        """Open the sessions; what they write reaches the standby as well."""
        self._sessions.replace(database.sessions, self.connect, database.name)
        if self._standby is not None and database.standby is not None and not database.standby.stopped:
            self._standby.wait_until_it_has_all("flush" if database.standby.paused else "replay")

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
    told = {"passwords", "sessions", "stopped", "standby"}
    begun = (before.standby is None) != (after.standby is None)
    return begun or any(value != getattr(after, name) for name, value in vars(before).items() if name not in told)


def _connected(sockets: Path, port: int, dbname: str = "postgres", user: str = "postgres") -> Any:
    import psycopg

    return psycopg.connect(
        host=str(sockets), port=port, user=user, dbname=dbname, autocommit=True, gssencmode="disable", connect_timeout=10
    )


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
