"""deploy/rbac-readonly.yaml grants exactly what the code reads, and nothing that writes, runs or reveals. See tests/rights too."""

from collections import defaultdict
from itertools import product
from pathlib import Path
from typing import Any

import yaml

from fixtures.kubernetes.resources import POD_METRICS, RESOURCES
from sandbox.worlds.platform_service import world

FILE = Path(__file__).parents[1] / "deploy" / "rbac-readonly.yaml"
DOCUMENTS: list[dict[str, Any]] = [each for each in yaml.safe_load_all(FILE.read_text()) if each]
ROLE = next(each for each in DOCUMENTS if each["kind"] == "ClusterRole")
GRANTED: dict[tuple[str, str], set[str]] = defaultdict(set)
for rule in ROLE["rules"]:
    for key in product(rule["apiGroups"], rule["resources"]):
        GRANTED[key] |= set(rule["verbs"])
# Read by name alone: secrets with a role of their own, kube-system for its uid.
APART = {("", "secrets"), ("", "namespaces")}
# What the environments that we bring name under `resources:`.
CUSTOM = {("cert-manager.io", "certificates"), ("cert-manager.io", "certificaterequests")}


def test_every_list_of_the_code_is_granted_and_nothing_else():
    lists = {(each.group, each.plural) for each in [*RESOURCES.values(), POD_METRICS]} - APART

    assert {key for key, verbs in GRANTED.items() if "list" in verbs} == lists | CUSTOM


def test_besides_lists_only_logs_config_maps_and_one_namespace_are_granted():
    others = {key for key, verbs in GRANTED.items() if "get" in verbs}

    assert others == {("", "pods/log"), ("", "configmaps"), ("", "namespaces")}
    assert next(rule for rule in ROLE["rules"] if rule["resources"] == ["namespaces"])["resourceNames"] == ["kube-system"]


def test_no_verb_writes_and_no_wildcard_is_there():
    assert set().union(*GRANTED.values()) == {"get", "list"}
    assert not any("*" in part for key in GRANTED for part in key)


def test_secrets_and_what_reaches_into_pods_are_not_granted():
    granted = {resource for _, resource in GRANTED}

    assert not granted & {
        "secrets",
        "pods/exec",
        "pods/attach",
        "pods/portforward",
        "pods/proxy",
        "nodes/proxy",
        "services/proxy",
        "serviceaccounts/token",
    }


def test_the_account_of_the_sandbox_has_the_rules_of_the_file_and_three_secrets():
    cluster = world(1_800_000_000.0).cluster
    assert cluster is not None
    (rules,) = cluster.tokens.values()

    assert rules[:-1] == ROLE["rules"]
    assert (rules[-1]["resources"], rules[-1]["namespaces"]) == (["secrets"], ["platform"])
    assert len(rules[-1]["resourceNames"]) == 3
