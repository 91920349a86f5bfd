"""An Alertmanager as it stands in production: behind TLS and a password, busy for a moment, silent when somebody presses Ctrl-C."""

import base64
import signal
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sandbox.services.certificates import Authority
from sandbox.world import Served
from tests.probes.web_servers import Listening, answer, serving
from tests.push.servers import Told, pushing
from tests.push.test_trouble import told_of

USER, PASSWORD = "muster", "canary-of-the-proxy"
BUSY = answer("503 Service Unavailable", b"a moment", "Connection: close")


@contextmanager
def before(told: Told, busy: int = 0, context: ssl.SSLContext | None = None) -> Iterator[Listening]:
    """A proxy before a real Alertmanager: it asks for the password, and is busy for so many POSTs."""
    wanted = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    left = [busy]

    def passed_on(asked: bytes) -> bytes:
        if f"authorization: basic {wanted}".lower().encode() not in asked.lower():
            return answer("401 Unauthorized", b"who are you?", "Connection: close")
        if asked.startswith(b"POST") and left[0]:
            left[0] -= 1
            return BUSY
        with socket.create_connection(("127.0.0.1", told.server.port)) as upstream:
            upstream.sendall(asked)
            return b"".join(iter(lambda: upstream.recv(65536), b""))

    def speak(server: Listening, connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) if context else connection as heard:
            asked = b""
            while b"\r\n\r\n" not in asked:
                asked += heard.recv(65536)
            head, _, body = asked.partition(b"\r\n\r\n")
            length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0)
            while len(body) < length:
                body += heard.recv(65536)
            server.requests.append(head.decode("latin-1"))
            heard.sendall(passed_on(head + b"\r\n\r\n" + body))

    with serving(speak) as server:
        yield server


def secured(folder: Path) -> tuple[ssl.SSLContext, str]:
    """How a server proves who it is, and the authority that vouches for it."""
    authority = Authority(folder)
    issued = authority.issue("proxy", Served())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.chain, issued.key)
    return context, str(authority.ca_file)


@pytest.mark.parametrize("known", [True, False])
def test_alerts_pass_tls_and_a_password_and_neither_is_let_go(tmp_path: Path, told: Told, known: bool) -> None:
    context, ca = secured(tmp_path / "authority")
    with before(told, context=context) as proxy:
        outlet = {
            "url": f"https://localhost:{proxy.port}",
            "basic": {"user": USER, "password": "env:PASSWORD"},
            **({"ca": ca} if known else {}),
        }
        made = pushing(tmp_path / "project", {"alertmanager": outlet}, errors={"value": 1})
        made.variables["PASSWORD"] = PASSWORD

        said = made.run("--push")

    [push] = told_of(made)
    assert said.returncode == 1
    assert bool(push["failed"]) is not known
    assert len(told.alerts()) == int(known)
    assert known or ("certificate not accepted" in push["failed"] and not proxy.requests)
    assert not any(PASSWORD in path.read_text(errors="replace") for path in made.out.rglob("*") if path.is_file())


@pytest.mark.parametrize(("busy", "arrives"), [(1, True), (2, False)])
def test_a_server_that_is_busy_is_asked_once_more(tmp_path: Path, told: Told, busy: int, arrives: bool) -> None:
    with before(told, busy) as proxy:
        outlet = {"url": proxy.url, "basic": {"user": USER, "password": "env:PASSWORD"}}
        made = pushing(tmp_path, {"alertmanager": outlet}, errors={"value": 1})
        made.variables["PASSWORD"] = PASSWORD

        made.run("--push")

    assert [each.partition(" ")[0] for each in proxy.requests] == ["GET", "POST", "POST"]
    assert len(told.alerts()) == int(arrives)
    assert ("answered 503: a moment" in told_of(made)[0]["failed"]) is not arrives


def test_ctrl_c_ends_telling_and_takes_no_verdict_back(tmp_path: Path) -> None:
    asked = threading.Event()

    def speak(server: Listening, connection: socket.socket) -> None:
        connection.recv(4096)
        asked.set()
        server.done.wait()

    with serving(speak) as silent:
        made = pushing(tmp_path, {"alertmanager": {"url": silent.url}, "pushgateway": {"url": silent.url}}, errors={"value": 1})
        with subprocess.Popen(
            made.command("--push"), cwd=made.folder, env=made.process_environment(), stdout=subprocess.PIPE, text=True
        ) as process:
            assert asked.wait(60)
            process.send_signal(signal.SIGINT)
            said = process.communicate(timeout=60)[0]

    assert [each["failed"] for each in told_of(made)] == ["interrupted while it was told", "interrupted before it was told"]
    assert process.returncode == 1, said
    assert len(made.results()) == 2
