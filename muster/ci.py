"""What a run tells the CI system that runs it: annotations and the step summary of GitHub Actions. Only there is anything told."""

import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from muster import causes, gating
from muster.digest import CALM, Digest
from muster.scrubber import scrub
from muster.text import count, cut
from muster.verdicts import Result, Verdict
from muster.wording import compared
from muster.yamlfile import Mark

MOST = 10
"""Annotations of each level that GitHub shows for one step."""
ROOM = 1024 * 1024
"""Bytes of one step's summary; GitHub drops a longer one whole."""
CALLED = (Verdict.VIOLATED, Verdict.UNKNOWN)
"""Verdicts of which each result, or each cause, is annotated."""
Place = Callable[[Result], Mark | None]


def on_github() -> bool:
    """Whether this process is a step of GitHub Actions."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def silence() -> tuple[str, str]:
    """Two lines: no command is taken from what is printed after the first (names of pods are hostile text), until the second."""
    token = secrets.token_hex(16)
    return f"::stop-commands::{token}", f"::{token}::"


def annotations(digest: Digest, place: Place) -> Iterator[str]:
    """A line for each violation and each cause, worst first: an error for what stops, a warning for what does not."""
    called = [each for each in digest.worst_first() if each.verdict not in CALM]
    made = [_violated(each, digest, place) for each in called if each.verdict is Verdict.VIOLATED]
    made += [_unknown(each, digest, place) for each in causes.groups(called)]
    made += _not_run([each for each in called if each.verdict is Verdict.NOT_RUN], digest)
    for level in ("error", "warning"):
        own = [command for each, command in made if each == level]
        shown = own if len(own) <= MOST else own[: MOST - 1]
        yield from shown
        if len(own) > len(shown):
            yield _command(level, None, "more", f"and {count(len(own) - len(shown), 'more annotation')}: see the step summary")


def _violated(result: Result, digest: Digest, place: Place) -> tuple[str, str]:
    excuse = gating.excuse(digest, result)
    said = [result.title, compared(result), result.reason, f"owner {result.owner}", excuse and f"does not stop the gate: {excuse}"]
    title = f"{result.severity} violated: {result.system}/{result.environment} {result.entity}"
    level = "warning" if excuse else "error"
    return level, _command(level, place(result), title, "\n".join(filter(None, said)))


def _unknown(group: causes.Group, digest: Digest, place: Place) -> tuple[str, str]:
    excuses = dict.fromkeys(gating.excuse(digest, each) for each in group.results)
    level = "error" if "" in excuses else "warning"
    said = [group.head(), *(reason for reason, _ in group.reasons[:3])]
    said += [] if "" in excuses else [f"does not stop the gate: {', '.join(excuses)}"]
    return level, _command(level, place(group.results[0]), f"{group.severity} could not look: {group.cause}", "\n".join(said))


def _not_run(results: list[Result], digest: Digest) -> list[tuple[str, str]]:
    if not results:
        return []
    level = "error" if any(not gating.excuse(digest, each) for each in results) else "warning"
    return [(level, _command(level, None, f"not run: {count(len(results), 'check')}", results[0].reason))]


def _command(level: str, mark: Mark | None, title: str, message: str) -> str:
    """A workflow command. Whatever would end it, or begin another, is escaped as the runner reads it."""
    place = {"file": mark.file, "line": str(mark.line)} if mark else {}
    told = {name: _property(value) for name, value in {**place, "title": cut(title, 200)}.items()}
    lines = [cut(each, 600) for each in message.split("\n")]
    return f"::{level} {','.join(f'{name}={value}' for name, value in told.items())}::{_data(chr(10).join(lines))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def places(origins: Iterable[tuple[str, Mark | None]]) -> Place:
    """Where the expectations of some results stand, by id."""
    known = dict(origins)
    return lambda result: known.get(result.id)


def step_summary(summary: Path) -> None:
    """Add `summary.md` to the step's own. Raises OSError when it cannot be written."""
    target = os.environ.get("GITHUB_STEP_SUMMARY")
    if not on_github() or not target:
        return
    told = scrub(summary.read_text(encoding="utf-8")).encode("utf-8", "backslashreplace")
    if len(told) > ROOM // 2:  # steps before this one may have said something, too
        told = told[: ROOM // 2].decode("utf-8", "ignore").encode() + f"\n\n... cut: {summary.name} has the rest\n".encode()
    with Path(target).open("ab") as file:
        file.write(told + b"\n")
