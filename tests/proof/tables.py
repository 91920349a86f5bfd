"""What the proofs have really seen, as tables at the end of the run. A row that nobody saw red is not proven."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from muster.runbook import Row, load_runbook
from muster.verdicts import Result
from tests.proof.harness import ROOT, SYSTEM

Note = Callable[[str, object], None]
"""pytest's `record_property`: what a test writes down there comes from whichever process it ran in."""
LOOKED, RED, NOTICED = "looked", "red", "noticed"
LONGEST = 110
"""Characters of what a report said."""


def rows() -> tuple[Row, ...]:
    """The sentences of the system's runbook."""
    book = load_runbook(ROOT / "environments" / SYSTEM)
    assert book is not None
    return book.rows


def red(row: Row, seen: Result) -> list[str]:
    """What is to be noted of a row whose check turned red: after it was seen green, and before it is green again."""
    said = " ".join(filter(None, [f"expected {seen.expected}, observed {seen.observed};" if seen.expected else "", seen.reason]))
    return [row.id, str(seen.verdict), said]


@dataclass
class Tables:
    """Rows of the runbook, and mutations of the engine."""

    began: float = field(default_factory=time.monotonic)
    red: dict[str, list[str]] = field(default_factory=dict)
    """Id of a row -> the verdict that was seen, and what the report said."""
    noticed: dict[str, list[str]] = field(default_factory=dict)
    """Mutation -> the rule that it switches off, and which proof noticed it, how."""
    looked: bool = False
    """Whether the runbook was gone through at all."""

    def take(self, notes: Iterable[tuple[str, object]]) -> None:
        """Take what a test has noted."""
        for name, note in notes:
            self.looked |= name == LOOKED
            if name in (RED, NOTICED) and isinstance(note, (list, tuple)):
                key, *told = map(str, note)
                (self.red if name == RED else self.noticed)[key] = told

    def lines(self) -> list[str]:
        """Both tables; nothing for what was not gone through."""
        return [*(self._proven() if self.looked else ()), *(self._mutations() if self.noticed else ())]

    def _proven(self) -> list[str]:
        every = rows()
        shown = [self._row(row, *self.red[row.id]) for row in every if row.id in self.red]
        others = [f"{row.id}  not proven: {f'missing: {row.missing}' if row.missing else 'NOT SEEN RED'}" for row in every]
        kept = [line for row, line in zip(every, others, strict=True) if row.id not in self.red]
        took = time.monotonic() - self.began
        count = f"{SYSTEM}: proven {len(self.red)} of {len(every)}"
        head = f"{'row':8} {'check':52} {'fault':32} {'verdict':8} what the report said"
        return ["", head, *shown, "", *kept, "", f"{count} in {took:.0f} s"]

    def _row(self, row: Row, verdict: str, said: str) -> str:
        check = f"{row.check}[{row.entity}]".removeprefix("test_")
        return f"{row.id:8} {check:52} {row.fault or '':32} {verdict:8} {_cut(said)}"

    def _mutations(self) -> list[str]:
        head = f"{'rule':44} {'mutation':52} noticed by"
        return ["", head, *(f"{rule:44} {name:52} {_cut(how)}" for name, (rule, how) in self.noticed.items())]


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 3]}..."
