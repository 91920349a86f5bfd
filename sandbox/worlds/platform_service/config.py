"""platform-service: its ingress, the secret with its certificate, what its containers use; and faults of configuration."""

from typing import Any

from sandbox.world import Cluster, Fault, Object, World
from sandbox.worlds.platform_service.cluster import DAY, SERVICE_PODS, stamp, thing

TLS = "kubernetes.io/tls"
SERVICE, DATABASE = "platform-service", "postgres"


def build(world: World, now: float) -> None:
    """Add this part to the healthy world at Unix time `now` (seconds)."""
    world.cluster = world.cluster or Cluster()
    world.cluster.objects += [_ingress(now), *_usage(now)]
    # Without data: it gets the certificate of the site that is said to be served from it.
    world.cluster.objects.append(thing("v1", "Secret", "tls-cert", now - 40 * DAY, type=TLS))


def _ingress(now: float) -> Object:
    backend = {"service": {"name": SERVICE, "port": {"number": 8080}}}
    rule = {"host": SERVICE, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    spec = {"ingressClassName": "nginx", "tls": [{"hosts": [SERVICE], "secretName": "tls-cert"}], "rules": [rule]}
    return thing(
        "networking.k8s.io/v1",
        "Ingress",
        "platform-ingress",
        now - 40 * DAY,
        spec=spec,
        status={"loadBalancer": {"ingress": [{"ip": "10.1.0.1"}]}},
    )


def _usage(now: float) -> list[Object]:
    """Samples of metrics.k8s.io: CPU in nanocores, memory in KiB, as metrics-server writes them."""
    made = []
    for place, (pod, container) in enumerate([*((pod, SERVICE) for pod in SERVICE_PODS), ("postgres-0", DATABASE)]):
        use = {"cpu": f"{180_000_000 + place * 20_000_000}n", "memory": f"{400_000 + place * 30_000}Ki"}
        sample = thing("metrics.k8s.io/v1beta1", "PodMetrics", pod, now, labels={"app": container})
        made.append(sample | {"timestamp": stamp(now), "window": "15s", "containers": [{"name": container, "usage": use}]})
    return made


def found(world: World, kind: str, name: str) -> Object:
    """An object of the cluster. StopIteration when it is not there."""
    assert world.cluster is not None
    return next(each for each in world.cluster.objects if each["kind"] == kind and each["metadata"]["name"] == name)


def _key_missing(world: World) -> None:
    del found(world, "ConfigMap", "platform-config")["data"]["DATABASE_POOL_SIZE"]


def _maintenance(world: World) -> None:
    found(world, "ConfigMap", "platform-config")["data"]["MAINTENANCE_MODE"] = "true"


def _secret_empty(world: World) -> None:
    found(world, "Secret", "platform-secrets")["data"]["DATABASE_PASSWORD"] = ""


def _secret_not_used(world: World) -> None:
    assert world.cluster is not None
    old = found(world, "Secret", "platform-secrets")
    new: Any = thing("v1", "Secret", "platform-secrets-new", 0.0, type="Opaque", data=old["data"])
    new["metadata"]["creationTimestamp"] = found(world, "PodMetrics", SERVICE_PODS[0])["timestamp"]
    world.cluster.objects.append(new)


def _wrong_type(world: World) -> None:
    found(world, "Secret", "tls-cert")["type"] = "Opaque"


def _typo(world: World) -> None:
    found(world, "Ingress", "platform-ingress")["spec"]["tls"][0]["secretName"] = "tls-crt"


def _no_backend(world: World) -> None:
    path = found(world, "Ingress", "platform-ingress")["spec"]["rules"][0]["http"]["paths"][0]
    path["backend"]["service"]["name"] = "platform-service-v2"


def _other_host(world: World) -> None:
    spec = found(world, "Ingress", "platform-ingress")["spec"]
    spec["rules"][0]["host"] = spec["tls"][0]["hosts"][0] = "platform-servcie"


def _hot(world: World) -> None:
    found(world, "PodMetrics", SERVICE_PODS[1])["containers"][0]["usage"]["cpu"] = "955000000n"


def _leak(world: World) -> None:
    found(world, "PodMetrics", SERVICE_PODS[2])["containers"][0]["usage"]["memory"] = "985000Ki"


def _no_sample(world: World) -> None:
    assert world.cluster is not None
    world.cluster.objects.remove(found(world, "PodMetrics", SERVICE_PODS[0]))


def _no_limit(world: World) -> None:
    del found(world, "Pod", SERVICE_PODS[0])["spec"]["containers"][0]["resources"]["limits"]["cpu"]


def _no_metrics(world: World) -> None:
    assert world.cluster is not None
    world.cluster.missing_groups.append("metrics.k8s.io")


def _forbid_secrets(world: World) -> None:
    assert world.cluster is not None
    tokens = world.cluster.tokens
    for token, rules in tokens.items():
        tokens[token] = [rule for rule in rules if "secrets" not in rule["resources"]]


CPU, MEMORY = (f"test_{name}_stays_below_its_limit[{SERVICE}]" for name in ("cpu", "memory"))
SECRET_KEYS = ("test_secret_has_its_keys[platform-secrets]", "test_secret_has_its_keys[tls-cert]")
BROKEN_TLS = "test_ingress_refers_to_a_tls_secret_that_exists[platform-ingress]"
SERVED = "test_served_certificate_is_the_one_in_the_secret[ingress]"
SECRET_TYPE, SECRET_USED = "test_secret_is_of_its_type[tls-cert]", "test_new_secret_is_really_used[platform-secrets]"
HOSTS, BACKENDS = "test_ingress_has_a_rule_for_every_host[platform-ingress]", "test_ingress_leads_to_services_that_exist[platform-ingress]"
FAULTS: list[Fault] = [
    Fault(
        "config-key-missing", "an edit dropped a key of the config map", _key_missing, ("test_config_map_has_its_keys[platform-config]",)
    ),
    Fault("maintenance-left-on", "the maintenance switch was left on", _maintenance, ("test_config_map_has_its_values[platform-config]",)),
    Fault("secret-key-empty", "the database password in the secret is empty", _secret_empty, (SECRET_KEYS[0],)),
    Fault("secret-not-referenced", "a new secret was created and the deployment still names the old one", _secret_not_used, (SECRET_USED,)),
    Fault("tls-secret-of-wrong-type", "the TLS secret was created again as an ordinary one", _wrong_type, (SECRET_TYPE, BROKEN_TLS)),
    Fault("ingress-secret-typo", "the ingress names a TLS secret that does not exist", _typo, (BROKEN_TLS,)),
    Fault("ingress-backend-missing", "the ingress leads to a service that does not exist", _no_backend, (BACKENDS,)),
    Fault("ingress-host-wrong", "the ingress serves a misspelt host name", _other_host, (HOSTS,)),
    Fault("pod-cpu-hot", "one pod uses nearly all the CPU it may", _hot, (CPU,)),
    Fault("pod-memory-leak", "one pod is near its memory limit", _leak, (MEMORY,)),
    Fault("pod-metrics-missing", "one pod has no sample in the metrics API", _no_sample, (CPU, MEMORY)),
    Fault("pod-without-cpu-limit", "one pod runs without a CPU limit", _no_limit, (CPU,)),
    Fault("metrics-server-down", "the metrics API is not served", _no_metrics, (CPU, MEMORY), "unknown"),
    Fault(
        "secrets-forbidden",
        "we may not read secrets any more",
        _forbid_secrets,
        (*SECRET_KEYS, SECRET_USED, SECRET_TYPE, BROKEN_TLS, SERVED),
        "unknown",
    ),
]
