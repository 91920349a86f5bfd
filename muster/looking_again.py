"""More than one look: what does not hold is looked at again before it is said, and everything until it holds, or as long as it does.

A look is judged quietly: pytest's own protocol runs each check, reports nothing, and the verdict stands in the journal at once.
When no look is to come, pytest's loop judges the last ones and reports them. A later look replaces an earlier one whole: a check is
judged by one look alone, and a look that was interrupted by none. Saved runs are judged by the same steps, without looking.
"""

import time
from collections.abc import Callable, Iterable

import pytest
from _pytest.runner import runtestprotocol  # of pytest's own parts the one that judges an item again, and says so

from muster.case import Case
from muster.clock import Clock
from muster.digest import CALM
from muster.judging import documentation, result
from muster.options import concerns_checks
from muster.plugin import RUN
from muster.probes import Call
from muster.repeats import Repeats, add, repeats
from muster.run import CASE, Run
from muster.store import Outcome, Store
from muster.text import count, span
from muster.units import Duration
from muster.verdicts import Result, Verdict

REPEATS = pytest.StashKey[Repeats]()
CLOCK = pytest.StashKey[Clock]()
NAMED = 3
"""Checks that are named in a sentence."""
EVIDENCE = 5
"""Outcomes of one call that are kept of earlier looks at everything."""
Items = list[tuple[pytest.Item, Case]]


def pytest_addoption(parser: pytest.Parser) -> None:
    add(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Read the options; wrong ones are refused before anything is looked at."""
    if concerns_checks(config):
        config.stash[REPEATS] = repeats(config)


def pytest_report_header(config: pytest.Config) -> list[str]:
    """How often there is a look, and how long all of that can take."""
    wanted = config.stash.get(REPEATS, None)
    return list(wanted.header()) if wanted else []


def pytest_runtestloop(session: pytest.Session) -> None:
    """After the look and the line that ends it: further looks. The judging that is reported comes after this returns None."""
    run, wanted = session.config.stash.get(RUN, None), session.config.stash.get(REPEATS, Repeats())
    if run is None or run.journal is None or not run.items or not (wanted or run.store.again):
        return
    looks = _Looks(session, run, wanted)
    try:
        if run.replay is not None:
            looks.replay()
        else:
            looks.repeat()
    except KeyboardInterrupt:
        looks.conclude(f"interrupted: these are the verdicts of {count(looks.made, 'look')}")
        raise
    looks.say("")
    others = [each for each in session.items if CASE not in each.stash]
    session.items[:] = [*(item for item, case in run.items if not run.asked(case)), *others]
    session.testscollected = len(session.items)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Judge without a report, inside of whatever other plugins wrap around an item."""
    run = item.config.stash.get(RUN, None)
    if run is None or not run.quiet:
        return None
    runtestprotocol(item, log=False, nextitem=nextitem)
    return True


class _Looks:
    """The further looks of one run."""

    def __init__(self, session: pytest.Session, run: Run, wanted: Repeats) -> None:
        self.session, self.run, self.wanted = session, run, wanted
        self.clock = session.config.stash.get(CLOCK, Clock())
        self.terminal = session.config.pluginmanager.get_plugin("terminalreporter")
        look = session.config.pluginmanager.get_plugin("muster.terminal")
        self.bar: Callable[[int, int], None] | None = look.bar(session.config) if look else None
        self.made = 1
        self.shown = ""

    def repeat(self) -> None:
        """All that was asked for."""
        self.run.course.settling = bool(self.wanted.settle)
        self.judge(self.run.items)
        told = [self.settle()] if self.wanted.settle else []
        self.run.course.settling = False
        told += self.confirm() if self.wanted.confirm else []
        if self.wanted.hold and not self.open():
            told.append(self.hold())
        elif self.wanted.hold:
            told.append("not held: it did not hold to begin with")
        self.conclude(*told)

    def replay(self) -> None:
        """Judge a saved run by all its looks, as it was judged then."""
        self.judge(self.run.items)
        for store in self.run.store.again:
            self.take(store, self.clock.now())
        self.conclude(f"judged by {count(1 + len(self.run.store.again), 'saved look')}")

    def settle(self) -> str:
        """Look at everything again until it holds or time is up; how that ended."""
        began, wanted, last = self.clock.now(), self.wanted, self.open()
        while (still := self.open()) and (left := began + wanted.settle - self.clock.now()) > 0:
            last, pause = still, Duration(min(wanted.settle_every, left))
            self.say(f"{self.of(len(still))} not hold yet; looking at everything again in {pause} (up to {Duration(left)} more)")
            self.clock.wait(pause)
            self.whole()
        took = f"{span(self.clock.now() - began)} ({count(self.made, 'look')})"
        if self.open():
            return f"not settled within {wanted.settle} ({count(self.made, 'look')}): {self.of(len(self.open()))} not hold"
        return f"settled after {took}; last to hold: {self.names(last)}" if self.made > 1 else "settled: everything held at the first look"

    def confirm(self) -> list[str]:
        """Look again at what does not hold, until it holds or was seen often enough; what that changed."""
        before, made = self.open(), self.made
        while doubtful := [each for each in self.open() if self.doubtful(*each)]:
            pause = self.wanted.confirm_after
            self.say(f"{self.of(len(doubtful))} not hold yet; looking at {'it' if len(doubtful) == 1 else 'them'} again in {pause}")
            self.clock.wait(pause)
            self.some(doubtful)
        if made == self.made:
            return []
        held = len(before) - len(self.open())
        return [
            f"confirmed by {count(self.made - made, 'more look')}: {self.of(len(before))} not hold at first, {held} of these at a later look"
        ]

    def doubtful(self, item: pytest.Item, case: Case) -> bool:
        """Whether what does not hold has not been seen often enough, and can be looked at."""
        key = str(case.identity)
        unknown = self.verdict(case) is Verdict.UNKNOWN and self.wanted.hold
        return self.run.course.failing(key) <= max(self.wanted.confirm, 1 if unknown else 0) and bool(self.run.calls(item, case))

    def hold(self) -> str:
        """Keep looking at everything, until something does not hold or time is up; how that ended."""
        began, wanted, rounds, flaky = self.clock.now(), self.wanted, 0, 0
        while (left := began + wanted.hold - self.clock.now()) > 0:
            pause = Duration(min(wanted.hold_every, left))
            self.say(
                f"all of {count(len(self.run.items), 'check')} hold; looking every {wanted.hold_every} for {Duration(left)} more", "hold"
            )
            self.clock.wait(pause)
            self.whole()
            rounds += 1
            flaky += bool(self.open())
            self.confirm()
            if self.open():
                return f"not held: after {span(self.clock.now() - began)} {self.names(self.open())}"
        return f"held for {wanted.hold}: {count(rounds, 'look')} at everything" + (f", {flaky} not at once" if flaky else "")

    def whole(self) -> None:
        """Look at everything anew, and judge it. What comes replaces what was seen before, of which the evidence is kept."""
        run, store, began = self.run, Store(self.made + 1), self.clock.now()
        store.look(self.calls(run.items), progress=self.bar)
        assert run.journal is not None
        store.superseded = self.evidence()
        run.store, run.views, self.made = store, {}, store.attempt
        run.save()
        took = self.clock.now() - began
        run.journal.write("looked", outcomes=len(store.outcomes), unknown=run.unknown(), took=took, missing=[])
        self.judge(run.items)
        self.note(store, whole=True, checks=len(run.items), took=took)

    def some(self, items: Items) -> None:
        """Look again at these alone, and judge them by that."""
        store, began = Store(self.made + 1), self.clock.now()
        store.look(self.calls(items), progress=self.bar)
        self.run.store.again.append(store)
        self.run.save()
        self.take(store, began)

    def take(self, store: Store, began: float) -> None:
        """Judge by a look whatever does not hold and was looked at in it, as a whole."""
        run, self.made = self.run, store.attempt
        seen = [
            each for each in self.open() if (keys := run.looked_for[str(each[1].identity)]) and all(key in store.outcomes for key in keys)
        ]
        run.views |= {str(case.identity): store for _, case in seen}
        took = self.clock.now() - began
        self.judge(seen)
        self.note(store, whole=False, checks=len(seen), took=took)

    def judge(self, items: Items) -> None:
        """What the checks come to, into the journal and nowhere else."""
        run, asked = self.run, []
        run.quiet = True
        try:
            for item, case in items:
                if reason := run.asked(case):
                    run.settle(self.not_asked(item, case, reason))
                else:
                    asked.append(item)
            for item, following in zip(asked, [*asked[1:], None], strict=True):
                item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
        finally:
            run.quiet = False

    def not_asked(self, item: pytest.Item, case: Case, reason: str) -> Result:
        """The result of a check whose condition does not hold at this look."""
        assert isinstance(item, pytest.Function)
        attempt = self.run.seen(case).attempt
        fields = {"verdict": Verdict.NOT_ASKED, "title": documentation(item.function)[0], "reason": reason, "attempt": attempt}
        return self.run.course.told(result(item, case, fields), self.run.state, replays=True)

    def verdict(self, case: Case) -> Verdict:
        """What a case came to at its last look."""
        assert self.run.journal is not None
        known = self.run.journal.digest.verdicts.get(str(case.identity))
        return known.verdict if known else Verdict.NOT_RUN

    def open(self) -> Items:
        """What does not hold."""
        return [(item, case) for item, case in self.run.items if self.verdict(case) not in CALM]

    def calls(self, items: Items) -> list[Call]:
        """What has to be looked at for these."""
        return [call for item, case in items for call in self.run.calls(item, case)]

    def evidence(self) -> list[Outcome]:
        """What did not hold in the looks so far was judged by these outcomes: of each call the first, and the last few.

        What was asked before the first look, such as rights, is kept as well: it is not asked again.
        """
        run = self.run
        asked = {key for keys in run.looked_for.values() for key in keys}
        kept: dict[str, list[Outcome]] = {}
        for each in run.store.superseded:
            kept.setdefault(each.call.key, []).append(each)
        for look in (run.store, *run.store.again):
            for key in [*self.failed_by(look), *(key for key in look.outcomes if key not in asked)]:
                kept.setdefault(key, []).append(look.outcomes[key])
        for outcomes in kept.values():
            del outcomes[1 : 1 - EVIDENCE]
        return [each for outcomes in kept.values() for each in outcomes]

    def failed_by(self, look: Store) -> Iterable[str]:
        """Keys of a look's outcomes by which something did not hold."""
        assert self.run.journal is not None
        digest = self.run.journal.digest
        bad = {
            key for key in self.run.looked_for
            for each in (digest.verdicts.get(key), *digest.superseded.get(key, ()))
            if each is not None and each.attempt == look.attempt and each.verdict not in CALM
        }  # fmt: skip
        return dict.fromkeys(each for key in bad for each in self.run.looked_for[key] if each in look.outcomes)

    def note(self, store: Store, *, whole: bool, checks: int, took: float) -> None:
        """The journal's line about a look, once it is judged."""
        assert self.run.journal is not None
        at = min((each.at for each in store.outcomes.values() if each.attempt == store.attempt), default=time.time())
        outcomes = sum(each.attempt == store.attempt for each in store.outcomes.values())
        left = len(self.open())
        self.run.journal.write("again", attempt=store.attempt, whole=whole, at=at, took=took, outcomes=outcomes, checks=checks, left=left)

    def conclude(self, *said: str) -> None:
        """Tell what the further looks came to."""
        assert self.run.journal is not None
        if said:
            self.run.journal.write("repeated", said=list(said))

    def of(self, number: int) -> str:
        """`2 of 87 do`."""
        return f"{number} of {len(self.run.items)} {'does' if number == 1 else 'do'}"

    def names(self, items: Items) -> str:
        """Entities of some checks."""
        names = list(dict.fromkeys(case.entity.name for _, case in items))
        return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")

    def say(self, line: str, alike: str = "") -> None:
        """A line of progress: it takes the place of the last on a terminal; elsewhere what was said before is not said again."""
        if self.terminal is None or self.session.config.option.verbose < 0:
            return
        key = alike or line.partition(";")[0]
        if self.terminal.isatty():
            self.terminal.rewrite(line, erase=True)
            self.terminal.flush()
        elif key != self.shown:
            self.terminal.write_line(line)
        self.shown = key
