"""A real standby of the sandbox's PostgreSQL: it begins as a copy of the same empty data directory, and streams all that follows.

So no program for base backups is needed, which not every PostgreSQL comes with. A slot keeps for it what it has not had.
"""

import os
import shutil
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from sandbox.processes import Server, ServiceFailed
from sandbox.services.postgres_child import START_SECONDS, started
from sandbox.services.unprivileged import Home
from sandbox.world import Standby

SLOT = "standby"
ACCESS = "local replication postgres trust"
"""What its primary has to allow."""
RESERVE = f"SELECT pg_create_physical_replication_slot('{SLOT}', true)"
WRITE = ("SET synchronous_commit = on", "SELECT pg_logical_emit_message(true, 'sandbox', 'until here')")
"""A commit that is written at once, and everything before it: what the server's other sessions commit waits a moment."""
WRITTEN = "SELECT pg_current_wal_lsn()::text"
HAS = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND {}_lsn >= %s::pg_lsn"


class StandbyServer(Server):
    """The standby of one primary. It is told what to be after whatever its primary is told."""

    def __init__(self, primary: Home, log: Path, connect: Callable[[Path, int], Any], address: str, port: int) -> None:
        """`connect` opens a session through a folder of sockets and a port; the standby lives in a folder of its primary's home."""
        super().__init__(address)
        self._home = replace(primary, root=primary.root / "standby")
        self._log, self._connect, self._address = log, connect, address
        self._primary, self._primary_port = primary, port
        for folder in (self._home.root, self._home.sockets):
            folder.mkdir(mode=0o700, exist_ok=True)
            if primary.account:
                os.chown(folder, primary.account.uid, primary.account.gid)

    def follow(self, wanted: Standby, template: Path, settings: Mapping[str, str]) -> None:
        """Become what is wanted, with all that the primary has written until now. Raises ServiceFailed.

        `template` is what its primary began with; `settings` are those of both.
        """
        if wanted.stopped:
            self.end()
            return
        if not self._alive():
            if not self._home.data.exists():
                self._home.copy_data(template)
                self._home.write("standby.signal", b"")
            self._home.write("pg_hba.conf", (self._primary.data / "pg_hba.conf").read_bytes())
            source = f"host={self._primary.sockets} port={self._primary_port} user=postgres"
            own = {"listen_addresses": self._address, "port": str(self.port), "primary_conninfo": source, "primary_slot_name": SLOT}
            self._child = started(self._home, self._log, {**settings, **own})
        with self._connect(self._home.sockets, self.port) as session:
            if not wanted.paused:
                session.execute("SELECT pg_wal_replay_resume()")
            elif not session.execute("SELECT pg_is_wal_replay_paused()").fetchone()[0]:
                self.wait_until_it_has_all("replay")
                session.execute("SELECT pg_wal_replay_pause()")
                if session.info.server_version >= 140000:  # older ones do not tell the wish from the deed
                    _wait(lambda: session.execute("SELECT pg_get_wal_replay_pause_state()").fetchone() == ("paused",), "paused")
        self.wait_until_it_has_all("flush" if wanted.paused else "replay")

    def wait_until_it_has_all(self, how: str) -> None:
        """Wait for all that the primary has written: until it is here (`flush`), or can be seen here (`replay`). Raises ServiceFailed."""
        with self._connect(self._primary.sockets, self._primary_port) as primary:
            for statement in WRITE:
                primary.execute(statement)
            (written,) = primary.execute(WRITTEN).fetchone()
            _wait(lambda: primary.execute(HAS.format(how), [written]).fetchone() == (1,), f"done with the {how} of {written}")

    def end(self) -> None:
        """Stop it; it goes on from here the next time."""
        if self._child is not None:
            self._child.stop(signal.SIGQUIT)
            self._child = None

    def forget(self) -> None:
        """Stop it; the next time it begins anew."""
        self.end()
        shutil.rmtree(self._home.data, ignore_errors=True)

    def stop(self) -> None:
        """End it for good."""
        self.forget()
        self._port.release()


def _wait(ready: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        if time.monotonic() > deadline:
            raise ServiceFailed(f"the standby was not {what} after {START_SECONDS:g} s")
        time.sleep(0.01)
