"""The buckets as one part of a platform: a process started once, told every later world, dead with its supervisor."""

import importlib.util
import json
import sys
from pathlib import Path

from sandbox.cache import NotProvided
from sandbox.processes import Child, ServiceFailed
from sandbox.services.running import ROOT, TIMEOUT, Running
from sandbox.world import World


class BucketsProcess:
    """Not running until the first `apply`."""

    def __init__(self, folder: Path) -> None:
        """`folder`: the state folder, which takes its files and has the sandbox's authority. Raises NotProvided without moto."""
        missing = [name for name in ("moto", "flask", "flask_cors") if importlib.util.find_spec(name) is None]
        if missing:
            raise NotProvided(f"{', '.join(missing)} is not installed: it is in the dependency group `sandbox`")
        self._folder = folder
        self.running: Running | None = None

    def apply(self, world: World, epoch: float) -> None:
        """Have the buckets of `world`, whose now is `epoch` (Unix seconds). Raises ServiceFailed when that is not possible."""
        mine = World(buckets=world.buckets)
        if self.running is None:
            self.running = self._start(mine, epoch)
            return
        try:
            self.running.put_world(mine)
        except (ValueError, RuntimeError, OSError) as error:
            raise ServiceFailed(f"buckets: {error}") from error

    @property
    def url(self) -> str:
        """Where they are. Raises ServiceFailed when they do not run."""
        if self.running is None:
            raise ServiceFailed("buckets: not running")
        return str(self.running.addresses["buckets"])

    def stop(self) -> None:
        """End the process."""
        if self.running is not None:
            self.running.stop()
            self.running = None

    def _start(self, world: World, epoch: float) -> Running:
        given, ready = self._folder / "buckets-world.json", self._folder / "buckets.json"
        given.touch(mode=0o600)
        given.write_text(world.to_json())
        ready.unlink(missing_ok=True)
        command = [sys.executable, "-m", "sandbox.services.buckets", "--state", str(self._folder), "--epoch", repr(epoch)]
        child = Child(command, self._folder / "buckets.log", cwd=ROOT)
        try:
            child.wait_until(ready.exists, TIMEOUT)
        except BaseException:
            child.kill()
            raise
        return Running(child.process, self._folder, json.loads(ready.read_bytes()))
