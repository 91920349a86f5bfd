"""What a real API server and its kubelets answer when they are in trouble, and kubeconfigs as they come."""

import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from fixtures import once
from fixtures.kubernetes.client import listing
from fixtures.kubernetes.errors import REACH
from fixtures.kubernetes.lists import Namespace
from muster.connections import Kubernetes
from muster.kinds.logs import Log
from muster.probes import PROBES, CouldNotLook, begin
from sandbox.world import Object, Trouble
from tests.probes.real_shapes import BACK_OFF, pod, status, terminated, waiting
from tests.probes.small_cluster import SmallCluster, lines, log, thing

LOG = Log.model_validate({"name": "x", "connection": "cluster", "selector": "app=web", "level": "ERROR", "expect": {"records": 0}})
NAME = "web-6d4cf56db6-x2x7k"


def lists(*plurals: str) -> list[Object]:
    """A role that may list these."""
    return [{"apiGroups": ["*"], "resources": list(plurals), "verbs": ["get", "list", "watch"]}]


def refused(cluster: SmallCluster, plural: str, timeout: float = 30.0) -> CouldNotLook:
    """What listing raises."""
    begin(timeout)
    with pytest.raises(CouldNotLook) as caught:
        listing(cluster.connection, plural)
    return caught.value


def test_a_right_that_lacks_is_named_and_how_to_see_it(cluster: SmallCluster) -> None:
    cluster.put([pod()], rules=lists("pods"))

    error = refused(cluster, "deployments")

    assert error.reason == "Kubernetes API: we are not allowed to list deployments.apps in namespace shop (403)"
    assert "`kubectl auth can-i list deployments.apps -n shop`" in error.hint
    assert "system:serviceaccount" not in error.reason


def test_two_logs_without_the_right_are_one_headline(cluster: SmallCluster) -> None:
    causes = set()
    for name in (NAME, "web-6d4cf56db6-b8m2p"):
        cluster.put([pod(name)], rules=lists("pods"), logs=log(name, lines("INFO x")))
        with pytest.raises(CouldNotLook) as caught:
            cluster.look("log_count", LOG)
        causes.add(caught.value.cause)
        assert "`kubectl auth can-i get pods/log -n shop`" in caught.value.hint

    assert len(causes) == 1


@pytest.mark.parametrize("trouble", [Trouble(hang=True), Trouble(reset=True)])
def test_a_cluster_that_does_not_answer_is_one_headline_with_one_hint_however_many_ask(cluster: SmallCluster, trouble: Trouble) -> None:
    cluster.put([pod()], trouble=[trouble])

    def ask(plural: str) -> tuple[str, str, str]:
        error = refused(cluster, plural, 3.0)
        return error.reason, error.cause, error.hint

    with ThreadPoolExecutor(8) as threads:
        told = set(threads.map(ask, ["pods", "pods", "deployments", "deployments", "events", "services", "nodes", "jobs"]))
    asked = len(cluster.running.requests("kubernetes"))
    told.add(ask("cronjobs"))

    assert {(cause, hint) for _, cause, hint in told} == {(next(iter(told))[1], REACH)}
    assert next(iter(told))[1].startswith("kubernetes https://127.0.0.1:")
    assert len(cluster.running.requests("kubernetes")) == asked  # nobody waits again for who never answered


def test_a_probe_that_waits_for_the_slow_list_of_another_names_the_same_cluster(cluster: SmallCluster) -> None:
    cluster.put([pod()], trouble=[Trouble(path="/api/v1/namespaces/shop/pods", delay=5.0)])
    begin(30)
    listing(cluster.connection, "services")
    first = threading.Thread(target=lambda: (begin(30), listing(cluster.connection, "pods")), daemon=True)
    first.start()
    time.sleep(0.5)

    error = refused(cluster, "pods", 1.0)

    assert error.cause.startswith("kubernetes https://127.0.0.1:")
    first.join(30)


def test_a_connection_that_is_reset_once_is_opened_again(cluster: SmallCluster) -> None:
    cluster.put([pod()], trouble=[Trouble(reset=True, times=1)])
    begin(30)

    assert len(listing(cluster.connection, "pods").items) == 1


def test_a_metrics_server_that_is_down_is_not_taken_for_the_cluster(cluster: SmallCluster) -> None:
    cluster.put(
        [pod()], trouble=[Trouble(path="/apis/metrics.k8s.io", status=503, message="the server is currently unable to handle the request")]
    )
    begin(30)
    with pytest.raises(CouldNotLook) as caught:
        PROBES["pod_usage"].function(Namespace(cluster.connection, None))

    assert caught.value.cause.endswith(": metrics.k8s.io")
    assert "apiservice" in caught.value.hint


def test_values_of_config_maps_do_not_travel_when_only_their_times_are_wanted(cluster: SmallCluster) -> None:
    cluster.put([thing("v1", "ConfigMap", "settings", data={"A": "x" * 100_000})])
    begin(30)

    kept = listing(cluster.connection, "configmaps").items

    assert [item["metadata"]["name"] for item in kept] == ["settings"]
    assert "data" not in kept[0]


class TestLogs:
    """Answers of kubelets."""

    def test_a_first_crash_that_waits_was_not_restarted_yet_and_has_a_log(self, cluster: SmallCluster) -> None:
        sick = pod(NAME, status("web", waiting("CrashLoopBackOff", BACK_OFF), last=terminated(20)))
        cluster.put([sick], logs=log(NAME, lines("ERROR boom"), previous=True))

        assert cluster.look("log_count", LOG).matched == 1

    def test_a_node_that_does_not_hand_out_logs_is_named(self, cluster: SmallCluster) -> None:
        words = 'Get "https://10.0.0.7:10250/containerLogs/shop/web/web": dial tcp 10.0.0.7:10250: connect: connection refused'
        trouble = [Trouble(path=f"/api/v1/namespaces/shop/pods/{NAME}/log", status=500, message=words)]
        cluster.put([pod(NAME)], logs=log(NAME, lines("INFO x")), trouble=trouble)

        with pytest.raises(CouldNotLook, match="connection refused") as caught:
            cluster.look("log_count", LOG)

        assert caught.value.cause.endswith(": logs of the kubelet of worker-1")
        assert "kubectl describe node worker-1" in caught.value.hint

    def test_a_container_that_was_created_between_list_and_log_is_no_error(self, cluster: SmallCluster) -> None:
        words = f'container "web" in pod "{NAME}" is waiting to start: PodInitializing'
        other = "web-6d4cf56db6-b8m2p"
        trouble = [Trouble(path=f"/api/v1/namespaces/shop/pods/{NAME}/log", status=400, message=words)]
        cluster.put([pod(NAME), pod(other)], logs=log(NAME, lines("INFO x")) | log(other, lines("ERROR y")), trouble=trouble)

        seen = cluster.look("log_count", LOG)

        assert (seen.matched, seen.note) == (1, f"the log of {NAME}/web is gone")


def served(answer: bytes) -> tuple[socket.socket, list[bytes]]:
    """A listener that gives every request the same answer, and the first lines it was asked."""
    listening, asked = socket.create_server(("127.0.0.1", 0)), []

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                asked.append(connection.recv(65536).split(b"\r\n")[0])
                connection.sendall(answer)

    threading.Thread(target=serve, daemon=True).start()
    return listening, asked


def http(status: str, kind: str, body: bytes) -> bytes:
    """An answer after which the connection is closed."""
    return b"HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (
        status.encode(),
        kind.encode(),
        len(body),
        body,
    )


class TestKubeconfigs:
    """Kubeconfigs of other tools."""

    def connection(self, folder: Path, content: Object | str, **values: Any) -> Kubernetes:
        path = folder / "kubeconfig"
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        once.forget()
        begin(30)
        return Kubernetes.model_validate({"kubeconfig": str(path)} | values)

    def content(self, cluster: SmallCluster) -> Object:
        cluster.put([pod()])
        made: Object = yaml.safe_load(Path(str(cluster.running.addresses["kubeconfig"])).read_text())
        return made

    def plain(self, server: str) -> Object:
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "preferences": {},
            "current-context": "local",
            "clusters": [{"name": "local", "cluster": {"server": server}}],
            "contexts": [{"name": "local", "context": {"cluster": "local", "user": "local", "namespace": "shop"}}],
            "users": [{"name": "local", "user": {"token": "kubeconfig-u-x2x7k:secret"}}],
        }

    def test_a_cluster_behind_a_path_is_asked_below_it(self, tmp_path: Path) -> None:
        listening, asked = served(http("200 OK", "application/json", json.dumps({"metadata": {}, "items": []}).encode()))
        made = self.connection(tmp_path, self.plain(f"http://127.0.0.1:{listening.getsockname()[1]}/k8s/clusters/c-m-4x2x7k"))

        assert listing(made, "pods").items == ()
        assert asked[0].startswith(b"GET /k8s/clusters/c-m-4x2x7k/api/v1/namespaces/shop/pods?limit=500 ")
        listening.close()

    @pytest.mark.parametrize(
        "answer",
        [
            http("404 Not Found", "text/plain", b"404 page not found\n"),
            http("200 OK", "text/html", b"<html>Log in</html>"),
            http("502 Bad Gateway", "text/html", b"<html><h1>502 Bad Gateway</h1></html>"),
            http("401 Unauthorized", "application/json", b'{"type":"error","status":"401","message":"Unauthorized 401"}'),
            http("200 OK", "application/json", b'{"metadata": {}, "items": [{"metadata": {"name": "x"'),
        ],
    )
    def test_what_is_no_answer_of_a_cluster_is_unknown(self, tmp_path: Path, answer: bytes) -> None:
        listening, _ = served(answer)
        made = self.connection(tmp_path, self.plain(f"http://127.0.0.1:{listening.getsockname()[1]}"))

        with pytest.raises(CouldNotLook) as caught:
            listing(made, "pods")

        assert caught.value.cause.startswith("kubernetes http://127.0.0.1:")
        listening.close()

    def test_a_token_in_a_file_beside_the_kubeconfig_is_found(self, cluster: SmallCluster, tmp_path: Path) -> None:
        content = self.content(cluster)
        (tmp_path / "token").write_text(content["users"][0]["user"].pop("token"))
        content["users"][0]["user"]["tokenFile"] = "token"

        assert len(listing(self.connection(tmp_path, content), "pods").items) == 1

    @pytest.mark.parametrize(
        ("section", "key", "field"), [("clusters", "cluster", "certificate-authority"), ("users", "user", "tokenFile")]
    )
    def test_a_file_that_is_not_there_is_named(self, cluster: SmallCluster, tmp_path: Path, section: str, key: str, field: str) -> None:
        content = self.content(cluster)
        content[section][0][key].pop("token", None)
        content[section][0][key][field] = "absent.pem"

        with pytest.raises(CouldNotLook, match=rf"names a {field} that cannot be read: {tmp_path}/absent\.pem"):
            listing(self.connection(tmp_path, content), "pods")

    def test_a_plugin_named_by_a_relative_path_lies_beside_the_kubeconfig(self, cluster: SmallCluster, tmp_path: Path) -> None:
        content, command = self.content(cluster), tmp_path / "bin" / "login"
        status = {"token": content["users"][0]["user"]["token"]}
        answer = json.dumps({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status})
        command.parent.mkdir()
        command.write_text(f"#!/bin/sh\necho '{answer}'\n")
        command.chmod(0o755)
        plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": "./bin/login", "args": ["token"], "env": None}
        content["users"][0]["user"] = {"exec": plugin | {"interactiveMode": "IfAvailable", "provideClusterInfo": True}}

        assert len(listing(self.connection(tmp_path, content, allow={"commands": [str(command)]}), "pods").items) == 1

    def test_an_impersonation_is_refused_and_not_left_out(self, cluster: SmallCluster, tmp_path: Path) -> None:
        content = self.content(cluster)
        content["users"][0]["user"]["as"] = "system:serviceaccount:muster:muster"

        with pytest.raises(CouldNotLook, match="impersonates another user"):
            listing(self.connection(tmp_path, content), "pods")

    def test_a_kubeconfig_without_current_context_says_so(self, cluster: SmallCluster, tmp_path: Path) -> None:
        content = self.content(cluster) | {"current-context": ""}

        with pytest.raises(CouldNotLook, match="names no current context"):
            listing(self.connection(tmp_path, content), "pods")
        name = content["contexts"][0]["name"]
        assert len(listing(self.connection(tmp_path, content, context=name), "pods").items) == 1

    def test_a_kubeconfig_in_json_is_read(self, cluster: SmallCluster, tmp_path: Path) -> None:
        assert len(listing(self.connection(tmp_path, json.dumps(self.content(cluster), indent=2)), "pods").items) == 1
