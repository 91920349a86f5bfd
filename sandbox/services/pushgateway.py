"""A real Pushgateway on loopback, empty."""

import urllib.request
from pathlib import Path

from sandbox.binaries import pushgateway
from sandbox.processes import Child, Server

READY_SECONDS = 30.0


class PushgatewayServer(Server):
    """One server; it keeps what it is sent until it is stopped."""

    def __init__(self, folder: Path) -> None:
        """Start; `folder` takes its log. Raises NotProvided when there is no server for this machine."""
        super().__init__()
        folder.mkdir(parents=True, exist_ok=True)
        command = [str(pushgateway() / "prometheus-pushgateway"), f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn"]
        self._child = Child(command, folder / "pushgateway.log", cwd=folder)
        self._child.wait_until(lambda: "pushgateway_build_info" in self.metrics(), READY_SECONDS)

    def metrics(self) -> str:
        """What a Prometheus would scrape; empty while it does not answer."""
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
                f"http://127.0.0.1:{self.port}/metrics", timeout=5
            ) as answer:
                text: str = answer.read().decode()
                return text
        except OSError:
            return ""

    def stop(self) -> None:
        """End it."""
        if self._child is not None:
            self._child.kill()
        self._port.release()
