"""Pods as a real API lists them: an application with a proxy beside it, owned by a replica set, about 7.5 kB of JSON each."""

import json
from typing import Any

WHEN = "2026-11-01T08:00:00Z"


def _fields(*names: str) -> dict[str, Any]:
    """A tree of managed fields."""
    return {f"f:{name}": {".": {}, "f:name": {}, "f:value": {}} for name in names}


def _environment(name: str) -> list[dict[str, Any]]:
    plain = [{"name": f"SETTING_{n}", "value": f"value-{n}"} for n in range(6)]
    secret = [{"name": f"PASSWORD_{n}", "valueFrom": {"secretKeyRef": {"name": "app", "key": f"k{n}"}}} for n in range(2)]
    fields = {"POD_NAME": "metadata.name", "POD_IP": "status.podIP", "NODE": "spec.nodeName"}
    return (
        plain
        + secret
        + [
            {"name": f"{name.upper()}_{key}", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": path}}}
            for key, path in fields.items()
        ]
    )


def _container(name: str) -> dict[str, Any]:
    probe = {
        "httpGet": {"path": "/health", "port": "http", "scheme": "HTTP"},
        "periodSeconds": 10,
        "timeoutSeconds": 1,
        "failureThreshold": 3,
    }
    return {
        "name": name, "image": f"registry.example/shop/{name}:1.4.2", "imagePullPolicy": "IfNotPresent", "env": _environment(name),
        "resources": {"limits": {"cpu": "500m", "memory": "256Mi"}, "requests": {"cpu": "100m", "memory": "128Mi"}},
        "ports": [{"containerPort": port, "name": use, "protocol": "TCP"} for port, use in ((8080, "http"), (9090, "metrics"))],
        "livenessProbe": probe, "readinessProbe": probe,
        "securityContext": {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}},
        "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
        "volumeMounts": [
            {"mountPath": "/etc/app", "name": "config"}, {"mountPath": "/tmp", "name": "scratch"},
            {"mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "name": "kube-api-access", "readOnly": True},
        ],
    }  # fmt: skip


def _volumes() -> list[dict[str, Any]]:
    token = {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}}
    authority = {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}}
    namespace = {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}}
    return [
        {"name": "config", "configMap": {"name": "app-config", "defaultMode": 420}}, {"name": "scratch", "emptyDir": {}},
        {"name": "kube-api-access", "projected": {"defaultMode": 420, "sources": [token, authority, namespace]}},
    ]  # fmt: skip


def _status(name: str, number: int, *, ready: bool, restarts: int) -> dict[str, Any]:
    image = f"registry.example/shop/{name}"
    return {
        "name": name, "ready": ready, "started": True, "restartCount": restarts, "state": {"running": {"startedAt": WHEN}}, "lastState": {},
        "image": f"{image}:1.4.2", "imageID": f"{image}@sha256:{number % 3:064x}", "containerID": f"containerd://{number:064x}",
    }  # fmt: skip


def pod(number: int) -> bytes:
    """One pod; one in a thousand is not ready, one in 700 has restarted often."""
    ready, name = number % 1000 != 999, f"shop-{number:06}-7d9f8b6c5-x{number % 97:02}zq"
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": name[:-6], "uid": "u", "controller": True, "blockOwnerDeletion": True}
    managed = [
        {
            "manager": who,
            "operation": "Update",
            "apiVersion": "v1",
            "time": WHEN,
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:spec": _fields(*names)},
        }
        for who, names in (
            ("kube-controller-manager", ("image", "env", "ports", "resources", "volumes")),
            ("kubelet", ("conditions", "podIP")),
        )
    ]
    tolerations = [{"key": f"node.kubernetes.io/{why}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
                   for why in ("not-ready", "unreachable")]  # fmt: skip
    conditions = [
        {"type": kind, "status": "True" if ready or "Ready" not in kind else "False", "lastProbeTime": None, "lastTransitionTime": WHEN}
        for kind in ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
    ]
    made = {
        "metadata": {
            "name": name, "generateName": name[:-5], "namespace": "shop", "uid": f"{number:08x}-0000-4000-8000-000000000000",
            "resourceVersion": str(10**6 + number), "creationTimestamp": WHEN, "ownerReferences": [owner], "managedFields": managed,
            "labels": {"app": "shop", "pod-template-hash": "7d9f8b6c5", "tier": "web", "app.kubernetes.io/name": "shop"},
            "annotations": {"prometheus.io/scrape": "true", "prometheus.io/port": "9090", "checksum/config": f"{number:064x}"},
        },
        "spec": {
            "nodeName": f"node-{number % 200}", "containers": [_container("app"), _container("proxy")], "volumes": _volumes(),
            "restartPolicy": "Always", "terminationGracePeriodSeconds": 30, "dnsPolicy": "ClusterFirst", "serviceAccountName": "shop",
            "serviceAccount": "shop", "schedulerName": "default-scheduler", "priority": 0, "enableServiceLinks": True,
            "preemptionPolicy": "PreemptLowerPriority", "tolerations": tolerations,
            "securityContext": {"runAsNonRoot": True, "fsGroup": 1000},
        },
        "status": {
            "phase": "Running", "hostIP": "10.0.0.1", "hostIPs": [{"ip": "10.0.0.1"}], "podIP": "10.1.0.1", "podIPs": [{"ip": "10.1.0.1"}],
            "startTime": WHEN, "qosClass": "Burstable", "conditions": conditions,
            "containerStatuses": [_status("app", number, ready=ready, restarts=9 if number % 700 == 699 else number % 3),
                                  _status("proxy", number, ready=True, restarts=0)],
        },
    }  # fmt: skip
    return json.dumps(made, separators=(",", ":")).encode()
