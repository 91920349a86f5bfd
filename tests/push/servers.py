"""Real servers that are told: an Alertmanager with a webhook behind it, a Pushgateway; and projects that push to them."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from sandbox.alerting import Alertmanager
from sandbox.services.alertmanager import AlertmanagerServer
from tests.engine.project import PLUGINS, Project, project, reading

OURS = "import pkgutil\n\n__path__ = pkgutil.extend_path(__path__, __name__)\n"
PATIENCE = 20.0


class Webhook:
    """A receiver on loopback that remembers every notification."""

    def __init__(self, server: ThreadingHTTPServer, told: list[dict[str, Any]], came: threading.Condition) -> None:
        self.url = f"http://127.0.0.1:{server.server_address[1]}/"
        self.told, self._came = told, came

    def wait(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first alert in a notification that is wanted."""
        with self._came:
            assert self._came.wait_for(lambda: any(map(wanted, self._alerts())), PATIENCE), self.told
            return next(filter(wanted, self._alerts()))

    def _alerts(self) -> Iterator[dict[str, Any]]:
        return (alert for each in list(self.told) for alert in each["alerts"])


@contextmanager
def webhook() -> Iterator[Webhook]:
    told: list[dict[str, Any]] = []
    came = threading.Condition()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with came:
                told.append(json.loads(body))
                came.notify_all()
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield Webhook(server, told, came)
    finally:
        server.shutdown()
        server.server_close()


class Told:
    """An Alertmanager and where it sends its notifications."""

    def __init__(self, server: AlertmanagerServer, hook: Webhook) -> None:
        self.server, self.hook = server, hook
        self.url = f"http://127.0.0.1:{server.port}"

    def fresh(self) -> "Told":
        """The same server, which knows nothing."""
        self.server.apply(Alertmanager(stopped=True), time.time())
        self.server.apply(Alertmanager(webhook=self.hook.url, cluster=False), time.time())
        self.hook.told.clear()
        return self

    def alerts(self) -> dict[str, dict[str, Any]]:
        """What it knows and has not ended, by "check entity verdict"."""
        found = self.server.get("/api/v2/alerts")
        return {"{alertname} {entity} {verdict}".format_map(each["labels"]): each for each in found}


@contextmanager
def alertmanager(folder: Path) -> Iterator[Told]:
    with webhook() as hook:
        server = AlertmanagerServer(folder)
        try:
            yield Told(server, hook)
        finally:
            server.stop()


def pushing(folder: Path, push: dict[str, Any], **observations: dict[str, Any]) -> Project:
    """A project with the real plugins for pushing, whose environment pushes there: two readings, `errors` and `orders`."""
    made = project(folder, **observations)
    made.write("fixtures/__init__.py", OURS).write("conftest.py", f"pytest_plugins = {[*PLUGINS, 'push.plugin']!r}\n")
    return made.environment("platform/sandbox", READINGS, push=push)


READINGS = [
    reading("errors", severity="P0", owner="team-shop"),
    reading("orders", severity="P1"),
]
