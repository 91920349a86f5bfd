"""The stand-ins of a sandbox in one process: Kubernetes API, web sites, scrape targets, and a control port.

`python -m sandbox.services.facade --state DIR` reads DIR/world.json, or the world as JSON from standard input, and writes
DIR/facade.json when everything listens. It dies with its parent unless it is told to `--keep`.
"""

import argparse
import asyncio
import base64
import ctypes
import hmac
import json
import os
import secrets
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

from aiohttp.web import BaseRequest, StreamResponse

from sandbox.services.answers import Answer, send
from sandbox.services.certificates import Authority, validate
from sandbox.services.kubernetes import KubernetesApi, namespace_of
from sandbox.services.listener import Listener
from sandbox.services.recording import Recording
from sandbox.services.sites import MetricsSite, Secured, SiteServer
from sandbox.world import Cluster, Served, Site, World

PR_SET_PDEATHSIG = 1


class Facade:
    """All stand-ins; `apply` renders a world, again and again."""

    def __init__(self, folder: Path, epoch: float) -> None:
        """`folder`: state. `epoch`: the world's now, in Unix seconds; scrape targets stay with this one, as the history does."""
        self.folder = folder
        self.epoch = epoch
        self.boot = secrets.token_hex(8)
        self._control_token = secrets.token_urlsafe(24)
        self._authority = Authority(folder)
        self._recording = Recording()
        self._kubernetes = KubernetesApi(self._recording)
        self._api = Secured("kubernetes", Listener(self._kubernetes.handle), self._authority)
        self._sites: dict[str, SiteServer] = {}
        self._metrics = MetricsSite(epoch)
        self._control = Listener(self._command)
        self._world = World()
        self._applying = asyncio.Lock()

    async def start(self, world: World) -> None:
        """Render the first world, then say where."""
        await self._control.open(None)
        await self._metrics.listener.open(None)
        _write(self.folder / "control.token", self._control_token)
        _write(self.folder / "client.pem", (client := self._authority.issue("client", Served(names=["muster"]))).full_chain)
        _write(self.folder / "client.key", client.key_text)
        await self.apply(world)

    async def apply(self, world: World) -> None:
        """Render this world from now on. ValueError, and nothing changes, if it cannot be."""
        async with self._applying:
            cluster = world.cluster or Cluster(stopped=True)
            holders = {"kubernetes": cluster.certificate, **_holders(world)}
            for served in holders.values():
                validate(served)
            self._fill_secrets(world)
            self._kubernetes.load(cluster, self.epoch)
            self._world = world
            await self._api.apply(cluster.certificate, {}, cluster.stopped)
            for name in world.sites.keys() - self._sites.keys():
                self._sites[name] = SiteServer(name, self._recording, self._authority, self._urls)
            for name, server in self._sites.items():
                # One that left the world keeps its port, in case it comes back.
                await server.load(world.sites.get(name) or Site(stopped=True))
            if world.metrics is not None:
                self._metrics.load(world.metrics)
            self._publish()

    def _urls(self) -> dict[str, str]:
        return {name: server.url for name, server in self._sites.items() if name in self._world.sites}

    def _fill_secrets(self, world: World) -> None:
        """Put the certificates that endpoints present into the secrets that are said to hold them, unless those have data."""
        found = {}
        for content in world.cluster.objects if world.cluster else []:
            if content.get("kind") == "Secret":
                found[f"{content['metadata'].get('namespace')}/{content['metadata'].get('name')}"] = content
        for name, served in _holders(world).items():
            secret = found.get(served.secret or "")
            if secret is not None and not secret.get("data"):
                issued = self._authority.issue(name, served)
                key = self._authority.issue(f"{name}-former", served) if served.former_key else issued
                pair = {"tls.crt": issued.full_chain, "tls.key": key.key_text}
                secret["data"] = {key: base64.b64encode(text.encode()).decode() for key, text in pair.items()}

    def addresses(self) -> dict[str, Any]:
        """What DIR/facade.json says."""
        return {
            "boot": self.boot,
            "pid": os.getpid(),
            "epoch": self.epoch,
            "kubernetes": None if self._world.cluster is None else self._api.listener.url,
            "sites": self._urls(),
            "metrics": None if self._world.metrics is None else f"{self._metrics.listener.url}/metrics",
            "control": self._control.url,
            "token_file": str(self.folder / "control.token"),
            "ca_file": str(self._authority.ca_file),
            "foreign_ca_file": str(self._authority.foreign_ca_file),
            "client_certificate": str(self.folder / "client.pem"),
            "client_key": str(self.folder / "client.key"),
            "kubeconfig": str(self.folder / "kubeconfig"),
        }

    def _publish(self) -> None:
        if self._world.cluster is not None:
            _write(self.folder / "kubeconfig", json.dumps(self._kubeconfig(self._world.cluster), indent=1))
        _write(self.folder / "facade.json", json.dumps(self.addresses(), indent=1))

    def _kubeconfig(self, cluster: Cluster) -> dict[str, Any]:
        """As JSON, which is YAML. The first token is the user's."""
        token = next(iter(cluster.tokens), "")
        server = {"server": self._api.listener.url, "certificate-authority": str(self._authority.ca_file)}
        context = {"cluster": "sandbox", "user": "sandbox", "namespace": namespace_of(cluster)}
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "sandbox",
            "clusters": [{"name": "sandbox", "cluster": server}],
            "contexts": [{"name": "sandbox", "context": context}],
            "users": [{"name": "sandbox", "user": {"token": token}}],
        }

    async def _command(self, request: BaseRequest) -> StreamResponse:
        given = request.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {self._control_token}".encode()):
            return await send(request, Answer(401, b'{"error": "wrong token"}'))
        try:
            status, document = await self._obey(request)
        except ValueError as error:
            status, document = 400, {"error": str(error)}
        return await send(request, Answer(status, json.dumps(document).encode()))

    async def _obey(self, request: BaseRequest) -> tuple[int, Any]:
        match (request.method, request.path):
            case ("GET", "/"):
                return 200, self.addresses()
            case ("PUT", "/world"):
                world = World.from_json(await request.content.read())
                self.epoch = float(request.query.get("epoch", self.epoch))
                await self.apply(world)
                return 200, self.addresses()
            case ("GET", "/requests"):
                return 200, self._recording.entries()
            case ("DELETE", "/requests"):
                self._recording.clear()
                return 200, []
        return 404, {"error": "PUT /world, GET /requests, DELETE /requests"}


def _holders(world: World) -> dict[str, Served]:
    """The certificate of every endpoint beside the API, under the name it is issued for."""
    found = {f"database-{name}": database.certificate for name, database in world.databases.items()}
    for name, site in world.sites.items():
        found[f"site-{name}"] = site.certificate
        found |= {f"site-{name}-{other}": served for other, served in site.certificates.items()}
    return {name: served for name, served in found.items() if served is not None}


def _write(path: Path, text: str) -> None:
    """Replace a file in one step, readable by its owner alone."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as handle:
        handle.write(text)
    temporary.replace(path)


def die_with_parent(parent: int) -> None:
    """End this process when the process `parent` ends, however that happens."""

    def check(_: int, __: FrameType | None) -> None:
        # The signal also comes when only the thread that started us has ended; then the parent is still the same.
        if os.getppid() != parent:
            os._exit(0)

    signal.signal(signal.SIGUSR1, check)
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGUSR1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    check(0, None)


async def _run(folder: Path, epoch: float, world: World) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    facade = Facade(folder, epoch)
    await facade.start(world)
    await stop.wait()
    (folder / "facade.json").unlink(missing_ok=True)


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGTERM, SIGINT or the end of the parent; 2 and a line on standard error for a world that cannot be rendered."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.services.facade")
    parser.add_argument("--state", type=Path, required=True, help="folder for addresses, certificates and tokens")
    parser.add_argument("--epoch", type=float, default=None, help="the world's now in Unix seconds (default: the start)")
    parser.add_argument("--keep", action="store_true", help="survive the process that started this one")
    parser.add_argument("--parent", type=int, default=os.getppid(), help="the process that started this one")
    options = parser.parse_args(arguments)
    if not options.keep:
        die_with_parent(options.parent)
    folder: Path = options.state.resolve()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    given = folder / "world.json"
    try:
        world = World.from_json(given.read_bytes() if given.exists() else sys.stdin.buffer.read())
        asyncio.run(_run(folder, time.time() if options.epoch is None else options.epoch, world))
    except ValueError as error:
        sys.stderr.write(f"facade: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
