"""Samples of the checks on maintenance."""

from collections.abc import Callable

from checks.daily import test_maintenance as maintenance
from fixtures.maintenance import Ending
from muster.units import Duration


def ending(overdue: float) -> Ending:
    """A maintenance that should have ended so many seconds ago."""
    return Ending(looked_at=1, of="maintenance windows", seen="the annotation is true", overdue=Duration(overdue))


SAMPLES: dict[Callable[..., None], tuple[dict[str, object], dict[str, object]]] = {
    maintenance.test_maintenance_has_ended: (
        {"maintenance_ending": ending(0), "limit": Duration(0)},
        {"maintenance_ending": ending(600), "limit": Duration(0)},
    ),
}
