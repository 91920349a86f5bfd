"""The objects of a cluster, ordered and serialized once, however often they are listed."""

import base64
import binascii
import json
import uuid
from bisect import bisect_right
from datetime import UTC, datetime
from typing import Any

from sandbox.services.kinds import Kind, kinds_for
from sandbox.services.selection import Labels, field_tests, label_tests
from sandbox.services.statuses import Refusal

Object = dict[str, Any]
Query = dict[str, str]


class Item:
    """One object, with its JSON as made on first use."""

    def __init__(self, kind: Kind, content: Object) -> None:
        metadata = content["metadata"]
        self.namespace: str = metadata.get("namespace", "") if kind.namespaced else ""
        self.name: str = metadata["name"]
        self.labels: Labels = metadata.get("labels") or {}
        self.content = content
        self._custom = kind.custom
        self._listed: bytes | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What lists are ordered by."""
        return (self.namespace, self.name)

    @property
    def listed(self) -> bytes:
        """The object as an item of a list: like the real server, without kind and apiVersion unless it is custom."""
        if self._listed is None:
            hidden = () if self._custom else ("kind", "apiVersion")
            self._listed = json.dumps({name: part for name, part in self.content.items() if name not in hidden}).encode()
        return self._listed


class Store:
    """All objects of one version of the world."""

    def __init__(self, objects: list[Object], missing_groups: list[str], revision: int, now: float, expires: bool) -> None:
        """`now`: Unix seconds, for objects without a creation time. ValueError for an object no cluster could hold."""
        self.revision = revision
        self._expires = expires
        present = [found for found in objects if str(found.get("apiVersion", "")).rpartition("/")[0] not in missing_groups]
        self.kinds = kinds_for(present, missing_groups)
        by_type = {(kind.group_version, kind.kind): kind for kind in self.kinds}
        created = datetime.fromtimestamp(int(now), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self._items: dict[Kind, dict[tuple[str, str], Item]] = {kind: {} for kind in self.kinds}
        for found in present:
            kind = by_type[found["apiVersion"], found["kind"]]
            item = Item(kind, _completed(found, kind, created))
            if item.key in self._items[kind]:
                raise ValueError(f"two objects {kind.kind} {item.namespace}/{item.name}")
            self._items[kind][item.key] = item
        self._ordered = {kind: [items[key] for key in sorted(items)] for kind, items in self._items.items()}

    def kind(self, group: str, version: str, resource: str) -> Kind | None:
        """The kind a path names; None if the API does not serve it."""
        wanted = (group, version, resource)
        return next((kind for kind in self.kinds if (kind.group, kind.version, kind.resource) == wanted), None)

    def get(self, kind: Kind, namespace: str, name: str) -> Item:
        """One object. Refusal 404 if it does not exist."""
        item = self._items[kind].get((namespace if kind.namespaced else "", name))
        if item is None:
            raise Refusal(404, f'{kind.qualified} "{name}" not found', name=name, group=kind.group, kind=kind.resource)
        return item

    def page(self, kind: Kind, namespace: str, query: Query) -> bytes:
        """A list, or a page of one, as JSON. Refusal 400 for a bad selector, limit or token, 410 for a token that expired."""
        labels = label_tests(query.get("labelSelector", ""))
        fields = field_tests(query.get("fieldSelector", ""), kind)
        limit = _limit(query.get("limit", ""))
        items = self._after(self._ordered[kind], query.get("continue", ""))
        found = [
            item
            for item in items
            if (not namespace or item.namespace == namespace)
            and all(test(item.labels) for test in labels)
            and all(test(item.content) for test in fields)
        ]
        shown = found[:limit] if limit else found
        metadata: Object = {"resourceVersion": str(self.revision)}
        if len(shown) < len(found):
            metadata["continue"] = self._token(shown[-1])
            if not labels and not fields:  # with a selector the real server does not know
                metadata["remainingItemCount"] = len(found) - len(shown)
        head = json.dumps({"kind": f"{kind.kind}List", "apiVersion": kind.group_version, "metadata": metadata})
        return head[:-1].encode() + b', "items": [' + b",".join(item.listed for item in shown) + b"]}"

    def _token(self, last: Item) -> str:
        text = json.dumps({"v": "meta.k8s.io/v1", "rv": self.revision, "start": last.key})
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    def _after(self, items: list[Item], token: str) -> list[Item]:
        if not token:
            return items
        try:
            content = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
            revision, last = content["rv"], tuple(content["start"])
        except (binascii.Error, ValueError, KeyError, TypeError) as error:
            raise Refusal(400, f"continue key is not valid: {error}") from error
        if self._expires or revision != self.revision:
            raise Refusal(410, "The provided continue parameter is too old to display a consistent list result.")
        return items[bisect_right(items, last, key=lambda item: item.key) :]


def _limit(text: str) -> int:
    if text and not text.isdigit():
        raise Refusal(400, f'strconv.ParseInt: parsing "{text}": invalid syntax')
    return int(text or 0)


def _completed(found: Object, kind: Kind, created: str) -> Object:
    """The object with what every stored object has: uid, resourceVersion, creationTimestamp. ValueError without a name."""
    metadata = dict(found.get("metadata") or {})
    if not metadata.get("name") or (kind.namespaced and not metadata.get("namespace")):
        raise ValueError(f"a {kind.kind} without name or namespace: {metadata}")
    identity = f"{kind.qualified}/{metadata.get('namespace', '')}/{metadata['name']}"
    metadata.setdefault("uid", str(uuid.uuid5(uuid.NAMESPACE_URL, identity)))
    metadata.setdefault("resourceVersion", "1")
    metadata.setdefault("creationTimestamp", created)
    return {**found, "metadata": metadata}
