"""One drill, phase after phase. Each leaves an outcome in the store; one that cannot be reached leaves the reason why.

Whatever happens, Ctrl-C and SIGTERM included, ends with the removal of what was created.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from drill import lease, sources
from drill.copy import Restored, restore
from drill.errors import Damaged
from drill.observed import DrillBackup, DrillEnd
from drill.prepared import Prepared
from drill.progress import Progress
from drill.scratch import Copy
from drill.verify import Verified, verify
from muster import fence, samples
from muster.kinds.readings import Reading
from muster.probes import PROBES, Call, CouldNotLook, Nothing, Observation, begin
from muster.run import Run
from muster.store import Outcome
from muster.text import cut
from muster.units import ByteSize, Counted, Duration, Instant

PHASES = {
    "find": ("drill_backup",),
    "restore": ("drill_archive", "drill_clients", "drill_restore"),
    "verify": ("drill_schema", "drill_contents", "drill_corruption"),
    "application": ("drill_application",),
    "time": ("drill_time",),
    "remove": ("drill_end",),
}
"""The probes whose outcomes a phase leaves."""


class Stopped(Exception):
    """A phase could not come to its end, so that those after it cannot begin."""


class Drilling:
    """A drill under way."""

    def __init__(self, run: Run, made: Prepared, readings: list[Reading], progress: Progress) -> None:
        self.run, self.made, self.drill, self.readings, self.progress = run, made, made.drill, readings, progress
        self.lease = lease.new(made.drill.place_to_write.ttl)
        self.seconds: dict[str, float] = {}
        self.earlier: list[str] = []
        self.copy: Copy | None = None
        self.restored: Restored | None = None
        self.verified = Verified()
        self._why = CouldNotLook(f"{self.drill.name} was not drilled to its end", cause=f"drill {self.drill.name}")

    def go(self) -> None:
        """Drill. Nothing is raised but what ends the whole run; every probe has an outcome afterwards."""
        begin(self.made.ends - time.monotonic())
        fence.enter(self.drill.reach())
        samples.enter(self.drill.samples())
        try:
            with suppress(Stopped):
                self._find()
                self._create()
                self._restore()
                self._verify()
        finally:
            self._remove()
            self._tell_the_rest()

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """A phase: timed, in the journal when it begins and when it ends; its failure is the outcome of its probes."""
        self.progress.phase(name)
        self._note(name, "began")
        began, said = time.monotonic(), "done"
        try:
            yield
        except (Damaged, CouldNotLook) as error:
            said = f"stopped: {error}"
            self._why = self._consequence(name, error)
            if isinstance(error, CouldNotLook):
                for probe in PHASES.get(name, ()):
                    self.put(probe, error=error)
            raise Stopped from error
        except BaseException:
            said = "interrupted"
            raise
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - began
            self._note(name, "ended", said)

    def put(self, probe: str, value: Observation | None = None, error: CouldNotLook | None = None) -> None:
        """The outcome of a probe of this drill; the first one counts."""
        call = Call.of(PROBES[probe], {"drill": self.drill})
        self.run.store.outcomes.setdefault(call.key, Outcome(call, value, error, self.made.began, sum(self.seconds.values())))

    def _note(self, phase: str, state: str, said: str = "") -> None:
        assert self.run.journal is not None
        more = {"said": cut(said, 300)} if said else {}
        self.run.journal.write("drill", drill=self.drill.key, name=self.lease.name, phase=phase, state=state, **more)

    def _consequence(self, phase: str, error: Exception) -> CouldNotLook:
        """What is said of everything that comes after a phase that stopped."""
        hint = error.hint if isinstance(error, CouldNotLook) else "what stopped the drill stands at its own check"
        return CouldNotLook(f"the drill stopped at {phase}: {error}", cause=f"drill {self.drill.name}: {phase}", hint=hint)

    def _find(self) -> None:
        with self.phase("find"):
            if isinstance(self.made.trouble, Damaged):
                self.put("drill_backup", Nothing(of="backups", seen=self.drill.backup, note=str(self.made.trouble)))
            if self.made.trouble is not None:
                raise self.made.trouble
            found = self.made.artefact
            assert found is not None
            backup = DrillBackup(
                looked_at=1, of="backups", seen=found.seen, age=Duration(sources.age(found)), size=ByteSize(found.size),
                written=Instant(found.written), encryption=found.encrypted,
            )  # fmt: skip
            self.put("drill_backup", backup)

    def _create(self) -> None:
        with self.phase("create"):
            assert self.made.place is not None
            self.earlier = self.made.place.sweep()
            self.copy = self.made.place.create(self.lease, tuple(self.drill.roles))

    def _restore(self) -> None:
        with self.phase("restore"):
            assert self.copy is not None
            self.restored = restore(self.made, self.copy, self.progress, self.put)

    def _verify(self) -> None:
        assert self.copy is not None
        for name, step in verify(self.made, self.copy, self.readings, self.put, self.put_reading, self.verified):
            with self.phase(name):
                step()

    def put_reading(self, reading: Reading, value: Observation | None, error: CouldNotLook | None) -> None:
        """The outcome of a reading that was asked in the copy."""
        call = Call.of(PROBES["measured"], {"reading": reading})
        self.run.store.outcomes.setdefault(call.key, Outcome(call, value, error, self.made.began, self.seconds.get("readings", 0.0)))

    def _remove(self) -> None:
        """Remove what this drill created, and look whether it is gone."""
        with suppress(Stopped), self.phase("remove"):
            left = self._swept()
            end = DrillEnd(
                looked_at=1,
                of="drills",
                seen=self.lease.name,
                left=Counted(left),
                earlier=Counted(self.earlier),
                changes=Counted(self._changes()),
            )
            self.put("drill_end", end)

    def _swept(self) -> list[str]:
        place = self.made.place
        if place is None:
            return []
        place.sweep(self.lease.name)
        return [f"{kind} {name}" for kind, name, claim in place.leftovers() if claim.name == self.lease.name]

    def _changes(self) -> list[str]:
        """What is no longer as it was where the drill only reads."""
        if self.made.artefact is None:
            return []
        told = sources.changed(self.drill.source_backup, self.made.artefact)
        return [told] if told else []

    def _tell_the_rest(self) -> None:
        for probes in PHASES.values():
            for probe in probes:
                self.put(probe, error=self._why)
        for reading in self.readings:
            self.put_reading(reading, None, self._why)


def total(seconds: dict[str, float]) -> float:
    """What counts for the recovery time: everything but the removal."""
    return sum(value for name, value in seconds.items() if name != "remove")
