"""Finding worlds and faults by name, and breaking a world with them."""

import difflib
import importlib
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import ModuleType

from sandbox import worlds
from sandbox.world import Fault, World

Build = Callable[[float], World]


class UnknownName(ValueError):
    """A system or fault that does not exist, could be several, or has nothing to break; the text says what there is."""


def _stop_kubernetes(world: World) -> None:
    if world.cluster is None:
        raise UnknownName("this world has no Kubernetes API")
    world.cluster.stopped = True


def _stop_prometheus(world: World) -> None:
    if world.metrics is None:
        raise UnknownName("this world has no Prometheus")
    world.metrics.stopped = True


def _stop_alertmanager(world: World) -> None:
    if world.alertmanager is None:
        raise UnknownName("this world has no Alertmanager")
    world.alertmanager.stopped = True


def _stop_databases(world: World) -> None:
    if not world.databases:
        raise UnknownName("this world has no database")
    for database in world.databases.values():
        database.stopped = True


def _stop_caches(world: World) -> None:
    if not world.caches:
        raise UnknownName("this world has no Redis")
    for cache in world.caches.values():
        cache.stopped = True


def _stop_buckets(world: World) -> None:
    if not world.buckets:
        raise UnknownName("this world has no bucket")
    for bucket in world.buckets.values():
        bucket.stopped = True


def _stop_sites(world: World) -> None:
    if not world.sites:
        raise UnknownName("this world has no web server")
    for site in world.sites.values():
        site.stopped = True


def _stop_hosts(world: World) -> None:
    if not world.hosts:
        raise UnknownName("this world has no host")
    for host in world.hosts.values():
        host.stopped = True


PLATFORM_FAULTS = (
    Fault(
        "kubernetes-api-stopped",
        "The Kubernetes API refuses connections: every look through it is unknown.",
        _stop_kubernetes,
        (),
        "unknown",
    ),
    Fault("prometheus-stopped", "Prometheus refuses connections: every reading from it is unknown.", _stop_prometheus, (), "unknown"),
    Fault("alertmanager-stopped", "Alertmanager refuses connections: it is violated, and what lies in it is unknown.", _stop_alertmanager),
    Fault("database-stopped", "Every PostgreSQL server refuses connections: the application's login is violated.", _stop_databases),
    Fault("redis-stopped", "Every Redis server refuses connections: the application's login is violated.", _stop_caches),
    Fault("buckets-stopped", "The server of all buckets refuses connections: every look at them is unknown.", _stop_buckets, (), "unknown"),
    Fault("sites-stopped", "Every web server refuses connections: the endpoints are violated.", _stop_sites),
    Fault("hosts-stopped", "No host takes ssh, and folders of this machine are gone: files are unknown.", _stop_hosts, (), "unknown"),
)


@dataclass(frozen=True)
class Found:
    """A fault with the system whose world it breaks; `system` is None for a platform fault, which breaks any."""

    system: str | None
    fault: Fault

    @property
    def name(self) -> str:
        """As `--fault` takes it: "system/fault", or the name alone for a platform fault."""
        return self.fault.name if self.system is None else f"{self.system}/{self.fault.name}"


def systems() -> list[str]:
    """Every system that has a world, in alphabetical order."""
    return sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(worlds.__path__))


def builder(system: str) -> Build:
    """The function that makes the healthy world of a system for a Unix time. Raises UnknownName."""
    build: Build = _module(system).world
    return build


def faults(system: str) -> list[Found]:
    """The faults of a system's own world, in the order in which it lists them. Raises UnknownName."""
    return [Found(system, fault) for fault in _module(system).FAULTS]


def all_faults() -> list[Found]:
    """The platform faults, then those of every world."""
    return [*(Found(None, fault) for fault in PLATFORM_FAULTS), *(found for system in systems() for found in faults(system))]


def find(name: str) -> Found:
    """The fault called `name`: "system/fault", or the fault's own name when no other system has one like it. Raises UnknownName."""
    known = all_faults()
    matching = [found for found in known if name in (found.name, found.fault.name)]
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise UnknownName(f"the fault {name!r} could be {', '.join(found.name for found in matching)}")
    names = [*(found.name for found in known), *(found.fault.name for found in known)]
    near = dict.fromkeys(difflib.get_close_matches(name, names, n=5, cutoff=0.4))
    advice = f"nearest: {', '.join(near)}" if near else "`python -m sandbox faults` lists them"
    raise UnknownName(f"there is no fault {name!r}; {advice}")


def broken(system: str, named: Iterable[Found]) -> Build:
    """The function that makes the world of `system` with the faults `named` in it, edited in that order.

    Raises UnknownName for a fault of another system; the function raises it when the world lacks what a fault breaks.
    """
    build, chosen = builder(system), list(named)
    for found in chosen:
        if found.system not in (None, system):
            raise UnknownName(f"the fault {found.name!r} breaks another system than {system}")

    def build_broken(now: float) -> World:
        world = build(now)
        for found in chosen:
            found.fault.edit(world)
        return world

    return build_broken


def _module(system: str) -> ModuleType:
    if system not in systems():
        raise UnknownName(f"there is no world for the system {system!r}; there are {', '.join(systems()) or 'none'}")
    return importlib.import_module(f"{worlds.__name__}.{system.replace('-', '_')}")
