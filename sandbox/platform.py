"""The platform of one boot: its parts side by side on loopback, their addresses, live replacement, and a clean end."""

import os
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Protocol, Self

from sandbox.addresses import facade_addresses, part_of, site_tokens, variable
from sandbox.alerting import Alertmanager
from sandbox.cache import NotProvided
from sandbox.processes import ServiceFailed
from sandbox.services.alertmanager import AlertmanagerServer
from sandbox.services.buckets_process import BucketsProcess
from sandbox.services.certificates import Authority
from sandbox.services.dumps import with_dumps
from sandbox.services.facade_process import FacadeProcess
from sandbox.services.folders import Folder
from sandbox.services.postgres import PostgresServer
from sandbox.services.prometheus import PrometheusServer
from sandbox.services.redis import RedisServer
from sandbox.services.ssh import SshServer
from sandbox.state import State, write_past
from sandbox.world import Database, Host, Served, World

PARTS = frozenset({"kubernetes", "http", "prometheus", "alertmanager", "postgresql", "redis", "s3", "ssh", "local", "scratch"})
SCRATCH = "127.0.0.2"
"""Where scratch servers listen: a drill refuses one that shares an address with anything else."""


class Service(Protocol):
    """A real server of the platform."""

    def stop(self) -> None:
        """End it."""


class Platform:
    """A world, running. `addresses` holds the environment variables that lead to it; `not_provided` part -> reason.

    A part that this machine cannot provide, or that does not start, is in `not_provided` and has no addresses.
    """

    def __init__(self, build: Callable[[float], World], parts: Iterable[str] = PARTS, runs: Path | None = None) -> None:
        """`build` makes the world for a Unix time; of `parts` only those are started; `runs` is where boots keep their folders."""
        self._build = build
        self._wanted = frozenset(parts)
        unknown = sorted(self._wanted - PARTS)
        if unknown:
            raise ValueError(f"unknown part {unknown[0]!r}; there are {', '.join(sorted(PARTS))}")
        self._runs = runs
        self._state: State | None = None
        self._facade: FacadeProcess | None = None
        self._services: dict[str, Service] = {}
        self._folders: dict[str, Folder] = {}
        self.epoch = 0.0  # Unix seconds: the now of the world
        self._began = 0.0  # that of the boot, from which Prometheus goes on by itself
        self.addresses: dict[str, str] = {}
        self.not_provided: dict[str, str] = {}

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.stop()

    @property
    def folder(self) -> Path:
        """The state folder. Raises RuntimeError when the platform does not run."""
        return self._running_state().folder

    @property
    def facade(self) -> FacadeProcess:
        """The stand-ins' process. Raises RuntimeError when the platform does not run."""
        if self._facade is None:
            raise RuntimeError("the platform does not run")
        return self._facade

    def start(self) -> None:
        """Start every part and return when all answer. Whatever was started is stopped again when this is interrupted."""
        self._state = State(self._runs)
        try:
            self._facade = FacadeProcess(self.folder)
            self.epoch = self._began = time.time()
            self._become(self._build(self.epoch))
        except BaseException:
            self.stop()
            raise

    def apply(self, world: World) -> None:
        """Replace the running world: what differs is changed, ports stay. Its moments count from `epoch`.

        Raises ServiceFailed when a part that runs refuses.
        """
        before = dict(self.not_provided)
        self._become(world)
        broken = [f"{part}: {reason}" for part, reason in self.not_provided.items() if part not in before]
        if broken:
            raise ServiceFailed("; ".join(broken))

    def renew(self) -> None:
        """Be the same world as of now: what it tells about moments would grow old otherwise. Servers whose clock goes on are left alone."""
        self.epoch = time.time()
        self.apply(self._build(self.epoch))

    def stop(self) -> None:
        """Stop every part and remove the state folder. Nothing happens the second time."""
        # Each step is tried, in the reverse of this order, also when one before it fails.
        with ExitStack() as steps:
            if self._state is not None:
                steps.callback(self._state.remove)
            if self._facade is not None:
                steps.callback(self._facade.stop)
            for service in self._services.values():
                steps.callback(service.stop)
            self._state = self._facade = None
            self._services = {}
            self.addresses.clear()

    def _running_state(self) -> State:
        if self._state is None:
            raise RuntimeError("the platform does not run")
        return self._state

    @property
    def buckets(self) -> BucketsProcess:
        """The process of the buckets. Raises RuntimeError when there is none."""
        server = self._services.get("s3")
        if not isinstance(server, BucketsProcess):
            raise RuntimeError("there are no buckets")
        return server

    def _become(self, world: World) -> None:
        world = self._selected(world)
        write_past(self.folder, world.earlier, self.epoch)
        kept = {f"postgresql/{name}" for name in world.databases} | {f"ssh/{name}" for name in world.hosts}
        kept |= {f"redis/{name}" for name in world.caches} | {f"scratch/{name}" for name in world.scratch}
        for name in set(self._services) - kept - {"prometheus", "alertmanager", "s3"}:
            self._services.pop(name).stop()
        self.not_provided.clear()
        with ThreadPoolExecutor(max_workers=8, thread_name_prefix="muster-boot") as pool:
            # Leaving the block waits, also after Ctrl-C: what is half started could not be stopped.
            # The slowest to start comes first.
            jobs = [pool.submit(self._attempt, "s3", self._become_buckets, world)] if world.buckets or "s3" in self._services else []
            facade = pool.submit(self.facade.apply, world, self.epoch)
            jobs += [
                pool.submit(self._attempt, f"postgresql/{name}", self._become_database, name, world.databases[name])
                for name in world.databases
            ]
            jobs += [
                pool.submit(self._attempt, f"scratch/{name}", self._become_scratch, name, world.scratch[name]) for name in world.scratch
            ]
            caches: dict[str, Future[dict[str, str]]] = {}
            for name, cache in sorted(world.caches.items(), key=lambda each: each[1].replica_of is not None):
                primary = caches.get(cache.replica_of or "")
                caches[name] = pool.submit(self._attempt, f"redis/{name}", self._become_cache, name, world, primary)
            jobs += caches.values()
            hosts = with_dumps(world, jobs, self._services).items()
            jobs += [pool.submit(self._attempt, f"{part_of(host)}/{name}", self._become_host, name, host) for name, host in hosts]
            if world.metrics is not None:
                jobs.append(pool.submit(self._attempt, "prometheus", self._become_prometheus, facade, world))
            if world.alertmanager is not None:
                jobs.append(pool.submit(self._attempt, "alertmanager", self._become_alertmanager, world.alertmanager))
            facade.result()
            found = facade_addresses(self.facade.addresses()) | site_tokens(world)
            found |= {f"SANDBOX_{name}": text for name, text in world.variables.items()}
            for job in jobs:
                found |= job.result()
        self.addresses.clear()
        self.addresses.update(found)

    def _selected(self, world: World) -> World:
        """The world without the parts that nobody asked for."""
        return replace(
            world,
            cluster=world.cluster if "kubernetes" in self._wanted else None,
            sites=world.sites if "http" in self._wanted else {},
            metrics=world.metrics if "prometheus" in self._wanted else None,
            alertmanager=world.alertmanager if "alertmanager" in self._wanted else None,
            databases=world.databases if "postgresql" in self._wanted else {},
            scratch=world.scratch if "scratch" in self._wanted else {},
            caches=world.caches if "redis" in self._wanted else {},
            buckets=world.buckets if "s3" in self._wanted else {},
            hosts={name: host for name, host in world.hosts.items() if part_of(host) in self._wanted},
        )

    def _attempt(self, part: str, become: Callable[..., dict[str, str]], *arguments: object) -> dict[str, str]:
        try:
            return become(*arguments)
        except (NotProvided, ServiceFailed) as error:
            self.not_provided[part] = str(error)
            return {}

    def _become_database(self, name: str, database: Database, part: str = "postgresql", address: str = "127.0.0.1") -> dict[str, str]:
        state = self._running_state()
        server = self._services.get(f"{part}/{name}")
        if not isinstance(server, PostgresServer):
            folder = state.folder / "databases" / name
            server = PostgresServer(folder, self._certificate(name), state.remember, address)
            self._services[f"{part}/{name}"] = server
        server.apply(database)
        start = f"SANDBOX_{variable(name)}"
        passwords = {f"{start}_PASSWORD_{variable(role)}": password for role, password in database.passwords.items()}
        ports = {f"{start}_PORT": str(server.port)}
        if database.standby is not None:
            ports[f"{start}_STANDBY_PORT"] = str(server.standby_port)
        return {f"{start}_HOST": address, f"{start}_DBNAME": database.name} | ports | passwords

    def _become_scratch(self, name: str, database: Database) -> dict[str, str]:
        return self._become_database(name, database, "scratch", SCRATCH)

    def _become_cache(self, name: str, world: World, primary: "Future[dict[str, str]] | None") -> dict[str, str]:
        wanted, state = world.caches[name], self._running_state()
        if primary is not None:
            primary.result()
        server = self._services.get(f"redis/{name}")
        if not isinstance(server, RedisServer):
            server = RedisServer(state.folder / "caches" / name, self._certificate(name), state.remember)
            self._services[f"redis/{name}"] = server
        followed = self._services.get(f"redis/{wanted.replica_of}")
        server.apply(wanted, followed if isinstance(followed, RedisServer) else None)
        start = f"SANDBOX_{variable(name)}"
        passwords = {f"{start}_PASSWORD_{variable(user)}": password for user, password in wanted.passwords.items()}
        return {f"{start}_HOST": "127.0.0.1", f"{start}_PORT": str(server.port)} | passwords

    def _become_buckets(self, world: World) -> dict[str, str]:
        server = self._services.get("s3")
        if not isinstance(server, BucketsProcess):
            server = BucketsProcess(self.folder)
            self._services["s3"] = server
        server.apply(world, self.epoch)
        found = {"SANDBOX_BUCKETS_URL": server.url}
        for name, bucket in world.buckets.items():
            access, secret = next(iter(bucket.keys.items()))
            found |= {f"SANDBOX_{variable(name)}_ACCESS_KEY": access, f"SANDBOX_{variable(name)}_SECRET_KEY": secret}
        return found

    def _become_host(self, name: str, host: Host) -> dict[str, str]:
        state, start = self._running_state(), f"SANDBOX_{variable(name)}"
        if not host.ssh:
            folder = self._folders.setdefault(name, Folder(state.folder / "hosts" / name))
            if host.stopped:
                folder.remove()
            else:
                folder.apply(host.files, self.epoch)
            return {f"{start}_ROOT": str(folder.root)}
        server = self._services.get(f"ssh/{name}")
        if not isinstance(server, SshServer):
            server = SshServer(name, state.folder / "hosts" / name, state.remember)
            self._services[f"ssh/{name}"] = server
        server.apply(host, self.epoch)
        found = dict(server.addresses)
        path = {"PATH": f"{os.environ.get('PATH', os.defpath)}:{found.pop('PATH')}"} if "PATH" in found else {}
        return {f"{start}_{each}": value for each, value in found.items()} | path

    def _certificate(self, database: str) -> Callable[[Served], tuple[bytes, bytes]]:
        """Certificates from the facade's authority, by the name under which it puts the same one into a secret."""

        def issue(served: Served) -> tuple[bytes, bytes]:
            issued = Authority(self.folder).issue(f"database-{database}", served)
            return issued.chain.read_bytes(), issued.key.read_bytes()

        return issue

    def _become_prometheus(self, facade: "Future[None]", world: World) -> dict[str, str]:
        server = self._services.get("prometheus")
        if not isinstance(server, PrometheusServer):
            # Fetching its binaries can take a while, so that comes before waiting for what it scrapes.
            server = PrometheusServer(self.folder / "prometheus")
            self._services["prometheus"] = server
        facade.result()
        if world.metrics is not None:
            server.apply(world.metrics, self._began, self.facade.scraped)
        return {"SANDBOX_PROMETHEUS_URL": f"http://127.0.0.1:{server.port}"}

    def _become_alertmanager(self, wanted: Alertmanager) -> dict[str, str]:
        server = self._services.get("alertmanager")
        if not isinstance(server, AlertmanagerServer):
            server = self._services["alertmanager"] = AlertmanagerServer(self.folder / "alertmanager")
        server.apply(wanted, self.epoch)
        return {"SANDBOX_ALERTMANAGER_URL": f"http://127.0.0.1:{server.port}"}
