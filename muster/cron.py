"""When a line of cron begins something: five fields (minute, hour, day of month, month, day of week), in a time zone.

A field is `*`, a number, a name (`mon`, `jan`), a span `1-5`, a step `*/15` or `0-30/10`, or a list of these. As in every
cron, where both days are limited, either is enough. A moment that the clock skips in spring does not come; of one that comes
twice in autumn the first counts.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_FIELDS: tuple[tuple[str, int, int, tuple[str, ...], int], ...] = (
    ("minute", 0, 59, (), 0),
    ("hour", 0, 23, (), 0),
    ("day of the month", 1, 31, (), 0),
    ("month", 1, 12, _MONTHS, 1),
    ("day of the week", 0, 7, _DAYS, 0),
)
"""Name, lowest, highest, names of its values, and the number of the first of these."""


@dataclass(frozen=True)
class Cron:
    """A schedule; `last` says when it last began."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    """0 is Sunday."""
    either: bool
    """Both days are limited: one of them is enough."""

    @classmethod
    def parse(cls, text: str) -> "Cron":
        """Read a line of five fields. Raises ValueError, which says what is wrong."""
        fields = text.lower().split()
        if len(fields) != len(_FIELDS):
            raise ValueError(f"five fields are expected ({', '.join(each[0] for each in _FIELDS)}), here are {len(fields)}")
        minutes, hours, days, months, weekdays = (_values(field, *known) for field, known in zip(fields, _FIELDS, strict=True))
        made = cls(minutes, hours, days, months, frozenset(each % 7 for each in weekdays), not {fields[2][0], fields[4][0]} & {"*"})
        if not made.either and not any(day <= _longest(month) for month in months for day in days):
            raise ValueError("a day that no such month has")
        return made

    def begins(self, at: datetime) -> bool:
        """Whether it begins in this minute of local time."""
        if at.fold or at.minute not in self.minutes or at.hour not in self.hours or at.month not in self.months:
            return False
        by_date, by_week = at.day in self.days, at.isoweekday() % 7 in self.weekdays
        return by_date or by_week if self.either else by_date and by_week

    def last(self, before: datetime, zone: tzinfo, within: timedelta) -> datetime | None:
        """When it last began at or before an aware moment, and within that time; None when it did not."""
        minute = before.replace(second=0, microsecond=0)
        while before - minute < within:
            if self.begins(minute.astimezone(zone)):
                return minute
            minute -= timedelta(minutes=1)
        return None


def _longest(month: int) -> int:
    return 29 if month == 2 else 30 if month in (4, 6, 9, 11) else 31


def _values(field: str, name: str, low: int, high: int, names: tuple[str, ...], first: int) -> frozenset[int]:
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        start, dash, end = span.partition("-")
        if span == "*":
            lowest, highest = low, high
        else:
            lowest = _number(start, name, names, first)
            highest = _number(end, name, names, first) if dash else (high if step else lowest)
        if not low <= lowest <= highest <= high or ("/" in part and (not step.isdecimal() or not 1 <= int(step) <= high)):
            raise ValueError(f"{name}: {part} is none; {low} to {high}, spans, steps and lists of them are")
        found.update(range(lowest, highest + 1, int(step or 1)))
    return frozenset(found)


def _number(text: str, name: str, names: tuple[str, ...], first: int) -> int:
    if text in names:
        return names.index(text) + first
    if not (text.isascii() and text.isdecimal()):
        raise ValueError(f"{name}: {text or 'nothing'} is no number" + (f" and none of {', '.join(names)}" if names else ""))
    return int(text)
