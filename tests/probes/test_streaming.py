"""A body that is read as it comes: bounded in memory, ended by the deadline, and never taken for whole when it is not."""

import pytest

from fixtures.web.net import NoAnswer, TimedOut
from fixtures.web.streaming import PIECE, stream
from muster.connections import Http
from muster.probes import CouldNotLook, begin
from muster.transport import WriteRefused, install, uninstall
from tests.hostile import SLOWLY
from tests.probes.web_servers import answer, answering, closed_port, dripping, head, serving

pytestmark = pytest.mark.usefixtures("unhurried")
OK = b"HTTP/1.1 200 OK\r\n"


def read(url, **more):
    with stream(Http.model_validate({"url": url}), f"{url}/object", {"X-Asked": "yes"}, **more) as answer:
        return answer.status, b"".join(answer.stream())


@pytest.mark.parametrize("body", [b"", b"short", bytes(range(256)) * 9000])
def test_a_body_comes_whole(body):
    with answering(answer("206 Partial", body)) as server:
        assert read(server.url) == (206, body)
    assert "X-Asked: yes" in server.requests[0]


def test_a_chunked_body_comes_whole():
    with answering(OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n") as server:
        assert read(server.url) == (200, b"abcde")


def test_pieces_are_no_larger_than_wanted():
    with (
        answering(answer("200 OK", bytes(3 * PIECE))) as server,
        stream(Http.model_validate({"url": server.url}), f"{server.url}/", {}) as opened,
    ):
        assert len(opened.read(1000)) == 1000
        assert len(opened.read(10**9)) == PIECE


@pytest.mark.parametrize(
    "data",
    [
        OK + b"Content-Length: 99\r\n\r\nshort",
        OK + b"Transfer-Encoding: chunked\r\n\r\n9\r\nshort",
        OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n",
    ],
)
def test_a_body_that_breaks_off_is_none(data):
    with answering(data) as server, pytest.raises(NoAnswer, match="broke off"):
        read(server.url)


def test_a_chunk_without_a_length_is_not_swallowed():
    def speak(server, connection):
        head(connection)
        connection.sendall(OK + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n")
        while not server.done.is_set():
            connection.sendall(b"x" * 65536)

    with serving(speak) as server, pytest.raises(NoAnswer, match=r"more than an answer may have|broke off"):
        read(server.url)


def test_a_body_that_drips_ends_with_the_deadline():
    begin(2)
    with dripping(answer("200 OK", b"x" * 500), SLOWLY) as server, pytest.raises(TimedOut, match="no complete answer"):
        read(server.url)


def test_nothing_that_listens_is_no_answer():
    with pytest.raises(NoAnswer, match="refused"):
        read(f"http://127.0.0.1:{closed_port()}")


def test_a_metadata_address_is_never_asked():
    with pytest.raises(CouldNotLook, match="never talked to"):
        read("http://169.254.169.254")


def test_what_writes_does_not_leave():
    install()
    try:
        with answering(answer()) as server, pytest.raises(WriteRefused, match="not granted"):
            read(server.url, method="PUT")
    finally:
        uninstall()
    assert server.requests == []
