"""Real dumps in place of made-up ones, where drills are possible: they are restored, and compared with what they were made of."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sandbox.processes import ServiceFailed
from sandbox.services.folders import comments
from sandbox.services.postgres import PostgresServer
from sandbox.world import Host, HostFile, World

if TYPE_CHECKING:
    from concurrent.futures import Future

END = "--\n-- PostgreSQL database dump complete"


def with_dumps(world: World, jobs: "Sequence[Future[dict[str, str]]]", services: Mapping[str, object]) -> dict[str, Host]:
    """The hosts of a world; with a scratch server in it, the dumps on them are real, once `jobs` have brought the databases up."""
    if not world.scratch:
        return world.hosts
    for job in jobs:
        job.result()
    made = {}
    for name, host in world.hosts.items():
        files = {path: _dumped(world, file, services.get(f"postgresql/{file.dump}")) for path, file in host.files.items()}
        made[name] = replace(host, files=files)
    return made


def _dumped(world: World, file: HostFile, server: object) -> HostFile:
    """The file with what pg_dump says of its database, as large as the dumps beside it."""
    if not file.dump or not isinstance(server, PostgresServer):
        return file
    text = server.dump(world.databases[file.dump].name, file.dump_options)
    for pattern, replacement in file.edits.items():
        text, changed = re.subn(pattern, replacement, text, flags=re.MULTILINE | re.DOTALL)
        if not changed:
            raise ServiceFailed(f"no {pattern!r} in the dump of {file.dump}")
    head, mark, tail = text.rpartition(END)
    return replace(file, head=f"{head}{comments(file.filler) if mark else ''}", filler=0, tail=mark + tail)
