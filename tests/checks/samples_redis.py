"""Redis: for each check one observation that holds, one that violates."""

from checks.daily import test_redis as redis
from fixtures.redis.counters import RedisCount, RedisHitRate
from fixtures.redis.logins import NoRedisAnswer, RedisAnswer
from fixtures.redis.queues import QueueGrowth, QueueLength
from fixtures.redis.servers import RedisMemory, RedisState
from muster.units import ByteSize, Counted, Duration, Instant, Percent

ONE = {"looked_at": 1, "of": "things"}
HEALTHY = {
    "at": Instant(0),
    "run": "1f",
    "uptime": Duration(60),
    "serving": True,
    "role": "primary",
    "replicas": 1,
    "failures": Counted(),
    "append_only": True,
    "unsaved": Duration(60),
    "memory": ByteSize(2**20),
    "maxmemory": ByteSize(2**26),
    "policy": "noeviction",
    "clients": Percent(0.1),
    "counters": {},
}


def state(**changes):
    return RedisState(**ONE, **(HEALTHY | changes))


def pair(limit, **wrong):
    return {"redis_state": state(), "limit": limit}, {"redis_state": state(**wrong), "limit": limit}


def queue(length, consumers=None):
    return QueueLength(**ONE, length=length, at=Instant(0), fact="length/redis_queues/jobs", consumers=consumers)


def counts(most):
    return {"redis_count": RedisCount(**ONE, count=most), "limit": most}, {"redis_count": RedisCount(**ONE, count=most + 1), "limit": most}


def answer(took):
    return RedisAnswer(**ONE, answered=True, took=Duration(took))


SAMPLES = {
    redis.test_redis_answers_the_application: (
        {"redis_answer": answer(0.1), "limit": True},
        {"redis_answer": NoRedisAnswer(took=Duration(0.1), note="WRONGPASS"), "limit": True},
    ),
    redis.test_redis_answers_the_application_quickly: (
        {"redis_answer": answer(0.1), "limit": Duration(1)},
        {"redis_answer": answer(1.1), "limit": Duration(1)},
    ),
    redis.test_redis_has_loaded_its_data: pair(True, serving=False),
    redis.test_redis_persists_its_data: pair(0, failures=Counted(["rdb_last_bgsave_status is err"])),
    redis.test_redis_saved_its_changes_recently: pair(Duration(3600), unsaved=Duration(3601)),
    redis.test_redis_keeps_an_append_only_file: pair(True, append_only=False),
    redis.test_redis_memory_stays_under_its_limit: (
        {"redis_memory": RedisMemory(**ONE, share=Percent(0.9)), "limit": Percent(0.9)},
        {"redis_memory": RedisMemory(**ONE, share=Percent(0.91)), "limit": Percent(0.9)},
    ),
    redis.test_redis_throws_few_keys_away: counts(0),
    redis.test_redis_turns_few_clients_away: counts(2),
    redis.test_redis_clients_stay_under_their_limit: pair(Percent(0.8), clients=Percent(0.81)),
    redis.test_redis_finds_most_keys: (
        {"redis_hit_rate": RedisHitRate(**ONE, share=Percent(0.8)), "limit": Percent(0.8)},
        {"redis_hit_rate": RedisHitRate(**ONE, share=Percent(0.79)), "limit": Percent(0.8)},
    ),
    redis.test_redis_has_its_role: pair("primary", role="replica"),
    redis.test_redis_replicas_are_online: pair(1, replicas=0),
    redis.test_queue_is_short: ({"queue_length": queue(1000), "limit": 1000}, {"queue_length": queue(1001), "limit": 1000}),
    redis.test_key_holds_enough: ({"queue_length": queue(3), "limit": 3}, {"queue_length": queue(2), "limit": 3}),
    redis.test_queue_does_not_grow: (
        {"queue_growth": QueueGrowth(**ONE, by=-5), "limit": 0},
        {"queue_growth": QueueGrowth(**ONE, by=1), "limit": 0},
    ),
    redis.test_queue_has_consumers: ({"queue_length": queue(0, 2), "limit": 2}, {"queue_length": queue(0, 0), "limit": 2}),
}
