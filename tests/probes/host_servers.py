"""A real OpenSSH server for the tests of probes, and the same files looked at without it."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fixtures.hosts import session
from fixtures.once import forget
from muster.connections import Connection, Local, Ssh
from muster.kinds.base import Entity, bind
from muster.kinds.hosts import Backup, Host, HostFile
from muster.probes import PROBES, begin
from sandbox import world
from sandbox.services.ssh import SshServer


class Machine:
    """The server; `connection` is the way to it that a test takes."""

    def __init__(self, server: SshServer) -> None:
        self.server = server
        self.connection: Connection = self.ssh()

    @property
    def root(self) -> Path:
        """The folder below which relative paths are."""
        return Path(self.server.addresses["ROOT"])

    def ssh(self, **changes: Any) -> Ssh:
        """The connection over ssh."""
        return Ssh.model_validate({"host": "backup-host", "config": self.server.addresses["CONFIG"], "root": str(self.root), **changes})

    def local(self) -> Local:
        """The same folder, without a server."""
        return Local.model_validate({"root": str(self.root)})

    def become(self, files: dict[str, world.HostFile] | None = None, **values: Any) -> None:
        """A host with these files."""
        self.server.apply(world.Host(files or {}, **values), time.time())

    def file(self, path: str, **fields: Any) -> Entity:
        """A file on it."""
        return self._bound(HostFile, path=path, **fields)

    def backup(self, path: str, **fields: Any) -> Entity:
        """A backup on it."""
        return self._bound(Backup, path=path, **fields)

    def host(self, **fields: Any) -> Entity:
        """The machine itself."""
        return self._bound(Host, **fields)

    def _bound(self, kind: type[Entity], **fields: Any) -> Entity:
        made = kind.model_validate({"name": "it", "connection": "here", **fields})
        return bind(made, "system/environment", {"here": self.connection})


def look(probe: str, entity: Entity) -> Any:
    """What a probe sees; raises what it raises."""
    return PROBES[probe].function(entity)


@contextmanager
def running_machine(folder: Path) -> Iterator[Machine]:
    """A server that runs until the end."""
    made: list[Path] = []
    server = SshServer("backup-host", folder, made.append)
    try:
        if path := server.addresses.get("PATH"):
            os.environ["PATH"] += f":{path}"
        machine = Machine(server)
        machine.become()
        yield machine
    finally:
        server.stop()
        for each in made:
            shutil.rmtree(each, ignore_errors=True)


@contextmanager
def a_look(machine: Machine, place: str) -> Iterator[Machine]:
    """A look of its own, through ssh or on this machine."""
    forget()
    begin(60)
    machine.connection = machine.ssh() if place == "ssh" else machine.local()
    machine.become()
    try:
        yield machine
    finally:
        session.close_all()
