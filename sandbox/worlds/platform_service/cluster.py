"""platform-service: its cluster."""

import copy
from datetime import UTC, datetime
from typing import Any

from sandbox.world import Cluster, Fault, Object, World
from sandbox.worlds.platform_service import cluster_faults, workload_faults

NAMESPACE = "platform"
TOKEN = "sandbox-reader"  # noqa: S105 - opens the sandbox only
"""Of the read-only service account that the kubeconfig uses."""
SERVICE_PODS = tuple(f"platform-service-7c9d8b6f5-{suffix}" for suffix in ("a2x4k", "b8m2p", "c6t9w"))
NODES = ("node-1", "node-2", "node-3")
DAY = 86400.0
NEW, OLD = "7c9d8b6f5", "5f6b7d8c9"
LABELS = {"platform-service": {"app": "platform-service"}, "postgres": {"app": "postgres"}}
IMAGES = {"platform-service": "registry.example/platform-service:v1.1.0", "postgres": "registry.example/postgres:15.18"}


def stamp(moment: float) -> str:
    """Unix seconds as Kubernetes writes them."""
    return datetime.fromtimestamp(int(moment), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def digest(image: str) -> str:
    """What a node reports for an image that it pulled."""
    from hashlib import sha256

    return f"{image.rpartition(':')[0]}@sha256:{sha256(image.encode()).hexdigest()}"


def thing(
    api: str, kind: str, name: str, created: float, /, namespace: str | None = NAMESPACE, *, labels: Any = None, **parts: Any
) -> Object:
    """One object with its metadata."""
    metadata = {"name": name, "uid": f"uid-{kind.lower()}-{name}", "creationTimestamp": stamp(created), "labels": dict(labels or {})}
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **copy.deepcopy(parts)}


def owned(child: Object, parent: Object) -> Object:
    """The child, controlled by the parent."""
    owner = {
        "apiVersion": parent["apiVersion"],
        "kind": parent["kind"],
        "name": parent["metadata"]["name"],
        "uid": parent["metadata"]["uid"],
    }
    child["metadata"]["ownerReferences"] = [owner | {"controller": True, "blockOwnerDeletion": True}]
    return child


def template(app: str, image: str | None = None) -> Object:
    """The pod template of one of the two workloads."""
    container: Object = {
        "name": app,
        "image": image or IMAGES[app],
        "resources": {"requests": {"cpu": "250m", "memory": "512Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}},
        "envFrom": [{"configMapRef": {"name": "platform-config"}}, {"secretRef": {"name": "platform-secrets"}}],
    }
    return {"metadata": {"labels": dict(LABELS[app])}, "spec": {"containers": [container], "terminationGracePeriodSeconds": 30}}


def condition(kind: str, since: float, value: bool = True, reason: str = "", message: str = "") -> Object:  # noqa: FBT002 - conditions are mostly true
    """One entry of a status' conditions."""
    made = {"type": kind, "status": "True" if value else "False", "lastTransitionTime": stamp(since)}
    return made | ({"reason": reason} if reason else {}) | ({"message": message} if message else {})


def pod(name: str, app: str, node: str, started: float, labels: Any) -> Object:
    """A Running and Ready pod."""
    spec = template(app)["spec"] | {"nodeName": node}
    image = spec["containers"][0]["image"]
    told = {
        "name": app,
        "ready": True,
        "started": True,
        "restartCount": 0,
        "image": image,
        "imageID": digest(image),
        "containerID": f"containerd://{name}",
        "state": {"running": {"startedAt": stamp(started + 2)}},
        "lastState": {},
    }
    kinds = ("PodScheduled", "Initialized", "ContainersReady", "Ready")
    status = {
        "phase": "Running",
        "startTime": stamp(started),
        "podIP": f"10.0.0.{hash_of(name)}",
        "conditions": [condition(kind, started + place) for place, kind in enumerate(kinds)],
        "containerStatuses": [told],
    }
    return thing("v1", "Pod", name, started, labels=labels, spec=spec, status=status)


def hash_of(name: str) -> int:
    """A stable number between 1 and 250 for an address."""
    return sum(name.encode()) % 250 + 1


def controller(kind: str, name: str, created: float, replicas: int, **spec: Any) -> Object:
    """A deployment, replica set or stateful set whose rollout has finished."""
    counts = dict.fromkeys(("replicas", "readyReplicas", "availableReplicas", "updatedReplicas"), replicas)
    app = {"selector": {"matchLabels": LABELS[name]}, "template": template(name)}
    return thing(
        "apps/v1",
        kind,
        name,
        created,
        labels=LABELS[name],
        spec={"replicas": replicas} | app | spec,
        status=counts | {"observedGeneration": 1},
    )


def service_workload(now: float) -> list[Object]:
    """The deployment with its replica sets (the current and an earlier revision) and its three pods."""
    deployment = controller(
        "Deployment", "platform-service", now - 40 * DAY, 3, strategy={"type": "RollingUpdate"}, progressDeadlineSeconds=600
    )
    deployment["metadata"] |= {"generation": 1, "annotations": {"deployment.kubernetes.io/revision": "2"}}
    deployment["status"]["conditions"] = [
        condition("Available", now - 3 * DAY, reason="MinimumReplicasAvailable"),
        condition("Progressing", now - 3 * DAY, reason="NewReplicaSetAvailable"),
    ]
    sets = [_replica_set(deployment, OLD, 0, now - 40 * DAY, "v1.0.0"), _replica_set(deployment, NEW, 3, now - 3 * DAY, "v1.1.0")]
    labels = LABELS["platform-service"] | {"pod-template-hash": NEW}
    pods = [owned(pod(name, "platform-service", NODES[place], now - 3 * DAY, labels), sets[1]) for place, name in enumerate(SERVICE_PODS)]
    return [deployment, *sets, *pods]


def _replica_set(deployment: Object, mark: str, replicas: int, created: float, tag: str) -> Object:
    made = controller("ReplicaSet", "platform-service", created, replicas)
    made["metadata"] |= {
        "name": f"platform-service-{mark}",
        "uid": f"uid-replicaset-{mark}",
        "annotations": {"deployment.kubernetes.io/revision": "1" if mark == OLD else "2"},
    }
    made["metadata"]["labels"]["pod-template-hash"] = mark
    made["spec"]["template"] = template("platform-service", f"registry.example/platform-service:{tag}")
    made["status"].pop("updatedReplicas")
    return owned(made, deployment)


def database_workload(now: float) -> list[Object]:
    """The stateful set of the database, and its pod."""
    made = controller("StatefulSet", "postgres", now - 40 * DAY, 1, serviceName="postgres")
    made["metadata"]["generation"] = 1
    made["status"] |= {"currentRevision": "postgres-1", "updateRevision": "postgres-1", "currentReplicas": 1}
    return [made, owned(pod("postgres-0", "postgres", NODES[0], now - 10 * DAY, LABELS["postgres"]), made)]


def build(world: World, now: float) -> None:
    """Add this part to the healthy world at Unix time `now` (seconds)."""
    from sandbox.worlds.platform_service import cluster_surroundings

    world.cluster = world.cluster or Cluster()
    world.cluster.namespace = NAMESPACE
    world.cluster.tokens[TOKEN] = cluster_surroundings.rules()
    world.cluster.users[TOKEN] = "system:serviceaccount:muster:muster"
    world.cluster.objects += [*service_workload(now), *database_workload(now), *cluster_surroundings.objects(now)]


FAULTS: list[Fault] = [*workload_faults.FAULTS, *cluster_faults.FAULTS]
