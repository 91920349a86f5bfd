"""A PostgreSQL server as a child process: its settings are written, it is started, and waited for."""

import signal
from collections.abc import Mapping
from pathlib import Path

from sandbox.processes import Child
from sandbox.services.unprivileged import Home

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


def started(home: Home, log: Path, settings: Mapping[str, str]) -> Child:
    """The server of a data directory, with these settings beside those of all servers, once it lets clients in. Raises ServiceFailed."""
    every = SETTINGS | {"unix_socket_directories": str(home.sockets)} | settings
    text = "".join(f"{name} = '{value.replace(chr(39), chr(39) * 2)}'\n" for name, value in every.items())
    home.write("postgresql.auto.conf", text.encode())
    command = [str(home.binaries / "postgres"), "-D", str(home.data)]
    pid_file = home.data / "postmaster.pid"
    pid_file.unlink(missing_ok=True)  # of one that was killed
    log.write_bytes(b"")
    # SIGQUIT on our death: unlike SIGKILL it lets the postmaster take its children along.
    child = Child(command, log, home.account, home.prefix, signal.SIGQUIT)
    try:
        # Its last line says "ready"; a port that answers could belong to somebody else.
        child.wait_until(lambda: _says_ready(pid_file), START_SECONDS)
    except BaseException:
        child.stop(signal.SIGQUIT)
        raise
    return child


def _says_ready(pid_file: Path) -> bool:
    try:
        lines = pid_file.read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) >= 8 and lines[7].strip() == "ready"
