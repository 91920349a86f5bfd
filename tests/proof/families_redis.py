"""Unlisted faults of Redis, and of what is compared with an earlier look."""

from collections.abc import Callable

from sandbox.world import Redis, Served, World
from sandbox.worlds.platform_service.redis import QUEUE
from tests.proof.unlisted import UNKNOWN, VIOLATED, Unlisted

ANSWERS, HIT_RATE = "test_redis_answers_the_application[application-cache]", "test_redis_finds_most_keys[cache]"
MEMORY, EVICTIONS = "test_redis_memory_stays_under_its_limit[cache]", "test_redis_throws_few_keys_away[cache]"
LOADED, GROWTH = "test_redis_has_loaded_its_data[cache]", "test_queue_does_not_grow[emails]"
SAVES, RISES, TABLES = (
    "test_redis_persists_its_data[cache]",
    "test_reading_increases[audit-events]",
    "test_tables_grow_within_plan[platform-db]",
)
FILL = "for n = 1, 4000 do redis.pcall('SET', 'report:' .. n, string.rep('x', 1000)) end"


def _cache(world: World) -> Redis:
    return world.caches["cache"]


def _run(*commands: list[str]) -> Callable[[World], None]:
    return lambda world: _cache(world).commands.extend(commands)


def _settings(**given: str) -> Callable[[World], None]:
    return lambda world: _cache(world).settings.update({name.replace("_", "-"): value for name, value in given.items()})


def _full(world: World) -> None:
    _settings(maxmemory="4mb", maxmemory_policy="noeviction")(world)
    _run(["EVAL", FILL, "0"])(world)


def _stats(answer: object) -> Callable[[World], None]:
    return lambda world: setattr(world.sites["api"].routes["/audit/stats"], "json", answer)


FAMILIES = (
    Unlisted(
        "redis lets the application in without rights to ping",
        _run(["ACL", "SETUSER", "platform", "-ping"]),
        VIOLATED,
        (ANSWERS,),
        "NOPERM",
        (HIT_RATE,),
    ),
    Unlisted(
        "the application is switched off in redis",
        _run(["ACL", "SETUSER", "platform", "off"]),
        VIOLATED,
        (ANSWERS,),
        "WRONGPASS",
        (LOADED,),
    ),
    Unlisted("redis does not know ping", _settings(rename_command='PING ""'), VIOLATED, (ANSWERS,), "unknown command", (HIT_RATE, LOADED)),
    Unlisted(
        "redis presents a foreign certificate",
        lambda world: setattr(_cache(world), "certificate", Served(issuer="foreign")),
        VIOLATED,
        (ANSWERS,),
        "unable to get local issuer certificate",
    ),
    Unlisted(
        "redis presents a certificate of another name",
        lambda world: setattr(_cache(world), "certificate", Served(names=["elsewhere"])),
        UNKNOWN,
        (HIT_RATE, LOADED, GROWTH, MEMORY),
        "certificate not accepted",
    ),
    Unlisted(
        "our rights in redis were taken away",
        _run(["ACL", "SETUSER", "muster", "-info"]),
        UNKNOWN,
        (HIT_RATE, MEMORY),
        "NOPERM",
        (ANSWERS,),
    ),
    Unlisted(
        "our password in redis was rotated",
        _run(["ACL", "SETUSER", "muster", "resetpass", ">x"]),
        UNKNOWN,
        (LOADED, GROWTH),
        "WRONGPASS",
        (ANSWERS,),
    ),
    Unlisted("redis was flushed", _run(["FLUSHALL"]), VIOLATED, (GROWTH,), f"there is no key {QUEUE}", (ANSWERS, LOADED)),
    Unlisted(
        "the statistics of redis were reset", _run(["CONFIG", "RESETSTAT"]), VIOLATED, (HIT_RATE,), "nobody looked up a key", (EVICTIONS,)
    ),
    Unlisted("the queue has become a text", _run(["SET", QUEUE, "4000"]), VIOLATED, (GROWTH,), f"{QUEUE} is a string", (LOADED,)),
    Unlisted("redis is full and refuses writes", _full, VIOLATED, (MEMORY,), "policy noeviction", (ANSWERS, EVICTIONS)),
    Unlisted("audit events were deleted", _stats({"count": 3}), VIOLATED, (RISES,), "3 now"),
    Unlisted("the audit log counts nothing", _stats({"count": None}), VIOLATED, (RISES,), "count is null"),
    Unlisted("the audit count was renamed", _stats({"events": 18250}), VIOLATED, (RISES,), "count"),
    Unlisted(
        "a copy of a table was left behind",
        lambda world: world.databases["database"].sql.append("CREATE TABLE orders_copy AS SELECT * FROM orders, generate_series(1, 3)"),
        VIOLATED,
        (TABLES,),
        "public.orders_copy is new",
        (SAVES,),
    ),
    Unlisted(
        "nobody has looked at the tables before",
        lambda world: [world.earlier.pop(fact) for fact in list(world.earlier) if fact.startswith("table-size/")] and None,
        UNKNOWN,
        (TABLES,),
        "no look older than 5d6h yet; run again tomorrow",
        (RISES,),
    ),
)
