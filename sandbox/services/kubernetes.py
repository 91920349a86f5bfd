"""A Kubernetes API server that renders a `Cluster`: it reads, refuses everything else, and remembers what was asked."""

import json
import re
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

from aiohttp.web import BaseRequest, StreamResponse

from sandbox.services import kinds
from sandbox.services.answers import Answer, send, suffer
from sandbox.services.podlogs import log_text
from sandbox.services.rbac import Rule, Wish, access_review, allows, forbidden, rules_review
from sandbox.services.recording import READING, Entry, Recording
from sandbox.services.selection import named
from sandbox.services.statuses import Refusal
from sandbox.services.store import Store
from sandbox.services.troubles import Troubles
from sandbox.world import Cluster, Trouble

CONNECTING = ("exec", "attach", "portforward", "proxy")
REVIEWING = ("authorization.k8s.io", "authentication.k8s.io")
REVIEWS = {
    "selfsubjectaccessreviews": "SelfSubjectAccessReview",
    "selfsubjectrulesreviews": "SelfSubjectRulesReview",
    "selfsubjectreviews": "SelfSubjectReview",
}
PUBLIC = ("/healthz", "/livez", "/readyz", "/version")  # what a cluster tells even those without a token
ANONYMOUS = "system:anonymous"
UNSERVED = Answer(404, b"404 page not found\n", "text/plain; charset=utf-8")  # what no part of the server knows, a group say
METADATA = "as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
WRITING_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@dataclass(frozen=True)
class Target:
    """What a resource path names."""

    group: str
    version: str
    resource: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""


def parse(path: str) -> Target | None:
    """The target of a path below /api/VERSION or /apis/GROUP/VERSION; None for discovery and everything else."""
    parts = path.strip("/").split("/")
    if parts[0] == "api" and len(parts) > 2:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) > 3:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 1:
        namespace = rest[1]
        if len(rest) > 2 and rest[2] not in ("status", "finalize"):
            rest = rest[2:]
    name, subresource = [*rest[1:3], "", ""][:2]
    return Target(group, version, rest[0], namespace, name, subresource)


class KubernetesApi:
    """The API of one cluster; `load` replaces what it renders."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._revision = 1000
        self.load(Cluster(), time.time())

    def load(self, cluster: Cluster, now: float) -> None:
        """Render this cluster from now on; `now` in Unix seconds. ValueError, and nothing changes, if it cannot be."""
        store = Store(cluster.objects, cluster.missing_groups, self._revision + 1, now, cluster.continue_expires)
        self._store = store
        self._revision += 1
        self._cluster = cluster
        self._troubles = Troubles(cluster.trouble)
        namespace = namespace_of(cluster)
        names = {token: f"system:serviceaccount:{namespace}:sandbox-{place}" for place, token in enumerate(cluster.tokens, 1)}
        self._users = names | cluster.users

    async def handle(self, request: BaseRequest) -> StreamResponse:
        """Answer one request, and record it."""
        entry = self._recording.begin("kubernetes", request)
        trouble = self._troubles.meet(request.path) or Trouble()
        await suffer(request, trouble)
        answer = await self._answer(request, trouble, entry)
        entry["status"] = answer.status
        return await send(request, answer, drip=trouble.drip, skew=self._cluster.clock_skew)

    async def _answer(self, request: BaseRequest, trouble: Trouble, entry: Entry) -> Answer:
        try:
            if trouble.status is not None:
                message = trouble.message or "the sandbox's world wants this failure"
                raise Refusal(trouble.status, message, retryAfterSeconds=trouble.retry_after)
            return await self._respond(request, entry)
        except Refusal as refusal:
            return refusal.answer()

    async def _respond(self, request: BaseRequest, entry: Entry) -> Answer:
        path = request.path.rstrip("/") or "/"
        health = path in PUBLIC or path.startswith(tuple(f"{one}/" for one in PUBLIC))
        rules = self._authenticated(request, entry)
        if health and request.method in READING:
            return self._health(path)
        target = parse(request.path)
        if entry["user"] == ANONYMOUS and target is None:
            raise Refusal(403, f'forbidden: User "{ANONYMOUS}" cannot {request.method.lower()} path "{path}"')
        if target is None and request.method in READING:
            return self._discovery(path, request.host)
        if target is None:
            raise Refusal(405, "the sandbox is read-only")
        if target.group in REVIEWING and request.method == "POST":
            entry.update(mutating=False, verb="create", group=target.group, resource=target.resource)
            return _json(await self._review(request, target, rules, str(entry["user"])), 201)
        return self._resource(request, target, rules, entry)

    def _authenticated(self, request: BaseRequest, entry: Entry) -> list[Rule]:
        """The rules of the request's token, whose user is noted; without a token, none. Refusal 401."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            entry["user"] = ANONYMOUS
            return []
        if token not in self._cluster.tokens:
            raise Refusal(401, "Unauthorized")
        entry["user"] = self._users[token]
        return self._cluster.tokens[token]

    def _health(self, path: str) -> Answer:
        if not path.startswith("/version"):
            return Answer(200, b"ok", "text/plain; charset=utf-8")
        number = re.findall(r"[0-9]+", self._cluster.version)
        known = {"goVersion": "go1.23.6", "compiler": "gc", "platform": "linux/amd64", "buildDate": "2025-03-11T19:52:21Z"}
        names = {"gitVersion": self._cluster.version, "gitCommit": "0" * 40, "gitTreeState": "clean"}
        return _json({"major": number[0], "minor": number[1], **names, **known})

    def _discovery(self, path: str, address: str) -> Answer:
        parts = path.strip("/").split("/")
        document: dict[str, Any] | None = None
        if path == "/api":
            document = kinds.core_versions(address)
        elif path == "/apis":
            document = kinds.group_list(self._store.kinds)
        elif parts[0] == "apis" and len(parts) == 2:
            document = kinds.one_group(parts[1], self._store.kinds)
        elif parts[0] in ("api", "apis"):
            document = kinds.resource_list("/".join(parts[1:]), self._store.kinds)
        return UNSERVED if document is None else _json(document)

    def _resource(self, request: BaseRequest, target: Target, rules: list[Rule], entry: Entry) -> Answer:
        query = dict(request.query)
        wish = _wish(request.method, target, query)
        connecting = target.subresource in CONNECTING
        entry["mutating"] = entry["mutating"] or connecting
        entry.update(verb=wish.verb, group=target.group, resource=target.resource, namespace=target.namespace, name=target.name)
        entry["subresource"] = target.subresource
        if not allows(rules, wish):
            details = {"name": wish.name, "group": target.group, "kind": target.resource}
            raise Refusal(403, forbidden(str(entry["user"]), wish), **details)
        kind = self._store.kind(target.group, target.version, target.resource)
        if kind is None and all(each.group != target.group for each in self._store.kinds):
            return UNSERVED
        if kind is None or not _serves(kind, target):
            raise Refusal(404, "the server could not find the requested resource")
        if entry["mutating"]:
            raise Refusal(405, f"the sandbox is read-only and refuses to {wish.verb} {target.resource}")
        if wish.verb == "watch":
            raise Refusal(405, "the sandbox serves no watches")
        return self._read(target, kind, query, request.headers.get("Accept", ""))

    async def _review(self, request: BaseRequest, target: Target, rules: list[Rule], user: str) -> dict[str, Any]:
        try:
            spec = json.loads(await request.read()).get("spec", {})
        except (ValueError, AttributeError) as error:
            raise Refusal(400, f"not a review: {error}") from error
        if self._cluster.reviews_forbidden or user == ANONYMOUS:
            raise Refusal(403, forbidden(user, Wish("create", target.group, target.resource)))
        if target.resource == "selfsubjectaccessreviews":
            status = access_review(rules, spec)
        elif target.resource == "selfsubjectrulesreviews":
            status = rules_review(rules, spec.get("namespace", ""), incomplete=self._cluster.rules_incomplete)
        elif target.resource == "selfsubjectreviews":
            status = {"userInfo": {"username": user, "groups": ["system:authenticated"]}}
        else:
            raise Refusal(405, "the sandbox answers self reviews only")
        head = {"kind": REVIEWS[target.resource], "apiVersion": f"{target.group}/{target.version}", "metadata": {}}
        return {**head, "spec": spec, "status": status}

    def _read(self, target: Target, kind: kinds.Kind, query: dict[str, str], accept: str) -> Answer:
        bare = METADATA in accept
        if "as=" in accept and (target.name or not bare):
            raise Refusal(406, "only the following media types are accepted: application/json")
        if not target.name:
            page = self._store.page(kind, target.namespace, query)
            return Answer(200, _metadata_only(page) if bare else page)
        item = self._store.get(kind, target.namespace, target.name)
        if target.subresource == "log":
            return Answer(200, log_text(item.content, self._cluster.logs, query), "text/plain", streamed=True)
        if target.subresource == "scale":
            return _json(_scale(item.content))
        return _json(item.content)


def _serves(kind: kinds.Kind, target: Target) -> bool:
    """Whether the path is one of this kind: right scope, known subresource."""
    scoped = kind.namespaced or not target.namespace or kind.resource == "namespaces"
    return scoped and (not target.subresource or target.subresource in kind.subresources)


def namespace_of(cluster: Cluster) -> str:
    """The namespace a kubeconfig for this cluster points to."""
    if cluster.namespace is not None:
        return cluster.namespace
    names = [found.get("metadata", {}).get("namespace") for found in cluster.objects]
    known = Counter(name for name in names if name and not name.startswith("kube-"))
    return known.most_common(1)[0][0] if known else "default"


def _wish(method: str, target: Target, query: dict[str, str]) -> Wish:
    name = target.name
    if method in READING:
        verb = "get" if target.name else "watch" if query.get("watch", "").lower() in ("true", "1") else "list"
        # As in Kubernetes, a list of one name may be granted by resourceNames.
        name = name or named(query.get("fieldSelector", "")) or ""
    else:
        verb = WRITING_VERBS.get(method, method.lower())
        verb = "deletecollection" if verb == "delete" and not name else verb
    return Wish(verb, target.group, target.resource, target.subresource, target.namespace, name)


def _metadata_only(page: bytes) -> bytes:
    """A list as PartialObjectMetadataList: nothing but the metadata of its items."""
    content = json.loads(page)
    head = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
    items = [{**head, "metadata": item["metadata"]} for item in content["items"]]
    return json.dumps({**head, "kind": "PartialObjectMetadataList", "metadata": content["metadata"], "items": items}).encode()


def _scale(found: dict[str, Any]) -> dict[str, Any]:
    metadata = {name: found["metadata"][name] for name in ("name", "namespace", "uid", "resourceVersion")}
    replicas = {"replicas": found.get("spec", {}).get("replicas", 0)}
    status = {"replicas": found.get("status", {}).get("replicas", 0)}
    return {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata, "spec": replicas, "status": status}


def _json(document: Any, status: int = 200) -> Answer:
    return Answer(status, json.dumps(document).encode())
