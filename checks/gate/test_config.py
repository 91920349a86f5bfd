"""Configuration around a deploy: config maps, secrets and ingresses hold and refer to what they should."""

import pytest

from fixtures.kubernetes.configuration import IngressRules, IngressTls, Keys, SecretUse
from fixtures.kubernetes.configuration_values import ConfigValues


@pytest.mark.gate
@pytest.mark.expects("missing_keys")
def test_config_map_has_its_keys(config_map_keys: Keys, limit: int) -> None:
    """The config map has every key that the application needs, none of them empty.

    Next: kubectl get configmap NAME -o yaml --show-managed-fields; who edited it last?
    """
    assert config_map_keys.missing <= limit


@pytest.mark.gate
@pytest.mark.expects("wrong_values")
def test_config_map_has_its_values(config_map_values: ConfigValues, limit: int) -> None:
    """The config map has the values that are declared: no switch, such as one for maintenance, was left over.

    Next: kubectl get configmap NAME -o yaml --show-managed-fields; who switched it last, and is that work done?
    """
    assert config_map_values.wrong <= limit


@pytest.mark.gate
@pytest.mark.expects("missing_keys")
def test_secret_has_its_keys(secret_keys: Keys, limit: int) -> None:
    """The secret has every key that the application needs, none of them empty.

    Next: kubectl describe secret NAME shows keys and lengths
    """
    assert secret_keys.missing <= limit


@pytest.mark.gate
@pytest.mark.expects("type")
def test_secret_is_of_its_type(secret_keys: Keys, limit: str) -> None:
    """The secret is of the type that its users expect.

    Next: kubectl get secret NAME; a type cannot be changed, the secret must be created again
    """
    assert secret_keys.type == limit


@pytest.mark.gate
@pytest.mark.expects("unreferenced")
def test_new_secret_is_really_used(secret_use: SecretUse, limit: int) -> None:
    """Workloads refer to the secret that was created last.

    Next: kubectl get deployment NAME -o yaml, envFrom and volumes: which secret does it name?
    """
    assert secret_use.unreferenced <= limit


@pytest.mark.gate
@pytest.mark.expects("missing_hosts")
def test_ingress_has_a_rule_for_every_host(ingress_rules: IngressRules, limit: int) -> None:
    """The ingress has a rule for every host name.

    Next: kubectl describe ingress NAME
    """
    assert ingress_rules.missing_hosts <= limit


@pytest.mark.gate
@pytest.mark.expects("missing_backends")
def test_ingress_leads_to_services_that_exist(ingress_rules: IngressRules, limit: int) -> None:
    """Every backend of the ingress is a service, and a port of it, that exist.

    Next: kubectl get services; was one renamed?
    """
    assert ingress_rules.missing_backends <= limit


@pytest.mark.gate
@pytest.mark.expects("broken_tls")
def test_ingress_refers_to_a_tls_secret_that_exists(ingress_tls: IngressTls, limit: int) -> None:
    """Every TLS entry of the ingress names a secret that exists and is of type kubernetes.io/tls.

    Next: kubectl describe ingress NAME; compare secretName with kubectl get secrets --field-selector type=kubernetes.io/tls
    """
    assert ingress_tls.broken <= limit
