"""Where `--push` tells others what a run has found: `push:` of an environment. Without the option nothing of it is used."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, Strict, field_validator, model_validator
from pydantic_core import PydanticCustomError

from muster.connections import Http
from muster.expectations import Cadence, Model
from muster.units import Duration

DAY = 86400.0
EXPIRES: dict[Cadence, Duration] = {
    "daily": Duration(26 * 3600), "gate": Duration(26 * 3600), "weekly": Duration(8 * DAY), "monthly": Duration(33 * DAY),
    "quarterly": Duration(94 * DAY), "restore_drill": Duration(33 * DAY),
}  # fmt: skip
"""Past the next run of each cadence, with some hours or days to spare."""
SHORTEST = Duration(300)


class Outlet(Http):
    """A server that is told: its address, whom it is verified against, who we are."""

    at_once: Literal[1] = 1


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, dict) else value


class Push(Model):
    """What is told, with `--push` and never without: alerts to Alertmanager, metrics to a Pushgateway."""

    alertmanager: Annotated[tuple[Outlet, ...], Strict(False), BeforeValidator(_listed)] = ()
    """An Alertmanager, or a list: every member of a cluster, because they do not pass alerts on to each other."""
    pushgateway: Outlet | None = None
    """A Pushgateway."""
    suite_owner: str | None = Field(default=None, min_length=1)
    """Label `owner` of alerts about what is unknown: who runs the suite. Without it the system's owner."""
    expires: dict[Cadence, Duration] = Field(default_factory=dict)
    """When an alert ends by itself, because no run has come to say more, by the cadence of its check. Without it 26h for daily and
    gate, 8d for weekly, 33d for monthly and restore_drill, 94d for quarterly."""

    @field_validator("expires")
    @classmethod
    def _long_enough(cls, value: dict[Cadence, Duration]) -> dict[Cadence, Duration]:
        if any(each < SHORTEST for each in value.values()):
            raise PydanticCustomError("expires", "an alert lasts for at least {least}", {"least": str(SHORTEST)})
        return value

    @model_validator(mode="after")
    def _somewhere(self) -> "Push":
        if not self.alertmanager and self.pushgateway is None:
            raise PydanticCustomError("push", "push to an alertmanager, a pushgateway, or both")
        return self

    def lasts(self, cadence: str) -> Duration:
        """How long an alert about a check of this cadence lasts, unless a run renews it."""
        known: dict[str, Duration] = {str(name): each for name, each in (EXPIRES | self.expires).items()}
        return known.get(cadence, EXPIRES["daily"])

    def outlets(self) -> list[tuple[tuple[str | int, ...], Outlet]]:
        """Every server, with its place in the section."""
        made: list[tuple[tuple[str | int, ...], Outlet]] = [(("alertmanager", at), each) for at, each in enumerate(self.alertmanager)]
        return made + ([(("pushgateway",), self.pushgateway)] if self.pushgateway else [])
