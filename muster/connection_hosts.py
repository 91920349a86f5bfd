"""How a host is reached: over ssh, or because it is this one."""

from typing import Any, ClassVar

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from muster.connection import Connection
from muster.host_names import HOST, USER, path_problem, resolved
from muster.probes import CouldNotLook
from muster.secrets import SecretRef, Setting


class Local(Connection):
    """The machine that the suite runs on, or a folder of it: a checkout, a mounted share."""

    kind: ClassVar[str] = "local"

    root: Setting | None = None
    """Folder below which relative paths are; without it, paths are absolute."""

    def target(self) -> str:
        """See `Connection.target`."""
        return f"this machine{f', {self.folder()}' if self.root else ''}"

    def folder(self) -> str:
        """`root` as it is in force now; empty when there is none. Raises CouldNotLook."""
        return _folder(self.root)


class Ssh(Connection):
    """A host behind the ssh client of this machine: keys only, known hosts only, nothing forwarded."""

    kind: ClassVar[str] = "ssh"

    at_once: int = Field(default=5, ge=1, le=1000)
    """Commands at once over the one connection; a server takes 10 (MaxSessions) unless told otherwise."""
    host: Setting
    """Name, address, or alias of the configuration file."""
    port: Setting | int | None = None
    user: Setting | None = None
    config: Setting | None = None
    """Path of an ssh configuration file; without it none is read."""
    identity: SecretRef | None = None
    """`file:PATH` of the private key; without it those of the agent and the configuration."""
    known_hosts: Setting | None = None
    """Path of the file with the host's key; without it ~/.ssh/known_hosts. A host that is not in it is not talked to."""
    root: Setting | None = None
    """Folder below which relative paths are; without it, the user's home."""

    @field_validator("identity", mode="before")
    @classmethod
    def _key_file(cls, value: Any) -> Any:
        if isinstance(value, str) and not value.startswith("file:"):
            raise PydanticCustomError("identity", "the ssh client reads the key itself: write file:PATH")
        return value

    def name(self) -> str:
        """The host. Raises CouldNotLook when a variable is not set, or holds what is no name."""
        return resolved(self.host.resolve(), HOST, "host")

    def login(self) -> str:
        """The user, or "" for the configuration's. Raises CouldNotLook like `name`."""
        return resolved(self.user.resolve(), USER, "user") if self.user else ""

    def port_number(self) -> int | None:
        """The port, or None for the configuration's. Raises CouldNotLook like `name`."""
        text = self.port.resolve() if isinstance(self.port, Setting) else str(self.port or "")
        if text and not (text.isascii() and text.isdigit()):
            raise CouldNotLook(f"not a port: {text}", cause="configuration")
        return int(text) if text else None

    def folder(self) -> str:
        """`root` as it is in force now; empty when there is none. Raises CouldNotLook."""
        return _folder(self.root)

    def target(self) -> str:
        """See `Connection.target`."""
        port = self.port_number()
        return f"ssh {self.login() and self.login() + '@'}{self.name()}{f':{port}' if port else ''}"


def _folder(root: Setting | None) -> str:
    text = root.resolve().rstrip("/") or "/" if root else ""
    if text and (problem := path_problem(text)):
        raise CouldNotLook(f"not a folder: {problem}", cause="configuration")
    return text
