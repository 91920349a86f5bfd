"""What several looks tell of a verdict, in words: flaky, flapping, seen so many times, and how the looks ended."""

from collections.abc import Iterator

from muster.digest import Digest
from muster.text import count
from muster.verdicts import Result, Verdict


def unsteady(digest: Digest) -> Iterator[tuple[str, list[str]]]:
    """A headline with a line for each result: what holds now and did not, and what changes too often."""
    results = digest.worst_first()
    if flaky := [each for each in results if each.flaky]:
        yield (
            f"FLAKY {_checks(len(flaky))} now, and did not at an earlier look",
            [f"{_name(each)}: {_failed(each)}" for each in flaky],
        )
    if flapping := [each for each in results if each.flapping]:
        yield f"FLAPPING {count(len(flapping), 'check')}", [f"{_name(each)}: {each.verdict}, {each.flapping}" for each in flapping]


def repeated(digest: Digest) -> list[str]:
    """What the further looks came to."""
    if digest.again and not digest.repeated:
        return [f"ended while it was looking again: these are the verdicts of {count(1 + len(digest.again), 'look')}"]
    return digest.repeated


def seen(result: Result) -> str:
    """How often what does not hold was looked at, and what it was before; empty for a single look."""
    if result.looks == 1:
        return ""
    before = f"; before that {'; '.join(result.earlier)}" if result.earlier else ""
    return f"{count(result.looks, 'look')}" + (before or f", {result.verdict} at each")


def _failed(result: Result) -> str:
    """When it did not hold; the last time, when there were several."""
    times = [each for each in result.earlier if not each.startswith(Verdict.HOLDS)]
    return times[-1] + (f"; and {count(len(times) - 1, 'time')} before" if len(times) > 1 else "")


def _checks(number: int) -> str:
    return f"{count(number, 'check')} {'holds' if number == 1 else 'hold'}"


def _name(result: Result) -> str:
    return f"{result.severity} {result.system}/{result.environment} {result.entity}: {result.title.rstrip('.')}"
