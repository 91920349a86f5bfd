"""Looks after the first, each judged at once and quietly: the verdict stands in the journal, and nothing is reported.

Pytest's own protocol runs each check, whatever other plugins wrap around it. A look that was interrupted judges nothing, and a
check is judged by one look alone, so that it never compares what two looks saw.
"""

import time
from collections.abc import Callable, Iterable

import pytest

from muster.case import Case
from muster.clock import Clock
from muster.digest import CALM
from muster.judging import documentation, result
from muster.observations import amounts
from muster.probes import Call
from muster.run import Run
from muster.scrubber import scrubbed
from muster.store import Outcome, Store
from muster.verdicts import Result, Verdict

EVIDENCE = 5
"""Outcomes of one call that are kept of earlier looks at everything."""
Items = list[tuple[pytest.Item, Case]]


class Looks:
    """The looks of one run."""

    def __init__(self, run: Run, clock: Clock, progress: Callable[[int, int], None] | None) -> None:
        self.run, self.clock, self.progress = run, clock, progress
        self.made = 1

    def whole(self) -> None:
        """Look at everything anew, and judge it. What comes replaces what was seen before, of which the evidence is kept."""
        run, store, began = self.run, Store(self.made + 1), self.clock.now()
        store.look(self.calls(run.items), progress=self.progress)
        assert run.journal is not None
        store.superseded = self.evidence()
        run.store, run.views, self.made = store, {}, store.attempt
        run.save()
        took = self.clock.now() - began
        run.journal.write("looked", outcomes=len(store.outcomes), unknown=run.unknown(), took=took, missing=[], amounts=amounts(store))
        self.judge(run.items)
        self.note(store, whole=True, checks=len(run.items), took=took)

    def some(self, items: Items) -> None:
        """Look again at these alone, and judge them by that."""
        store, began = Store(self.made + 1), self.clock.now()
        store.look(self.calls(items), progress=self.progress)
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
            for place, item in enumerate(asked, 1):
                item.ihook.pytest_runtest_protocol(item=item, nextitem=asked[place] if place < len(asked) else None)
        finally:
            run.quiet = False

    def not_asked(self, item: pytest.Item, case: Case, reason: str) -> Result:
        """The result of a check whose condition does not hold at this look."""
        assert isinstance(item, pytest.Function)
        attempt = self.run.seen(case).attempt
        fields = {"verdict": Verdict.NOT_ASKED, "title": documentation(item.function)[0], "reason": reason, "attempt": attempt}
        made: Result = scrubbed(self.run.course.told(result(item, case, fields), self.run.state, replays=True))
        return made

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
