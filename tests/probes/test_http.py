"""The HTTP client: deadlines, bounded bodies, and credentials that stay with their origin."""

import errno
import gzip
import json
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from fixtures.web.http import REDIRECTS, fetch_json, get, shown
from fixtures.web.net import NoAnswer, TimedOut, clock, resolve
from muster.connections import Connection, Http, Reach
from muster.probes import CouldNotLook, begin
from tests.probes.web_servers import answer, answering, closed_port, dripping, hanging, head, json_answer, serving

ROOT = Path(__file__).parents[2]
SOON = 1.0  # seconds; deadline of the tests in which nothing ever comes


pytestmark = pytest.mark.usefixtures("unhurried")


def http(url: str, **settings: Any) -> Http:
    made: Connection = Reach.model_validate({"http": {"url": url, **settings}}).connection
    assert isinstance(made, Http)
    return made


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("API_TOKEN", "canary-7f3a")
    return "env:API_TOKEN"


def test_an_answer_comes_whole() -> None:
    with answering(json_answer('{"status": "healthy"}')) as server:
        got = get(http(server.url), f"{server.url}/health")

    assert (got.status, got.json(), got.media_type, got.truncated) == (200, {"status": "healthy"}, "application/json", False)
    assert got.peer == f"127.0.0.1:{server.port}"
    assert got.phases["total"] == pytest.approx(sum(spent for name, spent in got.phases.items() if name != "total"))
    assert {"connect", "first_byte", "body"} <= set(got.phases)


def test_an_error_status_is_an_answer() -> None:
    with answering(json_answer('{"status": "down"}', "503 Service Unavailable")) as server:
        got = get(None, f"{server.url}/health")

    assert (got.status, got.json()) == (503, {"status": "down"})


def test_head_asks_without_a_body() -> None:
    with answering(answer(body=b"")) as server:
        assert get(None, server.url, method="HEAD").body == b""

    assert server.requests[0].startswith("HEAD / ")


def test_a_refused_connection_says_so() -> None:
    port = closed_port()

    with pytest.raises(NoAnswer, match=f"127.0.0.1:{port}: connection refused"):
        get(None, f"http://127.0.0.1:{port}/")


def leave(connection: socket.socket) -> None:
    head(connection)


def reset(connection: socket.socket) -> None:
    head(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@pytest.mark.parametrize(("go", "said"), [(leave, "closed connection without response"), (reset, "connection reset by peer")])
def test_a_connection_that_ends_without_an_answer_says_so(go: Callable[[socket.socket], None], said: str) -> None:
    with serving(lambda _, connection: go(connection)) as server, pytest.raises(NoAnswer, match=said):
        get(None, server.url)


@pytest.mark.parametrize("text", [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 banana\r\n\r\n", b"\x15\x03\x01\x00\x02\x02\x16"])
def test_something_that_is_not_http_says_so(text: bytes) -> None:
    with answering(text) as server, pytest.raises(NoAnswer, match="not a whole HTTP answer"):
        get(None, server.url)


def test_a_body_shorter_than_announced_is_no_answer() -> None:
    with (
        answering(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort") as server,
        pytest.raises(NoAnswer, match="not a whole HTTP answer"),
    ):
        get(None, server.url)


@pytest.mark.parametrize(
    "heads",
    [b"X: " + b"a" * 100_000 + b"\r\n", b"".join(b"X-%d: a\r\n" % number for number in range(200))],
    ids=["one header of 100 kB", "200 headers"],
)
def test_headers_without_measure_are_refused(heads: bytes) -> None:
    with answering(b"HTTP/1.1 200 OK\r\n" + heads + b"\r\n") as server, pytest.raises(NoAnswer, match="not a whole HTTP answer"):
        get(None, server.url)


def test_a_server_that_hangs_costs_the_deadline_and_no_more() -> None:
    begin(SOON)
    with hanging() as server, pytest.raises(TimedOut, match=r"no complete answer within 0\.9"):
        get(None, server.url)


@pytest.mark.parametrize("data", [b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 90, answer(body=b"x" * 500)], ids=["headers", "body"])
def test_a_server_that_drips_is_cut_off_at_the_deadline(data: bytes) -> None:
    begin(SOON)
    with dripping(data, every=0.05) as server, pytest.raises(TimedOut):
        get(None, server.url)


def test_a_silent_resolver_is_cut_off_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait() and [])
    begin(SOON)
    try:
        with pytest.raises(CouldNotLook, match=r"cannot resolve api\.example: no answer") as raised:
            get(None, "http://api.example/")
    finally:
        over.set()

    assert raised.value.cause == "name resolution"


@pytest.mark.parametrize("name", ["no-such-host.invalid", "no\0host.invalid", "\udc80.invalid"])
def test_a_name_that_does_not_exist_is_nobody_elses_trouble(name: str) -> None:
    with clock(), pytest.raises(CouldNotLook, match="cannot resolve"):
        resolve(name, 80)


def test_a_second_address_is_tried_when_the_first_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(json_answer("{}"), host="127.0.0.2") as server:
        both = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, server.port)) for host in ("127.0.0.1", "127.0.0.2")]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)
        got = get(None, f"http://api.example:{server.port}/")

    assert got.peer == f"127.0.0.2:{server.port}"


def test_a_long_body_is_cut_where_it_was_allowed_to_end() -> None:
    with answering(answer(body=b"x" * 5000)) as server:
        got = get(None, server.url, largest=1000)

    assert (got.body, got.truncated) == (b"x" * 1000, True)


def test_a_decompression_bomb_is_bounded_as_it_unpacks() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    with answering(answer("200 OK", bomb, "Content-Encoding: gzip")) as server:
        got = get(None, server.url)

    assert (len(got.body), got.truncated) == (2**20, True)


def test_a_compressed_body_is_read() -> None:
    with answering(answer("200 OK", gzip.compress(b'{"a": 1}'), "Content-Encoding: gzip")) as server:
        assert get(None, server.url).json() == {"a": 1}


def test_a_body_that_is_not_compressed_as_it_says_is_no_answer() -> None:
    with answering(answer("200 OK", b"plain", "Content-Encoding: gzip")) as server, pytest.raises(NoAnswer, match="Content-Encoding"):
        get(None, server.url)


def test_a_compressed_body_that_ends_too_soon_is_no_answer() -> None:
    cut = gzip.compress(b'{"a": 1}')[:-4]
    with answering(answer("200 OK", cut, "Content-Encoding: gzip")) as server, pytest.raises(NoAnswer, match="not a whole HTTP answer"):
        get(None, server.url)


def pouring(connection: socket.socket) -> None:
    """A chunk of length -1 means everything until the end, which never comes."""
    head(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n")
    while True:
        connection.sendall(bytes(2**20))


def test_a_body_without_end_that_claims_a_negative_length_is_cut_off() -> None:
    with serving(lambda _, connection: pouring(connection)) as server, pytest.raises(NoAnswer, match="more than an answer may have"):
        get(None, server.url)


@pytest.mark.parametrize("text", ["[" * 100_000, "NaN", "<html>", "", '{"a": 1} trailing'])
def test_what_is_not_json_is_a_value_error(text: str) -> None:
    with answering(json_answer(text)) as server:
        got = get(None, server.url)

    with pytest.raises(ValueError, match=r"JSON|nested|Expecting|Extra"):
        got.json()


def test_a_header_that_comes_twice_is_read_as_one() -> None:
    with answering(answer("200 OK", b"", "Vary: Origin", "vary: Accept")) as server:
        assert get(None, server.url).headers["vary"] == "Origin, Accept"


def test_a_header_of_the_caller_takes_the_place_of_ours() -> None:
    with answering(json_answer("{}")) as server:
        get(None, server.url, headers={"user-agent": "canary", "Host": "other.example"})

    told = [line.lower() for line in server.requests[0].splitlines()]
    assert [line for line in told if line.startswith(("user-agent", "host"))] == ["user-agent: canary", "host: other.example"]


@pytest.mark.parametrize("value", ["canary-7f3a\r\nX-Injected: 1", "canary-\u20ac"])
def test_a_header_that_cannot_be_sent_is_our_trouble_and_its_value_is_not_shown(value: str) -> None:
    with answering(json_answer("{}")) as server, pytest.raises(CouldNotLook, match="the header X-Api-Key") as raised:
        get(None, server.url, headers={"X-Api-Key": value})

    assert "canary" not in f"{raised.value!r} {raised.value.__cause__!r}"
    assert server.requests == []


@pytest.mark.parametrize(
    ("path", "sent"), [("/\u00e4 b?q=\u00fc", "/%C3%A4%20b?q=%C3%BC"), ("/%C3%A4?a=b&c=%2F#top", "/%C3%A4?a=b&c=%2F"), ("", "/")]
)
def test_a_path_is_sent_as_the_web_spells_it(path: str, sent: str) -> None:
    with answering(json_answer("{}")) as server:
        get(None, f"{server.url}{path}")

    assert server.requests[0].splitlines()[0] == f"GET {sent} HTTP/1.1"


def test_no_more_sockets_is_our_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fixtures.web.net.PlainSocket", Mock(side_effect=OSError(errno.EMFILE, "Too many open files")))

    with pytest.raises(CouldNotLook, match="this machine cannot connect") as raised:
        get(None, "http://127.0.0.1:1/")

    assert raised.value.cause == "our own network"


def test_asking_imports_no_further_client() -> None:
    program = "import sys; from fixtures.web.http import get; get(None, sys.argv[1]); print(*{'requests', 'urllib3'} & set(sys.modules))"
    with answering(json_answer("{}")) as server:
        done = subprocess.run([sys.executable, "-c", program, server.url], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout.split() == []


def authorizations(requests: list[str]) -> list[str]:
    return [line for asked in requests for line in asked.splitlines() if line.lower().startswith("authorization")]


@pytest.mark.parametrize("way", ["bearer", "basic"])
def test_credentials_reach_their_origin(token: str, way: str) -> None:
    settings: dict[str, Any] = {"bearer": {"bearer": token}, "basic": {"basic": {"user": "muster", "password": token}}}[way]
    with answering(json_answer("{}")) as server:
        get(http(server.url, **settings), server.url)
        get(http(server.url, **settings), server.url, anonymous=True)

    with_credentials, without = ([line] if (line := authorizations([each])) else [] for each in server.requests)
    assert len(with_credentials) == 1
    assert without == []


def test_a_redirect_to_another_origin_takes_no_credentials_along(token: str) -> None:
    with (
        answering(json_answer("{}")) as other,
        answering(lambda _: answer("302 Found", b"", f"Location: {other.url}/login?next=1")) as server,
    ):
        got = get(http(server.url, bearer=token), server.url, headers={"X-Api-Key": "canary-key"})

    assert got.hops == ((302, f"{other.url}/login?next=1"),)
    assert "canary-7f3a" in server.requests[0]
    assert "canary" not in other.requests[0]


def test_credentials_do_not_leave_when_the_redirect_only_changes_the_scheme(token: str) -> None:
    begin(SOON)

    def speak(asked: str) -> bytes:
        return answer("302 Found", b"", f"Location: https://127.0.0.1:{server.port}/")

    with answering(speak) as server, pytest.raises(NoAnswer):
        get(http(server.url, bearer=token), server.url)

    assert len(authorizations(server.requests)) == 1


def test_a_redirect_within_the_origin_keeps_the_credentials(token: str) -> None:
    with answering(lambda asked: json_answer("{}") if "/new" in asked else answer("301 Moved", b"", "Location: /new")) as server:
        got = get(http(server.url, bearer=token), f"{server.url}/old")

    assert (got.status, got.url) == (200, f"{server.url}/new")
    assert len(authorizations(server.requests)) == 2


def test_a_chain_of_redirects_ends() -> None:
    with answering(answer("302 Found", b"", "Location: /again")) as server, pytest.raises(NoAnswer, match="more than 5 redirects"):
        get(None, server.url)

    assert len(server.requests) == REDIRECTS + 1


def test_a_redirect_is_the_answer_when_it_is_not_followed() -> None:
    with answering(answer("302 Found", b"", "Location: /next")) as server:
        got = get(None, server.url, follow=False)

    assert (got.status, got.hops, len(server.requests)) == (302, ((302, f"{server.url}/next"),), 1)


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://host/", "https:///x", "http://host:port/", "http://[::1/"])
def test_a_redirect_to_something_else_than_the_web_is_refused(target: str) -> None:
    with answering(answer("302 Found", b"", f"Location: {target}")) as server, pytest.raises(NoAnswer, match="no web address"):
        get(None, server.url)


def test_nothing_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login muster password canary-netrc\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    with answering(answer("200 OK", b"{}", "Set-Cookie: session=canary-cookie")) as server:
        assert get(http(server.url), server.url).status == 200
        get(http(server.url), server.url)

    assert "canary" not in "".join(server.requests)


def test_a_url_is_shown_without_user_password_and_query() -> None:
    assert shown("https://user:password@api:8443/audit?token=canary#x") == "https://api:8443/audit"


def test_fetch_json_hands_out_the_document() -> None:
    with answering(json_answer(json.dumps({"a": [1]}))) as server:
        assert fetch_json(http(server.url), server.url)[0] == {"a": [1]}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (json_answer("{}", "503 x"), "answered 503"),
        (answer(body=b"<html>"), "answered no JSON"),
        (b"nonsense\r\n", "not a whole HTTP answer"),
    ],
)
def test_fetch_json_of_a_source_that_fails_means_that_we_could_not_look(data: bytes, reason: str) -> None:
    with answering(data) as server, pytest.raises(CouldNotLook, match=reason) as raised:
        fetch_json(http(server.url), f"{server.url}/x?token=canary")

    assert raised.value.cause == f"http 127.0.0.1:{server.port}"
    assert "canary" not in str(raised.value)


def test_many_slow_servers_are_asked_side_by_side() -> None:
    together = threading.Barrier(20, timeout=60)
    got: list[int] = []

    def ask(url: str) -> None:
        begin(60.0)
        got.append(get(None, url).status)

    def meet(_: str) -> bytes:
        together.wait()
        return json_answer("{}")

    with answering(meet) as server:
        threads = [threading.Thread(target=ask, args=(server.url,)) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert got == [200] * 20
