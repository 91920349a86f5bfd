"""Config maps, secrets and ingresses: what is missing is named, what is not allowed is unknown, and no value is ever kept."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import TypeAdapter

from fixtures import once
from fixtures.kubernetes.configuration import Keys, SecretCertificate
from muster.kinds.config import ConfigMap, Ingress, StoredSecret
from muster.probes import CouldNotLook, Nothing
from sandbox.world import Object
from tests.probes.real_cluster import AnyCluster
from tests.probes.small_cluster import READ, SmallCluster, thing

CANARY = "s3cr3t-canary-value"
ALLOWED = ("web-secrets", "web-secrets-new", "web-tls", "web-tsl")


def config_map(*keys: str) -> ConfigMap:
    return ConfigMap.model_validate({"name": "settings", "connection": "cluster", "object": "web-config", "keys": keys})


def secret(name: str = "web-secrets", **values: Any) -> StoredSecret:
    return StoredSecret.model_validate({"name": name, "connection": "cluster", **values})


def ingress(*hosts: str, **values: Any) -> Ingress:
    return Ingress.model_validate({"name": "web", "connection": "cluster", "hosts": hosts, **values})


def stored(name: str, kind: str = "Opaque", **values: str | bytes) -> Object:
    """A secret with these values."""
    data = {
        key.replace("_dot_", "."): base64.b64encode(value.encode() if isinstance(value, str) else value).decode()
        for key, value in values.items()
    }
    return thing("v1", "Secret", name, type=kind, data=data)


def deployment(*names: str) -> Object:
    """A deployment that refers to these secrets, each in another way."""
    ways: list[Object] = [
        {"envFrom": [{"secretRef": {"name": name}}]}
        if place == 0
        else {"env": [{"name": "X", "valueFrom": {"secretKeyRef": {"name": name, "key": "x"}}}]}
        for place, name in enumerate(names)
    ]
    containers = [{"name": f"c{place}", "image": "web:1", **way} for place, way in enumerate(ways)]
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": containers}}
    return thing("apps/v1", "Deployment", "web", spec={"replicas": 0, "selector": {"matchLabels": labels}, "template": template})


def routed(host: str = "web.example", service: str = "web", port: object = 80, tls: str | None = "web-tls") -> Object:
    """An ingress with one rule."""
    backend = {"service": {"name": service, "port": {"number": port} if isinstance(port, int) else {"name": port}}}
    spec: Object = {"rules": [{"host": host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}]}
    if tls is not None:
        spec["tls"] = [{"hosts": [host], "secretName": tls}]
    return thing("networking.k8s.io/v1", "Ingress", "web", spec=spec)


SERVICE = thing("v1", "Service", "web", spec={"ports": [{"name": "http", "port": 80}]})


def pair(days: float, other_key: bool = False) -> dict[str, bytes]:
    """A self-signed certificate and a key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, now, name = (
        ec.generate_private_key(ec.SECP256R1()),
        datetime.now(UTC),
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "web")]),
    )
    made = x509.CertificateBuilder(name, name, key.public_key(), 0xABC, now - timedelta(days=1), now + timedelta(days=days)).sign(
        key, hashes.SHA256()
    )
    kept = ec.generate_private_key(ec.SECP256R1()) if other_key else key
    private = kept.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return {"tls_dot_crt": made.public_bytes(serialization.Encoding.PEM), "tls_dot_key": private}


def test_keys_that_are_missing_or_empty_are_named(any_cluster: AnyCluster) -> None:
    any_cluster.put([thing("v1", "ConfigMap", "web-config", data={"A": "1", "B": "  \n"})])
    seen = any_cluster.look("config_map_keys", config_map("A", "B", "C"))
    assert seen.missing.things == ("B is empty", "C is missing")
    assert any_cluster.look("config_map_keys", config_map("A")).missing == 0
    assert any_cluster.look("config_map_keys", config_map()).missing.things == ("B is empty",)


def test_a_config_map_that_does_not_exist_is_nothing_and_the_others_are_named(any_cluster: AnyCluster) -> None:
    any_cluster.put([thing("v1", "ConfigMap", "web-confg", data={"A": "1"})])
    seen = any_cluster.look("config_map_keys", config_map("A"))
    assert isinstance(seen, Nothing)
    assert seen.note.startswith(f"no config map named web-config in namespace {any_cluster.namespace}; there are ")
    assert seen.note.endswith("web-confg")


def test_a_config_map_without_keys_is_looked_at_zero(any_cluster: AnyCluster) -> None:
    any_cluster.put([thing("v1", "ConfigMap", "web-config")])
    assert any_cluster.look("config_map_keys", config_map()).looked_at == 0


def test_of_a_secret_names_and_lengths_are_kept_and_no_value(any_cluster: AnyCluster) -> None:
    any_cluster.put([stored("web-secrets", PASSWORD=CANARY, TOKEN="", BLANK=" \n")], allow=ALLOWED)
    seen = any_cluster.look("secret_keys", secret(keys=["PASSWORD", "TOKEN", "BLANK", "OTHER"]))
    assert seen.lengths == {"PASSWORD": len(CANARY), "TOKEN": 0, "BLANK": 0}
    assert seen.missing.things == ("TOKEN is empty", "BLANK is empty", "OTHER is missing")
    assert CANARY not in TypeAdapter(Keys).dump_json(seen).decode() + repr(seen)


def test_what_is_remembered_between_probes_holds_no_value(any_cluster: AnyCluster) -> None:
    any_cluster.put([stored("web-secrets", PASSWORD=CANARY)], allow=ALLOWED)
    any_cluster.look("secret_keys", secret())
    remembered = repr([outcome.result() for outcome in once._known.values()])
    assert "PASSWORD" in remembered
    assert CANARY not in remembered
    assert base64.b64encode(CANARY.encode()).decode() not in remembered


def test_a_secret_that_the_environment_does_not_name_is_not_asked_for(cluster: SmallCluster) -> None:
    cluster.put([stored("web-secrets", PASSWORD=CANARY)], allow=("other",))
    for probe in ("secret_keys", "secret_use", "secret_certificate"):
        with pytest.raises(CouldNotLook, match="does not allow a look at secret web-secrets") as caught:
            cluster.look(probe, secret())
        assert "allow: {secrets: [web-secrets]}" in caught.value.hint
    assert cluster.running.requests("kubernetes") == []


def test_a_secret_that_the_role_forbids_is_unknown(any_cluster: AnyCluster) -> None:
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": READ}]
    any_cluster.put([stored("web-secrets", PASSWORD=CANARY)], allow=ALLOWED, rules=rules)
    with pytest.raises(CouldNotLook, match=r"not allowed to get secrets web-secrets in namespace \S+ \(403\)"):
        any_cluster.look("secret_keys", secret())


def test_a_secret_that_does_not_exist_is_nothing(any_cluster: AnyCluster) -> None:
    any_cluster.put([], allow=ALLOWED)
    for probe in ("secret_keys", "secret_use", "secret_certificate"):
        seen = any_cluster.look(probe, secret())
        assert isinstance(seen, Nothing)
        assert seen.note == f"no secret named web-secrets in namespace {any_cluster.namespace}"


NAMED_ONLY = [
    {"apiGroups": [""], "resources": ["secrets"], "verbs": READ, "resourceNames": list(ALLOWED)},
    {"apiGroups": ["apps", "batch", "networking.k8s.io"], "resources": ["*"], "verbs": READ},
    {"apiGroups": [""], "resources": ["services"], "verbs": READ},
]


def test_a_new_secret_that_nothing_refers_to_is_named_and_no_value_travels(cluster: SmallCluster) -> None:
    objects = [stored("web-secrets", A=CANARY), stored("web-secrets-new", A=CANARY), deployment("web-secrets")]
    cluster.put(objects, allow=ALLOWED, rules=NAMED_ONLY)
    seen = cluster.look("secret_use", secret())
    assert seen.users == ("deployment web",)
    assert len(seen.unreferenced.things) == 1
    assert seen.unreferenced.things[0].startswith("web-secrets-new, created ")
    asked = cluster.running.requests("kubernetes", resource="secrets")
    assert asked
    assert all(each["verb"] == "list" for each in asked)


def test_a_rotation_is_complete_when_both_or_the_only_one_are_referred_to(any_cluster: AnyCluster) -> None:
    any_cluster.put(
        [stored("web-secrets", A="1"), stored("web-secrets-new", A="1"), deployment("web-secrets", "web-secrets-new")], allow=ALLOWED
    )
    assert any_cluster.look("secret_use", secret()).unreferenced == 0
    any_cluster.put([stored("web-secrets", A="1"), deployment("other")], allow=ALLOWED)
    assert any_cluster.look("secret_use", secret()).unreferenced == 1


def test_a_stored_certificate_gives_its_serial_its_end_and_whether_the_key_belongs_to_it(any_cluster: AnyCluster) -> None:
    any_cluster.put([stored("web-tls", "kubernetes.io/tls", **pair(20))], allow=ALLOWED)
    seen = any_cluster.look("secret_certificate", secret("web-tls"))
    assert seen.serial.lower().lstrip("0") == "abc"
    assert seen.key_matches
    assert 19 * 86400 < seen.valid_for <= 20 * 86400
    saved = TypeAdapter(SecretCertificate).dump_json(seen)
    assert TypeAdapter(SecretCertificate).validate_json(saved, context="saved") == seen
    any_cluster.put([stored("web-tls", "kubernetes.io/tls", **pair(20, other_key=True))], allow=ALLOWED)
    mixed = any_cluster.look("secret_certificate", secret("web-tls"))
    assert not mixed.key_matches
    assert mixed.note == f"{seen.note.rpartition(' ')[0]} {mixed.ends}; tls.key is another's, or no key"


@pytest.mark.parametrize(
    ("kind", "crt", "why"), [("Opaque", "", "it is of type Opaque"), ("kubernetes.io/tls", "no pem", "no readable certificate")]
)
def test_a_secret_without_a_certificate_is_nothing(any_cluster: AnyCluster, kind: str, crt: str, why: str) -> None:
    any_cluster.put([stored("web-tls", kind, tls_dot_crt=crt, tls_dot_key="x")], allow=ALLOWED)
    seen = any_cluster.look("secret_certificate", secret("web-tls"))
    assert isinstance(seen, Nothing)
    assert why in seen.note


def test_an_ingress_in_order_has_nothing_missing(any_cluster: AnyCluster) -> None:
    any_cluster.put([routed(), SERVICE, stored("web-tls", "kubernetes.io/tls", **pair(20))], allow=ALLOWED, rules=NAMED_ONLY)
    rules, tls = any_cluster.look("ingress_rules", ingress("web.example")), any_cluster.look("ingress_tls", ingress())
    assert (rules.missing_hosts, rules.missing_backends, tls.broken, tls.looked_at) == (0, 0, 0, 1)


def test_a_typo_in_the_name_of_a_tls_secret_is_named(any_cluster: AnyCluster) -> None:
    any_cluster.put([routed(tls="web-tsl"), SERVICE, stored("web-tls", "kubernetes.io/tls", **pair(20))], allow=ALLOWED, rules=NAMED_ONLY)
    assert any_cluster.look("ingress_tls", ingress()).broken.things == ("no secret named web-tsl",)


def test_a_tls_secret_of_another_name_than_declared_is_broken_without_a_right_to_look_at_it(cluster: SmallCluster) -> None:
    cluster.put([routed(tls="web-typo"), SERVICE, stored("web-tls", "kubernetes.io/tls", **pair(20))], allow=ALLOWED, rules=NAMED_ONLY)
    assert cluster.look("ingress_tls", ingress(tls_secrets=["web-tls"])).broken.things == ("it names secret web-typo, declared is web-tls",)
    assert cluster.running.requests("kubernetes", resource="secrets") == []


def test_a_tls_secret_of_another_type_is_named_without_reading_it(cluster: SmallCluster) -> None:
    cluster.put([routed(), SERVICE, stored("web-tls", **pair(20))], allow=ALLOWED, rules=NAMED_ONLY)
    assert cluster.look("ingress_tls", ingress()).broken.things == ("secret web-tls is not of type kubernetes.io/tls",)
    assert all(each["verb"] == "list" for each in cluster.running.requests("kubernetes", resource="secrets"))


def test_a_tls_secret_that_the_environment_does_not_name_is_unknown(any_cluster: AnyCluster) -> None:
    any_cluster.put([routed(), SERVICE, stored("web-tls", "kubernetes.io/tls", **pair(20))])
    with pytest.raises(CouldNotLook, match="does not allow a look at secret web-tls"):
        any_cluster.look("ingress_tls", ingress())


def test_an_ingress_without_tls_is_looked_at_zero(any_cluster: AnyCluster) -> None:
    any_cluster.put([routed(tls=None), SERVICE], allow=ALLOWED)
    seen = any_cluster.look("ingress_tls", ingress())
    assert (seen.looked_at, seen.note) == (0, "ingress web has no TLS entry")


def test_a_host_without_a_tls_entry_is_named(any_cluster: AnyCluster) -> None:
    made = routed()
    made["spec"]["tls"][0]["hosts"] = ["*.example", "other"]
    made["spec"]["rules"].append({"host": "api.other.example"})
    any_cluster.put([made, SERVICE, stored("web-tls", "kubernetes.io/tls", **pair(20))], allow=ALLOWED)
    assert any_cluster.look("ingress_tls", ingress()).broken.things == ("no TLS entry for host api.other.example",)


@pytest.mark.parametrize(
    ("made", "hosts", "backends"),
    [
        (routed(host="wbe.example"), ("no rule for host web.example",), ()),
        (routed(service="web-v2"), (), ("no service named web-v2",)),
        (routed(port=8080), (), ("service web has no port 8080",)),
        (routed(port="http"), (), ()),
    ],
)
def test_hosts_and_backends_that_lead_nowhere_are_named(
    any_cluster: AnyCluster, made: Object, hosts: tuple[str, ...], backends: tuple[str, ...]
) -> None:
    any_cluster.put([made, SERVICE])
    seen = any_cluster.look("ingress_rules", ingress("web.example"))
    assert (seen.missing_hosts.things, seen.missing_backends.things) == (hosts, backends)


def test_an_ingress_that_does_not_exist_is_nothing(any_cluster: AnyCluster) -> None:
    any_cluster.put([SERVICE])
    for probe in ("ingress_rules", "ingress_tls"):
        assert isinstance(any_cluster.look(probe, ingress()), Nothing)
