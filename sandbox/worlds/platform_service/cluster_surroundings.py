"""platform-service: what surrounds its workloads in the cluster, and the rights of the account that looks."""

import base64
import copy
from functools import cache
from pathlib import Path

import yaml

from sandbox.world import Object
from sandbox.worlds.platform_service.cluster import DAY, LABELS, NAMESPACE, NODES, SERVICE_PODS, condition, hash_of, owned, stamp, thing

ROLE = Path(__file__).parents[3] / "deploy" / "rbac-readonly.yaml"


def rules() -> list[Object]:
    """What the account of our checks may do: the rules of the shipped role, and the secrets that the environment names."""
    names = ["platform-secrets", "platform-secrets-new", "tls-cert"]
    secrets = {"apiGroups": [""], "resources": ["secrets"], "resourceNames": names, "verbs": ["get", "list"], "namespaces": [NAMESPACE]}
    return [*copy.deepcopy(_shipped()), secrets]


@cache
def _shipped() -> list[Object]:
    documents = [each for each in yaml.safe_load_all(ROLE.read_text(encoding="utf-8")) if each]
    found: list[Object] = next(each["rules"] for each in documents if each["kind"] == "ClusterRole")
    return found


def objects(now: float) -> list[Object]:
    """Everything but the workloads themselves."""
    made = [
        thing("v1", "Namespace", name, now - 400 * DAY, None, status={"phase": "Active"}) for name in ("default", "kube-system", NAMESPACE)
    ]
    made += [
        *_nodes(now),
        *_limits(now),
        *_network(now),
        *_storage(now),
        *_certificates(now),
        *_configuration(now),
        *_batch(now),
        *_events(now),
    ]
    return made


def _nodes(now: float) -> list[Object]:
    room = {"cpu": "4", "memory": "16Gi", "pods": "110", "ephemeral-storage": "100Gi"}
    pressures = [condition(f"{name}Pressure", now - 90 * DAY, False, f"KubeletHasNo{name}Pressure") for name in ("Memory", "Disk", "PID")]
    status = {
        "capacity": room,
        "allocatable": room | {"cpu": "3800m", "memory": "15Gi"},
        "conditions": [*pressures, condition("Ready", now - 90 * DAY, reason="KubeletReady", message="kubelet is posting ready status")],
        "nodeInfo": {"kubeletVersion": "v1.32.3"},
        "images": [{"names": [f"registry.example/platform-service:{tag}"], "sizeBytes": 180_000_000} for tag in ("v1.1.0", "v1.0.0")],
    }
    return [
        thing("v1", "Node", name, now - 90 * DAY, None, labels={"kubernetes.io/hostname": name}, spec={}, status=status) for name in NODES
    ]


def _limits(now: float) -> list[Object]:
    hard = {"requests.cpu": "8", "requests.memory": "16Gi", "limits.memory": "32Gi", "pods": "20"}
    used = {"requests.cpu": "1", "requests.memory": "2Gi", "limits.memory": "4Gi", "pods": "4"}
    quota = thing("v1", "ResourceQuota", "platform-quota", now - 90 * DAY, spec={"hard": hard}, status={"hard": hard, "used": used})
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "platform-service"}
    resource = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}
    current = {"name": "cpu", "current": {"averageUtilization": 35, "averageValue": "88m"}}
    scaler = thing(
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        "platform-service",
        now - 40 * DAY,
        spec={"scaleTargetRef": target, "minReplicas": 3, "maxReplicas": 10, "metrics": [{"type": "Resource", "resource": resource}]},
        status={
            "currentReplicas": 3,
            "desiredReplicas": 3,
            "currentMetrics": [{"type": "Resource", "resource": current}],
            "conditions": [
                condition("AbleToScale", now - 40 * DAY, reason="ReadyForNewScale", message="recommended size matches current size"),
                condition("ScalingActive", now - 40 * DAY, reason="ValidMetricFound"),
                condition("ScalingLimited", now - 40 * DAY, False, "DesiredWithinRange"),
            ],
        },
    )
    selector = {"matchLabels": LABELS["platform-service"]}
    budget = thing(
        "policy/v1",
        "PodDisruptionBudget",
        "platform-service",
        now - 40 * DAY,
        spec={"minAvailable": 2, "selector": selector},
        status={"disruptionsAllowed": 1, "currentHealthy": 3, "desiredHealthy": 2, "expectedPods": 3},
    )
    return [quota, scaler, budget]


def _network(now: float) -> list[Object]:
    made: list[Object] = []
    for name, port, pods in (("platform-service", 8080, SERVICE_PODS), ("postgres", 5432, ("postgres-0",))):
        spec = {"type": "ClusterIP", "selector": LABELS[name], "ports": [{"port": port}], "clusterIP": f"10.96.0.{hash_of(name)}"}
        made.append(thing("v1", "Service", name, now - 40 * DAY, labels=LABELS[name], spec=spec, status={"loadBalancer": {}}))
        endpoints = [
            {
                "addresses": [f"10.0.0.{hash_of(pod)}"],
                "conditions": {"ready": True, "serving": True, "terminating": False},
                "targetRef": {"kind": "Pod", "name": pod, "namespace": NAMESPACE, "uid": f"uid-pod-{pod}"},
            }
            for pod in pods
        ]
        labels = {"kubernetes.io/service-name": name}
        parts = {"addressType": "IPv4", "ports": [{"port": port, "protocol": "TCP"}], "endpoints": endpoints}
        made.append(thing("discovery.k8s.io/v1", "EndpointSlice", f"{name}-x7k2p", now - 40 * DAY, labels=labels, **parts))
    return made


def _storage(now: float) -> list[Object]:
    standard = {"storageclass.kubernetes.io/is-default-class": "true"}
    made = thing(
        "storage.k8s.io/v1", "StorageClass", "standard", now - 90 * DAY, None, provisioner="csi.example", volumeBindingMode="Immediate"
    )
    made["metadata"]["annotations"] = standard
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "standard",
        "volumeName": "pvc-1",
        "resources": {"requests": {"storage": "20Gi"}},
    }
    claim = thing("v1", "PersistentVolumeClaim", "data-postgres-0", now - 40 * DAY, labels=LABELS["postgres"], spec=spec)
    claim["status"] = {"phase": "Bound", "capacity": {"storage": "20Gi"}, "accessModes": ["ReadWriteOnce"]}
    return [made, claim]


def _certificates(now: float) -> list[Object]:
    issuer = {"name": "letsencrypt", "kind": "ClusterIssuer"}
    certificate = thing(
        "cert-manager.io/v1",
        "Certificate",
        "platform-tls",
        now - 40 * DAY,
        spec={"secretName": "tls-cert", "dnsNames": ["platform-service"], "issuerRef": issuer},
        status={
            "conditions": [condition("Ready", now - 40 * DAY, reason="Ready", message="Certificate is up to date and has not expired")]
        },
    )
    request = thing("cert-manager.io/v1", "CertificateRequest", "platform-tls-1", now - 40 * DAY, spec={"issuerRef": issuer})
    request["status"] = {"conditions": [condition("Approved", now - 40 * DAY), condition("Ready", now - 40 * DAY, reason="Issued")]}
    return [certificate, owned(request, certificate)]


def _configuration(now: float) -> list[Object]:
    values = {"LOG_LEVEL": "info", "CACHE_TTL": "300", "DATABASE_POOL_SIZE": "20", "MAINTENANCE_MODE": "false"}
    config = thing("v1", "ConfigMap", "platform-config", now - 40 * DAY, data=values)
    config["metadata"]["managedFields"] = [
        {"manager": "kubectl-edit", "operation": "Update", "apiVersion": "v1", "time": stamp(now - 6 * DAY)}
    ]
    secret = {
        name: base64.b64encode(value.encode()).decode() for name, value in (("DATABASE_PASSWORD", "sandbox"), ("JWT_SECRET", "sandbox"))
    }
    return [config, thing("v1", "Secret", "platform-secrets", now - 40 * DAY, type="Opaque", data=secret)]


def _batch(now: float) -> list[Object]:
    name, ran = "nightly-report", now - 8 * 3600
    spec = {"schedule": "0 2 * * *", "suspend": False, "jobTemplate": {"spec": {}}}
    cron = thing(
        "batch/v1",
        "CronJob",
        name,
        now - 40 * DAY,
        spec=spec,
        status={"lastScheduleTime": stamp(ran), "lastSuccessfulTime": stamp(ran + 60)},
    )
    job = thing(
        "batch/v1", "Job", f"{name}-29000001", ran, labels={"job": name}, spec={"backoffLimit": 6, "completions": 1, "parallelism": 1}
    )
    job["status"] = {
        "succeeded": 1,
        "startTime": stamp(ran),
        "completionTime": stamp(ran + 60),
        "conditions": [condition("Complete", ran + 60)],
    }
    return [cron, owned(job, cron)]


def _events(now: float) -> list[Object]:
    about = {"kind": "Pod", "name": SERVICE_PODS[0], "namespace": NAMESPACE}
    parts = {
        "involvedObject": about,
        "type": "Normal",
        "reason": "Pulled",
        "message": "Container image already present on machine",
        "count": 1,
    }
    return [
        thing("v1", "Event", f"{SERVICE_PODS[0]}.17f2", now - 600, lastTimestamp=stamp(now - 600), firstTimestamp=stamp(now - 600), **parts)
    ]
