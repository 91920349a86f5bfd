"""Who may do what: RBAC rules of a token, and the self reviews."""

from dataclasses import dataclass
from typing import Any

Rule = dict[str, Any]


@dataclass(frozen=True)
class Wish:
    """What a request wants to do."""

    verb: str
    group: str
    resource: str
    subresource: str = ""
    namespace: str = ""  # "" for the whole cluster
    name: str = ""


def allows(rules: list[Rule], wish: Wish) -> bool:
    """Whether any rule grants the wish. A rule with `namespaces` is a Role there, one without a ClusterRole."""
    return any(_allows(rule, wish) for rule in rules)


def _allows(rule: Rule, wish: Wish) -> bool:
    full = f"{wish.resource}/{wish.subresource}" if wish.subresource else wish.resource
    resources = rule.get("resources", [])
    if "namespaces" in rule and wish.namespace not in rule["namespaces"]:
        return False
    return (
        _has(rule.get("verbs", []), wish.verb)
        and _has(rule.get("apiGroups", []), wish.group)
        and (_has(resources, full) or bool(wish.subresource and f"*/{wish.subresource}" in resources))
        and (not rule.get("resourceNames") or wish.name in rule["resourceNames"])
    )


def _has(granted: list[str], wanted: str) -> bool:
    return "*" in granted or wanted in granted


def forbidden(user: str, wish: Wish) -> str:
    """The message of a 403, as Kubernetes words it."""
    resource = f"{wish.resource}/{wish.subresource}" if wish.subresource else wish.resource
    subject = f"{wish.resource}.{wish.group}" if wish.group else wish.resource
    name = f' "{wish.name}"' if wish.name else ""
    where = f'in the namespace "{wish.namespace}"' if wish.namespace else "at the cluster scope"
    return f'{subject}{name} is forbidden: User "{user}" cannot {wish.verb} resource "{resource}" in API group "{wish.group}" {where}'


def access_review(rules: list[Rule], spec: Rule) -> Rule:
    """The status of a SelfSubjectAccessReview."""
    asked = spec.get("resourceAttributes")
    if asked is None:
        path = spec.get("nonResourceAttributes", {}).get("path", "")
        return {"allowed": path.startswith(("/api", "/healthz", "/livez", "/readyz", "/version", "/openapi"))}
    wish = Wish(
        asked.get("verb", ""),
        asked.get("group", ""),
        asked.get("resource", ""),
        asked.get("subresource", ""),
        asked.get("namespace", ""),
        asked.get("name", ""),
    )
    granted = allows(rules, wish)
    return {"allowed": granted, "reason": "RBAC: allowed by a rule of the sandbox" if granted else ""}


def rules_review(rules: list[Rule], namespace: str, *, incomplete: bool = False) -> Rule:
    """The status of a SelfSubjectRulesReview for one namespace; an incomplete one lists none, as when a webhook decides."""
    valid = [] if incomplete else [rule for rule in rules if namespace in rule.get("namespaces", [namespace])]
    granted = [{part: rule[part] for part in ("verbs", "apiGroups", "resources", "resourceNames") if part in rule} for rule in valid]
    own = {"verbs": ["create"], "apiGroups": ["authorization.k8s.io"], "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"]}
    paths = ["/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/readyz", "/version", "/version/", "/openapi", "/openapi/*"]
    return {"resourceRules": [*granted, own], "nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": paths}], "incomplete": incomplete}
