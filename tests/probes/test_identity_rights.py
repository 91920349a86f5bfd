"""What a cluster says that our identity may do: every right beyond looking is named, whatever it is called."""

from collections.abc import Iterable
from typing import Any

import pytest

from fixtures.kubernetes.access import QUESTIONS, surplus
from muster.connections import Kubernetes
from muster.guard import IdentityRights
from muster.kinds.identities import OwnIdentity
from muster.probes import CouldNotLook
from sandbox.world import Object
from sandbox.worlds.platform_service.cluster_surroundings import rules
from tests.probes.small_cluster import NAMESPACE, SmallCluster

pytestmark = pytest.mark.usefixtures("new_look")
READING: list[Object] = [{"apiGroups": ["", "apps"], "resources": ["pods", "pods/log", "deployments"], "verbs": ["get", "list", "watch"]}]


def rule(verbs: str, resources: str, group: str = "", **more: Any) -> Object:
    """One RBAC rule."""
    return {"apiGroups": [group], "resources": resources.split(), "verbs": verbs.split(), **more}


def asked(
    cluster: SmallCluster, *rules: Object, allow: dict[str, list[str]] | None = None, namespaces: Iterable[str] = (), **world: Any
) -> IdentityRights:
    """What the probe says of a token with these rules beside ordinary reading ones."""
    cluster.put([], rules=[*READING, *rules], **world)
    cluster.connection = Kubernetes.model_validate({"kubeconfig": cluster.running.addresses["kubeconfig"], "allow": allow or {}})
    identity = OwnIdentity.model_validate({"name": "cluster", "connection": "cluster", "namespaces": list(namespaces)})
    seen = cluster.look("identity_rights", identity)
    assert isinstance(seen, IdentityRights)
    return seen


DANGEROUS = {
    "create pods/exec": rule("create", "pods/exec"),
    "get pods/exec": rule("get", "pods/exec"),
    "get pods/attach": rule("get", "pods/attach"),
    "create pods/portforward": rule("create", "pods/portforward"),
    "get pods/proxy": rule("get", "pods/proxy"),
    "get services/proxy": rule("get", "services/proxy"),
    "get nodes/proxy": rule("get", "nodes/proxy"),
    "get */exec": rule("get", "*/exec"),
    "get pods/*": rule("get", "pods/*"),
    "get virtualmachineinstances.subresources.kubevirt.io/console": rule(
        "get", "virtualmachineinstances/console", "subresources.kubevirt.io"
    ),
    "get secrets": rule("get", "secrets"),
    "list secrets": rule("list", "secrets"),
    "watch secrets": rule("watch", "secrets"),
    "get secrets.*": rule("get", "secrets", "*"),
    "get secrets database": rule("get", "secrets", resourceNames=["database"]),
    "get every resource of the group core": rule("get", "*"),
    "list every resource": rule("list", "*", "*"),
    "every verb on pods": rule("*", "pods"),
    "create pods": rule("create", "pods"),
    "patch deployments.apps": rule("patch", "deployments", "apps"),
    "update deployments.apps/scale": rule("update", "deployments/scale", "apps"),
    "delete jobs.batch": rule("delete", "jobs", "batch"),
    "deletecollection pods": rule("deletecollection", "pods"),
    "update configmaps": rule("update", "configmaps", resourceNames=["platform-config"]),
    "create pods/eviction": rule("create", "pods/eviction"),
    "patch pods/ephemeralcontainers": rule("patch", "pods/ephemeralcontainers"),
    "create serviceaccounts/token": rule("create", "serviceaccounts/token"),
    "impersonate users": rule("impersonate", "users"),
    "escalate clusterroles.rbac.authorization.k8s.io": rule("escalate", "clusterroles", "rbac.authorization.k8s.io"),
    "bind roles.rbac.authorization.k8s.io": rule("bind", "roles", "rbac.authorization.k8s.io"),
    "approve signers.certificates.k8s.io": rule("approve", "signers", "certificates.k8s.io"),
    "create validatingwebhookconfigurations.admissionregistration.k8s.io": rule(
        "create", "validatingwebhookconfigurations", "admissionregistration.k8s.io"
    ),
    "patch nodes/status": rule("patch", "nodes/status"),
    "update certificates.cert-manager.io": rule("update", "certificates", "cert-manager.io"),
    "every verb on every resource": rule("*", "*", "*"),
}


@pytest.mark.parametrize("right", DANGEROUS)
def test_a_right_beyond_looking_is_named(cluster: SmallCluster, right: str) -> None:
    seen = asked(cluster, DANGEROUS[right])

    assert seen.surplus.things == (right,)
    assert right in seen.note
    assert f"system:serviceaccount:{NAMESPACE}:sandbox-1 at https://" in seen.note


@pytest.mark.parametrize("right", [each for each in DANGEROUS if "*" not in each and "secrets " not in each and "every" not in each])
def test_what_is_declared_is_no_surplus_and_nothing_else_is_covered_by_it(cluster: SmallCluster, right: str) -> None:
    seen = asked(cluster, DANGEROUS[right], rule("create", "namespaces"), allow={"rights": [right]})

    assert seen.surplus.things == ("create namespaces",)


def test_looking_is_no_surplus(cluster: SmallCluster) -> None:
    seen = asked(cluster, *rules(), allow={"secrets": ["platform-secrets", "platform-secrets-new", "tls-cert"]}, namespaces=["platform"])

    assert seen.surplus == 0
    assert seen.note == ""
    assert seen.looked_at > len(rules())


def test_several_verbs_on_one_thing_are_one_finding(cluster: SmallCluster) -> None:
    seen = asked(cluster, rule("create delete", "pods"), rule("patch", "pods"))

    assert str(seen.surplus) == "1 (create, delete, patch pods)"


def test_a_role_in_another_namespace_is_seen_where_entities_live_and_in_kube_system(cluster: SmallCluster) -> None:
    for namespace in ("kube-system", "default", "team-b"):
        seen = asked(cluster, rule("create", "pods/exec", namespaces=[namespace]), namespaces=["team-b"])
        assert seen.surplus.things == ("create pods/exec",), namespace


def test_an_incomplete_list_of_rules_is_completed_by_questions(cluster: SmallCluster) -> None:
    granted = [rule("create get", "pods/exec"), rule("list", "secrets"), rule("get", "nodes/proxy"), rule("patch", "deployments", "apps")]

    seen = asked(cluster, *granted, rules_incomplete=True)

    assert seen.surplus.things == ("patch deployments.apps", "get nodes/proxy", "create, get pods/exec", "list secrets")
    assert seen.looked_at >= len(QUESTIONS)


@pytest.mark.parametrize(("verb", "thing"), QUESTIONS)
def test_each_question_of_an_incomplete_list_finds_its_right(cluster: SmallCluster, verb: str, thing: str) -> None:
    plural, _, sub = thing.partition("/")
    plural, _, group = plural.partition(".")
    resource = f"{plural}/{sub}" if sub else plural

    seen = asked(cluster, rule(verb, resource, group), rules_incomplete=True)

    wide = thing == "*.*"
    wanted = f"{'every verb on' if verb == '*' else verb} {'every resource' if wide else thing}"
    assert seen.surplus.things == (wanted,) if not wide or verb == "*" else wanted in str(seen.surplus.things)


def test_nothing_is_found_beyond_an_incomplete_list_for_a_token_that_may_only_look(cluster: SmallCluster) -> None:
    assert asked(cluster, rules_incomplete=True).surplus == 0


def test_a_cluster_that_lets_us_not_ask_is_unknown_and_says_so(cluster: SmallCluster) -> None:
    with pytest.raises(CouldNotLook, match="we are not allowed to ask for our rights in namespace") as caught:
        asked(cluster, reviews_forbidden=True)

    assert caught.value.hint
    assert caught.value.cause.startswith("kubernetes https://")


def test_asking_costs_a_review_for_each_namespace_and_one_for_our_name(cluster: SmallCluster) -> None:
    asked(cluster, namespaces=["team-b", "team-b", NAMESPACE])

    reviews = [each["resource"] for each in cluster.running.requests("kubernetes")]
    assert sorted(reviews) == ["selfsubjectreviews", *["selfsubjectrulesreviews"] * 4]
    assert not any(each["mutating"] for each in cluster.running.requests("kubernetes"))


def test_the_reviews_of_oneself_that_everybody_may_make_are_no_surplus() -> None:
    reviews = rule("create", "selfsubjectaccessreviews selfsubjectrulesreviews", "authorization.k8s.io")

    assert list(surplus(reviews, ())) == []
    assert [str(each) for each in surplus({"nonResourceURLs": ["/*"], "verbs": ["get", "put"]}, ())] == ["put /*"]
