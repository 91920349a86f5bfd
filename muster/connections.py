"""How a source is reached in one environment. One model per kind of source; the file names the kind as the only key.

    connections:
      cluster: {kubernetes: {context: prod-eu-1, namespace: platform}}

Addresses may be `env:NAME`, read at the look; secrets must be references.
"""

from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from muster.expectations import Many, Model, Name
from muster.probes import CouldNotLook
from muster.secrets import SecretRef, Setting


def origin(url: str) -> str:
    """`host:port` of an http or https URL, port filled in. Raises CouldNotLook when it is not one."""
    parts = urlsplit(url)
    port = {"http": 80, "https": 443}.get(parts.scheme)
    if port is None or not parts.hostname:
        raise CouldNotLook(f"not an http or https address: {url}", cause="configuration")
    return f"{parts.hostname}:{parts.port or port}"


class Connection(Model):
    """The base of all connections."""

    kind: ClassVar[str]

    at_once: int = Field(default=10, ge=1, le=1000)
    """Concurrent calls to each target (host and port) of this connection."""

    def address(self) -> str:
        """What `${name}` stands for. Raises CouldNotLook when it is read from a variable that is not set."""
        raise CouldNotLook(f"a {self.kind} connection has no address to put into a URL", cause="configuration")

    def target(self) -> str:
        """The origin that calls are counted against. May raise CouldNotLook."""
        return origin(self.address())


class KubernetesAllow(Model):
    """Rights beyond get, list and watch of ordinary objects."""

    secrets: Many[Name] = ()
    """Names of the secrets of which key names and lengths may be read."""
    commands: Many[str] = ()
    """Absolute paths of credential plugins that a kubeconfig may run."""


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
    allow: KubernetesAllow = KubernetesAllow()

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
        if parts.username or parts.password or parts.query:
            raise PydanticCustomError("literal_secret", "an address holds no user, password or query; use bearer or basic with a reference")
        return url

    def address(self) -> str:
        return self.url.resolve().rstrip("/")


class Prometheus(Http):
    """A Prometheus server's HTTP API."""

    kind: ClassVar[str] = "prometheus"


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

    def port_number(self) -> int:
        """The port. Raises CouldNotLook when the variable it is read from is not set or not a number."""
        text = self.port.resolve() if isinstance(self.port, Setting) else str(self.port)
        if not text.isdigit():
            raise CouldNotLook(f"not a port: {text}", cause="configuration")
        return int(text)

    def target(self) -> str:
        return f"{self.host.resolve()}:{self.port_number()}"


KINDS: tuple[type[Connection], ...] = (Kubernetes, Http, Prometheus, Postgresql)


class Reach(Model):
    """An entry of `connections:`: exactly one key, the kind of the source."""

    kubernetes: Kubernetes | None = None
    http: Http | None = None
    prometheus: Prometheus | None = None
    postgresql: Postgresql | None = None

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
