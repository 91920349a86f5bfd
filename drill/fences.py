"""Why a drill does not begin: its scratch place could be production, or is too small. It is asked before anything is created."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from drill.scratch import Place
from fixtures.web import net
from muster.connections import Postgresql, Ssh
from muster.environment import Environment
from muster.fence import Address, literal, unmapped
from muster.kinds.drills import Drill
from muster.probes import CouldNotLook
from muster.secrets import Setting
from muster.selection import declared, load_all
from muster.units import ByteSize

HOSTS = ("host", "url", "server", "endpoint")
"""Fields of connections and entities that say where they are."""
HERE = "127.0.0.1"
"""This machine. Its other loopback addresses may have servers of their own."""
ROOM_FOR = 1.2
"""A restored database takes more than its tables while its indexes are built."""


def everywhere(root: Path) -> list[Environment]:
    """Every environment that is declared, of every system. Raises ConfigError when one of them cannot be read."""
    return [each for system, name in declared(root) for each in load_all(root, [f"{system}/{name}"])]


def named_alike(scratch: Postgresql, environments: Iterable[Environment]) -> list[str]:
    """Sentences about connections and entities, of any environment, at the address of the scratch server, whatever the port or alias.

    Raises CouldNotLook when the scratch server itself has no address.
    """
    name = scratch.host.resolve()
    mine, found = _addresses(name, scratch.port_number()) | {_bare(name)}, set()
    for environment in environments:
        for what, host in _places(environment):
            if mine & ({_bare(host)} | _known(host)):
                found.add(f"the scratch server has the address of {environment.id}'s {what} ({host})")
    return sorted(found)


def _places(environment: Environment) -> Iterator[tuple[str, str]]:
    """What is declared to be somewhere, and the host, as far as this machine knows: a variable of another environment it does not."""
    for name, connection in environment.connections.items():
        yield from ((f"connection {name}", host) for host in _hosts(getattr(connection, field, None) for field in HOSTS))
        if isinstance(connection, Ssh) and connection.config and (host := _meant(connection)):
            yield f"connection {name}", host
    for entity in environment.entities:
        written = (value for field in HOSTS if (value := getattr(entity, field, None)) and not str(value).startswith("${"))
        yield from ((f"{entity.section} {entity.name}", host) for host in _hosts(written))


def _meant(connection: Ssh) -> str:
    """The host that an alias of an ssh configuration stands for, as the client reads it; empty where that cannot be read here."""
    from fixtures.hosts.client import execute
    from fixtures.hosts.session import options

    try:
        _, said, _ = execute(["ssh", *options(connection), "-G", connection.name()])  # it prints, and connects to nobody
    except CouldNotLook:
        return ""
    return next((line.partition(" ")[2] for line in said.decode(errors="replace").splitlines() if line.startswith("hostname ")), "")


def _hosts(values: Iterable[object]) -> Iterator[str]:
    for value in values:
        try:
            text = value.resolve() if isinstance(value, Setting) else str(value or "")
        except CouldNotLook:
            continue
        host = urlsplit(text).hostname if "://" in text else text
        if host:
            yield host


def _known(host: str) -> set[str]:
    """The addresses of a host; none when its name means nothing here, and so leads nowhere."""
    try:
        return _addresses(host, 0)
    except CouldNotLook:
        return set()


def _addresses(host: str, port: int) -> set[str]:
    """The addresses behind a host, in one spelling each. Raises CouldNotLook."""
    if host.startswith("/"):  # the folder of a socket
        return {HERE}
    if (address := literal(host)) is not None:
        return {_spelled(address)}
    with net.clock():
        resolved = [literal(str(place[0])) for _, place in net.resolve(host, port)]
    return {_spelled(each) for each in resolved if each is not None}


def _spelled(address: Address) -> str:
    """One spelling for all that lead to the same machine: mapped, unspecified, loopback of the other version."""
    same = unmapped(address)
    return HERE if same.is_unspecified or str(same) == "::1" else str(same)


def _bare(host: str) -> str:
    """A name as names are compared."""
    return host.lower().rstrip(".")


def same_server(place: Place, environment: Environment, others: Iterable[Environment]) -> list[str]:
    """Sentences about servers that are the scratch server by their own account.

    Every postgresql connection of the environment is asked, or declares its identifier; those of other environments are compared
    as far as they declare it. Raises CouldNotLook when the scratch server does not say who it is.
    """
    mine, found = place.identifier(), []
    for name, connection in _databases(environment):
        told = connection.system_identifier or _asked(connection)
        if not told:
            found.append(
                f"nobody knows whether the scratch server is that of connection {name}, which does not say who it is: declare its"
                " system_identifier, as pg_controldata of that server says it"
            )
        elif told == mine:
            found.append(f"the scratch server is the server of connection {name}: both have the system identifier {mine}")
    for other in others:
        same = [name for name, connection in _databases(other) if connection.system_identifier == mine]
        found += [f"the scratch server is declared as {other.id}'s connection {name}: system identifier {mine}" for name in same]
    if place.rows("select pg_is_in_recovery()")[0][0]:
        found.append("the scratch server is a standby: it follows another server, and nothing can be restored into it")
    return found


def _databases(environment: Environment) -> list[tuple[str, Postgresql]]:
    return [(name, each) for name, each in environment.connections.items() if isinstance(each, Postgresql)]


def _asked(connection: Postgresql) -> str:
    """The system identifier that a server tells; empty when it does not."""
    from fixtures.postgresql.client import session

    try:
        with session(connection) as (opened, _):
            return str(opened.row("select system_identifier from pg_control_system()")[0])
    except CouldNotLook:
        return ""


def too_large(drill: Drill, estimate: int) -> list[str]:
    """A sentence when the estimate of what the restored backup takes is more than the scratch place has."""
    room = drill.place_to_write.room
    if estimate <= room:
        return []
    return [f"the backup restores to about {ByteSize(estimate)}, and scratch {drill.scratch} has room for {room}"]
