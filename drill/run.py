"""One drill, phase after phase. Each leaves outcomes in the store; one that cannot be reached leaves the reason why.

Whatever happens, Ctrl-C and SIGTERM included, ends with the removal of what was created.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from drill import lease, servers, sources, trend
from drill.errors import Damaged
from drill.observed import DrillBackup, DrillEarlier, DrillEnd, DrillSource, DrillTime
from drill.prepared import Prepared
from drill.progress import Progress
from drill.recovering import Keys, Served, key_counts, recover
from drill.restoring import Restored, restore, spool
from drill.scratch import Copy
from drill.scratch_folder import Folder
from drill.verify import Verifying, in_live
from muster import fence, samples, stopping
from muster.kinds.readings import Reading
from muster.probes import PROBES, Call, CouldNotLook, Nothing, Observation, begin
from muster.run import Run
from muster.scratch import PREFIX
from muster.store import Outcome
from muster.text import cut
from muster.units import ByteSize, Counted, Duration, Instant

RESTORE = ("drill_archive", "drill_clients", "drill_restore", "drill_recovery")
COPIED = ("drill_schema", "drill_contents", "drill_corruption", "drill_application", "drill_time")
ALL = ("drill_earlier", "drill_backup", *RESTORE, *COPIED, "drill_end", "drill_source")
"""The probes whose outcomes a drill leaves."""
OUTSIDE = ("sweep", "remove", "source")
"""Phases that are no part of the recovery time."""
REMOVAL = 60.0
"""Seconds for what comes last, however much the drill has used up."""


class Stopped(Exception):
    """A phase could not come to its end; `why` is what is said of all that would have come after it."""

    def __init__(self, why: CouldNotLook) -> None:
        super().__init__(str(why))
        self.why = why


class Drilling:
    """A drill under way."""

    def __init__(self, run: Run, made: Prepared, readings: list[Reading], progress: Progress) -> None:
        self.run, self.made, self.drill, self.readings, self.progress = run, made, made.drill, readings, progress
        self.lease = lease.new(made.drill.place_to_write.ttl)
        self.seconds: dict[str, float] = {}
        self.told: dict[str, tuple[float, str]] = {}
        """Phase -> when it began (Unix seconds), and what became of it."""
        self.held = ExitStack()
        self.restored: Restored | None = None
        self.verifying: Verifying | None = None
        self._wanted = {key for keys in run.looked_for.values() for key in keys}
        self._why = CouldNotLook(f"{self.drill.name} was not drilled to its end", cause=f"drill {self.drill.name}")

    @property
    def took(self) -> float:
        """Seconds of recovery so far: from the choice of the backup to the last proof."""
        return sum(seconds for name, seconds in self.seconds.items() if name not in OUTSIDE)

    def go(self) -> None:
        """Drill. Nothing is raised but what ends the whole run; every probe has an outcome afterwards."""
        self._begin(float(self.drill.timeout or 0.0))
        self.made.ends = time.monotonic() + float(self.drill.timeout or 0.0)
        try:
            self._sweep()
            self._find()
            self._verify(self._create_and_restore())
        except Stopped as stopped:
            self._why = stopped.why
        finally:
            try:
                with stopping.later():
                    self._remove()
                    self._compare()
            finally:
                self._tell_the_rest()

    def _begin(self, patience: float) -> None:
        begin(patience)
        fence.enter(self.drill.reach())
        samples.enter(self.drill.samples())

    @contextmanager
    def phase(self, name: str, *probes: str) -> Iterator[None]:
        """A phase: timed, in the journal when it begins and when it ends; its failure is the outcome of its probes."""
        self.progress.phase(name)
        self._note(name, "began")
        began, at, said = time.monotonic(), time.time(), "done"
        try:
            yield
        except (Damaged, CouldNotLook) as error:
            said = f"stopped: {error}"
            why = self._consequence(name, error)
            self._put_all(probes, error if isinstance(error, CouldNotLook) else why)
            raise Stopped(why) from error
        except Exception as bug:
            why = self._bug(name, bug)
            said = why.reason
            self._put_all(probes, why)
            raise Stopped(why) from bug
        except BaseException:
            said = "interrupted"
            raise
        finally:
            self.seconds[name] = time.monotonic() - began
            self.told[name] = at, said
            self._note(name, "ended", said)

    def put(self, probe: str, value: Observation | None = None, error: CouldNotLook | None = None) -> None:
        """The outcome of a probe of this drill, if a check asks for it; the first one counts."""
        call = Call.of(PROBES[probe], {"drill": self.drill})
        if call.key not in self._wanted:
            return
        self.run.store.outcomes.setdefault(call.key, Outcome(call, value, error, self.made.began, self.took))

    def _put_all(self, probes: tuple[str, ...], error: CouldNotLook) -> None:
        for probe in probes:
            self.put(probe, error=error)

    def _note(self, phase: str, state: str, said: str = "") -> None:
        assert self.run.journal is not None
        more = {"said": cut(said, 300)} if said else {}
        self.run.journal.write("drill", drill=self.drill.key, name=self.lease.name, phase=phase, state=state, **more)

    def _bug(self, phase: str, bug: Exception) -> CouldNotLook:
        """What is said of what nobody has thought of."""
        why = CouldNotLook(
            f"stopped by a bug: {type(bug).__name__}: {bug}", cause=f"probe {self.drill.name}: {phase}", hint="a bug: report it"
        )
        why.__cause__ = bug
        return why

    def _consequence(self, phase: str, error: Exception) -> CouldNotLook:
        """What is said of everything that comes after a phase that stopped."""
        hint = error.hint if isinstance(error, CouldNotLook) else "what stopped the drill stands at its own check"
        return CouldNotLook(f"the drill stopped at {phase}: {error}", cause=f"drill {self.drill.name}: {phase}", hint=hint)

    def _sweep(self) -> None:
        """Remove what killed drills left, where it is certain that this is a scratch server."""
        if self.made.place is None or not self.made.fenced:
            return
        with suppress(Stopped), self.phase("sweep", "drill_earlier"), self.made.place.again(self.made.ends, self.lease.name) as place:
            told = [*place.sweep(), *servers.sweep(spool(self.made), PREFIX, time.time())]
            self.put("drill_earlier", DrillEarlier(looked_at=1, of="servers", seen=place.name, earlier=Counted(told)))

    def _find(self) -> None:
        with self.phase("find", "drill_backup"):
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

    def _create_and_restore(self) -> Copy | Served | Keys:
        place = self.made.place
        if isinstance(place, Folder):
            return self._recover(place)
        assert place is not None
        with self.phase("create"), place.again(self.made.ends, self.lease.name) as session:
            copy = session.create(self.lease, tuple(self.drill.roles), self.made.ends)
        with self.phase("restore", *RESTORE):
            self.restored = restore(self.made, copy, self.progress)
            for probe, value in self.restored.observations():
                self.put(probe, value)
            if self.restored.stopped:
                raise Damaged(self.restored.stopped)
        return copy

    def _recover(self, place: Folder) -> Served | Keys:
        with self.phase("restore", *RESTORE):
            self.restored, server = recover(self.made, place, self.lease, self.held, self.progress)
            for probe, value in self.restored.observations():
                self.put(probe, value)
            if server is None:
                raise Damaged(self.restored.stopped)
        return server

    def _verify(self, copy: Copy | Served | Keys) -> None:
        """Each proof by itself: one that fails says nothing about the others."""
        if isinstance(copy, Keys):
            with suppress(Stopped), self.phase("contents", "drill_contents"):
                self.put("drill_contents", key_counts(self.made, copy))
            self._time()
            return
        self.verifying = Verifying(self.made, copy, self.progress, self.put)
        for name, probes, step in self.verifying.steps():
            with suppress(Stopped), self.phase(name, *probes):
                step()
        if self.readings:
            with suppress(Stopped), self.phase("readings"):
                for reading in self.readings:
                    self._read(reading)
        self._time()

    def _read(self, reading: Reading) -> None:
        assert self.verifying is not None
        try:
            self.put_reading(reading, value=self.verifying.reading(reading))
        except CouldNotLook as error:
            self.put_reading(reading, error=error)
        except Exception as bug:  # noqa: BLE001 - told at its own check; the other readings have nothing to do with it
            self.put_reading(reading, error=self._bug("readings", bug))

    def put_reading(self, reading: Reading, value: Observation | None = None, error: CouldNotLook | None = None) -> None:
        """The outcome of a reading that was asked in the copy."""
        call = Call.of(PROBES["measured"], {"reading": reading})
        self.run.store.outcomes.setdefault(call.key, Outcome(call, value, error, self.made.began, self.took))

    def _time(self) -> None:
        """How long it took until here, by phase, and where that leads."""
        past = [(float(each["ended"]), float(each["took"])) for each in self.made.past if each.get("verdict") == "holds"]
        seen = trend.seen(past, (time.time(), self.took), self.drill)
        phases = {name: seconds for name, seconds in self.seconds.items() if name not in OUTSIDE}
        self.put("drill_time", DrillTime(looked_at=len(phases), of="phases", took=Duration(self.took), phases=phases, **seen))

    def _remove(self) -> None:
        """Remove what this drill created, and look whether it is gone."""
        self._begin(REMOVAL)
        if self.made.place is not None and self.made.fenced:
            # A session of its own: nobody knows in which state an interrupted one is.
            with suppress(Stopped), self.phase("remove", "drill_end"), self.made.place.again(time.monotonic() + REMOVAL) as place:
                self.held.close()
                place.sweep(self.lease.name)
                left = place.left(self.lease.name)
                self.put("drill_end", DrillEnd(looked_at=1, of="drills", seen=self.lease.name, left=Counted(left)))

    def _compare(self) -> None:
        """Look whether all that was only to be read is as it was."""
        self._begin(REMOVAL)
        if self.made.artefact is not None:
            with suppress(Stopped), self.phase("source", "drill_source"):
                changes = [*sources.changed(self.drill.source_backup, self.made.artefact), *in_live(self.made, self.lease)]
                self.put("drill_source", DrillSource(looked_at=1, of="backups", seen=self.made.artefact.seen, changes=Counted(changes)))

    def _tell_the_rest(self) -> None:
        for probe in ALL:
            self.put(probe, error=self._why)
        for reading in self.readings:
            self.put_reading(reading, error=self._why)
