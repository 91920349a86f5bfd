"""Logs of pods: how many records of a kind in a window, how alike they are, what fields they carry."""

from typing import ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from muster.amounts import Pattern
from muster.expectations import Expect, Limit, Many, Model, Name, Severity, Terms, Wanted
from muster.kinds.kubernetes import InNamespace
from muster.kinds.selectors import Selector
from muster.units import Duration, Percent


class AtMost(Terms):
    """`records: 9` or `records: {at_most: 9}`."""

    primary: ClassVar[str] = "at_most"

    at_most: int = Field(ge=0)


class ShareAtLeast(Terms):
    """`carrying: 99%` or `carrying: {at_least: 99%}`."""

    primary: ClassVar[str] = "at_least"

    at_least: Percent


class Measure(Model):
    """A number that records carry, and what it is kept apart by."""

    value: str = Field(min_length=1)
    """JSON field with the number, such as `responseTimeMs`; `a.b` is a field of a field."""
    unit: Literal["ms", "s", "us"]
    """Unit of the number."""
    by: str | None = None
    """JSON field by which it is kept apart, such as `route`; identifiers in it are masked."""


class LogExpect(Expect):
    """What the records of the window may be."""

    records: Wanted[AtMost] | None = None
    """How many records match `level`, `contains` and `matches`, of all pods and containers together."""
    alike: Wanted[AtMost] | None = None
    """How many matching records have the same message, numbers and identifiers aside."""
    carrying: Wanted[ShareAtLeast] | None = None
    """Share of all records with the JSON field `field`, not empty."""
    p95: Wanted[Limit[Duration]] | None = None
    """Of `measure`, the value that 95 of 100 records do not exceed; the worst of all that `by` keeps apart."""
    silent: Wanted[AtMost] | None = None
    """How many pods that ran during the whole window wrote nothing at all."""


class Log(InNamespace):
    """What the pods of a selector wrote within a window: every container, init containers, sidecars and the previous instance included."""

    section: ClassVar[str] = "logs"
    fixture: ClassVar[str] = "log"
    severities: ClassVar[dict[str, Severity]] = {"records": "P1", "alike": "P3", "carrying": "P3", "silent": "P2"}

    selector: Selector
    """Label selector of the pods, such as `app=platform-service`."""
    containers: Many[Name] = ()
    """Only containers with these names; without it, all."""
    window: Duration = Duration(3600)
    """How far back; the whole window is read, never a tail."""
    level: Literal["DEBUG", "INFO", "WARN", "ERROR", "FATAL"] | None = None
    """Records of this level or above. JSON (pino, bunyan, zap, ECS), logfmt, klog, PostgreSQL and plain words are understood."""
    contains: str | Many[str] = ()
    """A text that a record contains, or several of which it contains one; compared as it is."""
    matches: Pattern | None = None
    """A regular expression, linear in time (no look-around, no back-references), found in the first 64 KiB of a record."""
    field: str | None = None
    """JSON field for `carrying`; `a.b` is a field of a field."""
    measure: Measure | None = None
    """The number for `p95`."""
    expect: LogExpect

    @model_validator(mode="after")
    def _complete(self) -> "Log":
        texts = self.texts()
        if any(not text or "\n" in text for text in texts):
            raise PydanticCustomError("contains", "`contains` is a text within one line, and not empty")
        if self.expect.carrying is not None and self.field is None:
            raise PydanticCustomError("field", "`carrying` needs `field`, the JSON field that records carry")
        if self.expect.p95 is not None and self.measure is None:
            raise PydanticCustomError("measure", "`p95` needs `measure`, the number that records carry")
        if (self.expect.records or self.expect.alike) and not (self.level or texts or self.matches):
            raise PydanticCustomError("filter", "`records` and `alike` need `level`, `contains` or `matches`: which records?")
        return self

    def texts(self) -> tuple[str, ...]:
        """The texts of `contains`."""
        return (self.contains,) if isinstance(self.contains, str) else self.contains

    def where(self) -> str:
        return f"pods {self.selector}, {super().where()}"
