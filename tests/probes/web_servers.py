"""Small servers on loopback that answer as they are told, one thread for each connection."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Speaker = Callable[[socket.socket], None]


class Listening:
    """A server and what reached it."""

    def __init__(self, host: str, family: socket.AddressFamily = socket.AF_INET, port: int = 0) -> None:
        self.socket = socket.create_server((host, port), family=family)
        self.host = host
        self.port: int = self.socket.getsockname()[1]
        self.requests: list[str] = []
        """Heads of the requests, as text."""
        self.done = threading.Event()

    @property
    def url(self) -> str:
        """The address over plain HTTP."""
        return f"http://{self.host}:{self.port}"


def closed_port() -> int:
    """A port of 127.0.0.1 on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port: int = closed.getsockname()[1]
        return port


def head(connection: socket.socket) -> str:
    """Read up to the empty line that ends a request's head."""
    text = b""
    while b"\r\n\r\n" not in text and (piece := connection.recv(4096)):
        text += piece
    return text.decode("latin-1")


def answer(status: str = "200 OK", body: bytes = b"", *headers: str) -> bytes:
    """A whole answer with its length."""
    return "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]).encode() + body


def json_answer(body: str, status: str = "200 OK") -> bytes:
    """A JSON answer."""
    return answer(status, body.encode(), "Content-Type: application/json")


@contextmanager
def serving(speak: Callable[["Listening", socket.socket], None], host: str = "127.0.0.1", port: int = 0) -> Iterator[Listening]:
    """Let `speak` handle each connection."""
    server = Listening(host, port=port)

    def one(connection: socket.socket) -> None:
        # A client may leave at any moment; that is what many of these tests are about.
        with connection, suppress(OSError, ssl.SSLError):
            speak(server, connection)

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = server.socket.accept()
                threading.Thread(target=one, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.done.set()
        with suppress(OSError):
            server.socket.shutdown(socket.SHUT_RDWR)
        server.socket.close()
        thread.join()


@contextmanager
def answering(data: bytes | Callable[[str], bytes], host: str = "127.0.0.1") -> Iterator[Listening]:
    """Send the same bytes to each request, or what a function makes of the request's head."""

    def speak(server: Listening, connection: socket.socket) -> None:
        asked = head(connection)
        server.requests.append(asked)
        connection.sendall(data if isinstance(data, bytes) else data(asked))

    with serving(speak, host) as server:
        yield server


@contextmanager
def hanging() -> Iterator[Listening]:
    """Accept, read, and never answer."""

    def speak(server: Listening, connection: socket.socket) -> None:
        head(connection)
        server.done.wait()

    with serving(speak) as server:
        yield server


@contextmanager
def dripping(data: bytes, every: float) -> Iterator[Listening]:
    """Send one byte at a time, `every` so many seconds."""

    def speak(server: Listening, connection: socket.socket) -> None:
        head(connection)
        for byte in data:
            connection.sendall(bytes([byte]))
            if server.done.wait(every):
                return

    with serving(speak) as server:
        yield server


@contextmanager
def tls(context: ssl.SSLContext, host: str = "127.0.0.1", port: int = 0, before: Speaker | None = None) -> Iterator[Listening]:
    """Speak TLS, after what `before` says in the clear, and answer each request with 200 and `{}`."""

    def speak(server: Listening, connection: socket.socket) -> None:
        if before is not None:
            before(connection)
        with context.wrap_socket(connection, server_side=True) as secured:
            asked = head(secured)
            if asked:
                server.requests.append(asked)
                secured.sendall(json_answer("{}"))

    with serving(speak, host, port) as server:
        yield server
