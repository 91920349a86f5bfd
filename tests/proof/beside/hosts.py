"""Of hosts, their files and Redis: what platform-service's runbook does not speak of."""

from typing import Any

from sandbox.world import World
from tests.proof.unlisted import Unlisted

CONNECTIONS: dict[str, Any] = {}
"""Beside those of the sandbox's environment."""
ENTITIES: dict[str, list[dict[str, Any]]] = {}


def prepare(world: World) -> None:
    """What a healthy world has for these entities."""


FAULTS: tuple[Unlisted, ...] = ()
