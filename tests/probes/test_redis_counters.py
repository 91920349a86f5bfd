"""What the counters and queues of Redis did since an earlier look: exact, or unknown with the reason."""

from types import SimpleNamespace

import pytest

from fixtures.redis.counters import redis_count, redis_hit_rate
from fixtures.redis.queues import QueueLength, queue_growth
from fixtures.redis.servers import RedisState
from muster.kinds.earlier import Growth, HitRate
from muster.kinds.kubernetes import Within
from muster.probes import CouldNotLook, Nothing
from muster.units import ByteSize, Counted, Duration, Instant, Percent

NOW, HOUR, DAY = 1_800_000_000.0, 3600.0, 86400.0
WANTED = HitRate.model_validate({"at_least": "80%"})
FEW = Within.model_validate({"at_most": 5, "within": "24h"})
AT_MOST_100 = Growth.model_validate({"at_most": 100})


def state(uptime=30 * DAY, **counters):
    zero = dict.fromkeys(("keyspace_hits", "keyspace_misses", "evicted_keys", "rejected_connections"), 0)
    return RedisState(
        looked_at=1,
        of="servers",
        seen="redis r:6379",
        at=Instant(NOW),
        run="f" * 40,
        uptime=Duration(uptime),
        serving=True,
        role="primary",
        replicas=0,
        failures=Counted(),
        append_only=False,
        unsaved=Duration(0),
        memory=ByteSize(0),
        maxmemory=ByteSize(0),
        policy="noeviction",
        clients=Percent(0),
        counters=zero | counters,
    )


def history(*looks, run="f" * 12):
    """Earlier looks: (seconds ago, {counter: value})."""
    made = {}
    for ago, counters in sorted(looks, key=lambda look: -look[0]):
        for name, value in counters.items():
            made.setdefault(f"redis/{run}/{name}", []).append((NOW - ago, float(value)))
    return made


def hits(hit, missed):
    return {"keyspace_hits": hit, "keyspace_misses": missed}


def rate(seen, earlier, terms=WANTED):
    return redis_hit_rate.__wrapped__(seen, terms, earlier)


def count(seen, earlier, expectation="evictions", terms=FEW):
    return redis_count.__wrapped__(seen, SimpleNamespace(terms=terms, expectation=expectation), earlier).count


def test_a_cold_cache_is_not_hidden_by_months_of_hits():
    seen = rate(state(**hits(1_000_100, 900)), history((DAY, hits(1_000_000, 100))))

    assert (seen.share, seen.looked_at) == (pytest.approx(100 / 900), 900)
    assert "800 of 900 lookups missed since the look 1d ago" in seen.note


def test_the_newest_look_that_is_old_enough_counts():
    earlier = history((DAY, hits(0, 0)), (2 * HOUR, hits(1000, 1000)), (60, hits(1990, 1010)))

    assert rate(state(**hits(2000, 1010)), earlier).share == pytest.approx(1000 / 1010)


def test_a_counter_that_stood_still_in_between_is_read_at_the_moment_of_the_look():
    earlier = history((DAY, hits(500, 7)), (2 * HOUR, {"keyspace_hits": 1000}))

    assert rate(state(**hits(2000, 7)), earlier).share == 1


@pytest.mark.parametrize(
    "earlier", [{}, history((300, hits(1, 1))), history((3 * DAY, hits(1, 1))), history((DAY, hits(1, 1)), run="e" * 12)]
)
def test_without_a_look_of_this_run_it_is_unknown(earlier):
    with pytest.raises(CouldNotLook, match="no look older than 10m yet; run again tomorrow"):
        rate(state(**hits(2000, 10)), earlier)


def test_after_a_restart_it_counts_from_the_start():
    seen = rate(state(uptime=HOUR, **hits(100, 100)), history((DAY, hits(9, 9)), run="e" * 12))

    assert seen.share == 0.5
    assert "since its start 1h ago" in seen.note


def test_right_after_a_restart_it_is_unknown():
    with pytest.raises(CouldNotLook, match="it was started 2m ago, and counts from there; 10m are needed"):
        rate(state(uptime=120, **hits(1000, 0)), {})


@pytest.mark.parametrize("now", [hits(10, 2000), hits(2000, 10), hits(10, 10)])
def test_counters_that_went_backwards_are_unknown(now):
    with pytest.raises(CouldNotLook, match="went backwards since the earlier look"):
        rate(state(**now), history((DAY, hits(1000, 1000))))


def test_a_few_lookups_are_too_few_to_judge():
    with pytest.raises(CouldNotLook, match="only 99 lookups since the look 1d ago, too few to judge"):
        rate(state(**hits(1099, 1000)), history((DAY, hits(1000, 1000))))


def test_no_lookups_at_all_are_nothing():
    seen = rate(state(**hits(1000, 1000)), history((DAY, hits(1000, 1000))))

    assert isinstance(seen, Nothing)
    assert seen.note == "nobody looked up a key since the look 1d ago"


def test_a_lifetime_total_within_the_limit_needs_no_history():
    assert count(state(evicted_keys=5), {}) == 5


def test_a_server_younger_than_the_window_counts_exactly():
    assert count(state(uptime=HOUR, evicted_keys=50), {}) == 50


def test_an_older_server_counts_since_the_oldest_look_inside_the_window():
    earlier = history((3 * DAY, {"evicted_keys": 1}), (20 * HOUR, {"evicted_keys": 47}), (HOUR, {"evicted_keys": 50}))

    assert count(state(evicted_keys=50), earlier) == 3


def test_each_expectation_has_its_counter():
    assert count(state(evicted_keys=1, rejected_connections=4), {}, "rejected_connections") == 4


@pytest.mark.parametrize(
    ("earlier", "said"),
    [
        ({}, "needs an earlier look"),
        (history((HOUR, {"evicted_keys": 60})), "went backwards"),
        (history((3 * DAY, {"evicted_keys": 1})), "needs"),
    ],
)
def test_without_such_a_look_it_is_unknown(earlier, said):
    with pytest.raises(CouldNotLook, match=said):
        count(state(evicted_keys=50), earlier)


def queue(length):
    return QueueLength(looked_at=1, of="keys", length=length, at=Instant(NOW), fact="length/redis_queues/emails")


def grown(length, *looks):
    return queue_growth.__wrapped__(
        queue(length), AT_MOST_100, {"length/redis_queues/emails": [(NOW - ago, value) for ago, value in looks]}
    )


def test_a_backlog_grows_since_an_earlier_look():
    seen = grown(412, (DAY, 3.0), (HOUR, 12.0), (60, 400.0))

    assert (seen.by, seen.note) == (400, "12 1h ago, 412 now")


def test_a_backlog_that_shrinks_has_not_grown():
    assert grown(0, (HOUR, 12.0)).by == -12


@pytest.mark.parametrize("looks", [[], [(60, 1.0)], [(3 * DAY, 1.0)]])
def test_a_first_look_at_a_queue_is_unknown(looks):
    with pytest.raises(CouldNotLook, match="no look older than 10m yet; run again tomorrow"):
        grown(412, *looks)
