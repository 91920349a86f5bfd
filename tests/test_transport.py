"""The guard: what may leave, what may not, and that a refusal leaves nothing behind."""

import http.client
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import urllib3

from fixtures.web.http import get
from muster import transport
from muster.transport import READS, Grant, WriteRefused, normalised, refusal
from tests.probes.web_servers import Listening, answering, json_answer

PODS = "/api/v1/namespaces/platform/pods"


@pytest.fixture
def recording() -> Iterator[Listening]:
    with answering(json_answer("{}")) as server:
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
    assert refusal(method, path, "host:1", READS) is None


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE", "get", "PROPFIND"])
def test_every_other_method_is_refused(method: str) -> None:
    assert refusal(method, PODS, "host:1", READS)


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/query", "/api/v1/query_range", "/api/v1/series", "/api/v1/labels", "/prometheus/api/v1/query", "/api/v1/query?time=1",
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", "/k8s/clusters/c-1/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
    ],
)  # fmt: skip
def test_granted_posts_pass(path: str) -> None:
    assert refusal("POST", path, "host:1", READS) is None


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/admin/tsdb/delete_series", "/-/reload", "/api/v1/query/../admin/tsdb/delete_series", "/api/v1//query", "/api/v1/%71uery",
        "/api/v1/query/", "/api/v1/queryx", "/api/v1/./query", f"{PODS}/a/eviction", "/apis/authorization.k8s.io/v1/subjectaccessreviews",
        "/api/v1/namespaces/m/services/prometheus:9090/proxy/api/v1/query", "/x#/api/v1/query", "http://host/-/reload?/api/v1/query",
    ],
)  # fmt: skip
def test_posts_that_only_look_like_granted_ones_are_refused(path: str) -> None:
    assert refusal("POST", path, "host:1", READS)


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
    assert refusal(method, path, "host:1", READS)


def test_a_path_is_read_as_the_most_lenient_server_would() -> None:
    assert normalised("//A/%2e%2e/b/./%252e/C;v=1/") == "/b/c"


def test_a_grant_may_be_bound_to_one_origin() -> None:
    grants = [Grant("query", READS[0].path, origin="metrics:9090")]

    assert refusal("POST", "/api/v1/query", "metrics:9090", grants) is None
    assert refusal("POST", "/api/v1/query", "other:9090", grants)


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
    assert requests.post(f"{recording.url}/api/v1/query", data={"query": "up"}, timeout=5).json() == {}


def test_taken_down_it_lets_everything_through_again(recording: Listening) -> None:
    transport.install()
    transport.install()
    transport.uninstall()
    transport.uninstall()

    assert not transport.installed()
    assert requests.delete(f"{recording.url}/x", timeout=5).status_code == 200
