"""What every kind of entity has in common."""

from typing import ClassVar, Self

from pydantic import PrivateAttr

from muster.connections import Connection
from muster.expectations import Expect, Many, Model, Name, Reason, Severity
from muster.samples import NONE, Samples
from muster.units import Duration


class When(Model):
    """Ask only when another reading says so: `when: {reading: traffic, above: 0}`."""

    reading: Name
    """Name of the reading that decides."""
    above: float = 0.0
    """It has to be more than this."""
    equals: str | float | bool | None = None
    """Or it has to be this."""


class Entity(Model):
    """A thing with expectations. `section` is its key in the file, `fixture` the name that checks and probes use."""

    section: ClassVar[str]
    fixture: ClassVar[str]
    connects: ClassVar[tuple[str, ...]] = ()
    """Kinds of connection that `connection:` may name."""
    subject: ClassVar[bool] = False
    """What `connection:` names is itself what is judged: an application's login, a served certificate."""
    severities: ClassVar[dict[str, Severity]] = {}
    """Severity of an expectation where neither the limit nor the entity says one; else P2."""

    name: Name
    owner: str | None = None
    """Who is called when an expectation is violated; without it the system's owner."""
    severity: Severity | None = None
    """Default for this entity's expectations."""
    absent: Reason | None = None
    """Why this environment has no such entity; it is then not checked, and the header says so."""
    allow_empty: bool = False
    """Nothing found is acceptable here: zero pods, rows or series do not violate by themselves."""
    during: Name | None = None
    """A name of `hours:`; outside these hours nothing is asked."""
    when: When | None = None
    timeout: Duration | None = None
    """Total deadline for looking at this entity, instead of the probe's own (10 s)."""
    expect: Expect

    _environment: str = PrivateAttr(default="")
    _connections: dict[str, Connection] = PrivateAttr(default_factory=dict)
    _instance: str = PrivateAttr(default="")
    _reach: tuple[str, ...] = PrivateAttr(default=())
    _samples: Samples = PrivateAttr(default=NONE)

    def place(self, environment: str, connections: dict[str, Connection], instance: str) -> None:
        """Say where this entity stands; `bind` calls it once, on a copy."""
        self._environment, self._connections, self._instance = environment, connections, instance

    def fenced(self, rules: tuple[str, ...], samples: Samples = NONE) -> None:
        """Say what may be connected to while looking at this entity, and what may be shown of it: the environment's `reach`, `samples`."""
        self._reach, self._samples = rules, samples

    def reach(self) -> tuple[str, ...]:
        """See `muster.probes.Argument`."""
        return self._reach

    def samples(self) -> Samples:
        """See `muster.probes.Argument`."""
        return self._samples

    def parts(self) -> set[str]:
        """Kinds of the connections through which it is looked at."""
        return {self._connections[name].kind for name in self.all_named()}

    @property
    def id(self) -> str:
        """The name, with `@connection` when the entity is looked at through several."""
        return f"{self.name}@{self._instance}" if self._instance else self.name

    @property
    def key(self) -> str:
        """Equal for equal looks: environment, section and id."""
        return f"{self._environment}/{self.section}/{self.id}"

    def named(self) -> tuple[str, ...]:
        """Names of the connections that the entity refers to; each must exist."""
        return ()

    def also_named(self) -> tuple[tuple[str, str], ...]:
        """Further connections that the entity refers to, each with the kind that it must be: ("cluster", "kubernetes")."""
        return ()

    def all_named(self) -> tuple[str, ...]:
        """Names of all connections that looking at the entity takes."""
        return (*self.named(), *(name for name, _ in self.also_named()))

    def sources(self) -> tuple[str, ...]:
        """Names of the connections that are looked through, as whoever we are there; those of a subject are looked at."""
        return tuple(name for name in self.all_named() if not (self.subject and name in self.named()))

    def other_readings(self) -> tuple[str, ...]:
        """Names of readings that this entity is compared with; each must exist."""
        return ()

    def adapted(self) -> Self:
        """This entity without default expectations that make no sense where it stands."""
        return self

    @classmethod
    def expectations(cls) -> dict[str, str]:
        """Names of what may be expected, as files say them, each with its attribute."""
        expect = cls.model_fields["expect"].annotation
        assert isinstance(expect, type)
        assert issubclass(expect, Expect)
        return expect.names()

    def source(self) -> Connection:
        """The connection through which this entity is looked at."""
        return self._connections[self.named()[0]]

    def target(self) -> str:
        """Origin that is asked; see `muster.probes.Argument`. May raise CouldNotLook."""
        return self.source().target()

    def at_once(self) -> int:
        """Concurrent calls that its target takes."""
        return self.source().at_once if self.named() else 10

    def where(self) -> str:
        """Where the thing is, for a person: namespace, URL, database."""
        return ""


class Connected(Entity):
    """An entity behind one named connection, or behind several that are each looked at."""

    connection: Name | Many[Name]

    def named(self) -> tuple[str, ...]:
        if self._instance:
            return (self._instance,)
        return (self.connection,) if isinstance(self.connection, str) else self.connection


def bind(entity: Entity, environment: str, connections: dict[str, Connection], instance: str = "") -> Entity:
    """The entity as it stands in an environment: with its connections, and looked at through one of several."""
    bound = entity.model_copy()
    bound.place(environment, connections, instance)
    return bound.adapted()
