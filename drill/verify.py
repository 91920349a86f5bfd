"""What came back, against what it should be: schema, rows, references, sequences, pages, invariants."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from drill import application, contents, corruption, references, schema, sequences
from drill.asks import Asks
from drill.asks import Copy as Asked
from drill.lease import Lease
from drill.observed import DrillApplication, DrillContents, DrillCorruption, DrillSchema, TableRows
from drill.prepared import Prepared
from drill.progress import Progress
from drill.proofs import Proofs
from fixtures.postgresql.client import NoSuchName, session
from fixtures.postgresql.values import plain
from fixtures.readings.single import measurement
from muster.connections import Postgresql
from muster.kinds.readings import Reading
from muster.probes import CouldNotLook, Nothing, Observation
from muster.units import Counted


@dataclass
class Verifying:
    """A copy under examination. `put` takes the outcome of a probe."""

    made: Prepared
    server: Any
    """What opens sessions in the copy: `drill.scratch.Copy`, or a server of the drill's own."""
    progress: Progress
    put: Callable[[str, Observation], None]
    proofs: Proofs = field(default_factory=Proofs)

    def steps(self) -> Iterator[tuple[str, tuple[str, ...], Callable[[], None]]]:
        """Phase, the probes of which it leaves outcomes, and what is done. Each may fail without the others."""
        expect = self.made.drill.expect
        yield "schema", ("drill_schema",), self.schema
        yield "contents", ("drill_contents",), self.contents
        if isinstance(expect.corrupt, tuple):
            yield "amcheck", ("drill_corruption",), self.corruption
        if isinstance(expect.application_answers, tuple):
            yield "application", ("drill_application",), self.application

    @contextmanager
    def asked(self) -> Iterator[Asked]:
        """The copy, read-only, as the role that owns it."""
        with self.server.connect(self.made.ends) as raw:
            yield Asked(raw, self.server.name, self.made.ends)

    @contextmanager
    def live(self) -> Iterator[Asks | None]:
        """Live, read-only, where it may be asked."""
        connection = self.made.environment.connections.get(self.made.drill.live or "")
        if not isinstance(connection, Postgresql):
            yield None
            return
        with session(connection) as (opened, _):
            yield opened

    def schema(self) -> None:
        """Compare what the copy is made of with live, or with the last drill that passed."""
        with self.asked() as copy, self.live() as live:
            self.proofs.inventory = found = schema.inventory(copy)
            expected = schema.inventory(live) if live is not None else self.made.last.inventory if self.made.last else None
            if expected is None:
                raise CouldNotLook(
                    "nobody knows what the schema should be: live is not named, and no drill has passed before",
                    cause=f"drill {self.made.drill.name}: history",
                    hint="give the drill `live:`",
                )
            lines = schema.differences(expected, found, self.made.drill.ignore)
            against = "live" if live is not None else "the last drill that passed"
            note = f"compared with {against}"
            self.put(
                "drill_schema",
                DrillSchema(looked_at=len(found.things), of="objects", seen=self.server.name, note=note, differences=Counted(lines)),
            )

    def contents(self) -> None:
        """Count every table, look for orphans, sequences that are behind, and the newest rows."""
        drill = self.made.drill
        with self.asked() as copy, self.live() as live:
            self.proofs.counts = found = contents.counts(copy)
            known = contents.live_counts(live) if live is not None else {}
            self.proofs.keys = (
                references.keys(live) if live is not None else self.made.last.keys if self.made.last else references.keys(copy)
            )
            wanted = (*self.proofs.keys, *map(references.declared, drill.references))
            orphans = [each for each in references.orphans(copy, wanted) if each.rows]
            newest = contents.newest(copy, drill.newest)
            behind = sequences.behind(copy)
        last = self.made.last.counts if self.made.last else {}
        tables = tuple(_rows(name, found, known, last) for name in sorted({*found, *known, *last}))
        assert self.made.artefact is not None
        seen = DrillContents(
            looked_at=len(found), of="tables", seen=self.server.name, tables=tables, orphans=Counted(map(str, orphans)),
            sequences=behind, newest={name: float(each.moment) for name, each in newest.items() if each.moment is not None},
            empty=tuple(each.note or name for name, each in newest.items() if each.moment is None),
            written=self.made.artefact.written, live_known=live is not None,
        )  # fmt: skip
        self.put("drill_contents", seen)

    def corruption(self) -> None:
        """Let amcheck look at every page."""
        with self.server.administer(self.made.ends) as admin:
            found = corruption.check(admin, self.made.ends, self.progress)
        value = DrillCorruption(looked_at=found.relations, of="relations", seen=self.server.name, complaints=Counted(found.complaints))
        self.put("drill_corruption", value)

    def application(self) -> None:
        """Start the application against the copy."""
        wanted = self.made.drill.application
        assert wanted is not None
        status, said = application.answer(wanted, self.server.variables(), self.made.ends)
        self.put("drill_application", DrillApplication(looked_at=1, of="answers", seen=wanted.url, note=said, status=status))

    def reading(self, reading: Reading) -> Observation:
        """The value of an invariant in the copy. Raises CouldNotLook."""
        with self.asked() as copy:
            try:
                rows = copy.rows(reading.written(reading.sql or ""), at_most=1)
            except NoSuchName as gone:
                return Nothing(of="rows", seen=self.server.name, note=str(gone))
            clock = float(copy.rows("select extract(epoch from clock_timestamp())::float8")[0][0])
        if not rows or rows[0][0] is None:
            return Nothing(of="rows", seen=self.server.name, note="the statement returns no value")
        if len(rows[0]) != 1:
            raise CouldNotLook(f"the statement returns {len(rows[0])} columns, a reading has one", cause=f"statement of {reading.name}")
        return measurement(reading, plain(rows[0][0], self.server.name), clock, self.server.name, "rows")


def _rows(table: str, found: dict[str, int], known: dict[str, contents.Known], last: dict[str, int]) -> TableRows:
    of_live = known.get(table)
    return TableRows(
        table=table,
        copy=found.get(table),
        live=of_live.rows if of_live else None,
        exact=of_live.exact if of_live else True,
        other=of_live.other if of_live else None,
        last=last.get(table),
    )


def in_live(made: Prepared, lease: Lease) -> list[str]:
    """What carries the drill's name in live, where nothing may. Raises CouldNotLook."""
    connection = made.environment.connections.get(made.drill.live or "")
    if not isinstance(connection, Postgresql):
        return []
    with session(connection) as (opened, _):
        databases = opened.rows("select datname from pg_database where datname = %s", (lease.name,))
        roles = opened.rows("select rolname from pg_roles where rolname = %s", (lease.name,))
    return [f"{kind} {name} in live" for kind, found in (("database", databases), ("role", roles)) for (name,) in found]
