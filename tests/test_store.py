"""The look: once each, side by side, within its deadline, and never silently lost."""

import _thread
import contextlib
import threading
import time
from dataclasses import dataclass

import pytest

from muster.probes import Call, CouldNotLook, Observation, Probe, remaining
from muster.samples import NONE
from muster.store import Store


@dataclass(frozen=True)
class Thing:
    name: str
    origin: str = "host:1"
    cap: int = 10
    timeout: float | None = None

    @property
    def key(self):
        return self.name

    def target(self):
        if self.origin == "":
            raise CouldNotLook("environment variable X is not set", cause="configuration: env:X")
        return self.origin

    def at_once(self):
        return self.cap

    def reach(self):
        return ()

    def samples(self):
        return NONE

    def parts(self):
        return set()


def call(function, thing, timeout=5.0):
    return Call.of(Probe(function.__name__, function, ("thing",), timeout), {"thing": thing})


def seen(thing):
    return Observation(looked_at=1, of="things", seen=thing.name)


def look(*calls, **options):
    store = Store()
    store.look(calls, **options)
    return store


def outcome(store, made):
    return store.outcomes[made.key].get()


def test_a_call_is_made_once_however_many_ask():
    made = []

    def probe(thing):
        made.append(thing.name)
        return seen(thing)

    store = look(call(probe, Thing("a")), call(probe, Thing("a")), call(probe, Thing("b")))

    assert sorted(made) == ["a", "b"]
    assert outcome(store, call(probe, Thing("a"))).seen == "a"


def test_an_error_is_remembered_and_told_to_every_reader_with_the_same_traceback():
    def probe(thing):
        raise CouldNotLook("forbidden", cause="kubernetes x", hint="ask for get pods")

    store = look(call(probe, Thing("a")))
    lengths = []
    for _ in range(3):
        with pytest.raises(CouldNotLook, match="forbidden") as caught:
            store.get(Probe("probe", probe, ("thing",), 5.0), {"thing": Thing("a")})
        lengths.append(len(caught.traceback))

    assert caught.value.hint == "ask for get pods"
    assert len(set(lengths)) == 1


@pytest.mark.parametrize("error", [AssertionError("from a client"), KeyError("pods"), SystemExit(3), RecursionError()])
def test_whatever_a_probe_raises_means_that_we_could_not_look(error):
    def probe(thing):
        raise error

    store = look(call(probe, Thing("a")))

    with pytest.raises(CouldNotLook, match=f"crashed: {type(error).__name__}"):
        outcome(store, call(probe, Thing("a")))


def test_a_probe_that_returns_something_else_than_an_observation_has_not_looked():
    store = look(call(lambda thing: {"pods": thing}, Thing("a")))

    assert "not an Observation" in next(iter(store.outcomes.values())).error.reason


def test_a_call_that_was_never_made_is_unknown():
    with pytest.raises(CouldNotLook, match="was not looked at"):
        Store().get(Probe("probe", seen, ("thing",), 5.0), {"thing": Thing("a")})


def test_a_hung_target_costs_its_own_deadline_and_nobody_elses():
    release = threading.Event()

    def hang(thing):
        release.wait()
        return seen(thing)

    hung = call(hang, Thing("hung", "dead:1"), timeout=0.3)
    others = [call(seen, Thing(f"t{n}", f"host:{n}")) for n in range(50)]
    store = look(hung, *others)
    release.set()

    with pytest.raises(CouldNotLook, match="no answer within") as caught:
        outcome(store, hung)
    assert caught.value.cause == "dead:1"
    assert all(outcome(store, each) for each in others)


def test_an_answer_after_the_deadline_changes_nothing():
    release, answered = threading.Event(), threading.Event()

    def late(thing):
        release.wait()
        answered.set()
        return seen(thing)

    store = look(call(late, Thing("a"), timeout=0.1))
    before = store.outcomes[call(late, Thing("a")).key]
    release.set()
    answered.wait(5)

    assert store.outcomes[call(late, Thing("a")).key] is before
    assert before.error is not None


def test_those_who_wait_behind_a_hung_target_do_not_wait_for_ever():
    release = threading.Event()

    def hang(thing):
        release.wait()
        return seen(thing)

    calls = [call(hang, Thing(f"t{n}", "dead:1", cap=2), timeout=0.3) for n in range(20)]
    began = time.monotonic()
    store = look(*calls)
    took = time.monotonic() - began
    release.set()

    assert all(each.error for each in store.outcomes.values())
    assert took < 0.3 * len(calls) / 2


def test_never_more_calls_to_a_target_than_its_cap():
    lock, running, highest = threading.Lock(), [0], [0]

    def probe(thing):
        with lock:
            running[0] += 1
            highest[0] = max(highest[0], running[0])
        time.sleep(0.02)
        with lock:
            running[0] -= 1
        return seen(thing)

    look(*(call(probe, Thing(f"t{n}", cap=3)) for n in range(20)))

    assert highest[0] == 3


def test_different_targets_are_looked_at_side_by_side():
    together = threading.Barrier(8)

    def probe(thing):
        together.wait(timeout=5)
        return seen(thing)

    store = look(*(call(probe, Thing(f"t{n}", f"host:{n}", cap=1)) for n in range(8)))

    assert all(each.error is None for each in store.outcomes.values())


def test_threads_are_used_again_and_end_with_the_look():
    threads = set()

    def probe(thing):
        threads.add(threading.get_native_id())
        return seen(thing)

    before = _thread._count()
    look(*(call(probe, Thing(f"t{n}", cap=2)) for n in range(50)))

    assert len(threads) <= 2
    until = time.monotonic() + 60
    while _thread._count() > before and time.monotonic() < until:
        time.sleep(0.01)
    assert _thread._count() <= before


def test_a_thread_that_hangs_is_not_waited_for_by_the_next_call():
    release = threading.Event()

    def probe(thing):
        if thing.name == "hung":
            release.wait()
        return seen(thing)

    calls = [call(probe, Thing(name, cap=1), timeout=timeout) for name, timeout in (("quick", 60), ("hung", 0.3), ("next", 60))]
    store = look(*calls)
    release.set()

    assert [store.outcomes[each.key].error is None for each in calls] == [True, False, True]


def test_many_calls_cost_no_more_each_than_few(monkeypatch):
    touched = []

    class Counted(dict):
        def __contains__(self, key):
            touched.append(key)
            return super().__contains__(key)

    def effort(count):
        touched.clear()
        store = Store()
        store.outcomes = Counted()
        store.look([call(seen, Thing(f"t{n}", f"host:{n}")) for n in range(count)])
        return len(touched) / count

    assert effort(1000) <= effort(10)


def test_the_overall_deadline_ends_the_look_and_says_so():
    release = threading.Event()

    def hang(thing):
        release.wait()
        return seen(thing)

    store = look(*(call(hang, Thing(f"t{n}", cap=1), timeout=60) for n in range(3)), overall=0.2)
    release.set()

    assert {each.error.reason for each in store.outcomes.values()} == {"the look as a whole ended after 0.2 s"}


def test_a_target_that_cannot_be_named_is_an_outcome_like_any_other():
    store = look(call(seen, Thing("a", origin="")), call(seen, Thing("b")))

    assert store.outcomes["seen|a"].error.cause == "configuration: env:X"
    assert store.outcomes["seen|b"].error is None


def test_a_probe_knows_how_much_of_its_deadline_is_left_and_an_entity_may_set_it():
    left = {}

    def probe(thing):
        left[thing.name] = remaining()
        return seen(thing)

    look(call(probe, Thing("own", timeout=2.0), timeout=50), call(probe, Thing("default"), timeout=50))

    assert left["own"] <= 2 < left["default"] <= 50


@pytest.mark.parametrize("error", [None, KeyboardInterrupt])
def test_after_a_look_sources_close_what_they_opened_however_it_ends(monkeypatch, error):
    closed = []
    monkeypatch.setattr("muster.store.ENDS", [lambda: closed.append(True)])

    def interrupt(done, total):
        if error:
            raise error

    with pytest.raises(error) if error else contextlib.nullcontext():
        Store().look([call(seen, Thing("a"))], progress=interrupt)

    assert closed == [True]


def test_an_interrupted_look_ends_at_once_and_says_what_is_missing():
    release = threading.Event()

    def hang(thing):
        release.wait()
        return seen(thing)

    def interrupt(done, total):
        if done:
            raise KeyboardInterrupt

    store = Store()
    with pytest.raises(KeyboardInterrupt):
        store.look([call(seen, Thing("quick", "host:2")), call(hang, Thing("slow"), timeout=60)], progress=interrupt)
    release.set()

    assert store.interrupted == ["hang|slow"]
