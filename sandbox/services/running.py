"""Starting the facade in a process of its own, and talking to it."""

import copy
import http.client
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from sandbox.world import World

Object = dict[str, Any]
ROOT = Path(__file__).resolve().parents[2]
TIMEOUT = 30.0  # seconds; a busy machine needs several for the imports alone


class Running:
    """A facade that runs. A context manager: at its end the process is stopped."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path, addresses: Object) -> None:
        self.process = process
        self.folder = folder
        self.addresses = addresses  # as in facade.json; kept up to date by put_world
        self._token = Path(addresses["token_file"]).read_text()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def put_world(self, world: World, epoch: float | None = None) -> Object:
        """Replace the world, live, and its now by `epoch`; returns the addresses. ValueError for a world that cannot be rendered."""
        path = "/world" if epoch is None else f"/world?epoch={epoch!r}"
        self.addresses = self._ask("PUT", path, world.to_json().encode())
        return self.addresses

    def requests(self, server: str | None = None, **wanted: Any) -> list[Object]:
        """What was asked so far, oldest first: of one server ("kubernetes", "site:NAME"), with these fields."""
        found: list[Object] = self._ask("GET", "/requests")
        wanted |= {} if server is None else {"server": server}
        return [entry for entry in found if all(entry.get(name) == value for name, value in wanted.items())]

    def clear_requests(self) -> None:
        """Forget what was asked so far."""
        self._ask("DELETE", "/requests")

    def stop(self) -> None:
        """End the process and wait for it; killed if it does not end on its own."""
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _ask(self, method: str, path: str, body: bytes | None = None) -> Any:
        address = urlsplit(self.addresses["control"])
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=TIMEOUT)
        try:
            connection.request(method, path, body, {"Authorization": f"Bearer {self._token}"})
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        if response.status == 400:
            raise ValueError(json.loads(content)["error"])
        if response.status != 200:
            raise RuntimeError(f"facade: {method} {path} answered {response.status}: {content[:500]!r}; see {self.folder / 'facade.log'}")
        return json.loads(content)


def start_facade(world: World, state_dir: Path, *, epoch: float | None = None, keep: bool = False) -> Running:
    """Start a facade that renders `world` and wait until it listens. `epoch`: the world's now, in Unix seconds.

    RuntimeError with what it wrote if it ends instead, TimeoutError if it is not ready in half a minute.
    """
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    ready = state_dir / "facade.json"
    ready.unlink(missing_ok=True)
    given = state_dir / "world.json"
    given.touch(mode=0o600)
    given.write_text(world.to_json())
    command = [sys.executable, "-m", "sandbox.services.facade", "--state", str(state_dir)]
    command += [] if epoch is None else ["--epoch", repr(epoch)]
    command += ["--keep"] if keep else ["--parent", str(os.getpid())]
    # Without its bytecode the start takes twice as long.
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with (state_dir / "facade.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    return Running(process, state_dir, _await_ready(process, ready))


def _await_ready(process: subprocess.Popen[bytes], ready: Path) -> Object:
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the facade ended with {process.returncode}: {(ready.parent / 'facade.log').read_text()[-2000:]}")
        if ready.exists():
            addresses: Object = json.loads(ready.read_bytes())
            return addresses
        time.sleep(0.01)
    process.kill()
    process.wait()
    raise TimeoutError(f"the facade was not ready after {TIMEOUT:.0f} s")


def copies(template: Object, count: int) -> list[Object]:
    """`count` objects like `template`, named NAME-00000 and so on; everything but the metadata is shared."""
    name = template["metadata"]["name"]
    return [{**template, "metadata": {**copy.copy(template["metadata"]), "name": f"{name}-{place:05}"}} for place in range(count)]
