"""Servers on many ports that answer after a while and cost next to nothing, for measuring whoever asks them.

A process of its own, without any framework: the client under measurement should not share an interpreter with its servers.
"""

import asyncio
import json
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).parents[1]
BODY = b'{"status": "healthy"}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(BODY), BODY)


class Latency:
    """Servers that run."""

    def __init__(self, urls: list[str], process: subprocess.Popen[str]) -> None:
        self.urls = urls
        self._process = process

    def counted(self) -> dict[str, int]:
        """Since the last time: `answers`, and `peak`, the most connections that were open at once."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        found: dict[str, int] = json.loads(self._process.stdout.readline())
        return found

    def aside(self) -> None:
        """Keep the servers to the last processor, where there are several; see `tests.bench.processes.aside`."""
        processors = os.sched_getaffinity(0)
        if len(processors) > 1:
            os.sched_setaffinity(self._process.pid, {max(processors)})


@contextmanager
def latency(delays: Sequence[float], certificate: Path | None = None) -> Iterator[Latency]:
    """A server for each of these delays (seconds), over TLS with a `certificate` (PEM, with its key)."""
    command = [sys.executable, "-m", "tests.latency", json.dumps(list(delays)), *([str(certificate)] if certificate else [])]
    # It ends when its input does, so that it outlives nobody.
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        scheme = "https" if certificate else "http"
        yield Latency([f"{scheme}://127.0.0.1:{port}" for port in json.loads(process.stdout.readline())], process)


class _Speaker(asyncio.Protocol):
    """Reads a head, waits, answers, closes."""

    def __init__(self, delay: float, count: dict[str, int]) -> None:
        self._delay, self._count, self._read = delay, count, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._count["open"] += 1
        self._count["peak"] = max(self._count["peak"], self._count["open"])

    def data_received(self, data: bytes) -> None:
        self._read += data
        if self._read.endswith(b"\r\n\r\n"):
            asyncio.get_running_loop().call_later(self._delay, self._speak)

    def _speak(self) -> None:
        self._count["answers"] += 1
        self._transport.write(ANSWER)
        self._transport.close()

    def connection_lost(self, _: Exception | None) -> None:
        self._count["open"] -= 1


def _say(what: object) -> None:
    sys.stdout.write(f"{json.dumps(what)}\n")
    sys.stdout.flush()


async def _serve(delays: list[float], context: ssl.SSLContext | None, asked: IO[Any]) -> None:
    loop = asyncio.get_running_loop()
    count = {"open": 0, "peak": 0, "answers": 0}
    made = [
        await loop.create_server(lambda delay=delay: _Speaker(delay, count), "127.0.0.1", 0, ssl=context, backlog=1024) for delay in delays
    ]
    _say([server.sockets[0].getsockname()[1] for server in made])
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), asked)
    while await lines.readline():
        _say({name: count[name] for name in ("peak", "answers")})
        count.update(peak=count["open"], answers=0)


def main() -> None:
    """The servers' process: says the ports, then the counts for each line that it reads."""
    context = None
    if sys.argv[2:]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[2])
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(json.loads(sys.argv[1]), context, sys.stdin))


if __name__ == "__main__":
    main()
