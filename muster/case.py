"""One item of a run: a check, the entity it is about, the limit it compares with. Its identity is the same in every file."""

from dataclasses import dataclass, field

from muster.expectations import Severity, Terms
from muster.kinds.base import Entity


@dataclass(frozen=True, order=True)
class Identity:
    """What a result is known by in plan, journal, waivers, history and reports. Never holds a value or a secret."""

    system: str
    environment: str
    check: str
    """Name of the check's function, unique in `checks/`."""
    entity: str
    limit: str = ""
    """Empty, or what tells several limits apart: the occasion, then the severity."""

    @property
    def place(self) -> str:
        """`system/environment`."""
        return f"{self.system}/{self.environment}"

    @property
    def parameter(self) -> str:
        """The pytest parameter: `platform-service/sandbox/health:gate`."""
        return f"{self.system}/{self.environment}/{self.entity}" + (f":{self.limit}" if self.limit else "")

    def __str__(self) -> str:
        return f"{self.check}[{self.parameter}]"


@dataclass(frozen=True)
class Case:
    """An expectation of one entity in one environment."""

    identity: Identity
    entity: Entity = field(repr=False)
    expectation: str
    terms: Terms = field(repr=False)
    severity: Severity
    owner: str
