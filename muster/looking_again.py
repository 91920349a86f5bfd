"""More than one look: what does not hold is looked at again before it is said, and everything until it holds, or as long as it does.

Here is when to look and what is told of it; `muster.looks` looks and judges. When no look is to come, pytest's own loop judges
what each check was last judged by, and reports it. Saved runs are judged by the same steps, without looking.
"""

import pytest
from _pytest.runner import runtestprotocol  # of pytest's own parts the one that judges an item again, and says so

from muster.case import Case
from muster.clock import Clock
from muster.looks import Items, Looks
from muster.options import concerns_checks
from muster.plugin import RUN
from muster.repeats import Repeats, add, repeats
from muster.run import CASE, Run
from muster.text import count, span
from muster.units import Duration
from muster.verdicts import Verdict

REPEATS = pytest.StashKey[Repeats]()
CLOCK = pytest.StashKey[Clock]()
NAMED = 3
"""Checks that are named in a sentence."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--confirm`, `--settle` and `--hold`."""
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
    again = _Repetition(session, run, wanted)
    try:
        if run.replay is not None:
            again.replay()
        else:
            again.repeat()
    except KeyboardInterrupt:
        again.conclude(f"interrupted: these are the verdicts of {count(again.looks.made, 'look')}")
        raise
    again.clear()
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


class _Repetition:
    """What one run was asked to look at again, and what that came to."""

    def __init__(self, session: pytest.Session, run: Run, wanted: Repeats) -> None:
        self.session, self.run, self.wanted = session, run, wanted
        self.clock = session.config.stash.get(CLOCK, Clock())
        self.terminal = session.config.pluginmanager.get_plugin("terminalreporter")
        look = session.config.pluginmanager.get_plugin("muster.terminal")
        self.looks = Looks(run, self.clock, look.bar(session.config) if look else None)
        self.shown = ""

    def repeat(self) -> None:
        """All that was asked for."""
        self.run.course.settling = bool(self.wanted.settle)
        self.looks.judge(self.run.items)
        told = [self.settle()] if self.wanted.settle else []
        self.run.course.settling = False
        told += self.confirm()
        if self.wanted.hold and not self.looks.open():
            told.append(self.hold())
        elif self.wanted.hold:
            told.append("not held: it did not hold to begin with")
        self.conclude(*told)

    def replay(self) -> None:
        """Judge a saved run by all its looks, as it was judged then."""
        self.looks.judge(self.run.items)
        for store in self.run.store.again:
            self.looks.take(store, self.clock.now())
        self.conclude(f"judged by {count(1 + len(self.run.store.again), 'saved look')}")

    def settle(self) -> str:
        """Look at everything again until it holds or time is up; how that ended."""
        began, wanted, last = self.clock.now(), self.wanted, self.looks.open()
        while (still := self.looks.open()) and (left := began + wanted.settle - self.clock.now()) > 0:
            last, pause = still, Duration(min(wanted.settle_every, left))
            self.say(f"{self.of(len(still))} not hold yet; looking at everything again in {pause} (up to {Duration(left)} more)")
            self.clock.wait(pause)
            self.looks.whole()
        made = count(self.looks.made, "look")
        if still:
            return f"not settled within {wanted.settle} ({made}): {self.of(len(still))} not hold"
        if not last:
            return "settled: everything held at the first look"
        return f"settled after {span(self.clock.now() - began)} ({made}); last to hold: {self.names(last)}"

    def confirm(self) -> list[str]:
        """Look again at what does not hold, until it holds or was seen often enough; what that changed."""
        before, made = self.looks.open(), self.looks.made
        while doubtful := [each for each in self.looks.open() if self.doubtful(*each)]:
            pause = self.wanted.confirm_after
            self.say(f"{self.of(len(doubtful))} not hold yet; looking at {'it' if len(doubtful) == 1 else 'them'} again in {pause}")
            self.clock.wait(pause)
            self.looks.some(doubtful)
        if made == self.looks.made:
            return []
        held = len(before) - len(self.looks.open())
        found = ("it does" if held else "it still does not") if len(before) == 1 else f"{held} of these do"
        return [f"{len(before)} of {len(self.run.items)} did not hold; after {count(self.looks.made - made, 'more look')} {found}"]

    def doubtful(self, item: pytest.Item, case: Case) -> bool:
        """Whether what does not hold has not been seen often enough, and can be looked at: an unknown that would end a hold is, once."""
        unknown = self.looks.verdict(case) is Verdict.UNKNOWN and self.wanted.hold
        enough = max(self.wanted.confirm, 1 if unknown else 0)
        return 0 < self.run.course.failing(str(case.identity)) <= enough and bool(self.run.calls(item, case))

    def hold(self) -> str:
        """Keep looking at everything, until something does not hold or time is up; how that ended."""
        began, wanted, rounds, flaky = self.clock.now(), self.wanted, 0, 0
        while (left := began + wanted.hold - self.clock.now()) > 0:
            every = count(len(self.run.items), "check")
            self.say(f"all of {every} hold; looking every {wanted.hold_every} for {Duration(left)} more", "hold")
            self.clock.wait(min(wanted.hold_every, left))
            self.looks.whole()
            rounds += 1
            flaky += bool(self.looks.open())
            if all(self.doubtful(*each) for each in self.looks.open()):
                self.confirm()
            if self.looks.open():
                return f"not held: after {span(self.clock.now() - began)} {self.names(self.looks.open())}"
        return f"held for {wanted.hold}: {count(rounds, 'look')} at everything" + (f", {flaky} not at once" if flaky else "")

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

    def clear(self) -> None:
        """Take the last line of progress off a terminal."""
        if self.shown and self.terminal is not None and self.terminal.isatty():
            self.terminal.rewrite("", erase=True)
            self.terminal.write_raw("\r")
