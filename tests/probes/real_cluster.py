"""A real cluster for the tests of probes, when MUSTER_TEST_KUBECONFIG names one: objects in a namespace of their own, removed at the end.

The identity in that file must be allowed to create and delete a namespace and what is put into it (status, roles and tokens
included), storage classes and custom resource definitions.
"""

import copy
import os
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fixtures import once
from muster.connections import Kubernetes
from sandbox.world import Object
from tests.probes.small_cluster import Probed, SmallCluster

VARIABLE = "MUSTER_TEST_KUBECONFIG"
CLUSTERS = ["sandbox", *(["real"] if os.environ.get(VARIABLE) else [])]
# What a pod needs so that neither scheduler nor kubelet touches it, and its status stays as it was written.
UNTOUCHED = {"schedulerName": "nobody", "terminationGracePeriodSeconds": 0}
RBAC = "rbac.authorization.k8s.io"


class RealCluster(Probed):
    """One namespace of a real cluster, with the interface of a SmallCluster."""

    def __init__(self, path: str, namespace: str, folder: Path) -> None:
        from kubernetes import client, config, dynamic

        self.namespace = namespace
        self.folder = folder
        self.api = client.CoreV1Api(config.new_client_from_config(path))
        self.dynamic = dynamic.DynamicClient(self.api.api_client)
        self.owner: Object = {"kubeconfig": path, "namespace": namespace}
        self.connection = Kubernetes.model_validate(self.owner)
        self.made: list[tuple[Any, str]] = []

    def await_account(self) -> None:
        """Wait for the namespace's default service account: until it is there, no pod can be created."""
        ends = time.monotonic() + 60
        while time.monotonic() < ends:
            if any(each.metadata.name == "default" for each in self.api.list_namespaced_service_account(self.namespace).items):
                return
            time.sleep(0.2)
        raise TimeoutError(f"namespace {self.namespace} got no default service account")

    def put(self, objects: list[Object], *, rules: list[Object] | None = None, allow: tuple[str, ...] = ()) -> None:
        """Replace what the namespace holds of earlier tests; look at it with these rules, or with all rights; forget what was looked at."""
        self.clear()
        for each in objects:
            self._create(copy.deepcopy(each))
        identity = self.owner if rules is None else self._reader(rules)
        self.connection = Kubernetes.model_validate(identity | {"allow": {"secrets": allow}})
        once.forget()

    def _create(self, wanted: Object) -> None:
        status = wanted.pop("status", None)
        wanted["metadata"] = {"name": wanted["metadata"]["name"], "labels": wanted["metadata"].get("labels")}
        if wanted["kind"] == "Pod":
            wanted["spec"].pop("nodeName", None)
            wanted["spec"] |= UNTOUCHED
        resource, created = self._make(wanted)
        if status is not None:
            changed = created.to_dict() | {"status": status}
            resource.status.replace(body=changed, namespace=self.namespace, name=created.metadata.name)

    def _make(self, wanted: Object) -> tuple[Any, Any]:
        """Create an object, and remember to remove it. A kind that was defined just now is waited for."""
        from kubernetes.client.exceptions import ApiException
        from kubernetes.dynamic.exceptions import ResourceNotFoundError

        ends = time.monotonic() + 60
        while True:
            try:
                resource = self.dynamic.resources.get(api_version=wanted["apiVersion"], kind=wanted["kind"])
                created = resource.create(body=wanted, namespace=self.namespace)
            except (ResourceNotFoundError, ApiException) as error:
                if getattr(error, "status", 404) != 404 or time.monotonic() > ends:
                    raise
                time.sleep(0.5)
                self.dynamic.resources.invalidate_cache()
            else:
                self.made.append((resource, created.metadata.name))
                return resource, created

    def _reader(self, rules: list[Object]) -> Object:
        """A service account with these rules in the namespace, as a connection reaches the cluster with its token."""
        role = {"apiVersion": f"{RBAC}/v1", "kind": "Role", "metadata": {"name": "reader"}, "rules": rules}
        given = {"apiGroup": RBAC, "kind": "Role", "name": "reader"}
        whom = {"kind": "ServiceAccount", "name": "reader", "namespace": self.namespace}
        for each in (
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "reader"}},
            role,
            role | {"kind": "RoleBinding", "roleRef": given, "subjects": [whom], "rules": None},
        ):
            self._make({name: part for name, part in each.items() if part is not None})
        (self.folder / "token").write_text(
            self.api.create_namespaced_service_account_token("reader", self.namespace, {"spec": {}}).status.token
        )
        here = self.api.api_client.configuration
        return {"server": here.host, "ca": here.ssl_ca_cert, "token": f"file:{self.folder / 'token'}", "namespace": self.namespace}

    def apply(self, manifests: list[Object]) -> None:
        """Replace what the namespace holds by these objects, and leave them to the cluster's controllers, scheduler and kubelets."""
        self.clear()
        for each in copy.deepcopy(manifests):
            self._make(each)
        self.connection = Kubernetes.model_validate(self.owner)
        once.forget()

    def clear(self) -> None:
        """Remove what was put, and wait until the pods are gone, those that controllers made included."""
        for resource, name in reversed(self.made):
            # A job would leave its pods behind unless it is told otherwise.
            resource.delete(name=name, namespace=self.namespace, body={"propagationPolicy": "Background", "gracePeriodSeconds": 0})
        made, self.made = self.made, []
        ends = time.monotonic() + 120
        while made and self.api.list_namespaced_pod(self.namespace).items:
            if time.monotonic() > ends:
                raise TimeoutError(f"pods are left in namespace {self.namespace}")
            time.sleep(0.2)


AnyCluster = SmallCluster | RealCluster


@contextmanager
def real_cluster() -> Iterator[RealCluster]:
    """A namespace of the cluster that the variable names, deleted at the end with whatever else was made."""
    with tempfile.TemporaryDirectory() as folder:
        made = RealCluster(os.environ[VARIABLE], f"muster-test-{uuid.uuid4().hex[:8]}", Path(folder))
        made.api.create_namespace({"metadata": {"name": made.namespace}})
        try:
            made.await_account()
            yield made
        finally:
            made.clear()
            made.api.delete_namespace(made.namespace)
