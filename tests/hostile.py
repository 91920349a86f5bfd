"""Servers that hang, drip, pour and swell: one speaker for each way in which the other side can be bad to whoever asks it."""

import gzip
import json
import socket
import ssl
import struct
import zlib
from collections.abc import Callable

from tests.probes.web_servers import Listening, answer, head, json_answer

Speaker = Callable[[Listening, socket.socket], None]
SLOWLY = 0.5
"""Seconds between two bytes of a server that drips."""
DEEP = b"[" * 100_000
ZEROS = bytes(2**26)
BOMB = gzip.compress(ZEROS)
_PIECE = b"x" * 2**16


def silent(server: Listening, _: socket.socket) -> None:
    """Accept and never say a word: a handshake, a greeting, an answer that does not come."""
    server.done.wait()


def _drip(server: Listening, connection: socket.socket, data: bytes) -> None:
    for byte in data:
        connection.sendall(bytes([byte]))
        if server.done.wait(SLOWLY):
            return


def _pour(server: Listening, connection: socket.socket, data: bytes) -> None:
    while not server.done.is_set():
        connection.sendall(data)


def _http(then: Callable[[Listening, socket.socket], None]) -> Speaker:
    def speak(server: Listening, connection: socket.socket) -> None:
        head(connection)
        then(server, connection)

    return speak


def _says(data: bytes) -> Speaker:
    return _http(lambda _, connection: connection.sendall(data))


def _then_pours(first: bytes, data: bytes) -> Speaker:
    def speak(server: Listening, connection: socket.socket) -> None:
        connection.sendall(first)
        _pour(server, connection, data)

    return _http(speak)


_OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
_DEFLATED = zlib.compress(ZEROS)
_BROTLI = bytes.fromhex("8b0180") + b"bomb"
_ZSTD = bytes.fromhex("28b52ffd") + b"bomb"

WEB: dict[str, tuple[Speaker, str]] = {
    "silent": (silent, "no complete answer|did not answer|deadline|no answer"),
    "drips-headers": (_http(lambda server, to: _drip(server, to, _OK * 9)), "no complete answer|did not answer|deadline"),
    "drips-a-body": (
        _http(lambda server, to: (to.sendall(_OK + b"Content-Length: 999\r\n\r\n"), _drip(server, to, b"[" * 999))[1]),
        "no complete answer|did not answer|deadline",
    ),
    "asks-for-patience-429": (_says(answer("429 Too Many", b"", "Retry-After: 60")), "429|0 bytes"),
    "asks-for-patience-503": (_says(answer("503 Busy", b"", "Retry-After: 60")), "503|0 bytes"),
    "endless-headers": (_then_pours(_OK, b"X: y\r\n"), "headers"),
    "endless-header": (_then_pours(_OK, _PIECE), "line|headers"),
    "endless-1xx": (_then_pours(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), "more than an answer may have"),
    "endless-chunk-extension": (_then_pours(_OK + b"Transfer-Encoding: chunked\r\n\r\n5;", _PIECE), "chunk|line|broke off|more than"),
    "endless-trailers": (
        _then_pours(_OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", b"X: y\r\n"),
        "more than|deadline|no complete answer|did not answer",
    ),
    "gzip-bomb": (_says(answer("200 OK", BOMB, "Content-Encoding: gzip")), "longer than|more than|unpack"),
    "deflate-bomb": (_says(answer("200 OK", _DEFLATED, "Content-Encoding: deflate")), "longer than|more than|unpack"),
    "brotli": (_says(answer("200 OK", _BROTLI, "Content-Encoding: br")), "encoded as br|not a list|gave no status"),
    "zstd": (_says(answer("200 OK", _ZSTD, "Content-Encoding: zstd")), "encoded as zstd|DecodeError|not a list|gave no status"),
    "deep-json": (_says(json_answer(DEEP.decode())), "deep|without the JSON|not a list|gave no status"),
    "swollen-json": (_says(json_answer("[" + "[]," * 5_000_000 + "[]]")), "longer than|values|more than|gave no status"),
    "endless-line": (_then_pours(_OK + b"\r\n", _PIECE), "longer than|more than"),
}  # fmt: skip
"""By name: what the server does, and what the reason then says."""


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body


def huge_row(server: Listening, connection: socket.socket) -> None:
    """PostgreSQL that lets everybody in, and answers each statement with a row of a gigabyte."""
    connection.recv(4096)
    parameters = b"".join(_message(b"S", each) for each in (b"server_version\x0015.0\x00", b"client_encoding\x00UTF8\x00"))
    ready = _message(b"Z", b"I")
    connection.sendall(_message(b"R", struct.pack("!I", 0)) + parameters + _message(b"K", bytes(8)) + ready)
    while b"S\x00\x00\x00\x04" not in (asked := connection.recv(65536)) and asked[:1] != b"Q":
        continue
    if asked[:1] == b"Q":  # begin
        connection.sendall(_message(b"C", b"BEGIN\x00") + _message(b"Z", b"T"))
        connection.recv(65536)
    columns = struct.pack("!H", 1) + b"a\x00" + struct.pack("!IhIhih", 0, 0, 25, -1, -1, 0)
    row = b"D" + struct.pack("!IHI", 10 + 10**9, 1, 10**9)
    connection.sendall(_message(b"1", b"") + _message(b"2", b"") + _message(b"T", columns) + row)
    _pour(server, connection, _PIECE)


def dripping(server: Listening, connection: socket.socket) -> None:
    """Announce much and say it a byte at a time: an error message of PostgreSQL, which others take for the start of a line."""
    _drip(server, connection, b"E" + struct.pack("!I", 3000) + b"x" * 3000)


def pouring(first: bytes, data: bytes) -> Speaker:
    """Wait for a word, then send without end."""

    def speak(server: Listening, connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(first)
        _pour(server, connection, data)

    return speak


def cluster(log: Speaker) -> Speaker:
    """A Kubernetes API with one running pod, whose log `log` sends."""
    state = {
        "name": "web",
        "ready": True,
        "restartCount": 0,
        "image": "web:1",
        "imageID": "",
        "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
    }
    made = {
        "metadata": {
            "name": "web-1",
            "namespace": "shop",
            "uid": "u1",
            "labels": {"app": "web"},
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": {"nodeName": "n1", "containers": [{"name": "web", "image": "web:1"}]},
        "status": {
            "phase": "Running",
            "startTime": "2026-01-01T00:00:00Z",
            "containerStatuses": [state],
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }
    pods = json.dumps({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": [made]})

    def speak(server: Listening, connection: socket.socket) -> None:
        if "/log?" in head(connection).splitlines()[0]:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
            log(server, connection)
        else:
            connection.sendall(json_answer(pods))

    return speak


def one_line(server: Listening, connection: socket.socket) -> None:
    """A log that is one line without end."""
    _pour(server, connection, _PIECE)


def many_lines(server: Listening, connection: socket.socket) -> None:
    """A log without end."""
    _pour(server, connection, b"INFO all is well\n" * 4096)


def secured(context: ssl.SSLContext, speak: Speaker) -> Speaker:
    """The same over TLS."""

    def shaken(server: Listening, connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as made:
            speak(server, made)

    return shaken


def _xml(body: bytes) -> Speaker:
    return _says(answer("200 OK", body, "Content-Type: application/xml"))


def _list(*keys: str, more: str = "") -> bytes:
    """A page of a list, as S3 writes it."""
    one = "<Contents><Key>{}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>&quot;a&quot;</ETag><Size>9</Size></Contents>"
    token = f"<IsTruncated>true</IsTruncated><NextContinuationToken>{more}</NextContinuationToken>" if more else ""
    return f"<ListBucketResult>{token}{''.join(map(one.format, keys))}</ListBucketResult>".encode()


def _pages(server: Listening, connection: socket.socket) -> None:
    """Every page says that there is another one."""
    server.requests.append(head(connection))
    number = len(server.requests)
    server.done.wait(SLOWLY)
    connection.sendall(answer("200 OK", _list(*(f"{number}-{each}.sql.gz" for each in range(1000)), more=str(number))))


def _same_page(_: Listening, connection: socket.socket) -> None:
    """The page after this is this."""
    head(connection)
    connection.sendall(answer("200 OK", _list("a.sql.gz", more="again")))


def _endless_object(server: Listening, connection: socket.socket) -> None:
    """An archive without end, whose text is a thousand times as long."""
    if "list-type=2" in head(connection).splitlines()[0]:
        connection.sendall(answer("200 OK", _list("a.sql.gz")))
    else:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while not server.done.wait(SLOWLY):
            connection.sendall(BOMB)


_LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "haha">'
    + b"".join(b'<!ENTITY %c "%s">' % (each + 1, b"&%c;" % each * 10) for each in range(ord("a"), ord("k")))
    + b"]><ListBucketResult>&k;</ListBucketResult>"
)
BUCKETS: dict[str, tuple[Speaker, str]] = {
    "silent": (_http(lambda server, _: server.done.wait()), "no complete answer"),
    "drips": (_http(lambda server, to: _drip(server, to, _OK * 9)), "no complete answer"),
    "drips-a-list": (
        _http(lambda server, to: (to.sendall(_OK + b"Content-Length: 999\r\n\r\n"), _drip(server, to, b"<a>" * 333))[1]),
        "no complete answer",
    ),
    "slow-down": (_says(answer("503 Slow Down", b"", "Retry-After: 60")), "turns us away"),
    "elsewhere": (_says(answer("301 Moved", b"", "Location: https://127.0.0.1:9/")), "another region"),
    "endless": (_then_pours(_OK + b"\r\n", _PIECE), "longer than"),
    "endless-headers": (_then_pours(_OK, b"X: y\r\n"), "headers"),
    "no-xml": (_xml(b"{}" * 99), "does not speak S3"),
    "swollen-xml": (_xml(b"<ListBucketResult>" + b"<a/>" * 1_500_000 + b"</ListBucketResult>"), "elements"),
    "deep-xml": (_xml(b"<a>" * 200_000 + b"</a>" * 200_000), "elements"),
    "laughing-xml": (_xml(_LAUGHS), "declares types or entities"),
    "endless-pages": (_pages, "not read to its end|no complete answer|deadline|no answer within"),
    "same-page": (_same_page, "where they begin"),
}
"""By name: what a server of buckets does, and what the reason then says."""
OBJECT = (_endless_object, "before the deadline|no complete answer|no answer within")
"""A list, and an object that is a bomb."""
