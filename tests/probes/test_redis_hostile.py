"""What a server may do to us that is no Redis, or no honest one: every look ends in time, and keeps little."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from fixtures.redis import client
from muster.connections import Redis
from muster.probes import CouldNotLook, Nothing, begin
from tests.probes.redis_servers import login_entity, look, server_entity

Talk = Callable[[socket.socket], None]


@contextlib.contextmanager
def server(talk: Talk) -> Iterator[Redis]:
    """A server that reads one request and then talks so, and a connection to it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port, ended = listening.getsockname()[1], threading.Event()

        def serve() -> None:
            with contextlib.suppress(OSError):
                while not ended.is_set():
                    one, _ = listening.accept()
                    with one, contextlib.suppress(OSError):
                        one.recv(4096)
                        talk(one)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield Redis.model_validate({"host": "127.0.0.1", "port": port, "tls": False})
        finally:
            ended.set()
            with contextlib.suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)
            client.close_all()
            thread.join()


def says(text: bytes) -> Talk:
    return lambda one: one.sendall(text)


def endless(start: bytes) -> Talk:
    def talk(one: socket.socket) -> None:
        one.sendall(start)
        while True:
            one.sendall(b"x" * 2**16)

    return talk


def dripping(one: socket.socket) -> None:
    for _ in range(1000):
        one.sendall(b"+")
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("talk", "said"),
    [
        (says(b"-NOAUTH Authentication required.\r\n"), "NOAUTH Authentication required."),
        (says(b"-DENIED Redis is running in protected mode because\r\n"), "DENIED Redis is running in protected mode"),
        (says(b"-ERR max number of clients reached\r\n"), "max number of clients reached"),
        (says(b"-MASTERDOWN Link with MASTER is down\r\n"), "MASTERDOWN Link with MASTER is down"),
        (says(b"+PANG\r\n"), "PING is answered with b'PANG'"),
        (says(b":1\r\n"), "PING is answered with 1"),
        (says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "it does not speak Redis: another protocol answers"),
        (says(b""), "Connection closed by server."),
        (says(b"$10\r\nhal"), "Connection closed by server."),
        (endless(b"$1000000000\r\n"), "an answer of more than 4194304 bytes"),
        (endless(b"+"), "an answer of more than 4194304 bytes"),
    ],
)
def test_an_application_is_not_answered_by_whatever_else_is_said(talk, said):
    begin(60)
    with server(talk) as connection:
        seen = look("redis_answer", login_entity(connection))

    assert isinstance(seen, Nothing)
    assert said in seen.note


@pytest.mark.parametrize("probe", ["redis_answer", "redis_state"])
def test_bytes_that_drip_end_at_the_deadline(probe):
    with server(dripping) as connection:
        begin(1)
        started = time.monotonic()
        with pytest.raises(CouldNotLook, match="no complete answer within"):
            look(probe, login_entity(connection) if probe == "redis_answer" else server_entity(connection))

    assert time.monotonic() - started < 30  # a thousand drips take fifty


@pytest.mark.parametrize("text", [b"$-1\r\n", b"*0\r\n", b"$5\r\nhallo\r\n", b":7\r\n", b"$24\r\n# Stats\r\nkeyspace_hits:x\r\n\r\n"])
def test_an_info_that_is_none_is_unknown(text):
    begin(60)
    with server(says(text)) as connection, pytest.raises(CouldNotLook):
        look("redis_state", server_entity(connection))
