"""The settings of a server that the drill recovers: all are ours, and none of the backup's is obeyed."""

import re
import shlex
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from drill.base_backup import Base
from fixtures.postgresql.client import neutral

Target = float | Literal["newest", "immediate"]
"""A moment in Unix seconds; the end of the archive; or the first moment at which the copy is consistent."""
COPY = "cp --"
PORT = 5432
"""Part of the socket's name; nothing listens on it."""
LONGEST_SOCKET = 107
FEWEST = 100
EVENT_TRIGGERS_AT_LOGIN = 17
LIBRARY = re.compile(r"[a-z0-9_]+")
LIMITS = {
    "max_connections": "max_connections setting",
    "max_worker_processes": "max_worker_processes setting",
    "max_wal_senders": "max_wal_senders setting",
    "max_prepared_transactions": "max_prepared_xacts setting",
    "max_locks_per_transaction": "max_locks_per_xact setting",
}
"""What a server that can be asked while it recovers may not have less of than the one that wrote the log."""
SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "ssl": "off",
    "shared_preload_libraries": "",
    "archive_mode": "off",
    "primary_conninfo": "",
    "primary_slot_name": "",
    "max_logical_replication_workers": "0",  # a restored subscription would connect to its publisher and take its changes
    "autovacuum": "off",  # it would run functions of the backup's
    "hot_standby": "on",
    "restart_after_crash": "off",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_recycle": "off",
    "max_wal_size": "4GB",
    "huge_pages": "off",
    "dynamic_shared_memory_type": "mmap",  # files in the data directory: nothing is left elsewhere after a kill
    "logging_collector": "off",
    "log_destination": "stderr",
    "log_timezone": "UTC",
    "lc_messages": "C",
}


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the recovery should lead to."""

    target: Target = "newest"
    action: Literal["promote", "pause"] = "promote"
    """recovery_target_action: what an environment declares is obeyed, and the result says what came of it."""
    superuser: str = "postgres"
    database: str = "postgres"
    """One that the backup surely has; the server is asked in it how far it is."""
    preload: tuple[str, ...] = ()
    """Libraries of our own installation without which the log cannot be replayed."""


def settings(wanted: Wanted, home: Path, base: Base, timeline: int) -> dict[str, str]:
    """The files of settings, to be written into `home`, outside the data directory. Raises ValueError for a library's name."""
    if bad := [name for name in wanted.preload if not LIBRARY.fullmatch(name)]:
        raise ValueError(f"{bad[0]!r} is no name of a library")
    limits = {name: str(max(int(base.control.get(known, "0")), FEWEST)) for name, known in LIMITS.items()}
    where = {
        "hba_file": str(home / "pg_hba.conf"),
        "ident_file": str(home / "pg_ident.conf"),
        "unix_socket_directories": str(home / "s"),
        "shared_preload_libraries": ",".join(wanted.preload),
        # Both names come from the server: hexadecimal digits, and a path in its own folder.
        "restore_command": f"{COPY} {shlex.quote(str(home / 'wal')).replace('%', '%%')}/%f %p",
    }
    lines = SETTINGS | limits | where | _aim(wanted, timeline)
    text = "".join(f"{name} = '{_quoted(value)}'\n" for name, value in lines.items())
    # Who may enter the folder of the socket may read the data as well, so nobody is asked for a password.
    return {"postgresql.conf": text, "pg_hba.conf": "local all all trust\n", "pg_ident.conf": ""}


def log_in(sockets: Path, user: str, version: int, dbname: str, **more: Any) -> Any:
    """A psycopg connection in autocommit mode. Nothing that the backup wants to be run at a login is run."""
    import psycopg

    options = "-c session_preload_libraries= -c local_preload_libraries="
    if version >= EVENT_TRIGGERS_AT_LOGIN:
        options += " -c event_triggers=off"
    here = {"host": str(sockets), "port": PORT, "user": user, "dbname": dbname, "sslmode": "disable"}
    own = {"options": options, "connect_timeout": 10, "application_name": "muster-drill", "client_encoding": "UTF8"}
    return psycopg.connect(autocommit=True, **{**neutral(), **here, **own, **more})


def target_text(target: Target) -> str:
    """The target as PostgreSQL takes it, and as a person reads it."""
    return target if isinstance(target, str) else datetime.fromtimestamp(target, UTC).isoformat(sep=" ")


def _aim(wanted: Wanted, timeline: int) -> dict[str, str]:
    aim = {"recovery_target_timeline": str(timeline), "recovery_target_action": wanted.action}
    if wanted.target == "immediate":
        aim["recovery_target"] = "immediate"
    elif wanted.target != "newest":
        aim["recovery_target_time"] = target_text(wanted.target)
    return aim


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "''")
