"""A way to a server that leads over another address, and that can come to a stop."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Proxy:
    """Passes what comes at 127.0.0.3 on to another server, until it stops: then connections stay open, and nothing passes."""

    def __init__(self, to: tuple[str, int]) -> None:
        self.to, self.passing = to, threading.Event()
        self.passing.set()
        self._socket = socket.create_server(("127.0.0.3", 0))
        self.port = str(self._socket.getsockname()[1])
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                inside, _ = self._socket.accept()
                outside = socket.create_connection(self.to)
                self._open += [inside, outside]
                for one, other in ((inside, outside), (outside, inside)):
                    threading.Thread(target=self._passed, args=(one, other), daemon=True).start()

    def _passed(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while block := one.recv(65536):
                self.passing.wait()
                other.sendall(block)
            other.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self.passing.set()
        for each in (self._socket, *self._open):
            with suppress(OSError):  # some have ended by themselves
                each.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads it
            each.close()


@contextmanager
def proxy(host: str, port: int) -> Iterator[Proxy]:
    made = Proxy((host, port))
    try:
        yield made
    finally:
        made.close()
