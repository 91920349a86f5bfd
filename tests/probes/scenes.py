"""What a cluster makes of a manifest: scenes, which a stand-in shows as they end, and which a real cluster must bring about."""

import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fixtures import once
from muster.probes import CouldNotLook
from sandbox.world import Object
from tests.probes.real_cluster import AnyCluster, RealCluster
from tests.probes.small_cluster import pick

PAUSE = os.environ.get("MUSTER_TEST_PAUSE_IMAGE", "registry.k8s.io/pause:3.10")
SHELL = os.environ.get("MUSTER_TEST_SHELL_IMAGE", "registry.k8s.io/e2e-test-images/busybox:1.29-4")
PATIENCE = 300.0
"""Seconds within which a real cluster must show what it is expected to."""


@dataclass(frozen=True)
class Scene:
    """A manifest, what a cluster makes of it, and what a look must then say."""

    manifests: list[Object]
    shown: list[Object]
    look: Callable[[AnyCluster], Any]
    words: str

    def play(self, cluster: AnyCluster, **values: Any) -> str:
        """What is said in the end of the manifests in this cluster. `values`: more of the stand-in's world."""
        if isinstance(cluster, RealCluster):
            cluster.apply(self.manifests)
        else:
            cluster.put(self.shown, **values)
        return self._told(cluster)

    def _told(self, cluster: AnyCluster) -> str:
        """What a look says; a real cluster is looked at until it says what it must, or patience ends."""
        ends = time.monotonic() + (PATIENCE if isinstance(cluster, RealCluster) else 0.0)
        while True:
            once.forget()
            try:
                text = repr(self.look(cluster))
            except CouldNotLook as error:  # no pod has a log yet, say
                text = error.reason
            if time.monotonic() > ends or re.search(self.words, text, re.DOTALL):
                return text
            time.sleep(1.0)


def through(picker: Any, *probes: str, **others: Any) -> Callable[[AnyCluster], Any]:
    """A look at the namespace through a picker."""
    return lambda cluster: pick(cluster, picker, *probes, **others)


def manifest(image: str = PAUSE, *command: str, spec: Object | None = None, template: Object | None = None, **container: Any) -> Object:
    """Deployment web of one pod, as a user writes it."""
    one = {"name": "web", "image": image, "terminationMessagePolicy": "FallbackToLogsOnError"} | container
    one |= {"command": list(command)} if command else {}
    pods = {"terminationGracePeriodSeconds": 0, "containers": [one]} | (template or {})
    labels = {"metadata": {"labels": {"app": "web"}}}
    body = {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}, "template": labels | {"spec": pods}} | (spec or {})
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": body}
