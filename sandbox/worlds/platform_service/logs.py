"""platform-service: what its containers logged in the last 24 hours."""

import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from sandbox.world import Cluster, Fault, World
from sandbox.worlds.platform_service.cluster import NAMESPACE, SERVICE_PODS

DATABASE_LOG = f"{NAMESPACE}/postgres-0/postgres"
ROUTES = {"GET /api/orders": 60, "GET /api/orders/:id": 25, "POST /api/orders": 140, "GET /api/reports": 420, "GET /health": 3}
"""Route -> usual response time in milliseconds."""
FAILURES = ("order rejected by payment provider", "cache entry could not be decoded", "audit event was written late")
INFO, WARN, ERROR = 30, 40, 50
HOUR = 3600.0

Edit = Callable[[World], None]
Entry = tuple[float, str]


def log_key(pod: str) -> str:
    """Where the world keeps the log of a service pod."""
    return f"{NAMESPACE}/{pod}/platform-service"


def stamped(entries: list[Entry]) -> str:
    """The text of a log: lines with the time at which the container wrote them, in Unix seconds, in order."""
    lines = [
        f"{datetime.fromtimestamp(at, UTC).isoformat(timespec='milliseconds').replace('+00:00', 'Z')} {line}\n"
        for at, line in sorted(entries)
    ]
    return "".join(lines)


def record(at: float, level: int, message: str, **more: object) -> Entry:
    """A record as pino writes it."""
    head = {"level": level, "time": int(at * 1000), "service": "platform-service", "correlationId": f"{int(at * 1000) % 16**8:08x}"}
    return at, json.dumps({**head, **more, "msg": message}, separators=(",", ":"))


def build(world: World, now: float) -> None:
    """Add this part to the healthy world at Unix time `now` (seconds)."""
    world.cluster = world.cluster or Cluster()
    for place, pod in enumerate(SERVICE_PODS):
        world.cluster.logs[log_key(pod)] = stamped([*_requests(now, place), *_errors(now, place)])
    world.cluster.logs[DATABASE_LOG] = stamped(list(_checkpoints(now)))


def _requests(now: float, place: int) -> Iterator[Entry]:
    """One request each ten seconds in the last two hours, one each two minutes before."""
    dice = random.Random(place)  # noqa: S311 - the same log each time
    moments = [now - 24 * HOUR + 120.0 * step for step in range(22 * 30)] + [now - 2 * HOUR + 10.0 * step for step in range(719)]
    for at in moments:
        route, usual = dice.choice(list(ROUTES.items()))
        took = round(usual * dice.uniform(0.6, 1.6), 1)
        yield record(at + place, INFO, "request completed", route=route, statusCode=200, responseTimeMs=took)


def _errors(now: float, place: int) -> Iterator[Entry]:
    """An error each three hours."""
    for step in range(8):
        yield record(now - (3 * step + place + 0.5) * HOUR, ERROR, FAILURES[step % len(FAILURES)], orderId=1000 + step)


def _checkpoints(now: float) -> Iterator[Entry]:
    for step in range(1, 289):
        at = now - 300.0 * step
        prefix = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S.000 UTC")
        yield at, f"{prefix} [27] LOG:  checkpoint starting: time"
        yield at + 5, f"{prefix} [27] LOG:  checkpoint complete: wrote {40 + step % 7} buffers (0.2%)"


def _cluster(world: World) -> Cluster:
    assert world.cluster is not None
    return world.cluster


def _last(text: str) -> float:
    """Unix seconds of the last line of a log: the world's now, nearly."""
    stamps = [line.partition(" ")[0] for line in text.splitlines()[-1:]]
    return max((datetime.fromisoformat(stamp).timestamp() for stamp in stamps), default=0.0)


def _add(world: World, key: str, made: Callable[[float], list[Entry]]) -> None:
    """Add records to a log; `made` gets its last moment. The API reads a log from its first line in the window, so order matters."""
    logs = _cluster(world).logs
    new = stamped(made(_last(logs[key])))
    logs[key] = "".join(sorted([*logs[key].splitlines(keepends=True), *new.splitlines(keepends=True)]))


def _errors_burst(world: World) -> None:
    topics = ("orders", "payments", "search", "billing", "exports", "imports", "sessions", "webhooks")
    for place, pod in enumerate(SERVICE_PODS):
        made = [(17.0 * step + place, f"upstream {topics[step % len(topics)]} answered with an error") for step in range(67)]
        _add(world, log_key(pod), lambda now, made=made: [record(now - 30 - back, ERROR, text, statusCode=502) for back, text in made])  # type: ignore[misc]


def _errors_all_day(world: World) -> None:
    for pod in SERVICE_PODS:
        _add(world, log_key(pod), lambda now: [record(now - 2 * HOUR - 900.0 * step, ERROR, FAILURES[step % 3]) for step in range(80)])


def _one_message(world: World) -> None:
    _add(
        world,
        log_key(SERVICE_PODS[1]),
        lambda now: [record(now - 45.0 * step, ERROR, f"export {7000 + step} failed: no such bucket") for step in range(60)],
    )


def _slow_route(world: World) -> None:
    slow = {"route": "GET /api/reports", "statusCode": 200}
    _add(
        world,
        log_key(SERVICE_PODS[0]),
        lambda now: [record(now - 20 * n, INFO, "request completed", responseTimeMs=4100.0 + n, **slow) for n in range(120)],
    )


def _message(message: str, level: int, ago: float, count: int, every: float) -> Edit:
    """Add `count` records to the second pod, the youngest `ago` seconds before its last, one each `every` seconds."""
    return lambda world: _add(
        world, log_key(SERVICE_PODS[1]), lambda now: [record(now - ago - every * step, level, message) for step in range(count)]
    )


def _rewritten(change: Callable[[str], str]) -> Edit:
    def edit(world: World) -> None:
        for pod in SERVICE_PODS:
            _cluster(world).logs[log_key(pod)] = change(_cluster(world).logs[log_key(pod)])

    return edit


def _without_levels(text: str) -> str:
    """The same records under keys of which none is a level."""
    return text.replace('{"level":', '{"importance":')


def _database_refuses(world: World) -> None:
    _add(world, DATABASE_LOG, lambda now: [(now - 600, "2026-01-01 00:00:00.000 UTC [991] FATAL:  sorry, too many clients already")])


def _silent_pod(world: World) -> None:
    _cluster(world).logs[log_key(SERVICE_PODS[2])] = ""


def _all_silent(world: World) -> None:
    for pod in SERVICE_PODS:
        _cluster(world).logs[log_key(pod)] = ""


def _forbidden(world: World) -> None:
    for rules in _cluster(world).tokens.values():
        for rule in rules:
            rule["resources"] = [each for each in rule["resources"] if each != "pods/log"]


FEW = "test_log_records_of_a_kind_stay_few"
_OF_SERVICE = ("service-errors", "service-errors-day", "pool-exhausted", "disk-full")
_COUNTED = tuple(f"{FEW}[{name}]" for name in _OF_SERVICE)
_OTHERS = (
    "test_no_message_dominates_the_log[service-errors]",
    "test_every_pod_writes_a_log[service-errors]",
    "test_every_route_answers_in_time[service-requests]",
)
_CARRY = "test_log_records_carry_the_field[service-requests]"
_DAY = (f"{FEW}[service-errors]", f"{FEW}[service-errors-day]")
FAULTS: list[Fault] = [
    Fault("errors-burst", "200 errors in the last hour, spread over the three pods", _errors_burst, _DAY),
    Fault("errors-all-day", "ten times the usual errors all day, but not in the last hour", _errors_all_day, (_DAY[1],)),
    Fault("one-error-message", "one export fails every minute with the same message", _one_message, (_DAY[0], _OTHERS[0])),
    Fault("slow-route", "the reports route takes four seconds", _slow_route, (_OTHERS[2],)),
    Fault(
        "correlation-id-missing",
        "log records lost their correlation id",
        _rewritten(lambda text: text.replace('"correlationId":', '"trace":')),
        (_CARRY,),
    ),
    Fault(
        "pool-exhausted",
        "the connection pool is exhausted once a minute",
        _message("connection pool exhausted, 20 of 20 connections in use", WARN, 30, 55, 60.0),
        (_COUNTED[2],),
    ),
    Fault(
        "disk-full-logged",
        "one write failed for lack of space, 20 hours ago",
        _message("ENOSPC: no space left on device, write", ERROR, 20 * HOUR, 1, 1.0),
        (_COUNTED[3],),
    ),
    Fault("database-logs-fatal", "the database refused a client", _database_refuses, (f"{FEW}[database-fatal]",)),
    Fault("pod-silent", "one of the pods writes no log any more", _silent_pod, (_OTHERS[1],)),
    Fault("logs-empty", "no pod of the service writes a log any more", _all_silent, (*_COUNTED, *_OTHERS, _CARRY)),
    Fault("log-format-changed", "records show no level any more", _rewritten(_without_levels), (*_DAY, *_OTHERS[:2]), "unknown"),
    Fault(
        "logs-forbidden", "we may not read logs any more", _forbidden, (*_COUNTED, *_OTHERS, _CARRY, f"{FEW}[database-fatal]"), "unknown"
    ),
]
