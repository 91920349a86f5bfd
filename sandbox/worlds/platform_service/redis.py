"""platform-service: its cache and job queue, with the application's login and the monitoring user."""

from collections.abc import Callable
from pathlib import Path

from sandbox.world import Fault, Redis, Served, World

ACL = Path(__file__).parents[3] / "deploy" / "redis-readonly.acl"
HOUR = 3600
QUEUE = "queue:emails"
WAITING = 12
NAME = "emails"
"""The queue as environment files call it."""


def rules(text: str) -> str:
    """The rules of the monitoring user, as `ACL SETUSER` takes them."""
    line = next(line for line in text.splitlines() if line.startswith("user muster "))
    return line.removeprefix("user muster ")


def _times(count: int, call: str) -> list[str]:
    """One call, `count` times, on the server; `n` is the number of the turn."""
    return ["EVAL", f"for n = 1, {count} do redis.call({call}) end", "0"]


def build(world: World, now: float) -> None:
    """Add this part to the healthy world at Unix time `now` (seconds)."""
    world.caches["cache"] = Redis(
        passwords={"platform": "sandbox-platform", "muster": "sandbox-muster"},
        rules={"platform": "on ~* &* +@all -@admin -@dangerous +info", "muster": rules(ACL.read_text())},
        settings={"maxmemory": "64mb", "maxmemory-policy": "volatile-lru"},
        commands=[
            _times(500, "'SET', 'session:' .. n, string.rep('x', 100)"),
            _times(WAITING, f"'RPUSH', '{QUEUE}', 'job ' .. n"),
            _times(960, "'GET', 'session:' .. (n % 500 + 1)"),
            _times(40, "'GET', 'unknown:' .. n"),
        ],
        certificate=Served(),
    )
    world.earlier[f"length/redis_queues/{NAME}"] = {24 * HOUR: WAITING - 3, HOUR: WAITING - 2}


def _run(*commands: list[str]) -> Callable[[World], None]:
    """An edit that runs more commands as the administrator."""

    def edit(world: World) -> None:
        world.caches["cache"].commands += commands

    return edit


def _set(**fields: object) -> Callable[[World], None]:
    """An edit of the server's own fields."""

    def edit(world: World) -> None:
        for name, value in fields.items():
            setattr(world.caches["cache"], name, value)

    return edit


def _small(world: World) -> None:
    world.caches["cache"].settings["maxmemory"] = "4mb"
    _run(_times(8000, "'SET', 'report:' .. n, string.rep('x', 1000), 'EX', 3600"))(world)


ANSWERS, QUICK = (f"test_redis_answers_the_application{how}[application-cache]" for how in ("", "_quickly"))
HIT_RATE, MEMORY = "test_redis_finds_most_keys[cache]", "test_redis_memory_stays_under_its_limit[cache]"
EVICTIONS, SAVES = "test_redis_throws_few_keys_away[cache]", "test_redis_persists_its_data[cache]"
REJECTED, ROLE = "test_redis_turns_few_clients_away[cache]", "test_redis_has_its_role[cache]"
LOADED = "test_redis_has_loaded_its_data[cache]"
LENGTH, GROWTH = f"test_queue_is_short[{NAME}]", f"test_queue_does_not_grow[{NAME}]"

FAULTS: list[Fault] = [
    Fault(
        "cache-password-rotated",
        "the application's password was changed in Redis, and not where the application reads it",
        _run(["ACL", "SETUSER", "platform", "resetpass", ">rotated"]),
        (ANSWERS, QUICK),
    ),
    Fault(
        "cache-permission-lost",
        "a new ACL lets the application log in, and nothing else",
        _run(["ACL", "SETUSER", "platform", "-@all"]),
        (ANSWERS, QUICK),
    ),
    Fault(
        "cache-cold",
        "most lookups miss: a release renamed the keys",
        _run(_times(1500, "'GET', 'session/v2:' .. n")),
        (HIT_RATE,),
    ),
    Fault(
        "cache-save-failed",
        "the last save failed",
        lambda world: world.caches["cache"].settings.update({"dbfilename": "a-folder"}),
        (SAVES,),
    ),
    Fault("cache-evicts", "memory is at its limit, and thousands of keys were thrown away", _small, (MEMORY, EVICTIONS)),
    Fault("cache-without-limit", "no maxmemory is set any more", lambda world: world.caches["cache"].settings.pop("maxmemory"), (MEMORY,)),
    Fault(
        "cache-became-replica",
        "a failover made this server a replica, and its new primary does not answer",
        _run(["REPLICAOF", "127.0.0.1", "1"]),
        (ROLE,),
    ),
    Fault("cache-turns-clients-away", "maxclients was reached, and clients were turned away", _set(turned_away=3), (REJECTED,)),
    Fault(
        "cache-loading",
        "Redis was restarted and still loads its data",
        _set(loading=True),
        (ANSWERS, QUICK, LOADED, HIT_RATE),
        hides=(LENGTH, GROWTH),
    ),
    Fault(
        "backlog-grows",
        "nobody consumes the queue: within an hour it has grown by some hundred, and is not long yet",
        _run(_times(400, f"'RPUSH', '{QUEUE}', 'job ' .. n")),
        (GROWTH,),
    ),
    Fault(
        "backlog-long",
        "thousands wait in the queue, as an hour ago",
        _run(_times(4000, f"'RPUSH', '{QUEUE}', 'job ' .. n")),
        (LENGTH, GROWTH),
    ),
    Fault("queue-renamed", "a release writes into a queue of another name", _run(["RENAME", QUEUE, f"{QUEUE}:v2"]), (LENGTH, GROWTH)),
]
