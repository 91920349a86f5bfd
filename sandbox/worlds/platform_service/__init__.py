"""platform-service as its runbook describes it, healthy; and the ways to break it."""

from sandbox.world import Fault, World
from sandbox.worlds.platform_service import (
    alertmanager,
    buckets,
    cluster,
    config,
    database,
    drill,
    hosts,
    logs,
    metrics,
    redis,
    rights,
    sites,
)

PARTS = (cluster, config, logs, sites, metrics, database, rights, hosts, redis, buckets, drill, alertmanager)


def world(now: float) -> World:
    """The healthy system at Unix time `now` (seconds)."""
    made = World()
    for part in PARTS:
        part.build(made, now)
    return made


FAULTS: list[Fault] = [fault for part in PARTS for fault in part.FAULTS]
