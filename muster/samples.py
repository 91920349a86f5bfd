"""What of other people's data may be shown: log lines, events' messages, texts from SQL and documents.

Unless an environment says so, a report holds counts, names of objects, numbers and statuses only.

What must not be shown is dropped by its probe, before it is saved. Only a text that is still to be judged is kept, as `Withheld`.
"""

from contextvars import ContextVar
from typing import Any

from pydantic import Field, GetCoreSchemaHandler
from pydantic_core import PydanticCustomError, core_schema

from muster.expectations import Model
from muster.probes import CouldNotLook
from muster.units import Duration


class Samples(Model):
    """Personal data that reports of this environment may show; without it, counts only."""

    log_lines: int = Field(default=0, ge=0, le=20)
    """Lines of a log that are shown in one place. With any: also what records have in common, and a container's last words."""
    values: bool = False
    """Texts that a SQL statement or a whole JSON document yields. Numbers, and the texts of an expectation itself, show anyway."""
    events: bool = False
    """The messages of a cluster's events; their reasons and counts show anyway."""
    keep: Duration = Duration(14 * 86400)
    """Reports that hold older samples are removed by the next run into their folder, and by `python -m muster finalise`."""

    @property
    def any(self) -> bool:
        """Whether anything is shown at all."""
        return bool(self.log_lines or self.values or self.events)


NONE = Samples()
_shown: ContextVar[Samples] = ContextVar("shown", default=NONE)


def enter(samples: Samples) -> None:
    """Say what the probe that runs in this thread may show; the store calls it."""
    _shown.set(samples)


def shown() -> Samples:
    """What the probe that runs in this thread may show."""
    return _shown.get()


def described(value: object) -> str:
    """A value that is not shown, in words: a text of 12 characters."""
    names = {str: ("a text", "characters"), list: ("a list", "entries"), tuple: ("a list", "entries"), dict: ("an object", "keys")}
    for kind, (noun, parts) in names.items():
        if isinstance(value, kind):
            return f"{noun} of {len(value)} {parts}, withheld"
    return f"{type(value).__name__}, withheld"


class Withheld(str):
    """A text that is judged and not shown: it compares as it is, and is printed and saved as how long it is."""

    __slots__ = ()

    def __str__(self) -> str:
        return described(self)

    def __repr__(self) -> str:
        return described(self)

    def __format__(self, spec: str) -> str:
        return format(described(self), spec)

    @classmethod
    def _read(cls, value: Any) -> Any:
        if isinstance(value, cls):
            return value
        if isinstance(value, dict) and set(value) == {"withheld"}:
            hint = "`samples: {values: true}` in the environment's file keeps texts, for as long as it says"
            raise CouldNotLook(f"what was seen was not saved: {value['withheld']}", cause="saved observations", hint=hint)
        raise PydanticCustomError("withheld", "not a withheld text")

    @classmethod
    def _saved(cls, value: Any) -> dict[str, str]:
        if not isinstance(value, cls):
            raise TypeError(type(value).__name__)
        return {"withheld": str(value)}

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        saved = core_schema.plain_serializer_function_ser_schema(cls._saved)
        return core_schema.no_info_plain_validator_function(cls._read, serialization=saved)
