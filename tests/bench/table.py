"""The tables: of one benchmark, of the page `docs/performance.md`, and the excerpt in the README between its two marks."""

import os
import platform
import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.bench.rounds import DRIFT, Judged, Measured

BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"
INTRODUCTION = """\
# Performance

Written by `tox -e bench`. All variants of a benchmark take turns in each round, in an order that rotates; what counts is the
median of the rounds' ratios, never a time. All variants have to find out the same (*wrong* where one does not). When a control
(the floor, the reference) strays by more than {drift:.0%} from its median and repeating the round does not help, what would have
passed is *noisy*, which is not a pass; what is missed stays missed. A limit in parentheses is none: the figure is only told."""


def markdown(measured: Measured) -> str:
    """One benchmark: its goals, then its variants."""
    return "\n".join([f"## {measured.benchmark.name}: {measured.benchmark.title}", "", *_goals(measured), "", *_variants(measured)])


def _goals(measured: Measured) -> Iterator[str]:
    yield "| goal | limit | median | lowest | highest | verdict |"
    yield "|---|---|---:|---:|---:|---|"
    for each in measured.goals:
        values = [f"{value:.3g}" for value in (each.median, min(each.ratios), max(each.ratios))] if each.ratios else ["", "", ""]
        yield f"| {each.goal.says} | {each.goal.limit()} | {' | '.join(values)} | {shown(each)} |"


def _variants(measured: Measured) -> Iterator[str]:
    yield "| variant | median, s | spread, s | beside its time |"
    yield "|---|---:|---:|---|"
    for name in measured.benchmark.variants:
        ran = [each[name] for each in measured.rounds]
        seconds = [each.seconds for each in ran]
        beside = [f"{what} {statistics.median(each.figures[what] for each in ran):.4g}" for what in ran[0].figures]
        if name in measured.wrong:
            beside.append("**found out something else**")
        yield f"| {name} | {statistics.median(seconds):.3g} | {min(seconds):.3g} to {max(seconds):.3g} | {', '.join(beside)} |"
    for name, why in measured.benchmark.absent.items():
        yield f"| {name} | absent | | {why.replace('|', '/')} |"
    low, high = measured.load
    yield ""
    yield f"{len(measured.rounds)} rounds, {measured.repeated} repeated; load average {low:.1f} to {high:.1f}."


def shown(judged: Judged) -> str:
    """The verdict, loud when it is not good."""
    return judged.verdict if judged.verdict in ("pass", "told", "absent") else f"**{judged.verdict}**"


def counted(measured: Sequence[Measured]) -> str:
    """`21 goals: 19 pass, 1 missed, 1 noisy`; what is only told is no goal."""
    found = Counter(each.verdict for one in measured for each in one.goals if each.verdict != "told")
    return f"{sum(found.values())} goals: " + ", ".join(f"{number} {verdict}" for verdict, number in found.items())


def machine() -> str:
    """Where this was measured."""
    return f"Python {platform.python_version()}, {os.cpu_count()} processors shared with others"


def page(measured: Sequence[Measured]) -> str:
    """The whole of `docs/performance.md`."""
    head = INTRODUCTION.format(drift=DRIFT)
    summary = f"{counted(measured)}. {machine()}."
    return "\n\n".join([head, summary, *map(markdown, measured)]) + "\n"


def excerpt(measured: Sequence[Measured]) -> str:
    """What the README shows: the headlines."""
    rows = [each for one in measured for each in one.goals if each.goal.headline]
    lines = ["| | limit | median | |", "|---|---|---:|---|"]
    for each in rows:
        median = f"{each.median:.3g}" if each.ratios else ""
        lines.append(f"| {each.goal.headline} | {each.goal.limit()} | {median} | {shown(each)} |")
    return "\n".join([*lines, "", f"{counted(measured)} ([all](docs/performance.md), by `tox -e bench`)."])


def put(readme: Path, text: str) -> None:
    """Replace what stands between the marks of a file. Raises ValueError when they are not there."""
    before, begin, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{readme} has no {BEGIN} ... {END}")
    readme.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")
