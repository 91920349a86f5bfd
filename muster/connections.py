"""How a source is reached in one environment. One model per kind of source; the file names the kind as the only key.

    connections:
      cluster: {kubernetes: {context: prod-eu-1, namespace: platform}}

Addresses may be `env:NAME`, read at the look; secrets must be references.
"""

from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from muster.connection import Connection, origin
from muster.connection_hosts import Local, Ssh
from muster.connection_redis import Redis
from muster.connection_s3 import S3
from muster.expectations import Many, Model, Name
from muster.probes import CouldNotLook
from muster.secrets import SecretRef, Setting, learned

__all__ = [
    "KINDS",
    "S3",
    "Alertmanager",
    "Basic",
    "ClientCertificate",
    "Connection",
    "Http",
    "Kubernetes",
    "KubernetesAllow",
    "Local",
    "Postgresql",
    "PostgresqlAllow",
    "Prometheus",
    "Reach",
    "Redis",
    "Ssh",
    "origin",
]


def _holds_credentials(url: str) -> bool:
    parts = urlsplit(url)
    return bool(parts.username or parts.password or parts.query)


Right = Annotated[str, Field(min_length=3, max_length=200)]


class KubernetesAllow(Model):
    """Rights beyond get, list and watch of ordinary objects."""

    secrets: Many[Name] = ()
    """Names of the secrets of which key names and lengths may be read."""
    commands: Many[str] = ()
    """Absolute paths of credential plugins that a kubeconfig may run."""
    rights: Many[Right] = ()
    """Further rights that our identity may have, as verb and resource: `create pods/exec`, `patch deployments.apps`."""


class Kubernetes(Connection):
    """A cluster: a context of a kubeconfig, the service account of the pod we run in, or a server with a token."""

    kind: ClassVar[str] = "kubernetes"

    kubeconfig: Setting | None = None
    """Path of the kubeconfig; without it $KUBECONFIG, then ~/.kube/config."""
    context: Setting | None = None
    """Context of the kubeconfig; without it the current one."""
    in_cluster: bool = False
    """Use the service account mounted into this pod."""
    server: Setting | None = None
    """URL of the API server, instead of a kubeconfig; needs `token` and usually `ca`."""
    token: SecretRef | None = None
    ca: Setting | None = None
    """Path of a PEM bundle that signs the API server's certificate."""
    namespace: Setting | None = None
    """Where entities live that name no namespace; without it the context's, then `default`."""
    cluster_uid: str | None = None
    """UID of the namespace kube-system: another cluster than this one makes everything unknown."""
    allow: KubernetesAllow = KubernetesAllow.model_construct()

    @model_validator(mode="after")
    def _one_way(self) -> "Kubernetes":
        ways = [bool(self.kubeconfig or self.context), self.in_cluster, self.server is not None]
        if sum(ways) > 1:
            raise PydanticCustomError("ways", "give a kubeconfig (or context), in_cluster, or server: one of them")
        if self.server is not None and self.token is None:
            raise PydanticCustomError("token", "a server needs a token (env:NAME or file:PATH)")
        return self

    def target(self) -> str:
        """All calls to one cluster share a cap, whichever address the kubeconfig holds."""
        return f"kubernetes {self.server or self.kubeconfig or ''} {self.context or ''}".strip()


class Basic(Model):
    """HTTP basic authentication."""

    user: Setting
    password: SecretRef


class ClientCertificate(Model):
    """A TLS client certificate; paths of PEM files."""

    certificate: Setting
    key: Setting


class Http(Connection):
    """An HTTP origin: its address, whom it is verified against, who we are."""

    kind: ClassVar[str] = "http"

    url: Setting
    """http or https URL without user, password or query."""
    ca: Setting | None = None
    """Path of a PEM bundle that is trusted for this origin alone, instead of the system's."""
    bearer: SecretRef | None = None
    basic: Basic | None = None
    client_certificate: ClientCertificate | None = None

    @field_validator("url")
    @classmethod
    def _plain_url(cls, url: Setting) -> Setting:
        if url.startswith("env:"):
            return url
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise PydanticCustomError("url", "an address begins with http:// or https:// and names a host")
        if _holds_credentials(url):
            raise PydanticCustomError("literal_secret", "an address holds no user, password or query; use bearer or basic with a reference")
        return url

    def address(self) -> str:
        url = self.url.resolve().rstrip("/")
        if _holds_credentials(url):
            learned(url, self.url)
            raise CouldNotLook(
                "an address holds no user, password or query; use bearer or basic with a reference", cause=f"configuration: {self.url}"
            )
        return url


class Prometheus(Http):
    """A Prometheus server's HTTP API."""

    kind: ClassVar[str] = "prometheus"


class Alertmanager(Http):
    """An Alertmanager's HTTP API, which is only read here; what `--push` tells one stands in `push:`."""

    kind: ClassVar[str] = "alertmanager"


class PostgresqlAllow(Model):
    """Rights beyond reading what probes read."""

    rights: Many[Right] = ()
    """As the finding of too many rights words them: `INSERT on table public.heartbeat`, `member of pg_read_all_data`."""


class Postgresql(Connection):
    """A login to a PostgreSQL database. Built from fields, never from a URL, so that no password is in one."""

    kind: ClassVar[str] = "postgresql"

    at_once: int = Field(default=3, ge=1, le=1000)
    """Sessions at once on each server; the monitoring role's CONNECTION LIMIT has to allow them."""
    host: Setting
    port: Setting | int = 5432
    dbname: Setting
    user: Setting
    password: SecretRef | None = None
    """Without it peer or trust authentication; password files and PG variables of the environment take no part."""
    sslmode: Literal["verify-full", "disable"] = "verify-full"
    """`disable` is for a unix socket or loopback; there is no mode that encrypts without verifying."""
    sslrootcert: Setting | None = None
    """Path of a PEM bundle that signs the server's certificate; without it the system's."""
    system_identifier: str | None = None
    """`system_identifier` of pg_control_system(): another server than this one makes everything unknown."""
    role: Literal["primary", "standby", "any"] = "any"
    allow: PostgresqlAllow = PostgresqlAllow.model_construct()

    def port_number(self) -> int:
        """The port. Raises CouldNotLook when the variable it is read from is not set or not a number."""
        text = self.port.resolve() if isinstance(self.port, Setting) else str(self.port)
        if not text.isdigit():
            raise CouldNotLook(f"not a port: {text}", cause="configuration")
        return int(text)

    def target(self) -> str:
        return f"{self.host.resolve()}:{self.port_number()}"


KINDS: tuple[type[Connection], ...] = (Kubernetes, Http, Prometheus, Alertmanager, Postgresql, Redis, S3, Ssh, Local)


class Reach(Model):
    """An entry of `connections:`: exactly one key, the kind of the source."""

    kubernetes: Kubernetes | None = None
    http: Http | None = None
    prometheus: Prometheus | None = None
    alertmanager: Alertmanager | None = None
    postgresql: Postgresql | None = None
    redis: Redis | None = None
    s3: S3 | None = None
    ssh: Ssh | None = None
    local: Local | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_key(cls, value: Any) -> Any:
        if isinstance(value, dict) and len(value) != 1:
            kinds = ", ".join(kind.kind for kind in KINDS)
            raise PydanticCustomError("one_kind", "a connection has exactly one key, its kind: {kinds}", {"kinds": kinds})
        return value

    @property
    def connection(self) -> Connection:
        """The connection itself."""
        for kind in KINDS:
            made: Connection | None = getattr(self, kind.kind)
            if made is not None:
                return made
        raise AssertionError("validated to have one")
