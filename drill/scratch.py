"""The scratch server: one database and one role for each drill, a lock against a second one, and the sweeping of what was left.

What is created carries a name that proves itself (`drill.lease`). Nothing else on the server is ever touched.
"""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from drill.lease import Lease, parse
from drill.login import KEEPALIVE, arguments, log_in
from fixtures.postgresql.client import address, addresses
from muster.probes import CouldNotLook
from muster.scratch import ScratchServer
from muster.scrubber import learn

EVERY_LIBPQ = (
    *("host", "hostaddr", "port", "dbname", "user", "sslmode", "sslrootcert", "options", "application_name"),
    *KEEPALIVE,
)
"""Parameters that the libpq of other programs knows too; what else ours is told keeps variables of the environment away."""
LOCK = 0x6D75737465720001
"""Key of the advisory lock that a drill holds on its scratch server."""


@dataclass(frozen=True)
class Copy:
    """The database into which a backup is restored, and the role that restores it."""

    server: ScratchServer
    lease: Lease
    password: str = field(repr=False)

    @property
    def name(self) -> str:
        """Where it is, for a report."""
        return f"{address(self.server).rpartition('/')[0]}/{self.lease.name}"

    def variables(self) -> dict[str, str]:
        """What leads a program to the copy, as libpq and most clients read it."""
        return {
            "PGHOST": self.server.host.resolve(), "PGPORT": str(self.server.port_number()), "PGDATABASE": self.lease.name,
            "PGUSER": self.lease.name, "PGPASSWORD": self.password, "PGSSLMODE": self.server.sslmode,
            **({"PGSSLROOTCERT": self.server.sslrootcert.resolve()} if self.server.sslrootcert else {}),
        }  # fmt: skip

    def arguments(self, ends: float) -> dict[str, Any]:
        """The parameters that lead to the copy as its role, as every libpq knows them, the password aside. Raises CouldNotLook."""
        numeric = addresses(self.server.host.resolve(), self.server.port_number())[0]
        given = arguments(self.server, numeric, ends, self.lease.name, self.lease.name, self.lease.name)
        return {name: given[name] for name in EVERY_LIBPQ if given[name] != ""}

    def connect(self, ends: float) -> Any:
        """A session as the role that was made for this drill: no superuser, and nothing but this database is its own."""
        name = self.lease.name
        return log_in(self.server, ends, of=name, dbname=name, user=name, password=self.password)

    def administer(self, ends: float) -> Any:
        """A session in the copy as the administrator of the scratch server."""
        return log_in(self.server, ends, of=self.lease.name, dbname=self.lease.name)

    def size(self, ends: float) -> int:
        """Bytes that the copy takes. Raises CouldNotLook."""
        with self.administer(ends) as session:
            return int(Place(self.server, session).rows("select pg_database_size(current_database())")[0][0])


class Place:
    """A session of the administrator of the scratch server."""

    def __init__(self, server: ScratchServer, session: Any) -> None:
        self.server, self._session = server, session
        self.name = address(server)

    @contextmanager
    def again(self, ends: float, of: str = "") -> Iterator["Place"]:
        """Another session, `of` a drill: whatever has become of this one, or of what it was doing. Raises CouldNotLook."""
        with log_in(self.server, ends, of=of) as session:
            yield Place(self.server, session)

    def rows(self, statement: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        """The rows of a statement, or none. Raises CouldNotLook."""
        import psycopg

        try:
            answer = self._session.execute(statement, parameters)
            return list(answer.fetchall()) if answer.description else []
        except psycopg.Error as error:
            raise refused(error, self.name) from None

    def identifier(self) -> str:
        """The server's system identifier. Raises CouldNotLook when the administrator may not read it."""
        return str(self.rows("select system_identifier from pg_control_system()")[0][0])

    def version(self) -> int:
        """The server's version, as 150018 for 15.18."""
        return int(self.rows("select current_setting('server_version_num')")[0][0])

    def leftovers(self) -> list[tuple[str, str, Lease]]:
        """What drills have left: kind, name, claim. What only looks like it is not among them."""
        databases = [("database", name, name) for (name,) in self.rows("select datname from pg_database order by 1")]
        roles = self.rows("select rolname, coalesce(shobj_description(oid, 'pg_authid'), '') from pg_roles order by 1")
        named = [("role", name, name if parse(name) else comment) for name, comment in roles]
        return [(kind, name, claim) for kind, name, said in (*databases, *named) if (claim := parse(said)) is not None]

    def create(self, lease: Lease, roles: tuple[str, ...], ends: float, encoding: str = "") -> Copy:
        """The role of a drill, the roles that its dump names, and an empty database that belongs to the first. Raises CouldNotLook."""
        password = learn(secrets.token_urlsafe(24))
        self._make_role(lease, password)
        for role in roles:
            self._make_needed(role, lease)
        chosen = f" encoding {_literal(encoding)}" if encoding else ""
        self.rows(f"create database {_name(lease.name)} owner {_name(lease.name)} template template0{chosen}")
        self.rows(f"revoke connect on database {_name(lease.name)} from public")
        copy = Copy(self.server, lease, password)
        with copy.administer(ends) as session:
            inside = Place(self.server, session)
            for role in roles:
                inside.rows(f"grant usage, create on schema public to {_name(role)}")
                inside.rows(f"grant create on database {_name(lease.name)} to {_name(role)}")
        return copy

    def _make_role(self, lease: Lease, password: str) -> None:
        # The hash is made here, so that no log of the server holds the password.
        hashed = self._session.pgconn.encrypt_password(password.encode(), lease.name.encode(), b"scram-sha-256").decode()
        until = time.strftime("%Y-%m-%d %H:%M:%S+00", time.gmtime(lease.ends))
        self.rows(
            f"create role {_name(lease.name)} login nosuperuser nocreatedb nocreaterole noreplication nobypassrls"
            f" password {_literal(hashed)} valid until {_literal(until)}"
        )
        self.rows(f"grant {_name(lease.name)} to current_user")

    def _make_needed(self, role: str, lease: Lease) -> None:
        """A role that the dump names: made without login, and marked as this drill's, unless the server has it already.

        One that could do more than own things is never the role of a dump: who restores would be a member of it.
        """
        known = self.rows(
            "select rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls or rolname like 'pg\\_%%'"
            " from pg_roles where rolname = %s",
            (role,),
        )
        if known and known[0][0]:
            raise CouldNotLook(
                f"the role {role} may do more than own things on the scratch server, so no dump is restored as a member of it",
                cause=self.name,
                hint="leave it out of `roles`, and say `owners: false`",
            )
        if not known:
            # In one transaction: there is no moment at which it exists without its mark.
            with self._session.transaction():
                self.rows(f"create role {_name(role)} nologin nosuperuser")
                self.rows(f"comment on role {_name(role)} is {_literal(lease.name)}")
        self.rows(f"grant {_name(role)} to {_name(lease.name)}")

    def remove(self, kind: str, name: str, *, force: bool = False) -> None:
        """Remove a database, with `force` also under the sessions of others, or a role. Raises CouldNotLook, also when it is gone."""
        if kind == "role":
            self.rows(f"drop role {_name(name)}")
            return
        if force:
            self.rows("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s and pid <> pg_backend_pid()", (name,))
        self.rows(f"drop database {_name(name)}{' with (force)' if force and self.version() >= 130000 else ''}")

    def left(self, mine: str) -> list[str]:
        """What is there of a drill."""
        return [f"{kind} {name}" for kind, name, claim in self.leftovers() if claim.name == mine]

    def sweep(self, mine: str = "") -> list[str]:
        """Remove what `mine`, or an expired drill, left; what is left of other drills is told too. One line for each thing."""
        told = []
        self._end_sessions(mine)
        for kind, name, claim in sorted(self.leftovers(), key=lambda each: each[0] != "database"):
            if claim.name != mine and not claim.expired(time.time()):
                told.append(f"{kind} {name} of a drill that did not end; it may be removed from {_moment(claim.ends)} on")
                continue
            self._end_sessions(claim.name)
            try:
                self.remove(kind, name, force=claim.name == mine)
                told.append(f"{kind} {name}, removed")
            except CouldNotLook as error:
                told.append(f"{kind} {name}, which could not be removed: {error.reason}")
        return told

    def _end_sessions(self, drill: str) -> None:
        """End what a drill still does on the server, so that nothing appears, or is in use, while it is removed."""
        if drill:
            self.rows(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where %s::text in (usename::text, application_name) and pid <> pg_backend_pid()",
                (drill,),
            )


@contextmanager
def opened(server: ScratchServer, ends: float) -> Iterator[Place]:
    """The administrator's session, with the lock that keeps a second drill away. Raises CouldNotLook, or Busy."""
    with log_in(server, ends) as session:
        place = Place(server, session)
        # A lock belongs to a database, and another drill may log in to another one: so it is also looked for in all of them.
        locked, other = place.rows("select pg_try_advisory_lock(%s)", (LOCK,))[0][0], _holder(place)
        if other or not locked:
            raise Busy(f"another drill is under way on {place.name}{other}")
        yield place


class Busy(Exception):
    """Another drill holds the scratch server; the text says which session."""


def _holder(place: Place) -> str:
    """Who else holds the lock, in words; empty when nobody does."""
    found = place.rows(
        "select a.pid, a.backend_start from pg_locks l join pg_stat_activity a using (pid)"
        " where l.locktype = 'advisory' and l.granted and (l.classid::bigint << 32) | l.objid::bigint = %s and pid <> pg_backend_pid()",
        (LOCK,),
    )
    return f", session {found[0][0]} since {found[0][1]:%Y-%m-%d %H:%M UTC}" if found else ""


def refused(error: Exception, name: str) -> CouldNotLook:
    """A statement that the scratch server did not do, without the data that its message may hold."""
    diagnosis = getattr(error, "diag", None)
    said = getattr(diagnosis, "message_primary", None) or str(error).partition("\n")[0]
    return CouldNotLook(f"the scratch server refuses: {said}", cause=name, hint="see docs/restore-drill.md: the rights that a drill needs")


def _name(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def _literal(text: str) -> str:
    if "\\" in text or "\0" in text:
        raise ValueError("a text with a backslash is no name of ours")
    return "'" + text.replace("'", "''") + "'"


def _moment(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(at))
