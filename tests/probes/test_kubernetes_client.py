"""The client: whole lists once per look, every way of not being let in told apart, nothing run and nothing written."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from fixtures import once
from fixtures.kubernetes import client as kubernetes_client
from fixtures.kubernetes.client import ALL, listing, single
from muster.connections import Kubernetes
from muster.probes import CouldNotLook, begin
from sandbox.world import Object, Served, Trouble
from tests.probes.small_cluster import SmallCluster, pod, thing


@pytest.fixture(autouse=True)
def deadline() -> None:
    begin(30)


def refused(cluster: SmallCluster, timeout: float = 30.0, **changed: Any) -> CouldNotLook:
    """What listing pods raises."""
    begin(timeout)
    once.forget()
    with pytest.raises(CouldNotLook) as caught:
        listing(cluster.connection.model_copy(update=changed), "pods")
    return caught.value


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        (Trouble(status=401), "credentials were not accepted (401)"),
        (Trouble(status=403), "not allowed to list pods in namespace shop (403)"),
        (Trouble(status=404), "knows no such kind"),
        (Trouble(status=429, retry_after=3600), "throttling us (429)"),
        (Trouble(status=500, message="etcd is gone"), "server error 500 (etcd is gone)"),
        (Trouble(status=302), "unexpected status 302"),
        (Trouble(reset=True), "broke off the connection"),
    ],
)
def test_each_trouble_has_words_of_its_own(cluster: SmallCluster, trouble: Trouble, words: str) -> None:
    cluster.put([pod("web-a")], trouble=[trouble])

    error = refused(cluster)

    assert words in error.reason
    assert error.cause.startswith("kubernetes https://127.0.0.1:")


def test_a_silent_and_a_dripping_server_cost_the_deadline_only(cluster: SmallCluster) -> None:
    for trouble in (Trouble(hang=True), Trouble(drip=0.3)):
        cluster.put([pod(f"web-{place}") for place in range(30)], trouble=[trouble])
        error = refused(cluster, timeout=1.0)
        assert "deadline" in error.reason


def test_a_server_that_is_not_there_refuses(cluster: SmallCluster) -> None:
    content = yaml.safe_load(Path(str(cluster.running.addresses["kubeconfig"])).read_text())
    content["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:9"
    path = cluster.running.folder / "elsewhere"
    path.write_text(yaml.safe_dump(content))
    cluster.put([])

    assert "refused the connection" in refused(cluster, kubeconfig=str_setting(path)).reason


def str_setting(path: Path) -> Any:
    """A path as a connection holds it."""
    return Kubernetes.model_validate({"kubeconfig": str(path)}).kubeconfig


def test_a_certificate_of_a_foreign_authority_is_a_matter_of_tls(cluster: SmallCluster) -> None:
    cluster.put([], certificate=Served(issuer="foreign"))

    error = refused(cluster)

    assert "TLS with the Kubernetes API failed" in error.reason
    assert "certificate-authority" in error.hint


def test_throttling_is_waited_out_within_the_deadline(cluster: SmallCluster) -> None:
    cluster.put([pod("web-a")], trouble=[Trouble(status=429, retry_after=1, times=1)])

    assert len(listing(cluster.connection, "pods").items) == 1


def test_an_expired_page_token_begins_the_list_again(cluster: SmallCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kubernetes_client, "PAGE", 2)
    cluster.put([pod(f"web-{place}") for place in range(5)], continue_expires=True)

    assert len(listing(cluster.connection, "pods").items) == 5


def test_many_callers_at_once_make_one_list_and_share_its_error(cluster: SmallCluster) -> None:
    cluster.put([pod("web-a")], trouble=[Trouble(path="/api/v1/namespaces/shop/pods", delay=0.2)])
    gate = threading.Barrier(8)

    def ask(_: int) -> int:
        begin(30)
        gate.wait()
        return len(listing(cluster.connection, "pods").items)

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(ask, range(8))) == [1] * 8
    assert len(cluster.running.requests("kubernetes")) == 1

    cluster.put([], trouble=[Trouble(status=500)])
    for _ in range(3):
        with pytest.raises(CouldNotLook):
            listing(cluster.connection, "pods")
    assert len(cluster.running.requests("kubernetes")) == 1


def test_a_new_look_asks_again(cluster: SmallCluster) -> None:
    cluster.put([pod("web-a")])
    listing(cluster.connection, "pods")
    once.forget()
    listing(cluster.connection, "pods")

    assert len(cluster.running.requests("kubernetes")) == 2


def test_all_namespaces_are_one_list(cluster: SmallCluster) -> None:
    other = thing("v1", "Pod", "web-b", spec={"containers": []})
    other["metadata"]["namespace"] = "other"
    cluster.put([pod("web-a"), other])

    assert len(listing(cluster.connection, "pods", ALL).items) == 2
    assert len(listing(cluster.connection, "pods").items) == 1


def test_a_single_object_that_is_not_there_is_none_and_an_unknown_kind_is_not(cluster: SmallCluster) -> None:
    cluster.put([thing("v1", "ConfigMap", "settings", data={"A": "1"})])

    found = single(cluster.connection, "configmaps", "settings")

    assert found is not None
    assert found["data"] == {"A": "1"}
    assert single(cluster.connection, "configmaps", "absent") is None


def test_another_cluster_than_declared_is_refused(cluster: SmallCluster) -> None:
    system: Object = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system", "uid": "this-one"}}
    cluster.put([system, pod("web-a")])

    right = cluster.connection.model_copy(update={"cluster_uid": "this-one"})

    assert len(listing(right, "pods").items) == 1
    assert "another cluster than declared" in refused(cluster, cluster_uid="that-one").reason


def test_ages_mean_nothing_when_the_clocks_disagree(cluster: SmallCluster) -> None:
    cluster.put([pod("web-a")], clock_skew=600.0)
    seen = listing(cluster.connection, "pods")

    with pytest.raises(CouldNotLook, match=r"clock of the Kubernetes API is .* s ahead of ours"):
        seen.age(seen.items[0]["metadata"]["creationTimestamp"])


def test_ages_count_from_the_servers_clock(cluster: SmallCluster) -> None:
    cluster.put([pod("web-a")])
    seen = listing(cluster.connection, "pods")

    assert seen.age(seen.items[0]["metadata"]["creationTimestamp"]) == pytest.approx(86400, abs=120)


def test_only_get_is_ever_sent(cluster: SmallCluster) -> None:
    cluster.put([pod("web-a")])
    listing(cluster.connection, "pods")
    single(cluster.connection, "configmaps", "absent")

    assert {entry["method"] for entry in cluster.running.requests("kubernetes")} == {"GET"}


def test_proxies_of_the_environment_are_left_alone(cluster: SmallCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    cluster.put([pod("web-a")])

    assert len(listing(cluster.connection, "pods").items) == 1


def test_a_server_with_a_token_and_a_ca_needs_no_kubeconfig(cluster: SmallCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster.put([pod("web-a")])
    monkeypatch.setenv("READER", "reader")
    addresses = cluster.running.addresses
    connection = Kubernetes.model_validate(
        {"server": addresses["kubernetes"], "token": "env:READER", "ca": addresses["ca_file"], "namespace": "shop"}
    )

    assert len(listing(connection, "pods").items) == 1


class TestKubeconfig:
    """A kubeconfig is judged before it is loaded."""

    @pytest.fixture
    def content(self, cluster: SmallCluster) -> Object:
        cluster.put([pod("web-a")])
        made: Object = yaml.safe_load(Path(str(cluster.running.addresses["kubeconfig"])).read_text())
        return made

    def reason(self, folder: Path, content: Object | str, **values: Any) -> str:
        path = folder / "kubeconfig"
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        with pytest.raises(CouldNotLook) as caught:
            listing(Kubernetes.model_validate({"kubeconfig": str(path)} | values), "pods")
        return caught.value.reason

    def test_a_credential_plugin_runs_only_when_it_is_allowed(self, content: Object, tmp_path: Path) -> None:
        trace, command = tmp_path / "ran", tmp_path / "plugin"
        token = content["users"][0]["user"]["token"]
        answer = f'{{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {{"token": "{token}"}}}}'
        command.write_text(f"#!/bin/sh\ntouch {trace}\necho '{answer}'\n")
        command.chmod(0o755)
        content["users"][0]["user"] = {
            "exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(command), "interactiveMode": "Never"}
        }

        assert f"wants to run {command}" in self.reason(tmp_path, content)
        assert not trace.exists()

        once.forget()
        allowed = Kubernetes.model_validate({"kubeconfig": str(tmp_path / "kubeconfig"), "allow": {"commands": [str(command)]}})
        assert len(listing(allowed, "pods").items) == 1
        assert trace.exists()

    def test_verification_that_is_switched_off_is_refused(self, content: Object, tmp_path: Path) -> None:
        content["clusters"][0]["cluster"]["insecure-skip-tls-verify"] = True
        assert "skips TLS verification" in self.reason(tmp_path, content)

    def test_a_proxy_is_refused(self, content: Object, tmp_path: Path) -> None:
        content["clusters"][0]["cluster"]["proxy-url"] = "http://127.0.0.1:9"
        assert "proxy" in self.reason(tmp_path, content)

    def test_an_auth_provider_is_refused(self, content: Object, tmp_path: Path) -> None:
        content["users"][0]["user"] = {"auth-provider": {"name": "gcp", "config": {"cmd-path": "/bin/false"}}}
        assert "auth-provider" in self.reason(tmp_path, content)

    def test_plain_http_to_another_machine_is_refused(self, content: Object, tmp_path: Path) -> None:
        content["clusters"][0]["cluster"]["server"] = "http://cluster.example:8080"
        assert "not an https address" in self.reason(tmp_path, content)

    def test_an_unknown_context_lists_those_that_exist(self, content: Object, tmp_path: Path) -> None:
        assert "no context 'other'; it has: " in self.reason(tmp_path, content, context="other")

    def test_a_file_that_is_not_there_is_named(self) -> None:
        with pytest.raises(CouldNotLook, match="cannot read kubeconfig /nowhere/kubeconfig"):
            listing(Kubernetes.model_validate({"kubeconfig": "/nowhere/kubeconfig"}), "pods")

    @pytest.mark.parametrize("text", ["a: &x [1]\nb: *x\n", "a: 1\na: 2\n", "!!python/object/apply:os.system [id]", "a: [\n", "[]"])
    def test_what_is_not_strict_yaml_is_refused_without_quoting_it(self, tmp_path: Path, text: str) -> None:
        reason = self.reason(tmp_path, text)
        assert "strict YAML" in reason or "no mapping" in reason

    def test_a_certificate_authority_beside_the_file_is_found(self, content: Object, tmp_path: Path, cluster: SmallCluster) -> None:
        inner = content["clusters"][0]["cluster"]
        inner.pop("certificate-authority-data", None)
        inner["certificate-authority"] = "ca.pem"
        (tmp_path / "ca.pem").write_bytes(Path(str(cluster.running.addresses["ca_file"])).read_bytes())
        (tmp_path / "kubeconfig").write_text(yaml.safe_dump(content))

        assert len(listing(Kubernetes.model_validate({"kubeconfig": str(tmp_path / "kubeconfig")}), "pods").items) == 1


def test_ten_thousand_pods_stay_light(cluster: SmallCluster) -> None:
    import tracemalloc

    noise = {"volumes": [{"name": "v", "emptyDir": {}}], "affinity": {"nodeAffinity": {"x" * 50: "y" * 2000}}}
    cluster.put([pod(f"web-{place:05}") | {"extra": noise} for place in range(2000)])
    tracemalloc.start()
    kept = listing(cluster.connection, "pods")
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(kept.items) == 2000
    assert size / 2000 < 8000
