"""One cause, one headline: whatever could not be judged for the same reason is one group, in every report."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from muster.text import count
from muster.verdicts import Result, Verdict


@dataclass(frozen=True)
class Group:
    """The unknown results of one cause, the most severe first."""

    cause: str
    results: list[Result]

    @property
    def severity(self) -> str:
        """That of its most severe member."""
        return min(each.severity for each in self.results)

    @property
    def reasons(self) -> list[tuple[str, int]]:
        """Why, and for how many; the most frequent first."""
        return Counter(each.reason for each in self.results).most_common()

    def head(self) -> str:
        """`prometheus 10.0.0.9:9090 (50 checks could not be judged)`."""
        return f"{self.cause} ({count(len(self.results), 'check')} could not be judged)"


def groups(results: Iterable[Result]) -> list[Group]:
    """The unknown among these results by their cause: the most severe first, then the largest."""
    found: dict[str, list[Result]] = defaultdict(list)
    for each in results:
        if each.verdict is Verdict.UNKNOWN:
            found[each.cause or "unknown cause"].append(each)
    made = [Group(cause, sorted(members, key=lambda one: (one.severity, one.id))) for cause, members in found.items()]
    return sorted(made, key=lambda group: (group.severity, -len(group.results), group.cause))
