"""What a maintenance is at a moment: on or not, until when, and by how much it outlasts its end."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from muster.amounts import same
from muster.cron import Cron
from muster.kinds.base import Entity
from muster.kinds.maintenance import Maintenance, moment
from muster.probes import PROBES, Call, CouldNotLook, Nothing
from muster.text import moment as shown
from muster.units import Duration

OFF = ("", "false", "off", "no", "0")
BACK = timedelta(days=8)
"""How far before a window by cron its predecessor is looked for, when the system says that maintenance is still on."""


@dataclass(frozen=True)
class Phase:
    """A maintenance at a moment, in Unix seconds."""

    on: bool = False
    """It covers what is in its scope."""
    since: float = 0.0
    until: float = 0.0
    overdue: Duration = field(default_factory=lambda: Duration(0))
    """How long ago it should have ended, while it still goes on."""
    said: str = ""
    """What the system says, where it is asked."""

    @property
    def told(self) -> str:
        """The phase in a few words."""
        if self.overdue:
            return f"it should have ended {shown(self.until)}, {self.overdue} ago, and is still on"
        return f"on, until {shown(self.until)}" if self.on else "not on"


def call(window: Maintenance) -> Call | None:
    """The look that tells whether the system says that it is on; None where nothing is asked."""
    if window.read is None:
        return None
    if window.reading is not None:
        return Call.of(PROBES["measured"], {"reading": window.reading})
    return Call.of(PROBES["maintenance_flag"], {"maintenance": window})


def covering(window: Maintenance, entity: Entity) -> bool:
    """Whether a look at an entity has to know about a maintenance: it is covered, or is that maintenance itself."""
    return window.key == entity.key or window.scope.covers(entity)


def phase(window: Maintenance, now: float, known: float | None, get: Callable[[Call], Any]) -> Phase:
    """What a maintenance is now. `known` is since when earlier looks saw it on without a pause.

    `get` hands out what a call saw. Raises CouldNotLook when the system did not say whether it is on.
    """
    wanted = call(window)
    if wanted is None:
        return _by_clock(window, now)
    said, told = _flag(window, get(wanted))
    if said is None:
        return Phase(said=told)
    begin, ends = _declared(window, now)
    since = begin if begin is not None else known if known is not None else now
    ends = [*ends, *([said] if said else [])] or [since + window.at_most]
    end = min(ends)
    return Phase(on=since <= now < end, since=since, until=end, overdue=Duration(max(0.0, now - end)), said=told)


def _by_clock(window: Maintenance, now: float) -> Phase:
    begin, ends = _declared(window, now)
    if begin is None:
        return Phase()
    end = ends[0] if ends else begin + window.at_most
    overdue = Duration(0 if ends else max(0.0, now - end))
    return Phase(on=begin <= now < end, since=begin, until=end, overdue=overdue)


def _declared(window: Maintenance, now: float) -> tuple[float | None, list[float]]:
    """Begin and end as declared, in Unix seconds; of a schedule, the last time that it began."""
    if window.cron is None:
        start, end = (each.timestamp() if each else None for each in (window.start, window.end))
        return start, [end] if end is not None else []
    from zoneinfo import ZoneInfo

    assert window.duration is not None
    lasts = timedelta(seconds=window.duration)
    last = Cron.parse(window.cron).last(datetime.fromtimestamp(now, UTC), ZoneInfo(window.zone), lasts + BACK)
    begin = last.timestamp() if last else now - BACK.total_seconds() - window.duration
    return begin, [begin + window.duration]


def _flag(window: Maintenance, seen: Any) -> tuple[float | None, str]:
    """Until when the system says that it is on (0: it says no end; None: it is off), and its words."""
    assert window.read is not None
    if isinstance(seen, Nothing):
        raise CouldNotLook(f"nothing says whether it is on: {seen.note}", cause=f"maintenance {window.name}", hint=window.where())
    if window.read.reading is not None:
        told = f"{window.read.reading} is {seen.value}"
        return (0.0 if same(seen.value, window.read.equals) else None), told
    text = str(seen.value).strip()
    if text.lower() in OFF:
        return None, f"the annotation is {text or 'not there'}"
    try:
        return moment(text.replace(" ", "T", 1)).timestamp(), f"the annotation is {text}"
    except ValueError:
        return 0.0, f"the annotation is {text}"
