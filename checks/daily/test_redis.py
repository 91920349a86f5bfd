"""Redis, every day: the application's login, the server's state, what its counters did since an earlier look, queues."""

import pytest

from fixtures.redis.counters import RedisCount, RedisHitRate
from fixtures.redis.logins import RedisAnswer
from fixtures.redis.queues import QueueGrowth, QueueLength
from fixtures.redis.servers import RedisMemory, RedisState
from muster.units import Duration, Percent


@pytest.mark.gate
@pytest.mark.expects("answers")
def test_redis_answers_the_application(redis_answer: RedisAnswer, limit: bool) -> None:
    """Redis takes the application's credentials and answers PING with PONG.

    Next: redis-cli --user NAME --askpass ping; was the password rotated on one side only? acl getuser NAME
    """
    assert redis_answer.answered == limit


@pytest.mark.gate
@pytest.mark.expects("faster_than")
def test_redis_answers_the_application_quickly(redis_answer: RedisAnswer, limit: Duration) -> None:
    """Redis answers the application quickly.

    Next: redis-cli slowlog get; info commandstats; a server has one thread, and one slow command holds up all others
    """
    assert redis_answer.took <= limit


@pytest.mark.gate
@pytest.mark.expects("serving")
def test_redis_has_loaded_its_data(redis_state: RedisState, limit: bool) -> None:
    """Redis has loaded its data set and serves it.

    Next: redis-cli info persistence: loading_eta_seconds; why was it restarted?
    """
    assert redis_state.serving == limit


@pytest.mark.expects("persistence_failures")
def test_redis_persists_its_data(redis_state: RedisState, limit: int) -> None:
    """The last save and the last writes of the append-only file succeeded; after a failed save Redis refuses all writes.

    Next: the server's log; space and rights of its folder (config get dir); room for a fork of the process
    """
    assert redis_state.failures <= limit


@pytest.mark.expects("saved_within")
def test_redis_saved_its_changes_recently(redis_state: RedisState, limit: Duration) -> None:
    """Changes were saved recently: what is newer is lost with the server.

    Next: redis-cli info persistence: rdb_changes_since_last_save; config get save
    """
    assert redis_state.unsaved <= limit


@pytest.mark.expects("append_only")
def test_redis_keeps_an_append_only_file(redis_state: RedisState, limit: bool) -> None:
    """Redis writes each change into its append-only file.

    Next: config get appendonly; a restart with an edited file brings it back, config set without config rewrite does not
    """
    assert redis_state.append_only == limit


@pytest.mark.gate
@pytest.mark.expects("memory")
def test_redis_memory_stays_under_its_limit(redis_memory: RedisMemory, limit: Percent) -> None:
    """Redis uses well less memory than it may; at the limit it throws keys away, or refuses writes.

    Next: redis-cli info memory; memory doctor; config get maxmemory*
    """
    assert redis_memory.share <= limit


@pytest.mark.expects("evictions")
def test_redis_throws_few_keys_away(redis_count: RedisCount, limit: int) -> None:
    """Redis threw few keys away for lack of memory.

    Next: redis-cli info memory; what grows? for a mere cache, declare how many evictions are all right
    """
    assert redis_count.count <= limit


@pytest.mark.expects("rejected_connections")
def test_redis_turns_few_clients_away(redis_count: RedisCount, limit: int) -> None:
    """Redis turned few connections away because it had too many.

    Next: redis-cli client list; which application leaks connections? config get maxclients
    """
    assert redis_count.count <= limit


@pytest.mark.expects("clients")
def test_redis_clients_stay_under_their_limit(redis_state: RedisState, limit: Percent) -> None:
    """Redis has well fewer clients than it takes.

    Next: redis-cli client list; which application leaks connections? config get maxclients
    """
    assert redis_state.clients <= limit


@pytest.mark.expects("hit_rate")
def test_redis_finds_most_keys(redis_hit_rate: RedisHitRate, limit: Percent) -> None:
    """Most lookups since the last look found their key: the cache is warm.

    Next: redis-cli info stats; was it flushed, or restarted without its data? did a release rename its keys? expiry times
    """
    assert redis_hit_rate.share >= limit


@pytest.mark.gate
@pytest.mark.expects("role")
def test_redis_has_its_role(redis_state: RedisState, limit: str) -> None:
    """Redis is what it is declared to be: a replica refuses writes, and answers PING all the same.

    Next: redis-cli info replication; was there a failover, and does the name lead to the new primary?
    """
    assert redis_state.role == limit


@pytest.mark.expects("replicas")
def test_redis_replicas_are_online(redis_state: RedisState, limit: int) -> None:
    """As many replicas as are wanted are online.

    Next: redis-cli info replication; the log of the replica that is missing
    """
    assert redis_state.replicas >= limit


@pytest.mark.expects("length")
def test_queue_is_short(queue_length: QueueLength, limit: int) -> None:
    """Few entries wait in the queue.

    Next: do its consumers run, and do they finish? the length again in a minute
    """
    assert queue_length.length <= limit


@pytest.mark.expects("at_least")
def test_key_holds_enough(queue_length: QueueLength, limit: int) -> None:
    """The key holds as many things as it should at least.

    Next: what fills it, and when did that run last?
    """
    assert queue_length.length >= limit


@pytest.mark.expects("growth")
def test_queue_does_not_grow(queue_growth: QueueGrowth, limit: int) -> None:
    """The queue is not much longer than at an earlier look: somebody consumes it.

    Next: do its consumers run, and do they finish? the length again in a minute
    """
    assert queue_growth.by <= limit


@pytest.mark.expects("consumers")
def test_queue_has_consumers(queue_length: QueueLength, limit: int) -> None:
    """Enough consumers of the stream's group are known.

    Next: redis-cli xinfo consumers KEY GROUP: who has been idle for long?
    """
    assert queue_length.consumers >= limit
