"""Samples of the checks on configuration, secrets, ingresses and resource use."""

import math
from collections.abc import Callable

from checks.daily import test_stored_certificates as stored
from checks.daily import test_usage as usage
from checks.gate import test_config as config
from fixtures.kubernetes.configuration import IngressRules, IngressTls, Keys, SecretCertificate, SecretUse
from fixtures.kubernetes.configuration_values import ConfigValues
from fixtures.kubernetes.usage import WorkloadUsage
from muster.amounts import Measured
from muster.units import Counted, Duration, Instant, Percent


def keys(*missing: str, kind: str = "Opaque") -> Keys:
    """Two keys, of which these are missing."""
    return Keys(looked_at=2, of="keys", seen="config map platform-config", type=kind, lengths={"A": 5, "B": 0}, missing=Counted(missing))


def values(*wrong: str) -> ConfigValues:
    """One value that is declared."""
    return ConfigValues(looked_at=1, of="values", wrong=Counted(wrong))


def used(*unreferenced: str) -> SecretUse:
    """A secret that a deployment refers to."""
    return SecretUse(looked_at=1, of="secrets", users=("deployment web",), unreferenced=Counted(unreferenced))


def certificate(days: float, matches: bool = True) -> SecretCertificate:
    """A stored certificate with so many days left."""
    return SecretCertificate(
        looked_at=2, of="certificates", serial="1f", fingerprint="ab", subject="CN=web", valid_for=Duration(days * 86400),
        ends=Instant(1_800_000_000.0), key_matches=matches,
    )  # fmt: skip


def rules(hosts: tuple[str, ...] = (), backends: tuple[str, ...] = ()) -> IngressRules:
    """An ingress that lacks these."""
    return IngressRules(
        looked_at=1, of="backends", hosts=("web.example",), missing_hosts=Counted(hosts), missing_backends=Counted(backends)
    )


def tls(*broken: str) -> IngressTls:
    """An ingress with these troubles."""
    return IngressTls(looked_at=1, of="TLS entries", broken=Counted(broken))


def use(cpu: float = 0.4, memory: float = 0.5) -> WorkloadUsage:
    """Shares of the limits."""
    return WorkloadUsage(
        looked_at=3, of="containers", cpu=Measured(cpu, "percent", "web-a/web"), memory=Measured(memory, "percent", "web-a/web")
    )


Sample = dict[str, object]
SAMPLES: dict[Callable[..., None], tuple[Sample, Sample]] = {
    config.test_config_map_has_its_keys: ({"config_map_keys": keys(), "limit": 0}, {"config_map_keys": keys("B is empty"), "limit": 0}),
    config.test_config_map_has_its_values: (
        {"config_map_values": values(), "limit": 0},
        {"config_map_values": values("MAINTENANCE_MODE is 'true', not 'false'"), "limit": 0},
    ),
    config.test_secret_has_its_keys: ({"secret_keys": keys(), "limit": 0}, {"secret_keys": keys("C is missing"), "limit": 0}),
    config.test_secret_is_of_its_type: (
        {"secret_keys": keys(kind="kubernetes.io/tls"), "limit": "kubernetes.io/tls"},
        {"secret_keys": keys(), "limit": "kubernetes.io/tls"},
    ),
    config.test_new_secret_is_really_used: (
        {"secret_use": used(), "limit": 0},
        {"secret_use": used("web-new: nothing refers to it"), "limit": 0},
    ),
    config.test_ingress_has_a_rule_for_every_host: (
        {"ingress_rules": rules(), "limit": 0},
        {"ingress_rules": rules(hosts=("no rule for host api.example",)), "limit": 0},
    ),
    config.test_ingress_leads_to_services_that_exist: (
        {"ingress_rules": rules(), "limit": 0},
        {"ingress_rules": rules(backends=("no service named web",)), "limit": 0},
    ),
    config.test_ingress_refers_to_a_tls_secret_that_exists: (
        {"ingress_tls": tls(), "limit": 0},
        {"ingress_tls": tls("no secret named tls-crt"), "limit": 0},
    ),
    stored.test_stored_certificate_outlives_its_renewal: (
        {"secret_certificate": certificate(60), "limit": Duration(30 * 86400)},
        {"secret_certificate": certificate(1), "limit": Duration(30 * 86400)},
    ),
    stored.test_stored_key_belongs_to_its_certificate: (
        {"secret_certificate": certificate(60), "limit": True},
        {"secret_certificate": certificate(60, matches=False), "limit": True},
    ),
    usage.test_cpu_stays_below_its_limit: (
        {"workload_usage": use(), "limit": Percent(0.8)},
        {"workload_usage": use(cpu=math.inf), "limit": Percent(0.8)},
    ),
    usage.test_memory_stays_below_its_limit: (
        {"workload_usage": use(), "limit": Percent(0.8)},
        {"workload_usage": use(memory=0.93), "limit": Percent(0.8)},
    ),
}
