"""What no combination of waivers and verdicts may ever do."""

from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from muster.allowances import Allowances
from muster.case import Case, Identity
from muster.expectations import Limit
from muster.kinds.readings import Reading
from muster.units import Percent
from muster.verdicts import Result, Verdict
from muster.waivers import Bound, Entry, Waiver, day_of
from muster.yamlfile import Mark, Node
from tests.engine.results import made

NOW = 1_709_210_000.0  # 2024-02-29
DAY = day_of(NOW)
CAUSES = ("kubernetes https://a", "kubernetes https://a: list secrets", "prometheus http://b")
READING = Reading.model_validate({"name": "errors", "connection": "metrics", "promql": "up", "expect": {"at_most": "85%"}})
CASE = Case(
    Identity("platform", "production", "test_reading_is_low", "errors"),
    READING,
    "at_most",
    Limit[Percent](limit=Percent(0.85)),
    "P1",
    "team",
)

waivers = st.builds(
    lambda cause, left, bound, named: Waiver(
        check="test_reading_is_low", entities=named, reason="reason", ticket="T-1", owner="owner", expires=DAY + timedelta(days=left),
        cause=cause, **{"while": Bound(at_most=f"{bound}%") if bound and not cause else None},
    ),
    st.none() | st.sampled_from(CAUSES), st.integers(-3, 30), st.none() | st.integers(86, 99),
    st.sampled_from([("errors",), ("other",), ("errors", "other"), ("errors:gate",)]),
)  # fmt: skip
results = st.builds(
    lambda verdict, cause, value: made(verdict, cause=cause if verdict is Verdict.UNKNOWN else "", value=value, reason="why"),
    st.sampled_from([Verdict.HOLDS, Verdict.VIOLATED, Verdict.UNKNOWN]), st.sampled_from(CAUSES),
    st.none() | st.just("text") | st.floats(0, 1),
)  # fmt: skip
remembered = st.lists(st.sampled_from([True, False, None]), max_size=10)


def judged(found: Result, entries: list[Waiver], needed: list[bool | None], *, gate: bool = False) -> tuple[Result, dict[str, Any]]:
    """The result, and what is remembered, with these waivers and the days before today."""
    days = {str(DAY - timedelta(days=back)): was for back, was in enumerate(needed, 1) if was is not None}
    memory = {f"waiver {found.id} {cause}".strip(): dict(days) for cause in ("", *CAUSES)}
    environment = SimpleNamespace(id="platform/production", entities=())
    run: Any = SimpleNamespace(moment=NOW, state=SimpleNamespace(allowed=lambda _: memory), environment_of=lambda _: environment)
    places = Mark("production.waivers.yaml", 2, 5)
    allowances = Allowances({"platform/production": tuple(Entry(each, Node({}, places)) for each in entries)})
    return allowances.applied(run, found, CASE, gate=gate), memory


def distinct(entries: list[Waiver]) -> list[Waiver]:
    """Without those that loading refuses: two for one id and cause."""
    kept: dict[Any, Waiver] = {}
    for each in entries:
        if not any((name, each.cause) in kept for name in each.named):
            kept.update({(name, each.cause): each for name in each.named})
    return list({id(each): each for each in kept.values()}.values())


@given(results, st.lists(waivers, max_size=5).map(distinct), remembered, st.booleans())
@settings(max_examples=400, deadline=None)
def test_an_unknown_stays_unknown_unless_its_cause_is_named(found: Result, entries: list[Waiver], needed: list[bool | None], gate: bool):
    after, _ = judged(found, entries, needed, gate=gate)
    mine = [each for each in entries if "errors" in each.named and not each.over(DAY)]

    if found.verdict is Verdict.UNKNOWN:
        named = any(each.cause == found.cause for each in mine)
        assert after.verdict is (Verdict.WAIVED if named else Verdict.UNKNOWN)
        assert after.cause == found.cause
    if found.verdict is Verdict.VIOLATED:
        plain = [each for each in mine if each.cause is None]
        bound = plain[0].bound if plain else None
        number = isinstance(found.value, float)
        allowed = plain and (bound is None or (number and found.value <= float(str(bound.at_most).rstrip("%")) / 100))
        assert after.verdict is (Verdict.WAIVED if allowed else Verdict.VIOLATED)
    if found.verdict is Verdict.HOLDS:
        assert after.verdict in ((Verdict.HOLDS,) if gate or not mine else (Verdict.HOLDS, Verdict.VIOLATED))
    assert (after.expected, after.observed, after.value, after.id, after.at) == (
        found.expected,
        found.observed,
        found.value,
        found.id,
        found.at,
    )


@given(results, st.lists(waivers, max_size=4).map(distinct), remembered, st.randoms())
@settings(max_examples=200, deadline=None)
def test_the_order_of_waivers_changes_nothing(found: Result, entries: list[Waiver], needed: list[bool | None], random: Any):
    shuffled = random.sample(entries, len(entries))

    assert judged(found, shuffled, needed) == judged(found, entries, needed)


@given(results, waivers, remembered)
@settings(max_examples=200, deadline=None)
def test_judging_twice_says_the_same(found: Result, entry: Waiver, needed: list[bool | None]):
    first, memory = judged(found, [entry], needed)
    again, same = judged(found, [entry], needed)

    assert (first, memory) == (again, same)


@given(st.lists(st.booleans(), min_size=1, max_size=40), st.booleans())
@settings(max_examples=100, deadline=None)
def test_only_seven_days_in_a_row_make_a_waiver_needless(violated: list[bool], gate: bool):
    """A disk that fills and empties, day by day, oldest first: its waiver fails after a week of room, and not before."""
    waiver = Waiver(check="test_reading_is_low", entity="errors", reason="reason", ticket="T-1", owner="owner", expires=date(2024, 12, 31))
    memory: dict[str, Any] = {}
    allowances = Allowances({"platform/production": (Entry(waiver, Node({}, Mark("f", 1, 1))),)})
    for number, full in enumerate(violated):
        run: Any = SimpleNamespace(
            moment=NOW + number * 86400,
            state=SimpleNamespace(allowed=lambda _: memory),
            environment_of=lambda _: SimpleNamespace(id="platform/production", entities=()),
        )
        after = allowances.applied(run, made(Verdict.VIOLATED if full else Verdict.HOLDS), CASE, gate=gate)
        week = number >= 6 and not any(violated[number - 6 : number + 1])
        assert after.verdict is (Verdict.WAIVED if full else Verdict.VIOLATED if week and not gate else Verdict.HOLDS)
        assert len(next(iter(memory.values()))) <= 60
