"""The facade as one part of a platform: started once, told every later world, dead with its supervisor."""

import json
import sys
from pathlib import Path
from urllib.parse import urlsplit

from sandbox.processes import Child, ServiceFailed
from sandbox.services.running import ROOT, TIMEOUT, Running
from sandbox.world import World


class FacadeProcess:
    """Kubernetes API, sites and scrape targets; not running until the first `apply`."""

    def __init__(self, folder: Path) -> None:
        """`folder`: the state folder, which takes its files."""
        self._folder = folder
        self.running: Running | None = None

    def apply(self, world: World, epoch: float) -> None:
        """Become `world`, whose now is `epoch` (Unix seconds). Raises ServiceFailed when that is not possible."""
        if self.running is None:
            self.running = self._start(world, epoch)
            return
        try:
            self.running.put_world(world, epoch)
        except (ValueError, RuntimeError, OSError) as error:
            raise ServiceFailed(f"facade: {error}") from error

    @property
    def scraped(self) -> str:
        """host:port of the scrape targets."""
        return urlsplit(self._address("metrics")).netloc

    def addresses(self) -> dict[str, str]:
        """Names of `facade.json` -> addresses and paths of what runs: kubeconfig, ca_file, site:NAME."""
        known = self.running.addresses if self.running else {}
        found = {name: known[name] for name in ("ca_file", "foreign_ca_file", "client_certificate", "client_key") if known}
        if known.get("kubernetes"):
            found["kubeconfig"] = known["kubeconfig"]
        return found | {f"site:{name}": url for name, url in known.get("sites", {}).items()}

    def stop(self) -> None:
        """End the process."""
        if self.running is not None:
            self.running.stop()
            self.running = None

    def _address(self, name: str) -> str:
        address = self.running.addresses.get(name) if self.running else None
        if not address:
            raise ServiceFailed(f"facade: no address for {name}")
        return str(address)

    def _start(self, world: World, epoch: float) -> Running:
        given = self._folder / "world.json"
        given.touch(mode=0o600)
        given.write_text(world.to_json())
        ready = self._folder / "facade.json"
        command = [sys.executable, "-m", "sandbox.services.facade", "--state", str(self._folder), "--epoch", repr(epoch)]
        child = Child(command, self._folder / "facade.log", cwd=ROOT)
        try:
            child.wait_until(ready.exists, TIMEOUT)
        except BaseException:
            child.kill()
            raise
        return Running(child.process, self._folder, json.loads(ready.read_bytes()))
