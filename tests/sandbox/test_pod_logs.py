"""Logs of the stand-in for the Kubernetes API: cut and refused like those of a real one."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import urllib3

from sandbox.services.running import Running
from sandbox.world import Cluster, World

NOW = datetime.now(UTC)


def line(minutes: float, text: str) -> str:
    """A log line of so many minutes ago."""
    return f"{(NOW - timedelta(minutes=minutes)).strftime('%Y-%m-%dT%H:%M:%S.%f')}000Z {text}\n"


LOG = line(90, "old") + line(20, "middle") + line(1, "new ümlaut")


def pod(name: str, *containers: str, **status: Any) -> dict[str, Any]:
    spec = {"containers": [{"name": container} for container in containers], "initContainers": [{"name": "setup"}]}
    head = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "shop"}}
    return {**head, "spec": spec, "status": status}


@pytest.fixture
def ask(facade: Running) -> Any:
    """A function that asks for the log of a pod: status and text."""
    waiting = {"containerStatuses": [{"name": "main", "state": {"waiting": {"reason": "ImagePullBackOff"}}}]}
    objects = [pod("web", "main"), pod("pair", "one", "two"), pod("unpulled", "main", **waiting), pod("silent", "main")]
    logs = {"shop/web/main": LOG, "shop/web/main/previous": line(200, "before the crash"), "shop/pair/two": line(1, "second")}
    rules = [{"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]}]
    facade.put_world(World(cluster=Cluster(objects=objects, logs=logs, tokens={"t": rules})))
    pool = urllib3.PoolManager(ca_certs=facade.addresses["ca_file"], retries=False)

    def asked(name: str, **query: str) -> tuple[int, str]:
        url = f"{facade.addresses['kubernetes']}/api/v1/namespaces/shop/pods/{name}/log"
        answer = pool.request("GET", url, fields=query, headers={"Authorization": "Bearer t"})
        return answer.status, answer.data.decode() if answer.status == 200 else answer.json()["message"]

    return asked


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ({}, "old\nmiddle\nnew ümlaut\n"),
        ({"timestamps": "true"}, LOG),
        ({"tailLines": "1"}, "new ümlaut\n"),
        ({"tailLines": "0"}, ""),
        ({"sinceSeconds": "3600"}, "middle\nnew ümlaut\n"),
        ({"sinceTime": (NOW - timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%SZ")}, "new ümlaut\n"),
        ({"sinceSeconds": "3600", "tailLines": "3"}, "middle\nnew ümlaut\n"),
        ({"limitBytes": "6"}, "old\nmi"),
        ({"previous": "true"}, "before the crash\n"),
        ({"container": "main"}, "old\nmiddle\nnew ümlaut\n"),
    ],
)
def test_a_log_is_cut_as_asked(ask: Any, query: dict[str, str], text: str) -> None:
    assert ask("web", **query) == (200, text)


@pytest.mark.parametrize(
    ("name", "query", "status", "message"),
    [
        (
            "pair",
            {},
            400,
            "a container name must be specified for pod pair, choose one of: [one two] or one of the init containers: [setup]",
        ),
        ("pair", {"container": "three"}, 400, "container three is not valid for pod pair"),
        ("gone", {}, 404, 'pods "gone" not found'),
        ("silent", {"previous": "true"}, 400, 'previous terminated container "main" in pod "silent" not found'),
        ("unpulled", {}, 400, 'container "main" in pod "unpulled" is waiting to start: trying and failing to pull image'),
        ("web", {"tailLines": "many"}, 400, 'strconv.ParseInt: parsing "many": invalid syntax'),
    ],
)
def test_a_log_that_cannot_be_is_refused(ask: Any, name: str, query: dict[str, str], status: int, message: str) -> None:
    assert ask(name, **query) == (status, message)


def test_a_since_of_two_kinds_or_of_nothing_is_invalid(ask: Any) -> None:
    assert ask("web", sinceSeconds="5", sinceTime="2026-01-01T00:00:00Z")[0] == 422
    assert ask("web", sinceSeconds="0")[0] == 422


def test_the_log_of_one_of_several_containers_is_its_own(ask: Any) -> None:
    assert ask("pair", container="two") == (200, "second\n")


def test_a_container_that_said_nothing_has_an_empty_log(ask: Any) -> None:
    assert ask("silent") == (200, "")
