"""Maintenance: times in which what is violated or unknown is told as such, and calls nobody; and that they come to an end."""

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, PrivateAttr, field_validator, model_validator
from pydantic_core import PydanticCustomError

from muster.connections import Kubernetes
from muster.cron import Cron
from muster.expectations import Expect, Limit, Many, Model, Name, Reason, Severity, Wanted
from muster.kinds.base import Entity
from muster.kinds.identities import OwnIdentity
from muster.kinds.readings import Reading
from muster.units import Duration

LONGEST = Duration(7 * 86400)
"""The longest duration of a window by cron."""


def moment(value: Any) -> datetime:
    """A moment with its zone, as RFC 3339 has it. Raises ValueError."""
    try:
        made = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except (TypeError, ValueError):
        made = None
    if made is None or made.tzinfo is None:
        raise PydanticCustomError("moment", 'a quoted moment with its zone: "2026-12-01T22:00:00+01:00" or "2026-12-01T21:00:00Z"')
    return made


Moment = Annotated[datetime, BeforeValidator(moment)]


class Annotation(Model):
    """An annotation of a Kubernetes object. Absent, empty, `false`, `off`, `no`, `0`: none; a moment: on until then; else it is on."""

    connection: Name
    namespace: Name | None = None
    """Without it the connection's, then the context's, then `default`."""
    kind: Literal["Deployment", "StatefulSet", "DaemonSet", "ConfigMap"] = "Deployment"
    object: str = Field(min_length=1)
    """Its name."""
    key: str = Field(min_length=1)
    """The whole key: `example.com/maintenance`."""


class Flag(Model):
    """What of the system says that maintenance is on: a reading that has a value, or an annotation."""

    reading: Name | None = None
    """Name of a reading."""
    equals: str | float | bool | None = None
    """The value of that reading which means maintenance."""
    annotation: Annotation | None = None
    """Or an annotation in a cluster."""

    @model_validator(mode="after")
    def _one(self) -> "Flag":
        if (self.reading is None) == (self.annotation is None) or (self.reading is None) != (self.equals is None):
            raise PydanticCustomError("flag", "either reading with equals, or annotation")
        return self


class Scope(Model):
    """What a maintenance covers: some entities, some sections, or everything."""

    entities: Many[str] = ()
    """Exact names, of any section, or `section/name`."""
    sections: Many[str] = ()
    """Sections of the file: `workloads`, `readings`."""
    everything: bool = False
    """All of this environment."""

    @model_validator(mode="after")
    def _something(self) -> "Scope":
        if self.everything == bool(self.entities or self.sections):
            raise PydanticCustomError("scope", "entities and sections, or everything: true")
        return self

    def covers(self, entity: Entity) -> bool:
        """Whether an entity is covered; maintenance itself and what the suite may do never are."""
        if isinstance(entity, (Maintenance, OwnIdentity)):
            return False
        names = {entity.name, entity.id, f"{entity.section}/{entity.name}", f"{entity.section}/{entity.id}"}
        return self.everything or entity.section in self.sections or bool(names & set(self.entities))


class MaintenanceExpect(Expect):
    """That it comes to its end."""

    outlasts: Wanted[Limit[Duration]] | None = (Limit[Duration].model_construct(limit=Duration(0)),)
    """How long it may go on after its end, declared or by `at_most`."""


class Maintenance(Entity):
    """A time in which what is violated or unknown in its scope is reported as *in maintenance*, and calls nobody."""

    section: ClassVar[str] = "maintenance"
    fixture: ClassVar[str] = "maintenance"
    connects: ClassVar[tuple[str, ...]] = ("kubernetes",)
    severities: ClassVar[dict[str, Severity]] = {"outlasts": "P1"}

    reason: Reason
    """What is done, and where it was announced."""
    start: Moment | None = None
    """When it begins, with its zone: `"2026-12-01T22:00:00+01:00"`."""
    end: Moment | None = None
    """When it ends; that moment is outside."""
    cron: str | None = None
    """Or when it begins again and again: `0 2 * * sun`, five fields."""
    duration: Duration | None = None
    """How long it lasts each time, for `cron`; at most 7d."""
    zone: str = "UTC"
    """IANA name of the time zone of `cron`."""
    read: Flag | None = None
    """What of the system says that it is on; the times above then only say when it may be."""
    at_most: Duration = Duration(4 * 3600)
    """How long it may last where nothing says an end; it covers nothing after that."""
    scope: Scope
    """What is reported as in maintenance: `{entities: [...], sections: [...]}`, or `{everything: true}`."""
    expect: MaintenanceExpect = MaintenanceExpect.model_construct()

    _reading: Reading | None = PrivateAttr(default=None)

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError("not a time zone, such as Europe/Berlin") from error
        return zone

    @field_validator("cron")
    @classmethod
    def _known_schedule(cls, cron: str | None) -> str | None:
        if cron is not None:
            Cron.parse(cron)
        return cron

    @model_validator(mode="after")
    def _timed(self) -> "Maintenance":
        if (self.cron is None) != (self.duration is None):
            raise PydanticCustomError("times", "cron and duration belong together")
        if self.cron is not None and (self.start or self.end):
            raise PydanticCustomError("times", "either start and end, or cron and duration")
        if self.duration is not None and not 0 < self.duration <= LONGEST:
            raise PydanticCustomError("times", "a duration of at most {longest}", {"longest": str(LONGEST)})
        if self.start and self.end and self.end <= self.start:
            raise PydanticCustomError("times", "the end is not later than the start")
        if self.read is None and self.cron is None and self.start is None:
            raise PydanticCustomError("times", "one of start, cron and read says when it is")
        return self

    @property
    def endless(self) -> bool:
        """Whether it could outlast its end: the system says that it is on, or nobody said an end."""
        return self.read is not None or (self.cron is None and self.end is None)

    def adapted(self) -> Self:
        """A window that ends by the clock alone has nothing that could be left on."""
        return self if self.endless else self.model_copy(update={"expect": MaintenanceExpect(outlasts=None)})

    def named(self) -> tuple[str, ...]:
        if self.read is None or self.read.annotation is None:
            return self._reading.all_named() if self._reading else ()
        return (self.read.annotation.connection,)

    def other_readings(self) -> tuple[str, ...]:
        return (self.read.reading,) if self.read and self.read.reading else ()

    def meet(self, readings: dict[str, Reading]) -> None:
        """Learn the reading that says whether it is on."""
        self._reading = readings[self.read.reading] if self.read and self.read.reading else None

    @property
    def reading(self) -> Reading | None:
        """The reading that says whether it is on."""
        return self._reading

    def cluster(self) -> Kubernetes:
        """The cluster whose annotation is read."""
        source = self.source()
        assert isinstance(source, Kubernetes)
        return source

    def where(self) -> str:
        if self.read is None:
            return ""
        said = self.read.annotation
        return f"annotation {said.key} of {said.kind} {said.object}" if said else f"reading {self.read.reading}"
