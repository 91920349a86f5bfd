"""A stand-in for a Kubernetes API that costs next to nothing: pages of pods and a log, rendered before anybody asks.

Run as a process. A log is a block repeated on the fly, sent in chunks of 32 KiB as an API server copies it.
"""

import json
import random
import socket
import sys
import threading
from collections import Counter
from contextlib import suppress
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.bench.pods_rendered import pod

CHUNK = 1 << 15
"""Bytes of a chunk: what Go's io.Copy moves at once."""
BLOCK = 1 << 20
LITERAL = "pool exhausted"
EXPRESSION = "pool exhausted after [0-9]{4} ms"
"""Found in most records with the literal, but not in all."""
RARE = 507
"""One record in so many has the literal."""


def block() -> bytes:
    """About a megabyte of whole records, each different, in which the literal is rare."""
    dice = random.Random(4)
    made: list[bytes] = []
    size = 0
    while size < BLOCK:
        number = len(made)
        user, order, took = (dice.randrange(most) for most in (10**5, 10**6, 900))
        rest = f"request {dice.randrange(10**9)} of user {user} to /orders/{order} took {took} ms"
        if number % RARE == 7:
            rest = f"{LITERAL} after {dice.randrange(300, 9000)} ms, request {dice.randrange(10**9)}"
        line = f"2026-11-20T10:00:00.{number % 1000:03}Z INFO  [http-{number % 40}] c.e.shop.Orders - {rest} {'.' * dice.randrange(50)}\n"
        made.append(line.encode())
        size += len(made[-1])
    return b"".join(made)


class Stub:
    """What is served, and how often it was asked for."""

    def __init__(self, pods: int, log: int) -> None:
        self.items = [pod(number) for number in range(pods)]
        self.lists: Counter[str] = Counter()
        self.pages = 0
        text = block()
        self.repeats = max(1, log // len(text))
        framed = [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (text[at : at + CHUNK] for at in range(0, len(text), CHUNK))]
        self.framed = b"".join(framed)
        self.size = self.repeats * len(text)
        self.page = lru_cache(maxsize=None)(self._page)

    def _page(self, resource: str, start: int, limit: int) -> bytes:
        """A whole answer: items from `start` on, at most `limit` of them (0: all)."""
        items = self.items if resource == "pods" else []
        until = min(len(items), start + limit) if limit else len(items)
        more = {"continue": str(until), "remainingItemCount": len(items) - until} if until < len(items) else {}
        head = json.dumps({"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": "1", **more}})[:-1]
        body = head.encode() + b', "items": [' + b", ".join(items[start:until]) + b"]}"
        return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)

    def answer(self, connection: socket.socket, target: str) -> bool:
        """Answer one request; whether the connection stays open."""
        path, asked = urlsplit(target).path, {name: values[0] for name, values in parse_qs(urlsplit(target).query).items()}
        if path.endswith("/log"):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n")
            if asked.get("limitBytes"):  # its first record, with the time at which it was written
                connection.sendall(b"28\r\n2026-11-20T10:00:00.000000000Z 2026-11-20\r\n0\r\n\r\n")
                return False
            for _ in range(self.repeats):
                connection.sendall(self.framed)
            connection.sendall(b"0\r\n\r\n")
            return False
        start, limit = int(asked.get("continue", 0)), int(asked.get("limit", 0))
        self.pages += 1
        if not start:
            self.lists[path] += 1
        connection.sendall(self.page(path.rpartition("/")[2], start, limit))
        return True

    def serve(self, connection: socket.socket) -> None:
        """Every request of one connection; a client may break off."""
        with connection, suppress(ConnectionError):
            head = b""
            while more := connection.recv(65536):
                head += more
                if head.endswith(b"\r\n\r\n"):
                    if not self.answer(connection, head.split(b" ")[1].decode()):
                        return
                    head = b""


def say(what: Any) -> None:
    """Tell whoever started us."""
    sys.stdout.write(f"{json.dumps(what)}\n")
    sys.stdout.flush()


def main() -> None:
    """Serve until the input ends; each line of it asks for the counts since the last one."""
    arguments = json.loads(sys.argv[1])
    stub = Stub(arguments.get("pods", 0), arguments.get("log", 0))
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)

    def accept() -> None:
        while True:
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=stub.serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    say({"url": f"http://127.0.0.1:{listener.getsockname()[1]}", "log": stub.size})
    for _ in sys.stdin:
        say({"lists": dict(stub.lists), "pages": stub.pages})
        stub.lists.clear()
        stub.pages = 0


if __name__ == "__main__":
    main()
