"""The guard: what may leave, what may not, and that a refusal leaves nothing behind."""

import asyncio
import http.client
import re
import socket
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import urllib3

from fixtures.web.http import get
from muster import transport
from muster.transport import OPERATIONS, Grant, WriteRefused, normalised, refusal
from tests.probes.web_servers import Listening, answering, json_answer, serving

PODS = "/api/v1/namespaces/platform/pods"
GRANTED = [Grant.of(operation, address) for operation in OPERATIONS for address in ("http://host:1", "http://host:1/prometheus/")]
RANCHER = Grant.of("Kubernetes access review", "https://rancher/k8s/clusters/c-1")


@pytest.fixture
def recording() -> Iterator[Listening]:
    with answering(json_answer("{}")) as server:
        yield server


class Stub:
    """A server that counts every byte that reaches it, and never answers."""

    def __init__(self) -> None:
        self.received = b""
        self.connections = 0
        self.done = 0

    def speak(self, _: Listening, connection: socket.socket) -> None:
        self.connections += 1
        while piece := connection.recv(4096):
            self.received += piece
        self.done += 1

    def settled(self) -> bytes:
        """What has arrived, once every connection that was made has been closed again."""
        ends = time.monotonic() + 30
        while self.done < self.connections and time.monotonic() < ends:
            time.sleep(0.01)
        return self.received


@pytest.fixture
def stub() -> Stub:
    return Stub()


@pytest.fixture
def listening(stub: Stub) -> Iterator[Listening]:
    with serving(stub.speak) as server:
        yield server


@pytest.fixture
def guard() -> Iterator[None]:
    transport.install()
    yield
    transport.uninstall()


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "path", [PODS, f"{PODS}/a/log?container=b", "/health", "/api/v1/namespaces/pods/configmaps/exec", "/apis/apps/v1/deployments"]
)
def test_reads_pass(method: str, path: str) -> None:
    assert refusal(method, path, "host:1", GRANTED) is None


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE", "get", "PROPFIND"])
def test_every_other_method_is_refused(method: str) -> None:
    assert refusal(method, PODS, "host:1", GRANTED)


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/query", "/api/v1/query_range", "/api/v1/series", "/api/v1/labels", "/prometheus/api/v1/query", "/api/v1/query?time=1",
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
        "/apis/authentication.k8s.io/v1/selfsubjectreviews",
    ],
)  # fmt: skip
def test_granted_posts_pass(path: str) -> None:
    assert refusal("POST", path, "host:1", GRANTED) is None


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/admin/tsdb/delete_series", "/-/reload", "/api/v1/query/../admin/tsdb/delete_series", "/api/v1//query", "/api/v1/%71uery",
        "/api/v1/query/", "/api/v1/queryx", "/other/api/v1/query", "/apis/authentication.k8s.io/v1/tokenreviews",
        "/api/v1/./query", f"{PODS}/a/eviction", "/apis/authorization.k8s.io/v1/subjectaccessreviews",
        "/api/v1/namespaces/m/services/prometheus:9090/proxy/api/v1/query", "/x#/api/v1/query", "http://host/-/reload?/api/v1/query",
    ],
)  # fmt: skip
def test_posts_that_only_look_like_granted_ones_are_refused(path: str) -> None:
    assert refusal("POST", path, "host:1", GRANTED)


@pytest.mark.parametrize(
    "path",
    [
        f"{PODS}/a/exec?command=rm", f"{PODS}/a/attach", f"{PODS}/a/portforward", f"{PODS}/a/proxy/", f"{PODS}/a/proxy",
        "/api/v1/namespaces/m/services/https:web:443/proxy/admin", "/api/v1/nodes/n/proxy/run/m/p/c", "/api/v1/proxy/nodes/n/",
        f"/{PODS}/a/exec", f"/x/..{PODS}/a/exec", f"{PODS}/a/./exec", f"{PODS}/a//exec", f"{PODS}/a/%65xec", f"{PODS}/a/%2565xec",
        f"{PODS}/a%2fexec", f"{PODS}/a/EXEC", f"{PODS}/b/../a/exec", f"{PODS}/a\\exec",
        f"{PODS};v=1/a/exec;x", f"{PODS}/a/exec%00", f"{PODS}/a/exec%20",
        f"https://other:6443{PODS}/a/exec", f"/k8s/clusters/c-1{PODS}/a/exec", f"{PODS}/a/exec/", f"{PODS}/a/%2e/exec", f"{PODS}/a/exec#x",
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_reading_through_a_pod_a_service_or_a_node_is_a_write(method: str, path: str) -> None:
    assert refusal(method, path, "host:1", GRANTED)


def test_a_path_is_read_as_the_most_lenient_server_would() -> None:
    assert normalised("//A/%2e%2e/b/./%252e/C;v=1/") == "/b/c"


def test_a_grant_is_for_one_operation_at_one_origin() -> None:
    grants = [Grant.of("Prometheus query", "http://metrics:9090"), RANCHER]
    review = "/k8s/clusters/c-1/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"

    assert refusal("POST", "/api/v1/query", "metrics:9090", grants) is None
    assert refusal("POST", review, "rancher:443", grants) is None
    assert refusal("POST", "/api/v1/query", "other:9090", grants)
    assert refusal("POST", "/api/v1/query", "rancher:443", grants)
    assert refusal("POST", review, "metrics:9090", grants)
    assert refusal("POST", review, "rancher:80", grants)
    assert refusal("POST", review.replace("c-1", "c-2"), "rancher:443", grants)


def test_an_operation_that_nobody_named_cannot_be_granted() -> None:
    with pytest.raises(KeyError):
        Grant.of("Kubernetes delete", "http://host:1")


def test_a_refusal_names_method_and_path_but_no_query(guard: None, recording: Listening) -> None:
    connection = http.client.HTTPConnection(recording.host, recording.port)

    with pytest.raises(WriteRefused) as refused:
        connection.request("DELETE", f"{PODS}/a?token=hidden")

    assert "DELETE" in str(refused.value)
    assert f"{PODS}/a" in str(refused.value)
    assert "hidden" not in str(refused.value)


def mutations(server: Listening) -> dict[str, Any]:
    plain = http.client.HTTPConnection(server.host, server.port)
    pool = urllib3.PoolManager()
    url = server.url
    return {
        "http.client PUT": lambda: plain.request("PUT", PODS),
        "http.client upgrade": lambda: plain.request("GET", PODS, headers={"Upgrade": "websocket", "Connection": "Upgrade"}),
        "http.client spdy": lambda: plain.request("GET", PODS, headers={"upgrade": "SPDY/3.1"}),
        "override header": lambda: plain.request("GET", PODS, headers={"X-HTTP-Method-Override": "DELETE"}),
        "urllib3 DELETE": lambda: pool.request("DELETE", f"{url}{PODS}/a", retries=False),
        "urllib3 exec": lambda: pool.request("GET", f"{url}{PODS}/a/exec?command=ls", retries=False),
        "our own client": lambda: get(None, f"{url}/audit/cleanup", method="DELETE"),
        "requests POST": lambda: requests.post(f"{url}/audit/cleanup", timeout=5),
        "requests PATCH": lambda: requests.patch(f"{url}{PODS}/a", json={}, timeout=5),
        "requests encoded exec": lambda: requests.get(f"{url}{PODS}/a/%65xec", timeout=5),
    }


@pytest.mark.parametrize("name", [
    "http.client PUT", "http.client upgrade", "http.client spdy", "override header", "urllib3 DELETE", "urllib3 exec", "our own client",
    "requests POST",
    "requests PATCH", "requests encoded exec",
])  # fmt: skip
def test_no_client_gets_a_write_out(guard: None, recording: Listening, name: str) -> None:
    with pytest.raises(WriteRefused):
        mutations(recording)[name]()

    assert recording.requests == []


def kubernetes_client(server: Listening) -> Any:
    from kubernetes import client

    configuration = client.Configuration()
    configuration.host = server.url
    configuration.retries = False
    return client.ApiClient(configuration)


@pytest.mark.parametrize(
    "call",
    [
        lambda core: core.delete_namespaced_pod("a", "platform"),
        lambda core: core.patch_namespaced_pod("a", "platform", {}),
        lambda core: core.create_namespaced_pod("platform", {}),
        lambda core: core.replace_namespaced_pod("a", "platform", {}),
        lambda core: core.connect_get_namespaced_pod_exec("a", "platform", command=["ls"]),
        lambda core: core.connect_get_namespaced_pod_attach("a", "platform"),
        lambda core: core.connect_get_namespaced_pod_portforward("a", "platform"),
        lambda core: core.connect_get_namespaced_pod_proxy("a", "platform"),
        lambda core: core.connect_get_namespaced_service_proxy_with_path("a", "platform", "admin"),
        lambda core: core.connect_get_node_proxy_with_path("n", "run"),
        lambda core: core.connect_post_namespaced_pod_exec("a", "platform", command=["ls"]),
    ],
)  # fmt: skip
def test_the_kubernetes_client_gets_no_write_out(guard: None, recording: Listening, call: Any) -> None:
    from kubernetes import client

    with kubernetes_client(recording) as api, pytest.raises(WriteRefused):
        call(client.CoreV1Api(api))

    assert recording.requests == []


def test_kubernetes_streams_are_closed_although_they_do_not_pass_through_http_client(guard: None, recording: Listening) -> None:
    from kubernetes import client
    from kubernetes.client.exceptions import ApiException
    from kubernetes.stream import stream

    with kubernetes_client(recording) as api, pytest.raises((WriteRefused, ApiException), match="refused"):
        stream(client.CoreV1Api(api).connect_get_namespaced_pod_exec, "a", "platform", command=["ls"])

    assert recording.requests == []


def test_a_client_that_is_imported_after_the_guard_is_closed_too(guard: None) -> None:
    kept = {name: sys.modules.pop(name) for name in list(sys.modules) if name == "websocket" or name.startswith("websocket.")}
    try:
        import websocket

        with pytest.raises(WriteRefused):
            websocket.create_connection("ws://127.0.0.1:1/api")
    finally:
        for name in [name for name in sys.modules if name == "websocket" or name.startswith("websocket.")]:
            del sys.modules[name]
        sys.modules.update(kept)


def test_botocore_gets_no_write_out(guard: None, recording: Listening) -> None:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import HTTPClientError

    config = Config(retries={"total_max_attempts": 1}, proxies={})
    s3 = boto3.client("s3", endpoint_url=recording.url, region_name="x", aws_access_key_id="a", aws_secret_access_key="b", config=config)

    with pytest.raises(HTTPClientError, match="refused PUT"):
        s3.put_object(Bucket="b", Key="k", Body=b"")

    assert recording.requests == []


def test_reads_still_reach_the_server(guard: None, recording: Listening) -> None:
    assert requests.get(f"{recording.url}/health", timeout=5).json() == {}


def test_a_post_reaches_the_server_it_was_granted_to_and_no_other(guard: None, recording: Listening) -> None:
    def ask(server: Listening) -> Any:
        return requests.post(f"{server.url}/api/v1/query", data={"query": "up"}, timeout=5).json()

    with pytest.raises(WriteRefused, match="was not granted to this server"):
        ask(recording)
    transport.permit("Prometheus query", recording.url)

    assert ask(recording) == {}
    with answering(json_answer("{}")) as other, pytest.raises(WriteRefused):
        ask(other)
    transport.install()
    with pytest.raises(WriteRefused):
        ask(recording)


def test_taken_down_it_lets_everything_through_again(recording: Listening) -> None:
    transport.install()
    transport.install()
    transport.uninstall()
    transport.uninstall()

    assert not transport.installed()
    assert requests.delete(f"{recording.url}/x", timeout=5).status_code == 200


EXEC = f"{PODS}/a/exec?command=touch&command=x&stdout=true"


def websocket_exec(url: str) -> None:
    import websocket

    websocket.create_connection(url.replace("http:", "ws:") + EXEC, timeout=5)


def aiohttp_delete(url: str) -> None:
    import aiohttp

    async def ask() -> None:
        async with aiohttp.ClientSession() as session, session.delete(f"{url}{PODS}/a"):
            pass

    asyncio.run(ask())


def aiohttp_websocket(url: str) -> None:
    import aiohttp

    async def ask() -> None:
        async with aiohttp.ClientSession() as session, session.ws_connect(f"{url}{EXEC}"):
            pass

    asyncio.run(ask())


def kubernetes_stream(url: str) -> None:
    from kubernetes import client
    from kubernetes.stream import portforward, stream

    configuration = client.Configuration()
    configuration.host = url
    api = client.CoreV1Api(client.ApiClient(configuration))
    try:
        portforward(api.connect_get_namespaced_pod_portforward, "a", "platform", ports="80")
    finally:
        stream(api.connect_get_namespaced_pod_exec, "a", "platform", command=["ls"])


MUTATIONS = {
    "http.client DELETE": lambda url: http.client.HTTPConnection(url[7:], timeout=5).request("DELETE", f"{PODS}/a"),
    "http.client exec": lambda url: http.client.HTTPConnection(url[7:], timeout=5).request("GET", EXEC),
    "http.client chunked POST": lambda url: http.client.HTTPConnection(url[7:], timeout=5).request("POST", PODS, iter([b"a"])),
    "urllib POST": lambda url: urllib.request.urlopen(f"{url}{PODS}", b"{}", timeout=5),
    "urllib DELETE": lambda url: urllib.request.urlopen(urllib.request.Request(f"{url}{PODS}/a", method="DELETE"), timeout=5),
    "urllib3 PATCH": lambda url: urllib3.request("PATCH", f"{url}{PODS}/a", body=b"{}", retries=False, timeout=5),
    "requests DELETE": lambda url: requests.delete(f"{url}{PODS}/a", timeout=5),
    "requests session PUT": lambda url: requests.Session().put(f"{url}{PODS}/a", data=b"{}", timeout=5),
    "requests exec": lambda url: requests.get(f"{url}{EXEC}", timeout=5),
    "requests node proxy": lambda url: requests.get(f"{url}/api/v1/nodes/n/proxy/run/platform/a/app?cmd=id", timeout=5),
    "requests service proxy": lambda url: requests.get(f"{url}/api/v1/namespaces/m/services/web:80/proxy/admin", timeout=5),
    "requests review of others": lambda url: requests.post(f"{url}/apis/authorization.k8s.io/v1/subjectaccessreviews", timeout=5),
    "requests Prometheus delete": lambda url: requests.post(f"{url}/api/v1/admin/tsdb/delete_series", timeout=5),
    "websocket exec": websocket_exec,
    "aiohttp DELETE": aiohttp_delete,
    "aiohttp websocket exec": aiohttp_websocket,
    "kubernetes stream": kubernetes_stream,
    "our own client": lambda url: get(None, f"{url}{PODS}/a", method="DELETE"),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_of_a_write_through_any_client_not_one_byte_arrives(guard: None, stub: Stub, listening: Listening, name: str) -> None:
    with pytest.raises(Exception, match=r"refused [A-Za-z]+ ") as raised:
        MUTATIONS[name](listening.url)

    assert "WriteRefused" in {type(each).__name__ for each in chain(raised.value)} or "refused" in str(raised.value)
    assert stub.settled() == b""


def chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def test_without_the_guard_the_stub_would_see_it(stub: Stub, listening: Listening) -> None:
    with pytest.raises(requests.exceptions.RequestException):
        requests.delete(f"{listening.url}{PODS}/a", timeout=0.5)

    assert stub.settled().startswith(b"DELETE ")


def test_only_the_fenced_session_speaks_to_postgresql() -> None:
    folder = Path(__file__).parents[1]
    importing = {
        str(path.relative_to(folder))
        for part in ("muster", "fixtures", "checks")
        for path in (folder / part).rglob("*.py")
        if re.search(r"^\s*(import|from) psycopg", path.read_text(), re.MULTILINE)
    }

    assert "fixtures/postgresql/client.py" in importing
    assert all(path.startswith("fixtures/postgresql/") for path in importing)
    speaking = {path for path in importing if re.search(r"\.(execute|stream|copy|executemany)\(", (folder / path).read_text())}
    assert speaking == {"fixtures/postgresql/client.py"}
