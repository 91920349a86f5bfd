"""The kinds the API knows, and the discovery documents that say so."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]
ALL_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]


@dataclass(frozen=True)
class Kind:
    """One kind of object and the resource that serves it."""

    group: str  # "" for the core
    version: str
    resource: str  # plural, as in paths
    kind: str
    namespaced: bool = True
    subresources: tuple[str, ...] = ()

    @property
    def group_version(self) -> str:
        """As in `apiVersion`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """The resource as error messages name it, `deployments.apps` say."""
        return f"{self.resource}.{self.group}" if self.group else self.resource

    @property
    def custom(self) -> bool:
        """Whether a custom resource definition made it; items of its lists then keep their `kind`."""
        return "." in self.group and not self.group.endswith(".k8s.io")


STATUS = ("status",)
SCALED = ("status", "scale")
KINDS = (
    Kind("", "v1", "pods", "Pod", subresources=("status", "log", "exec", "attach", "portforward", "proxy", "eviction")),
    Kind("", "v1", "services", "Service", subresources=("status", "proxy")),
    Kind("", "v1", "endpoints", "Endpoints"),
    Kind("", "v1", "configmaps", "ConfigMap"),
    Kind("", "v1", "secrets", "Secret"),
    Kind("", "v1", "events", "Event"),
    Kind("", "v1", "serviceaccounts", "ServiceAccount"),
    Kind("", "v1", "resourcequotas", "ResourceQuota", subresources=STATUS),
    Kind("", "v1", "limitranges", "LimitRange"),
    Kind("", "v1", "replicationcontrollers", "ReplicationController", subresources=SCALED),
    Kind("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", subresources=STATUS),
    Kind("", "v1", "persistentvolumes", "PersistentVolume", False, STATUS),
    Kind("", "v1", "nodes", "Node", False, ("status", "proxy")),
    Kind("", "v1", "namespaces", "Namespace", False, ("status", "finalize")),
    Kind("apps", "v1", "deployments", "Deployment", subresources=SCALED),
    Kind("apps", "v1", "replicasets", "ReplicaSet", subresources=SCALED),
    Kind("apps", "v1", "statefulsets", "StatefulSet", subresources=SCALED),
    Kind("apps", "v1", "daemonsets", "DaemonSet", subresources=STATUS),
    Kind("apps", "v1", "controllerrevisions", "ControllerRevision"),
    Kind("batch", "v1", "jobs", "Job", subresources=STATUS),
    Kind("batch", "v1", "cronjobs", "CronJob", subresources=STATUS),
    Kind("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", subresources=STATUS),
    Kind("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", subresources=STATUS),
    Kind("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice"),
    Kind("networking.k8s.io", "v1", "ingresses", "Ingress", subresources=STATUS),
    Kind("networking.k8s.io", "v1", "ingressclasses", "IngressClass", False),
    Kind("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy"),
    Kind("storage.k8s.io", "v1", "storageclasses", "StorageClass", False),
    Kind("storage.k8s.io", "v1", "volumeattachments", "VolumeAttachment", False, STATUS),
    Kind("rbac.authorization.k8s.io", "v1", "roles", "Role"),
    Kind("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding"),
    Kind("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", False),
    Kind("rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", False),
    Kind("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", False),
    Kind("coordination.k8s.io", "v1", "leases", "Lease"),
    Kind("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", False, STATUS),
    Kind("metrics.k8s.io", "v1beta1", "pods", "PodMetrics"),
    Kind("metrics.k8s.io", "v1beta1", "nodes", "NodeMetrics", False),
    Kind("cert-manager.io", "v1", "certificates", "Certificate", subresources=STATUS),
    Kind("cert-manager.io", "v1", "certificaterequests", "CertificateRequest", subresources=STATUS),
    Kind("cert-manager.io", "v1", "issuers", "Issuer", subresources=STATUS),
    Kind("cert-manager.io", "v1", "clusterissuers", "ClusterIssuer", False, STATUS),
    Kind("velero.io", "v1", "backups", "Backup"),
    Kind("velero.io", "v1", "schedules", "Schedule"),
    Kind("velero.io", "v1", "backupstoragelocations", "BackupStorageLocation"),
)
REVIEWS = (
    Kind("authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", False),
    Kind("authorization.k8s.io", "v1", "selfsubjectrulesreviews", "SelfSubjectRulesReview", False),
)


def kinds_for(objects: Iterable[Object], missing_groups: list[str]) -> list[Kind]:
    """The kinds an API with these objects serves: the table, less missing groups, plus custom kinds that objects bring.

    A custom kind is named by adding an s. ValueError for a kind that a known group and version lacks.
    """
    table = {(kind.group_version, kind.kind): kind for kind in KINDS if kind.group not in missing_groups}
    known = {kind.group for kind in KINDS}
    for found in objects:
        version, name = str(found.get("apiVersion", "")), str(found.get("kind", ""))
        if (version, name) in table:
            continue
        group, _, short = version.rpartition("/")
        if group in known or "." not in group or not name:
            raise ValueError(f"the sandbox's API serves no {name or 'object without kind'} of {version or 'no apiVersion'}")
        namespaced = "namespace" in found.get("metadata", {})
        table[version, name] = Kind(group, short, f"{name.lower()}s", name, namespaced, STATUS)
    return list(table.values())


def core_versions(address: str) -> Object:
    """The answer of /api."""
    clients = [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}]
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": clients}


def group_list(kinds: list[Kind]) -> Object:
    """The answer of /apis."""
    names = dict.fromkeys(kind.group for kind in [*kinds, *REVIEWS] if kind.group)
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(name, kinds) for name in names]}


def one_group(name: str, kinds: list[Kind]) -> Object | None:
    """The answer of /apis/GROUP; None if there is no such group."""
    if not name or all(kind.group != name for kind in [*kinds, *REVIEWS]):
        return None
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(name, kinds)}


def _group(name: str, kinds: list[Kind]) -> Object:
    versions = dict.fromkeys(kind.version for kind in [*kinds, *REVIEWS] if kind.group == name)
    documents = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": documents, "preferredVersion": documents[0]}


def resource_list(group_version: str, kinds: list[Kind]) -> Object | None:
    """The answer of /api/v1 and /apis/GROUP/VERSION; None if there is no such group and version."""
    resources: list[Object] = []
    for kind in (kind for kind in kinds if kind.group_version == group_version):
        verbs = ["get", "list"] if kind.group == "metrics.k8s.io" else ALL_VERBS
        resources.append(_resource(kind, kind.resource, verbs))
        resources += [_resource(kind, f"{kind.resource}/{part}", ["get"]) for part in kind.subresources]
    resources += [_resource(kind, kind.resource, ["create"]) for kind in REVIEWS if kind.group_version == group_version]
    if not resources:
        return None
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": resources}


def _resource(kind: Kind, name: str, verbs: list[str]) -> Object:
    singular = "" if "/" in name else kind.kind.lower()
    return {"name": name, "singularName": singular, "namespaced": kind.namespaced, "kind": kind.kind, "verbs": verbs}
