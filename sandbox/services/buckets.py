"""The buckets of a sandbox in one process: moto, which is filled and aged from inside, behind a front that is less forgiving.

`python -m sandbox.services.buckets --state DIR` reads DIR/buckets-world.json and writes DIR/buckets.json when it listens. The
front refuses keys that it does not know, signatures that do not fit, and what the keys are not good for.
"""

import argparse
import hmac
import json
import os
import secrets
import signal
import socket
import ssl
import sys
import threading
from pathlib import Path
from typing import Any

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from sandbox.processes import Port
from sandbox.services.bucket_front import Front
from sandbox.services.certificates import Authority
from sandbox.world import Bucket, Served, World

ENDED = threading.Event()


class _Handler(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Everything is recorded by the front."""

    def send_response(self, code: int, message: str | None = None) -> None:
        """The first line alone: the front may have a Date of its own."""
        self.send_response_only(code, message)

    def connection_dropped(self, *_: object, **__: object) -> None:
        """No further request is waited for on a connection that was cut."""
        self.close_connection = True


class _Secured(ThreadedWSGIServer):
    """Shakes hands in the thread of each connection, so that a silent client holds up nobody else."""

    allow_reuse_address = True

    def __init__(self, app: Any, context: ssl.SSLContext, port: int) -> None:
        super().__init__("127.0.0.1", port, app, handler=_Handler)
        self._tls = context

    def finish_request(self, request: Any, client_address: Any) -> None:
        try:
            secured = self._tls.wrap_socket(request, server_side=True)
        except OSError:
            return
        try:
            super().finish_request(secured, client_address)
        finally:
            self.close_request(secured)  # no polite end before: one that is cut ends with a reset

    def handle_error(self, *_: object) -> None:
        """A client that has gone is no error."""
        if not isinstance(sys.exception(), OSError | socket.timeout):
            super().handle_error(*_)  # type: ignore[arg-type]


class Public:
    """The front behind a port that stays the same, also while nothing listens on it."""

    def __init__(self, front: Front, context: ssl.SSLContext) -> None:
        self._front, self._context = front, context
        self._port = Port()
        self._server: _Secured | None = None
        self.url = f"https://127.0.0.1:{self._port.number}"

    def apply(self, buckets: dict[str, Bucket]) -> None:
        """Serve these buckets; nothing listens while all of them are stopped. ValueError for one that cannot be."""
        self._front.apply(buckets)
        stopped = bool(buckets) and all(bucket.stopped for bucket in buckets.values())
        if stopped and self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        elif not stopped and self._server is None:
            self._server = _Secured(self._front, self._context, self._port.number)
            threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()


class Control:
    """Who made this process tells it what to become, and asks what was asked of it."""

    def __init__(self, front: Front, public: Public, token: str) -> None:
        self._front, self._public, self._token = front, public, token
        self.addresses: dict[str, Any] = {}

    def __call__(self, environ: dict[str, Any], start: Any) -> list[bytes]:
        """One command, as WSGI."""
        if not hmac.compare_digest(environ.get("HTTP_AUTHORIZATION", ""), f"Bearer {self._token}"):
            return self._answer(start, "401 Unauthorized", {"error": "wrong token"})
        try:
            match (environ["REQUEST_METHOD"], environ["PATH_INFO"]):
                case ("PUT", "/world"):
                    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
                    self._public.apply(World.from_json(body).buckets)
                    return self._answer(start, "200 OK", self.addresses)
                case ("GET", "/requests"):
                    return self._answer(start, "200 OK", list(self._front.requests))
                case ("DELETE", "/requests"):
                    self._front.requests.clear()
                    return self._answer(start, "200 OK", [])
        except ValueError as error:
            return self._answer(start, "400 Bad Request", {"error": str(error)})
        return self._answer(start, "404 Not Found", {"error": "PUT /world, GET /requests, DELETE /requests"})

    def _answer(self, start: Any, status: str, document: Any) -> list[bytes]:
        start(status, [("Content-Type", "application/json")])
        return [json.dumps(document).encode()]


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.touch(mode=0o600)
    temporary.write_text(text)
    temporary.replace(path)


def _run(folder: Path, epoch: float, world: World) -> None:
    front, token = Front(epoch), secrets.token_urlsafe(24)
    public = Public(front, Authority(folder).context("buckets", Served()))
    public.apply(world.buckets)
    control = Control(front, public, token)
    commands = ThreadedWSGIServer("127.0.0.1", 0, control, handler=_Handler)
    threading.Thread(target=commands.serve_forever, daemon=True).start()
    _write(folder / "buckets.token", token)
    control.addresses |= {
        "buckets": public.url,
        "control": f"http://127.0.0.1:{commands.server_port}",
        "token_file": str(folder / "buckets.token"),
    }
    _write(folder / "buckets.json", json.dumps(control.addresses))
    ENDED.wait()


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT; 2 and a line on standard error for a world that cannot be rendered."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.services.buckets")
    parser.add_argument("--state", type=Path, required=True, help="folder for addresses, certificates and tokens")
    parser.add_argument("--epoch", type=float, required=True, help="the world's now in Unix seconds")
    options = parser.parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ENDED.set())
    try:
        _run(options.state, options.epoch, World.from_json((options.state / "buckets-world.json").read_bytes()))
    except ValueError as error:
        sys.stderr.write(f"buckets: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
