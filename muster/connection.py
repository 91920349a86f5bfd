"""What all connections have in common; `muster.connections` holds one model for each kind of source."""

from typing import ClassVar
from urllib.parse import urlsplit

from pydantic import Field

from muster.expectations import Model
from muster.probes import CouldNotLook


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
