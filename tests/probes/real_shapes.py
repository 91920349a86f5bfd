"""Objects with every field that a Kubernetes 1.32 cluster gives them, as `kubectl get -o json` prints them, for the tests of probes."""

import time
from typing import Any

from sandbox.world import Object
from tests.probes.small_cluster import NAMESPACE, stamp

HOUR = 3600.0
DAY = 86400.0
BACK_OFF = "back-off 5m0s restarting failed container=web pod=web-6d4cf56db6-x2x7k_shop(5d1f0e5c-9f0e-4f0e-8f0e-2b1d6c3c9a11)"
PULLING = 'Back-off pulling image "registry.example/web:1.9.0": ErrImagePull: rpc error: code = NotFound desc = failed to pull and unpack'


def past(seconds: float) -> str:
    """A time so long ago, as the API writes it."""
    return stamp(time.time() - seconds)


def metadata(name: str, age: float = DAY, **more: Any) -> Object:
    """Metadata of a stored object."""
    managed = {"manager": "kube-controller-manager", "operation": "Update", "apiVersion": "v1", "time": past(age), "fieldsType": "FieldsV1"}
    return {
        "name": name,
        "namespace": NAMESPACE,
        "resourceVersion": "8124512",
        "creationTimestamp": past(age),
        "annotations": {"kubectl.kubernetes.io/restartedAt": "2025-03-11T19:52:21+01:00"},
        "managedFields": [managed | {"fieldsV1": {"f:status": {}}, "subresource": "status"}],
    } | more


def running(ago: float = DAY) -> Object:
    """The state of a container that runs."""
    return {"running": {"startedAt": past(ago)}}


def waiting(reason: str, message: str = "") -> Object:
    """The state of a container that waits."""
    return {"waiting": {"reason": reason} | ({"message": message} if message else {})}


def terminated(ago: float, reason: str = "Error", code: int = 1, lasted: float = 5.0) -> Object:
    """The state of a container that ended so long ago, after so many seconds."""
    times = {"startedAt": past(ago + lasted), "finishedAt": past(ago)}
    return {"terminated": {"exitCode": code, "reason": reason, "containerID": "containerd://" + "b" * 64} | times}


def status(name: str, state: Object, *, ready: bool = True, restarts: int = 0, last: Object | None = None) -> Object:
    """The status of a container as a 1.32 kubelet reports it."""
    started = "running" in state
    told = {
        "name": name,
        "image": "registry.example/web:1.8.2",
        "imageID": "registry.example/web@sha256:" + "a" * 64 if started or last else "",
        "ready": ready and started,
        "started": started,
        "restartCount": restarts,
        "state": state,
        "lastState": last or {},
        "volumeMounts": [
            {
                "name": "kube-api-access-8xk2p",
                "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
                "readOnly": True,
                "recursiveReadOnly": "Disabled",
            }
        ],
    }
    return told | ({"containerID": "containerd://" + "c" * 64} if started or last else {})


def asked(name: str, **more: Any) -> Object:
    """A container of a pod's spec."""
    return {
        "name": name,
        "image": "registry.example/web:1.8.2",
        "imagePullPolicy": "IfNotPresent",
        "resources": {"limits": {"memory": "128Mi"}, "requests": {"cpu": "100m", "memory": "64Mi"}},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
    } | more


def condition(kind: str, truth: bool | str = True, ago: float = DAY, reason: str = "", message: str = "") -> Object:
    """A condition of a pod; lastProbeTime is null there, as ever."""
    told = {"type": kind, "status": str(truth), "lastProbeTime": None, "lastTransitionTime": past(ago)}
    return told | ({"reason": reason} if reason else {}) | ({"message": message} if message else {})


def conditions(ready: bool, ago: float = DAY, names: str = "web") -> list[Object]:
    """The five conditions of a pod that runs."""
    why = {} if ready else {"reason": "ContainersNotReady", "message": f"containers with unready status: [{names}]"}
    kinds = ("PodReadyToStartContainers", "Initialized", "PodScheduled")
    return [*(condition(kind) for kind in kinds), condition("Ready", ready, ago, **why), condition("ContainersReady", ready, ago, **why)]


def pod(
    name: str = "web-6d4cf56db6-x2x7k",
    *statuses: Object,
    age: float = DAY,
    phase: str = "Running",
    told: list[Object] | None = None,
    owner: tuple[str, str] = ("ReplicaSet", "web-6d4cf56db6"),
    init: tuple[tuple[Object, Object], ...] = (),
    status_more: Object | None = None,
    **more: Any,
) -> Object:
    """A pod of deployment web; one that runs and is Ready, unless told otherwise."""
    reported = list(statuses) or [status("web", running(age))]
    names = [each["name"] for each in reported]
    ready = all(each["ready"] for each in reported)
    spec = {
        "containers": [asked(each) for each in names],
        "volumes": [
            {"name": "kube-api-access-8xk2p", "projected": {"defaultMode": 420, "sources": [{"configMap": {"name": "kube-root-ca.crt"}}]}}
        ],
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "nodeName": "worker-1",
        "schedulerName": "default-scheduler",
        "preemptionPolicy": "PreemptLowerPriority",
        "priority": 0,
        "enableServiceLinks": True,
    }
    body = {
        "phase": phase,
        "conditions": conditions(ready, 600.0) if told is None else told,
        "hostIP": "10.0.0.7",
        "hostIPs": [{"ip": "10.0.0.7"}],
        "podIP": "10.244.1.8",
        "podIPs": [{"ip": "10.244.1.8"}],
        "startTime": past(age),
        "containerStatuses": reported,
        "qosClass": "Burstable",
    }
    if init:
        spec["initContainers"] = [each for each, _ in init]
        body["initContainerStatuses"] = [each for _, each in init]
    labels = {"app": "web", "app.kubernetes.io/name": "web", "pod-template-hash": "6d4cf56db6"}
    reference = {"apiVersion": "apps/v1", "kind": owner[0], "name": owner[1], "uid": "u-1", "controller": True, "blockOwnerDeletion": True}
    head = metadata(name, age, labels=labels, generateName="web-6d4cf56db6-", ownerReferences=[reference] if owner[0] else [])
    return {"apiVersion": "v1", "kind": "Pod", "metadata": head | more, "spec": spec, "status": body | (status_more or {})}


def gone(made: Object, *keys: str) -> Object:
    """The object without these fields of its status: the API leaves out what is empty."""
    made["status"] = {key: value for key, value in made["status"].items() if key not in keys}
    return made


def deployment(asks: int | None = 3, *, paused: bool = False, told: list[Object] | None = None, **counts: Any) -> Object:
    """Deployment web, complete unless told otherwise; a count of None is left out, as the API does with zero."""
    wanted = 1 if asks is None else asks
    complete = [
        condition("Available", reason="MinimumReplicasAvailable"),
        condition("Progressing", reason="NewReplicaSetAvailable", message='ReplicaSet "web-6d4cf56db6" has successfully progressed.'),
    ]
    numbers = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), wanted or None) | counts
    spec = {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"creationTimestamp": None, "labels": {"app": "web"}}, "spec": {"containers": [asked("web")]}},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}},
        "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600,
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata("web", generation=4, labels={"app": "web"}),
        "spec": spec | ({} if asks is None else {"replicas": asks}) | ({"paused": True} if paused else {}),
        "status": {"observedGeneration": 4, "conditions": complete if told is None else told}
        | {name: count for name, count in numbers.items() if count is not None},
    }
