"""Where a restore drill may write: `scratch:` of an environment. Nothing else of a file leads to a place that is written to."""

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from muster.connections import Postgresql
from muster.expectations import Model
from muster.units import ByteSize, Duration

PREFIX = "muster_drill_"
"""What the name of everything begins with that a drill creates, and the names of the identities and folders that it is given."""


class ScratchServer(Postgresql):
    """A PostgreSQL server on which a drill makes a database of its own, and drops it. It must not be production's."""

    @model_validator(mode="after")
    def _own_identity(self) -> "ScratchServer":
        if not self.user.startswith(("env:", PREFIX.rstrip("_"))):
            raise PydanticCustomError("own_identity", "a drill has an identity of its own, whose name begins with muster_drill")
        return self


class ScratchFolder(Model):
    """A folder of this machine in which a drill starts servers of its own, on unix sockets, and removes them."""

    path: str = Field(pattern=r"^(/.*/muster-drill[^/]*|env:\w+)$", max_length=36)
    """Absolute, or `env:NAME`; its name begins with `muster-drill`. Empty but for what drills make. At most 36 characters, because the
    path of a server's socket takes no more than 107."""
    user: str | None = None
    """Who runs the servers, where the suite itself runs as root."""
    postgresql: str | None = None
    """Folder of the PostgreSQL programs; without it those on PATH."""
    redis: str | None = None
    """Folder of redis-server and redis-check-rdb; without it those on PATH."""


class Scratch(Model):
    """A place for drills: a server, or a folder."""

    postgresql: ScratchServer | None = None
    folder: ScratchFolder | None = None
    room: ByteSize
    """How much a restored backup may take there. A drill that is estimated to take more is refused."""
    spool: str | None = Field(default=None, pattern=r"^(/|env:\w+$)")
    """Folder of this machine for archives in custom and directory format, which pg_restore cannot read as a stream; without it the
    system's folder for temporary files."""
    ttl: Duration = Duration(6 * 3600)
    """What a drill left behind, because it was killed, is removed by the next one when it is older than this."""

    @model_validator(mode="after")
    def _one_place(self) -> "Scratch":
        if (self.postgresql is None) == (self.folder is None):
            raise PydanticCustomError("one_place", "a scratch place is a postgresql server or a folder: one of them")
        return self
