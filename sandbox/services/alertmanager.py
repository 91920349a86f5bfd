"""A real Alertmanager on loopback, with alerts that it was sent and silences that somebody made.

Whatever changes means a fresh start: it takes a tenth of a second, and nothing else takes alerts back. The port stays the same.
Only its peers, real servers as well, come and go while it runs.
"""

import json
import shutil
import signal
import subprocess
import urllib.request
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sandbox.alerting import Alertmanager
from sandbox.binaries import alertmanager
from sandbox.processes import Child, Port, Server, ServiceFailed, child_environment

READY_SECONDS = 30.0


class AlertmanagerServer(Server):
    """One server with one `Alertmanager` in it. Not for several threads at once."""

    def __init__(self, folder: Path) -> None:
        """`folder` takes its files. Raises NotProvided when there is no server for this machine."""
        self._binaries = alertmanager()
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder.resolve()
        self._known: Alertmanager | None = None
        self._gossip = Port()
        self._others: list[AlertmanagerServer] = []
        super().__init__()

    def apply(self, wanted: Alertmanager, epoch: float) -> None:
        """Become `wanted`, whose now is `epoch` (Unix seconds). Raises ServiceFailed when the server refuses."""
        before, self._known = self._known, None
        if wanted.stopped:
            self._shut_down()
        else:
            if before is None or replace(before, peers=wanted.peers) != wanted or not self._alive():
                self._shut_down()
                self._start(wanted)
                self._fill(wanted, epoch)
            self._surround(wanted.peers if wanted.cluster else 0)
        self._known = wanted

    def stop(self) -> None:
        """End the server and remove its data."""
        self._shut_down()
        self._port.release()
        self._gossip.release()

    def leave(self) -> None:
        """End as one who is told to, and says goodbye to the others."""
        if self._child is not None:
            self._child.stop(seconds=READY_SECONDS)
        self.stop()

    def get(self, path: str) -> Any:
        """The JSON at a path of its API; None while it does not answer."""
        return _asked(self.port, path)

    def _shut_down(self) -> None:
        # They first: who stayed would hand its silences to whoever comes back.
        while self._others:
            self._others.pop().stop()
        if self._child is not None:
            self._child.kill()  # its data is thrown away
            self._child = None
        shutil.rmtree(self._folder / "data", ignore_errors=True)

    def _surround(self, peers: int) -> None:
        """Let so many peers be there, and this server know it."""
        while len(self._others) > peers:
            self._others.pop().leave()
        while len(self._others) < peers:
            other = AlertmanagerServer(self._folder / f"peer-{len(self._others) + 1}")
            self._others.append(other)
            other._start(Alertmanager(), joins=self._gossips_at)
        if self._child is not None:
            self._child.wait_until(lambda: self._members() == peers + 1, READY_SECONDS, f"seeing {peers} peers")

    def _members(self) -> int:
        status = self.get("/api/v2/status")
        return len(status["cluster"].get("peers") or ()) or 1 if status else 0

    def _start(self, wanted: Alertmanager, joins: str = "") -> None:
        configuration = self._folder / "alertmanager.yml"
        configuration.write_text(json.dumps(configured(wanted)))  # JSON is YAML
        log = self._folder / "alertmanager.log"
        log.write_bytes(b"")
        options = [
            f"--config.file={configuration}",
            f"--storage.path={self._folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            f"--cluster.listen-address={self._gossips_at if wanted.cluster else ''}",
            *([f"--cluster.peer={joins}"] if joins else []),
            "--cluster.gossip-interval=5ms",  # it is ready once nobody new has come for thirty of these
            "--log.level=warn",
        ]
        beside = self._binaries.parent / "share"
        self._child = child = Child([str(self._binaries / "prometheus-alertmanager"), *options], log, cwd=beside)
        child.wait_until(lambda: self._ready(wanted), READY_SECONDS)
        if wanted.reloaded:
            configuration.write_text(wanted.reloaded)
            child.process.send_signal(signal.SIGHUP)
            child.wait_until(lambda: "config_last_reload_successful 0" in self._metrics(), READY_SECONDS, "refusing its new configuration")

    @property
    def _gossips_at(self) -> str:
        return f"127.0.0.1:{self._gossip.number}"

    def _ready(self, wanted: Alertmanager) -> bool:
        status = self.get("/api/v2/status")
        return bool(status) and status["cluster"]["status"] == ("ready" if wanted.cluster else "disabled")

    def _metrics(self) -> str:
        return (_fetched(self.port, "/metrics") or b"").decode()

    def _fill(self, wanted: Alertmanager, epoch: float) -> None:
        for alert in wanted.alerts:
            labels = [f"{name}={json.dumps(value)}" for name, value in alert.labels.items()]
            self._tool("alert", epoch - alert.started, epoch + alert.lasts, labels)
        for silence in wanted.silences:
            said = ["--author=sandbox", f"--comment={silence.comment}", *silence.matchers]
            begins = epoch + silence.begins
            self._tool("silence", begins, begins + silence.lasts, said)

    def _tool(self, what: str, start: float, end: float, words: list[str]) -> None:
        """Add it from another process: in ours, a guard may stand that lets nobody write."""
        command = [str(self._binaries / "amtool"), f"--alertmanager.url=http://127.0.0.1:{self.port}", what, "add"]
        command += [f"--start={_stamp(start)}", f"--end={_stamp(end)}", *words]
        done = subprocess.run(command, env=child_environment(), capture_output=True, text=True, timeout=READY_SECONDS, check=False)
        if done.returncode:
            raise ServiceFailed(f"amtool {what}: {(done.stderr or done.stdout).strip()[-300:]}")


def configured(wanted: Alertmanager) -> dict[str, Any]:
    """A configuration with one receiver, which is told at once."""
    hooks = [{"url": wanted.webhook, "send_resolved": True}] if wanted.webhook else []
    route = {"receiver": "on-call", "group_by": ["..."], "group_wait": "0s", "group_interval": "100ms", "repeat_interval": "1h"}
    return {"route": route, "receivers": [{"name": "on-call", "webhook_configs": hooks}]}


def _stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def _fetched(port: int, path: str) -> bytes | None:
    """The answer; None while the server does not answer 200."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            content: bytes = answer.read()
            return content
    except OSError:
        return None


def _asked(port: int, path: str) -> Any:
    text = _fetched(port, path)
    return json.loads(text) if text is not None else None
