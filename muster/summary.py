"""`summary.json` and `summary.md`: a verdict and counts for each environment, then what needs a person, worst first."""

from pathlib import Path
from typing import Any

from muster import SCHEMA_VERSION
from muster.digest import CALM, Digest, counts
from muster.lines import AROUND
from muster.markdown import cell
from muster.scrubber import dumps, scrub
from muster.text import count, moment
from muster.verdicts import Result, Verdict, merged

FILES = ("summary.json", "summary.md")


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
        "fewer": digest.fewer,
        "look": {name: digest.looked.get(name) for name in ("outcomes", "unknown", "took", "missing")},
        "follow_ups": dict(digest.follow_ups.values()),
        "worst_first": [{"id": each.id, **_told(each)} for each in digest.worst_first() if each.verdict not in CALM],
    }


def _told(result: Result) -> dict[str, Any]:
    """A result without the traceback, which has a file of its own."""
    return {name: value for name, value in result.__dict__.items() if name != "crash"}


def _environment(name: str, digest: Digest) -> dict[str, Any]:
    results = digest.of(name)
    verdict = merged(each.verdict for each in results)
    return {"id": name, "protected": digest.environments[name], "verdict": verdict.value, "counts": counts(results)}


def as_markdown(digest: Digest) -> str:
    """The content of `summary.md`: a table of counts, then what needs a person, worst first."""
    lines = [f"# Run {digest.run}", "", f"Started {moment(digest.started)}, exit code {digest.exit}."]
    if digest.replay:
        lines.append(f"Saved observations of {cell(digest.replay)}, judged again; nothing was looked at.")
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
    for entity, said in dict(digest.follow_ups.values()).items():
        lines += ["", f"Looked again at {cell(entity)}:", "", *(f"- {cell(line)}" for line in said[:AROUND])]
        lines += [f"- and {count(len(said) - AROUND, 'more line')} in junit.xml and Allure"] if len(said) > AROUND else []
    for each, gone in digest.fewer.items():
        lines += ["", f"{cell(each)}: {count(gone, 'check')} fewer than its last plan, whose files have changed since."]
    if digest.deselected:
        lines += ["", f"{count(len(digest.deselected), 'check')} deselected."]
    return "\n".join(lines) + "\n"


def _row(*cells: object) -> str:
    return "| " + " | ".join(cell(str(each)) for each in cells) + " |"


def write(digest: Digest, folder: Path) -> None:
    """Write both files. Raises OSError when the disk does not take them."""
    data = dumps(as_data(digest), indent=1)
    (folder / "summary.json").write_text(data + "\n", encoding="utf-8", errors="backslashreplace")
    (folder / "summary.md").write_text(scrub(as_markdown(digest)), encoding="utf-8", errors="backslashreplace")
