"""The same looks as others take them, in a process of its own without anything of ours; see `tests.bench.processes.tell`."""

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from tests.bench.processes import tell

RESTARTS = 5
"""Restarts from which on a pod is named."""


def named(pods: Iterable[tuple[str, bool, int]]) -> list[Any]:
    """The verdict about pods: how many, which of them are not ready, and which restarted often."""
    rows = sorted(pods)
    return [len(rows), [name for name, ready, _ in rows if not ready], [name for name, _, restarts in rows if restarts > RESTARTS]]


def typed_pods(url: str) -> Callable[[], Any]:
    """The official client with its models, as one calls it: in one answer."""
    from kubernetes import client

    made = client.CoreV1Api(client.ApiClient(client.Configuration(host=url)))

    return lambda: named(
        (
            pod.metadata.name,
            any(each.type == "Ready" and each.status == "True" for each in pod.status.conditions),
            sum(each.restart_count for each in pod.status.container_statuses),
        )
        for pod in made.list_pod_for_all_namespaces().items
    )


def raw_pods(url: str) -> Callable[[], Any]:
    """No client, nothing kept: what the bytes and the parser cost."""
    import http.client

    import orjson

    def listed() -> Iterable[Any]:
        connection = http.client.HTTPConnection(urlsplit(url).netloc)
        start = "0"
        while start:
            connection.request("GET", f"/api/v1/pods?limit=500&continue={start}")
            answer = orjson.loads(connection.getresponse().read())
            yield from answer["items"]
            start = answer["metadata"].get("continue", "")

    return lambda: named(
        (
            pod["metadata"]["name"],
            any(each["type"] == "Ready" and each["status"] == "True" for each in pod["status"]["conditions"]),
            sum(each["restartCount"] for each in pod["status"]["containerStatuses"]),
        )
        for pod in listed()
    )


def read_log(url: str) -> Callable[[], Any]:
    """Read the log and look at nothing."""
    import http.client

    def read() -> Any:
        connection = http.client.HTTPConnection(urlsplit(url).netloc)
        connection.request("GET", "/api/v1/namespaces/shop/pods/x/log")
        answer = connection.getresponse()
        size, room = 0, bytearray(1 << 20)
        while got := answer.readinto(room):
            size += got
        return size

    return read


def their_wave(urls: list[str], bundle: str = "") -> Callable[[], Any]:
    """requests.get for each, a thread for each."""
    from concurrent.futures import ThreadPoolExecutor

    import requests

    def asked(url: str) -> int:
        return requests.get(f"{url}/", verify=bundle or True, timeout=120).status_code

    def waved() -> Any:
        with ThreadPoolExecutor(len(urls)) as pool:
            return list(pool.map(asked, urls))

    return waved


def exporter_wave(urls: list[str], exporter: str) -> Callable[[], Any]:
    """Have a running blackbox_exporter ask each, a thread for each."""
    import http.client
    from concurrent.futures import ThreadPoolExecutor
    from urllib.parse import quote

    def asked(url: str) -> int:
        connection = http.client.HTTPConnection(exporter, timeout=120)
        connection.request("GET", f"/probe?module=bench&target={quote(url + '/', safe='')}")
        said = connection.getresponse().read().decode()
        return 200 if "\nprobe_success 1\n" in said and "\nprobe_http_status_code 200\n" in said else 0

    def waved() -> Any:
        with ThreadPoolExecutor(len(urls)) as pool:
            return list(pool.map(asked, urls))

    return waved


def one(urls: list[str]) -> Callable[[], Any]:
    """Ask the first of them, and nobody else."""
    import http.client

    def asked() -> Any:
        connection = http.client.HTTPConnection(urlsplit(urls[0]).netloc)
        connection.request("GET", "/")
        return connection.getresponse().status

    return asked


if __name__ == "__main__":
    tell(typed_pods, raw_pods, read_log, their_wave, exporter_wave, one)
