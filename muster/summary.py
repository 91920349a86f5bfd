"""What a journal says about one run: a verdict for every planned id, counts, the worst first; `summary.json` and `summary.md`."""

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pytest

from muster import SCHEMA_VERSION, journal
from muster.text import count, cut, moment
from muster.verdicts import ORDER, Result, Verdict, merged

JOURNAL = "journal.jsonl"
CALM = (Verdict.HOLDS, Verdict.NOT_ASKED, Verdict.WAIVED)
"""Verdicts for which nobody is called."""


@dataclass
class Digest:
    """One journal, read and completed: a planned id that never reached a verdict stands here as *not run*."""

    run: str = ""
    started: float = 0.0
    environments: dict[str, bool] = field(default_factory=dict)
    """Id of each environment, and whether it is protected."""
    replay: str | None = None
    planned: dict[str, dict[str, Any]] = field(default_factory=dict)
    deselected: list[tuple[str, str]] = field(default_factory=list)
    """Node id and reason."""
    looked: dict[str, Any] = field(default_factory=dict)
    """The journal's line about the look; empty when there was none."""
    results: dict[str, Result] = field(default_factory=dict)
    exit: int | None = None

    def of(self, environment: str) -> list[Result]:
        """The results of one environment."""
        return [each for each in self.results.values() if f"{each.system}/{each.environment}" == environment]

    def worst_first(self) -> list[Result]:
        """Every result, by verdict, then severity, then place."""
        return sorted(self.results.values(), key=lambda each: (ORDER.index(each.verdict), each.severity, each.id))


def read(path: Path) -> Digest:
    """Read a journal. Raises OSError when there is none, ValueError for a schema this version does not know."""
    digest = Digest()
    for entry in journal.read(path):
        digest.run = entry["run"]
        if entry["event"] == "run":
            digest.started, digest.replay = entry["started"], entry["replay"]
            digest.environments = {each["id"]: each["protected"] for each in entry["environments"]}
        elif entry["event"] == "planned":
            digest.planned[entry["id"]] = entry
        elif entry["event"] == "deselected":
            digest.deselected.append((entry["node"], entry["reason"]))
        elif entry["event"] == "looked":
            digest.looked = entry
        elif entry["event"] == "end":
            digest.exit = entry["exit"]
    verdicts = {each.id: each for each in journal.results(path)}
    digest.results = {key: verdicts.pop(key) if key in verdicts else not_run(entry) for key, entry in digest.planned.items()} | verdicts
    return digest


def not_run(planned: dict[str, Any]) -> Result:
    """The result of a planned id that reached no verdict."""
    check, _, rest = planned["id"].removesuffix("]").partition("[")
    system, environment, entity = rest.split("/", 2)
    entity, _, limit = entity.partition(":")
    return Result(
        system, environment, check, entity, limit, planned["node"], Verdict.NOT_RUN, planned["severity"], planned["owner"],
        title=check.removeprefix("test_").replace("_", " "), reason="the run ended before this was judged", cause="this run",
    )  # fmt: skip


def counts(results: list[Result]) -> dict[str, int]:
    """How many of each verdict, worst verdict first."""
    found = Counter(each.verdict for each in results)
    return {verdict.value: found[verdict] for verdict in Verdict}


def counted(results: list[Result]) -> str:
    """`1 violated, 0 unknown, 63 hold, 3 not asked, 0 not run`."""
    found = Counter(each.verdict for each in results)
    parts = [f"{found[Verdict.VIOLATED]} violated", f"{found[Verdict.UNKNOWN]} unknown", f"{found[Verdict.HOLDS]} hold"]
    parts += [f"{found[Verdict.WAIVED]} waived"] if found[Verdict.WAIVED] else []
    return ", ".join([*parts, f"{found[Verdict.NOT_ASKED]} not asked", f"{found[Verdict.NOT_RUN]} not run"])


def as_data(digest: Digest) -> dict[str, Any]:
    """The content of `summary.json`."""
    return {
        "schema": SCHEMA_VERSION,
        "run": digest.run,
        "started": digest.started,
        "exit": digest.exit,
        "replay": digest.replay,
        "verdict": merged(each.verdict for each in digest.results.values()).value,
        "environments": [_environment(each, digest) for each in digest.environments],
        "deselected": len(digest.deselected),
        "look": {name: digest.looked.get(name) for name in ("outcomes", "unknown", "took", "missing")},
        "worst_first": [{"id": each.id, **asdict(each)} for each in digest.worst_first() if each.verdict not in CALM],
    }


def _environment(name: str, digest: Digest) -> dict[str, Any]:
    results = digest.of(name)
    verdict = merged(each.verdict for each in results)
    return {"id": name, "protected": digest.environments[name], "verdict": verdict.value, "counts": counts(results)}


def as_markdown(digest: Digest) -> str:
    """The content of `summary.md`: a table of counts, then what needs a person, worst first."""
    lines = [f"# Run {digest.run}", "", f"Started {moment(digest.started)}, exit code {digest.exit}."]
    if digest.replay:
        lines.append(f"Saved observations of {_cell(digest.replay)}, judged again; nothing was looked at.")
    lines += ["", _row("environment", "verdict", *Verdict), "|---|---|" + "---:|" * len(Verdict)]
    for each in digest.environments:
        found = _environment(each, digest)
        name = each + (" (sandbox: nothing real)" if each.endswith("/sandbox") else "")
        lines.append(_row(name, found["verdict"], *found["counts"].values()))
    called = [each for each in digest.worst_first() if each.verdict not in CALM]
    if called:
        lines += ["", _row("", "check", "expected", "observed", "reason", "owner"), "|---" * 6 + "|"]
    for one in called:
        what = f"{one.system}/{one.environment} {one.entity}: {one.title}"
        lines.append(_row(f"{one.severity} {one.verdict}", what, one.expected, one.observed, one.reason, one.owner))
    if digest.deselected:
        lines += ["", f"{count(len(digest.deselected), 'check')} deselected."]
    return "\n".join(lines) + "\n"


def _row(*cells: object) -> str:
    return "| " + " | ".join(_cell(str(each)) for each in cells) + " |"


def _cell(text: str) -> str:
    """Text inside a Markdown table: nothing in it starts markup or a new cell."""
    shown = cut(text, 300).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(f"\\{each}" if each in "\\|`*_[]#" else each for each in shown)


def write(digest: Digest, folder: Path) -> None:
    """Write both files. Raises OSError when the disk does not take them."""
    data = json.dumps(as_data(digest), indent=1, ensure_ascii=False)
    (folder / "summary.json").write_text(data + "\n", encoding="utf-8", errors="backslashreplace")
    (folder / "summary.md").write_text(as_markdown(digest), encoding="utf-8", errors="backslashreplace")


def written(config: pytest.Config) -> Digest | None:
    """The digest of this session's journal; None when no plan was made."""
    from muster.plugin import RUN

    run = config.stash.get(RUN, None)
    return read(run.journal.path) if run is not None and run.journal is not None else None
