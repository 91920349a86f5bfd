"""What a drill knows before it begins: its backup, its place, how much it will take, and why it must not."""

import time
from dataclasses import dataclass, field
from typing import Any

from drill import fences, sources
from drill.artefact import Artefact
from drill.errors import Damaged
from drill.held import Held
from drill.history import last_good
from drill.proofs import Proofs
from drill.scratch import Place
from drill.scratch_folder import Folder
from muster import fence, samples
from muster.drills import records
from muster.environment import Environment
from muster.kinds.drills import OWN_SERVER, Drill
from muster.probes import CouldNotLook, begin
from muster.run import Run
from muster.scratch import ScratchServer
from muster.state import StateError
from muster.units import ByteSize
from muster.yamlfile import ConfigError

GROWS = {True: 10, False: 3}
"""How many times its size a backup is taken to restore to where nothing is known: compressed, and not."""
COMPRESSED = (".gz", ".zst", ".zstd", ".dump")


@dataclass
class Prepared:
    """A drill that may begin, unless there are `refusals`; with a `trouble` it cannot, and its checks say so."""

    drill: Drill
    environment: Environment
    ends: float
    """Monotonic seconds at which it is given up."""
    began: float
    """Unix seconds."""
    place: Place | Folder | None = None
    artefact: Artefact | None = None
    estimate: int = 0
    """Bytes that the restored backup is taken to need."""
    estimated_by: str = ""
    fenced: bool = False
    """Whether it is certain that the scratch place is none of production's: nothing is made or removed before."""
    trouble: Damaged | CouldNotLook | None = None
    refusals: list[str] = field(default_factory=list)
    past: list[dict[str, Any]] = field(default_factory=list)
    """Records of past drills, oldest first."""
    last: Proofs | None = None
    """What the last drill that passed found."""

    def told(self) -> str:
        """One line about what is going to happen."""
        if self.artefact is None:
            return f"drill {self.drill.name}: {self.trouble}"
        size = f"{ByteSize(self.artefact.size)}, about {ByteSize(self.estimate)} restored ({self.estimated_by})"
        room = self.drill.place_to_write.room
        return f"drill {self.drill.name}: {self.artefact.seen}, {size}; scratch {self.drill.scratch} has room for {room}"


def prepare(run: Run, drill: Drill, held: Held) -> Prepared:
    """Look at everything that could be a reason not to begin; nothing is created. `held` keeps the lock. Raises Busy."""
    patience = float(drill.timeout or 0.0)
    environment = next(each for each in run.environments if drill.key.startswith(f"{each.id}/"))
    made = Prepared(drill, environment, time.monotonic() + patience, time.time())
    made.past = records(run.out, environment.id, drill.name)
    begin(patience)
    fence.enter(drill.reach())
    samples.enter(drill.samples())
    try:
        made.last = last_good(run.state.folder, drill)
        _fence(made, held)
    except StateError as error:
        made.refusals.append(str(error))
    except ConfigError as error:
        made.refusals.append(f"not every environment can be read, so nobody knows what is production: {str(error).splitlines()[0]}")
    except (CouldNotLook, Damaged) as trouble:
        made.trouble = trouble
    return made


def _fence(made: Prepared, held: Held) -> None:
    others = [each for each in fences.everywhere(made.environment.folder.parent) if each.id != made.environment.id]
    server, folder = made.drill.place_to_write.postgresql, made.drill.place_to_write.folder
    if server is not None:
        _fence_server(made, server, others, held)
    elif folder is not None:
        made.place = held.folder(folder)
    made.fenced = not made.refusals
    if made.fenced:
        made.artefact = sources.find(made.drill.source_backup)
        made.refusals += _unfit(made, made.artefact.name)
        made.estimate, made.estimated_by = _estimate(made)
        made.refusals += fences.too_large(made.drill, made.estimate)


def _unfit(made: Prepared, name: str) -> list[str]:
    """Why a backup of this name cannot be restored in this kind of place."""
    try:
        shape = made.drill.shape(name)
    except ValueError as error:
        return [str(error)]
    wanted = "folder" if shape in OWN_SERVER else "postgresql server"
    found = "postgresql server" if made.drill.place_to_write.postgresql else "folder"
    return (
        []
        if wanted == found
        else [f"a backup of the format {shape} needs a {wanted} as its scratch place; {made.drill.scratch} is a {found}"]
    )


def _fence_server(made: Prepared, server: ScratchServer, others: list[Environment], held: Held) -> None:
    """Names and addresses first: a server that could be production is not even logged in to."""
    made.refusals += fences.named_alike(server, [made.environment, *others])
    if not made.refusals:
        made.place = place = held.place(server, made.ends)
        made.refusals += fences.same_server(place, made.environment, others)


def _estimate(made: Prepared) -> tuple[int, str]:
    """Bytes that the copy will take, and how that is known: from live, from the last drill, or from the size of the file."""
    assert made.artefact is not None
    if made.drill.live and (size := _size_of_live(made)):
        return int(size * fences.ROOM_FOR), "as large as live"
    last = next((each for each in reversed(made.past) if each["restored"] and each["size"]), None)
    if last is not None:
        ratio = float(last["restored"]) / float(last["size"])
        return int(made.artefact.size * ratio * fences.ROOM_FOR), "as in the last drill"
    return made.artefact.size * GROWS[made.artefact.name.endswith(COMPRESSED)], "by its size"


def _size_of_live(made: Prepared) -> int:
    """Size of the database that was backed up; 0 when it does not say."""
    from fixtures.postgresql.client import session
    from muster.connections import Postgresql

    connection = made.environment.connections[made.drill.live or ""]
    if not isinstance(connection, Postgresql):
        return 0
    try:
        with session(connection) as (opened_session, _):
            return int(opened_session.row("select pg_database_size(current_database())")[0])
    except CouldNotLook:
        return 0
