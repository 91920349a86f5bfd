"""What checks compare that depends on their limit: bands of rows, the newest row, the trend."""

from dataclasses import replace

import pytest

from drill.contents import Known, as_known, compare
from drill.observed import DrillContents, DrillNewest, DrillRows, DrillTime
from muster.expectations import Terms
from muster.kinds.drills import Rows
from muster.probes import CouldNotLook, Nothing
from muster.units import Duration, Instant


@pytest.fixture
def drill_rows_of_live(drill_contents: DrillContents, terms: Terms) -> DrillRows:
    """Tables that hold too few or too many of the rows that live has."""
    if not drill_contents.live_known:
        raise CouldNotLook(
            "live was not asked, so nobody knows how many rows there are",
            cause="drill: live",
            hint="give the drill `live:`, or rows_of_last",
        )
    known = {each.table: Known(each.live, exact=each.exact, other=each.other) for each in drill_contents.tables}
    return _outside(drill_contents, terms, known)


@pytest.fixture
def drill_rows_of_last(drill_contents: DrillContents, terms: Terms) -> DrillRows:
    """Tables that hold too few or too many of the rows that the last drill that passed brought back."""
    last = {each.table: each.last for each in drill_contents.tables if each.last is not None}
    if not last:
        raise CouldNotLook("no drill has passed before, so there is nothing to compare with", cause="drill: history", hint="drill again")
    return _outside(drill_contents, terms, as_known(last))


def _outside(contents: DrillContents, terms: Terms, known: dict[str, Known]) -> DrillRows:
    """A table that the copy lacks is told by the check of the schema."""
    assert isinstance(terms, Rows)
    found = {each.table: each.copy for each in contents.tables if each.copy is not None}
    compared = compare(found, {table: each for table, each in known.items() if table in found}, terms.at_least, terms.at_most)
    judged = [line for line in compared.lines if line.judged]
    note = f"not compared: {compared.untold}" if compared.untold else ""
    return DrillRows(looked_at=len(judged), of="tables", seen=contents.seen, note=note, outside=compared.outside)


@pytest.fixture
def drill_newest(drill_contents: DrillContents) -> DrillNewest | Nothing:
    """By how much the newest row of each declared table is older than the backup: the table where that is most."""
    if drill_contents.empty or not drill_contents.newest:
        what = ", ".join(drill_contents.empty) or "no table is declared"
        return Nothing(of="tables", seen=drill_contents.seen, note=f"no row says when it was written: {what}")
    table, newest = min(drill_contents.newest.items(), key=lambda each: each[1])
    older = Duration(max(0.0, drill_contents.written - newest))
    note = f"{table}: newest row {Instant(newest)}, backup {Instant(drill_contents.written)}"
    return DrillNewest(looked_at=len(drill_contents.newest), of="tables", seen=drill_contents.seen, note=note, older=older)


@pytest.fixture
def drill_trend(drill_time: DrillTime) -> DrillTime:
    """The same, where there are enough drills for a trend; without a breach it is far away."""
    if not drill_time.drills:
        raise CouldNotLook("there are not enough past drills for a trend", cause="drill: history", hint="drill again next month")
    return drill_time if drill_time.breach is not None else replace(drill_time, breach=Duration(float("inf")))
