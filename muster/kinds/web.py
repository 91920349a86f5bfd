"""Endpoints over HTTP, and certificates that are served elsewhere."""

import re
from typing import Annotated, Any, ClassVar, Literal, Self
from urllib.parse import parse_qsl, urlsplit

from pydantic import BeforeValidator, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from muster.connections import Connection, Http, Kubernetes, Postgresql, origin
from muster.expectations import Expect, Limit, Model, Name, Severity, Wanted
from muster.interpolation import filled, names
from muster.kinds.base import Entity
from muster.kinds.reading_limits import one_list
from muster.kinds.web_limits import MONTH, Body, Headers, Named, Refusal, Status, Trusted
from muster.probes import DEFAULT_TIMEOUT, CouldNotLook
from muster.secrets import Setting, learned_header
from muster.units import ByteSize, Duration

_SECRETIVE = re.compile(r"auth|cookie|token|secret|passw|api[-_]?key|signature|credential", re.IGNORECASE)
_ONLY_TLS = ("certificate_valid_for", "certificate_trusted")
_IN_BODY = ("json_", "body", "rows_at_least")
LISTENS = 0.9
"""Share of the deadline for which an answer is waited for; the rest is for saying what was seen."""


class EndpointExpect(Expect):
    """What an endpoint answers; the certificate is expected too, unless the address is plain http."""

    status: Annotated[Wanted[Status] | None, BeforeValidator(one_list)] = (Status.model_construct(limit=(200,)),)
    """Status code of the last answer, after redirects: `200`, or one of several `[200, 204]`."""
    json_: Wanted[Named] | None = Field(default=None, alias="json")
    """Values of a JSON body by path: `{status: healthy, checks[0].ok: true, length(data): {at_least: 1}}`."""
    body: Wanted[Body] | None = None
    """What the body contains, matches or lacks."""
    headers: Wanted[Headers] | None = None
    """Values of headers by name."""
    content_type: Wanted[Limit[str]] | None = None
    """Media type without parameters, such as `application/json`."""
    faster_than: Wanted[Limit[Duration]] | None = None
    """From the question for the address to the last byte of the body, redirects included."""
    rows_at_least: Wanted[Limit[int]] | None = None
    """Rows of a real CSV body below its header."""
    redirects_to: Wanted[Limit[str]] | None = None
    """Where the first answer redirects to: an absolute URL without query."""
    refuses_anonymous: Annotated[Wanted[Refusal] | None, BeforeValidator(one_list)] = None
    """The same request without credentials is refused: `true` for 401 or 403, or the codes."""
    certificate_valid_for: Wanted[Limit[Duration]] | None = (Limit[Duration].model_construct(limit=MONTH),)
    """What is left of the shortest-lived certificate of the chain, at every address behind the name."""
    certificate_trusted: Wanted[Trusted] | None = (Trusted.model_construct(),)
    """Name, chain, key and signature are accepted by a verifying client, at every address behind the name."""


def without(entity: Entity, defaults: tuple[str, ...]) -> Expect:
    """What the entity expects, without these defaults; what the file says itself stays."""
    return entity.expect.model_copy(update={name: None for name in defaults if name not in entity.expect.model_fields_set})


class Endpoint(Entity):
    """An address that answers over HTTP or HTTPS."""

    section: ClassVar[str] = "endpoints"
    fixture: ClassVar[str] = "endpoint"
    connects: ClassVar[tuple[str, ...]] = ("http", "prometheus")
    severities: ClassVar[dict[str, Severity]] = {"status": "P1", "refuses_anonymous": "P0", **dict.fromkeys(_ONLY_TLS, "P0")}

    url: str = Field(min_length=1)
    """`${name}/path`, where name is an http connection that also says who we are; or a whole address, asked anonymously.

    `$$` is a dollar."""
    method: Literal["GET", "HEAD"] = "GET"
    """HEAD asks for no body."""
    headers: dict[str, Setting] = Field(default_factory=dict)
    """Sent along; `env:NAME` is read at the look. They never follow a redirect to another origin."""
    follow_redirects: bool = True
    """Follow at most five, and never with credentials to another origin; else the first answer is the answer."""
    body_limit: ByteSize = ByteSize(2**20)
    """No more of the body is read, compressed or not."""
    expect: EndpointExpect = EndpointExpect.model_construct()

    @field_validator("url")
    @classmethod
    def _address(cls, url: str) -> str:
        named = names(url)
        if url.find("${", 1) > 0 or len(named) > 1:
            raise PydanticCustomError("url", "a connection stands at the start of an address, and there is one: ${name}/path")
        if named and not re.match(r"\$\{[^}]*\}([/?]|$)", url):
            raise PydanticCustomError("url", "after ${name} an address goes on with / or ?")
        parts = urlsplit(filled(url, lambda _: "https://connection"))
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise PydanticCustomError("url", "an address begins with ${name}, http:// or https://")
        if parts.username or parts.password or any(_SECRETIVE.search(name) for name, _ in parse_qsl(parts.query)):
            raise PydanticCustomError("literal_secret", "an address holds no credentials; the connection does, by reference")
        return url

    @field_validator("headers")
    @classmethod
    def _no_literal_secret(cls, headers: dict[str, Setting]) -> dict[str, Setting]:
        for name, value in headers.items():
            if _SECRETIVE.search(name) and not value.startswith("env:"):
                raise PydanticCustomError("literal_secret", "a header that looks like a credential is a reference: env:NAME")
        return headers

    @model_validator(mode="after")
    def _observable(self) -> Self:
        """What is expected can be seen: a body was asked for, and the deadline lies behind the slowest good answer."""
        if self.method == "HEAD" and any(getattr(self.expect, name) for name in _IN_BODY):
            raise PydanticCustomError("head", "HEAD brings no body: json, body and rows_at_least need GET")
        deadline = self.timeout or Duration(DEFAULT_TIMEOUT)
        for limit in self.limits("faster_than"):
            if limit > deadline * LISTENS:
                text = "the look ends after {deadline}: give a timeout of at least {needed}"
                raise PydanticCustomError("deadline", text, {"deadline": str(deadline), "needed": str(Duration(limit / LISTENS))})
        return self

    def sent(self, name: str) -> str:
        """The header as it is in force now. Raises CouldNotLook when it is read from a variable that is not set."""
        value = self.headers[name].resolve()
        return learned_header(value, self.headers[name]) if _SECRETIVE.search(name) else value

    def named(self) -> tuple[str, ...]:
        """The connection at the start of the address."""
        return names(self.url)

    def http(self) -> Http | None:
        """The connection whose credentials and CA apply; None for a whole address."""
        made = self._connections[self.named()[0]] if self.named() else None
        return made if isinstance(made, Http) else None

    def address(self) -> str:
        """The URL in force now. Raises CouldNotLook when it is read from a variable that is not set."""
        return filled(self.url, lambda name: self._connections[name].address())

    def target(self) -> str:
        """`host:port` of the address. Raises CouldNotLook when it is read from a variable that is not set."""
        return origin(self.address())

    def where(self) -> str:
        """Method and address, without query."""
        try:
            return f"{self.method} {self.address().partition('?')[0]}"
        except CouldNotLook:
            return f"{self.method} {self.url.partition('?')[0]}"

    def adapted(self) -> Self:
        """The endpoint without a default certificate where the file itself says plain http."""
        connection = self.http()
        literal = str(connection.url) if connection is not None else self.url
        return self.model_copy(update={"expect": without(self, _ONLY_TLS)}) if literal.startswith("http://") else self

    def limits(self, expectation: str) -> tuple[Any, ...]:
        """The values of all limits of an expectation; empty when there is none."""
        wanted = getattr(self.expect, expectation)
        return tuple(terms.value for terms in wanted) if isinstance(wanted, tuple) else ()


class TlsSecret(Model):
    """The kubernetes.io/tls secret that should be served."""

    connection: Name
    """A kubernetes connection."""
    name: Name
    namespace: Name | None = None
    """Without it the connection's."""


class CertificateExpect(Expect):
    """What a served certificate must be."""

    valid_for: Wanted[Limit[Duration]] | None = (Limit[Duration].model_construct(limit=MONTH),)
    """What is left of the shortest-lived certificate of the chain, at every address behind the name."""
    trusted: Wanted[Trusted] | None = (Trusted.model_construct(),)
    """Name, chain, key and signature are accepted by a verifying client, at every address behind the name."""
    unlike_secret: Wanted[Limit[int]] | None = (Limit[int].model_construct(limit=0),)
    """Addresses that serve another certificate than the one in `secret`."""


class ServedCertificate(Entity):
    """A certificate that is served over TLS, with or without STARTTLS, wherever it is not an endpoint's."""

    section: ClassVar[str] = "certificates"
    fixture: ClassVar[str] = "certificate_entity"
    connects: ClassVar[tuple[str, ...]] = ("http", "prometheus", "postgresql")
    subject: ClassVar[bool] = True
    severities: ClassVar[dict[str, Severity]] = {"valid_for": "P0", "trusted": "P0", "unlike_secret": "P1"}

    connection: Name | None = None
    """Whose address and CA: an http, prometheus or postgresql connection. Or `host` and `port`."""
    host: Setting | None = None
    """Name or address of the server, instead of a connection."""
    port: Setting | Annotated[int, Field(ge=1, le=65535)] | None = None
    """Port of the server; with `host`."""
    ca: Setting | None = None
    """Path of a PEM bundle to verify against, instead of the connection's or the system's."""
    server_name: str | None = None
    """The name asked for (SNI) and verified, when it is not the host."""
    starttls: Literal["postgresql", "smtp"] | None = None
    """What is spoken before TLS begins; a postgresql connection implies postgresql."""
    secret: TlsSecret | None = None
    """Where the same certificate is kept in the cluster."""
    expect: CertificateExpect = CertificateExpect.model_construct()

    @model_validator(mode="after")
    def _one_place(self) -> "ServedCertificate":
        if (self.connection is None) == (self.host is None) or (self.host is None) != (self.port is None):
            raise PydanticCustomError("place", "give a connection, or host and port")
        return self

    def named(self) -> tuple[str, ...]:
        """The connection whose address is meant, when there is one."""
        return (self.connection,) if self.connection is not None else ()

    def also_named(self) -> tuple[tuple[str, str], ...]:
        """The cluster that holds the secret."""
        return ((self.secret.connection, "kubernetes"),) if self.secret else ()

    def where_served(self) -> Connection | None:
        """The connection whose address is meant; None with `host` and `port`."""
        return self._connections[self.connection] if self.connection is not None else None

    def target(self) -> str:
        """`host:port`. Raises CouldNotLook when it is read from a variable that is not set, or is no port."""
        made = self.where_served()
        if made is not None:
            return made.target()
        port = self.port.resolve() if isinstance(self.port, Setting) else str(self.port)
        if not port.isdigit():
            raise CouldNotLook(f"not a port: {port}", cause="configuration")
        return f"{self.host.resolve() if self.host else ''}:{port}"

    def cluster(self) -> Kubernetes | None:
        """The cluster that holds the secret."""
        made = self._connections[self.secret.connection] if self.secret else None
        return made if isinstance(made, Kubernetes) else None

    def speaks(self) -> str:
        """What is spoken before TLS: postgresql, smtp, or nothing."""
        return self.starttls or ("postgresql" if isinstance(self.where_served(), Postgresql) else "")

    def trusts(self) -> str | None:
        """Path of the CA bundle; None for the system's. Raises CouldNotLook when it is read from a variable that is not set."""
        made = self.where_served()
        bundle = self.ca or (made.ca if isinstance(made, Http) else made.sslrootcert if isinstance(made, Postgresql) else None)
        return bundle.resolve() if bundle else None

    def where(self) -> str:
        """Host and port."""
        try:
            return self.target()
        except CouldNotLook:
            return str(self.connection or self.host)

    def adapted(self) -> Self:
        """The place without a comparison where no secret is named."""
        return self if self.secret else self.model_copy(update={"expect": without(self, ("unlike_secret",))})
