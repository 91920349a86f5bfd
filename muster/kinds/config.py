"""Configuration in a cluster: config maps, secrets (never their values), ingresses."""

from typing import Any, ClassVar

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from muster.expectations import Expect, Limit, Many, Name, Off, Severity, Wanted
from muster.kinds.kubernetes import InNamespace
from muster.kinds.logs import AtMost
from muster.units import Duration

NONE = (AtMost.model_construct(at_most=0),)


class Named(InNamespace):
    """An object that an entity is about."""

    object: Name | None = None
    """Its name in the cluster; without it, the entity's."""

    @property
    def object_name(self) -> str:
        """The name in the cluster."""
        return self.object or self.name

    def where(self) -> str:
        return f"{self.object_name}, {super().where()}"


class ConfigMapExpect(Expect):
    """What a config map holds."""

    missing_keys: Wanted[AtMost] | None = NONE
    """How many of `keys` are missing or empty; without `keys`, how many of those it has are empty."""
    wrong_values: Wanted[AtMost] | None = None
    """How many of `values` are not as declared, at most; 0 where `values` are declared and nothing else is said."""


class ConfigMap(Named):
    """A config map."""

    section: ClassVar[str] = "config_maps"
    fixture: ClassVar[str] = "config_map"
    severities: ClassVar[dict[str, Severity]] = {"missing_keys": "P1", "wrong_values": "P1"}

    keys: Many[str] = ()
    """Keys that must be there and not be empty."""
    values: dict[str, str] = Field(default_factory=dict)
    """Values that keys must have: `{MAINTENANCE_MODE: "false"}`. What differs shows only where it is a switch."""
    numbers: Many[str] = ()
    """Keys whose values are told where they are plain numbers, such as a pool's size; no other value ever is."""
    expect: ConfigMapExpect = ConfigMapExpect.model_construct()

    @model_validator(mode="before")
    @classmethod
    def _values_mean_none_wrong(cls, value: Any) -> Any:
        if isinstance(value, dict) and value.get("values") and isinstance(value.get("expect", {}), dict):
            return value | {"expect": {"wrong_values": 0} | value.get("expect", {})}
        return value

    @model_validator(mode="after")
    def _wrong_values_need_values(self) -> "ConfigMap":
        if not self.values and self.expect.wrong_values is not None and not isinstance(self.expect.wrong_values, Off):
            raise PydanticCustomError("values", "wrong_values needs values: which value should which key have?")
        return self


class SecretExpect(Expect):
    """What a secret holds and who uses it. Of values only the length is ever kept."""

    missing_keys: Wanted[AtMost] | None = NONE
    """How many of `keys` are missing or empty; without `keys`, how many of those it has are empty."""
    type: Wanted[Limit[str]] | None = None
    """Type of the secret, such as `Opaque` or `kubernetes.io/tls`."""
    unreferenced: Wanted[AtMost] | None = None
    """How many of these exist and no workload or ingress refers to them: the secret, and its `successors`."""
    certificate_valid_for: Wanted[Limit[Duration]] | None = None
    """Of a kubernetes.io/tls secret: what is left of the certificate of its chain that ends first."""
    key_matches: Wanted[Limit[bool]] | None = None
    """Of a kubernetes.io/tls secret: the private key belongs to the certificate."""


class StoredSecret(Named):
    """A secret, which the connection must name under `allow: {secrets: [...]}`."""

    section: ClassVar[str] = "secrets"
    fixture: ClassVar[str] = "secret"
    severities: ClassVar[dict[str, Severity]] = {
        "missing_keys": "P0",
        "type": "P0",
        "unreferenced": "P1",
        "certificate_valid_for": "P0",
        "key_matches": "P0",
    }

    keys: Many[str] = ()
    """Keys that must be there and not be empty."""
    successors: Many[Name] = ()
    """Names under which a new version of it is created before workloads refer to it; without any, `NAME-new`."""
    expect: SecretExpect = SecretExpect.model_construct()

    def family(self) -> tuple[str, ...]:
        """Its own name and those of its successors."""
        return (self.object_name, *(self.successors or (f"{self.object_name}-new",)))


class IngressExpect(Expect):
    """What an ingress refers to."""

    missing_hosts: Wanted[AtMost] | None = NONE
    """How many of `hosts` have no rule."""
    missing_backends: Wanted[AtMost] | None = NONE
    """How many of its backends name a service, or a port of it, that does not exist."""
    broken_tls: Wanted[AtMost] | None = NONE
    """How many of its TLS entries name a secret that does not exist or is not of type kubernetes.io/tls, and how many hosts have none."""


class Ingress(Named):
    """An ingress. Its TLS secrets must be named under `allow: {secrets: [...]}` of the connection; only their names are asked for."""

    section: ClassVar[str] = "ingresses"
    fixture: ClassVar[str] = "ingress"
    severities: ClassVar[dict[str, Severity]] = {"missing_hosts": "P1", "missing_backends": "P0", "broken_tls": "P0"}

    hosts: Many[str] = ()
    """Host names that must have a rule."""
    tls_secrets: Many[Name] = ()
    """The secrets that its TLS entries may name; another name is broken, whether or not that secret exists."""
    expect: IngressExpect = IngressExpect.model_construct()
