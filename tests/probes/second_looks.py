"""What a second look around an entity says, asked directly."""

from typing import Any

from muster.follow_up import FOLLOW_UPS
from muster.kinds.base import Entity
from muster.samples import NONE, Samples, enter


def around(entity: Entity, **shows: Any) -> list[str]:
    """The lines of the function that is registered for the entity's kind, in an environment with these `samples:`."""
    enter(Samples.model_validate(shows))
    try:
        return list(FOLLOW_UPS[type(entity)](entity))
    finally:
        enter(NONE)
