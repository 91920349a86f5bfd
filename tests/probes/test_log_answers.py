"""A log is read to its end however its bytes are framed, and an answer that breaks off is never a short log."""

import gzip
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from fixtures.logs.lines import BLOCK
from muster.connections import Kubernetes
from muster.kinds.logs import Log
from muster.probes import CouldNotLook
from tests.probes.small_cluster import SmallCluster, pod

EXHAUSTED = Log.model_validate(
    {
        "name": "exhausted",
        "connection": "cluster",
        "namespace": "shop",
        "selector": "app=web",
        "contains": "pool exhausted",
        "expect": {"records": 0},
    }
)


@pytest.fixture
def answered(cluster: SmallCluster, tmp_path: Path) -> Iterator[Callable[[bytes, bytes], None]]:
    """Have the API answer a request for a log with these bytes, then close the connection."""
    body = json.dumps({"metadata": {}, "items": [pod("web-a")]}).encode()
    whole = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(body), body)
    token = tmp_path / "token"
    token.write_text("reader")
    cluster.put([])
    threads = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve(log: bytes) -> None:
            for answer in (whole, log):
                connection, _ = listening.accept()
                with connection, suppress(ConnectionError):
                    connection.recv(65536)
                    connection.sendall(answer)

        def answer(head: bytes, body: bytes) -> None:
            threads.append(threading.Thread(target=serve, args=(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n" + body,), daemon=True))
            threads[-1].start()

        cluster.connection = Kubernetes.model_validate(
            {"server": f"http://127.0.0.1:{listening.getsockname()[1]}", "token": f"file:{token}"}
        )
        yield answer
        for thread in threads:
            thread.join(10)


CHUNKED = b"Transfer-Encoding: chunked\r\n"


def chunked(body: bytes, size: int) -> bytes:
    """A body in chunks of a size, the last one shorter."""
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x;odd=1\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\nTrailer: x\r\n\r\n"


def written(size: int) -> bytes:
    """A log of about so many bytes, in which every hundredth record has a text, and the last one has no newline."""
    return b"INFO it is all fine\n" * 3 + (b"INFO fine\n" * 99 + b"WARN pool exhausted\n") * (size // 1000) + b"WARN pool exhausted"


@pytest.mark.parametrize(
    ("head", "frame", "size"),
    [
        (CHUNKED, lambda body: chunked(body, 1), 20_000),
        (CHUNKED, lambda body: chunked(body, 7), 20_000),
        (CHUNKED, lambda body: chunked(body, 32768), 3 * BLOCK),
        (CHUNKED, lambda body: chunked(body, 2 * BLOCK + 1), 5 * BLOCK),
        (b"", lambda body: body, 3 * BLOCK),
        (b"Content-Length: %d\r\n" % len(written(3 * BLOCK)), lambda body: body, 3 * BLOCK),
        (b"Content-Encoding: gzip\r\n", gzip.compress, 3 * BLOCK),
        (CHUNKED + b"Content-Encoding: gzip\r\n", lambda body: chunked(gzip.compress(body), 100), 3 * BLOCK),
    ],
    ids=["1", "7", "32768", "more than the buffer", "until it closes", "length", "gzip", "gzip in chunks"],
)
def test_a_log_is_read_to_its_end_however_it_is_sent(
    cluster: SmallCluster, answered: Callable[[bytes, bytes], None], head: bytes, frame: Callable[[bytes], bytes], size: int
) -> None:
    log = written(size)
    answered(head, frame(log))
    seen = cluster.look("log_count", EXHAUSTED)
    assert (seen.matched, seen.looked_at) == (log.count(b"pool exhausted"), len(log))


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (CHUNKED, b"a\r\nINFO fine\n\r\n"),
        (CHUNKED, b"ff\r\nINFO fine\n"),
        (CHUNKED, b"a\r\nINFO fine\n\r\nzz\r\n"),
        (CHUNKED, b"a\r\nINFO fine\n\r\n-1\r\nINFO fine\n\r\n"),
        (b"Content-Length: 500\r\n", b"INFO fine\n"),
        (CHUNKED + b"Content-Encoding: gzip\r\n", b"28\r\n" + gzip.compress(b"INFO fine\n" * 99)[:40]),
    ],
    ids=["no last chunk", "within a chunk", "no size", "negative size", "shorter than its length", "within gzip"],
)
def test_a_stream_that_breaks_off_is_unknown_and_not_a_short_log(
    cluster: SmallCluster, answered: Callable[[bytes, bytes], None], head: bytes, body: bytes
) -> None:
    answered(head, body)
    with pytest.raises(CouldNotLook, match="broke off"):
        cluster.look("log_count", EXHAUSTED)


def test_what_the_node_says_instead_of_a_log_is_no_record(cluster: SmallCluster, answered: Callable[[bytes, bytes], None]) -> None:
    answered(CHUNKED, chunked(b"unable to retrieve container logs for containerd://4f", 10))
    with pytest.raises(CouldNotLook, match="the node has no log of web-a/web"):
        cluster.look("log_count", EXHAUSTED)
