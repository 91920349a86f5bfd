"""How a Redis server is reached."""

from typing import ClassVar

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from muster.connection import Connection
from muster.probes import CouldNotLook
from muster.secrets import SecretRef, Setting


class Redis(Connection):
    """A login to a Redis server, or to one that speaks its protocol. Built from fields, never from a URL."""

    kind: ClassVar[str] = "redis"

    at_once: int = Field(default=2, ge=1, le=1000)
    """Probes at once; those of one login share its only session all the same."""
    host: Setting
    port: Setting | int = 6379
    user: Setting | None = None
    """User of the ACL; without it `default`, which is all that a server before 6.0 knows."""
    password: SecretRef | None = None
    tls: bool = True
    """`false` is for loopback, or for a network that encrypts by itself; there is no way to encrypt without verifying."""
    ca: Setting | None = None
    """Path of a PEM bundle that signs the server's certificate; without it the system's."""
    db: int = Field(default=0, ge=0)
    """Number of the logical database."""

    @model_validator(mode="after")
    def _whole_login(self) -> "Redis":
        if self.user is not None and self.password is None:
            raise PydanticCustomError("password", "a user needs a password (env:NAME or file:PATH)")
        return self

    def port_number(self) -> int:
        """The port. Raises CouldNotLook when the variable it is read from is not set or not a number."""
        text = self.port.resolve() if isinstance(self.port, Setting) else str(self.port)
        if not (text.isascii() and text.isdigit()):
            raise CouldNotLook(f"not a port: {text}", cause="configuration")
        return int(text)

    def target(self) -> str:
        """Host and port. May raise CouldNotLook."""
        return f"{self.host.resolve()}:{self.port_number()}"
