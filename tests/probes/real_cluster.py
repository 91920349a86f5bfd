"""A real cluster for the tests of probes, when MUSTER_TEST_KUBECONFIG names one: objects in a namespace of their own, removed at the end.

The identity in that file must be allowed to create and delete a namespace and what is put into it, status included.
"""

import copy
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fixtures import once
from muster.connections import Kubernetes
from sandbox.world import Object
from tests.probes.small_cluster import Probed, SmallCluster

VARIABLE = "MUSTER_TEST_KUBECONFIG"
CLUSTERS = ["sandbox", *(["real"] if os.environ.get(VARIABLE) else [])]
# What a pod needs so that neither scheduler nor kubelet touches it, and its status stays as it was written.
UNTOUCHED = {"schedulerName": "nobody", "terminationGracePeriodSeconds": 0}


class RealCluster(Probed):
    """One namespace of a real cluster, with the interface of a SmallCluster."""

    def __init__(self, path: str, namespace: str) -> None:
        from kubernetes import client, config, dynamic

        self.namespace = namespace
        self.api = client.CoreV1Api(config.new_client_from_config(path))
        self.dynamic = dynamic.DynamicClient(self.api.api_client)
        self.connection = Kubernetes.model_validate({"kubeconfig": path, "namespace": namespace})
        self.made: list[tuple[Any, str]] = []

    def await_account(self) -> None:
        """Wait for the namespace's default service account: until it is there, no pod can be created."""
        ends = time.monotonic() + 60
        while time.monotonic() < ends:
            if any(each.metadata.name == "default" for each in self.api.list_namespaced_service_account(self.namespace).items):
                return
            time.sleep(0.2)
        raise TimeoutError(f"namespace {self.namespace} got no default service account")

    def put(self, objects: list[Object]) -> None:
        """Replace what the namespace holds of earlier tests; forget what was looked at."""
        self.clear()
        for each in objects:
            self._create(copy.deepcopy(each))
        once.forget()

    def _create(self, wanted: Object) -> None:
        resource = self.dynamic.resources.get(api_version=wanted["apiVersion"], kind=wanted["kind"])
        status = wanted.pop("status", None)
        wanted["metadata"] = {"name": wanted["metadata"]["name"], "labels": wanted["metadata"].get("labels")}
        if wanted["kind"] == "Pod":
            wanted["spec"].pop("nodeName", None)
            wanted["spec"] |= UNTOUCHED
        created = resource.create(body=wanted, namespace=self.namespace)
        self.made.append((resource, created.metadata.name))
        if status is not None:
            changed = created.to_dict() | {"status": status}
            resource.status.replace(body=changed, namespace=self.namespace, name=created.metadata.name)

    def apply(self, manifests: list[Object]) -> None:
        """Replace what the namespace holds by these objects, and leave them to the cluster's controllers, scheduler and kubelets."""
        self.clear()
        for each in copy.deepcopy(manifests):
            resource = self.dynamic.resources.get(api_version=each["apiVersion"], kind=each["kind"])
            made = resource.create(body=each, namespace=self.namespace)
            self.made.append((resource, made.metadata.name))
        once.forget()

    def clear(self) -> None:
        """Remove what was put, and wait until the pods are gone, those that controllers made included."""
        for resource, name in self.made:
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
    """A namespace of the cluster that the variable names, deleted at the end."""
    made = RealCluster(os.environ[VARIABLE], f"muster-test-{uuid.uuid4().hex[:8]}")
    made.api.create_namespace({"metadata": {"name": made.namespace}})
    try:
        made.await_account()
        yield made
    finally:
        made.api.delete_namespace(made.namespace)
