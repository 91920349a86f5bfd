"""A connection pooler as far as a client notices: it refuses startup options, passes bytes on, and can die at a statement."""

import select
import socket
import struct
import threading
from typing import Self

REFUSAL = b"SFATAL\0C08P01\0Munsupported startup parameter: options\0\0"


class Pooler:
    """Listens on a port of loopback in front of a server; refuses logins with options, as poolers in transaction mode do."""

    def __init__(self, behind: int, cut: bytes = b"") -> None:
        self.behind, self.cut = behind, cut
        self.refused = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(10)

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            with client:
                self._handle(client)

    def _handle(self, client: socket.socket) -> None:
        """One client after another, which is enough for a test."""
        startup = client.recv(4096)
        if b"\0options\0-c" in startup:
            self.refused += 1
            client.sendall(b"E" + struct.pack("!i", len(REFUSAL) + 4) + REFUSAL)
            return
        with socket.create_connection(("127.0.0.1", self.behind)) as server:
            server.sendall(startup)
            while True:
                readable, _, _ = select.select([client, server], [], [], 30)
                for end in readable:
                    data = end.recv(65536)
                    if not data or (self.cut and self.cut in data):
                        return
                    (server if end is client else client).sendall(data)
