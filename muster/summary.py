"""`summary.json` and `summary.md`: a verdict and counts for each environment, then what needs a person, worst first."""

from pathlib import Path
from typing import Any

from muster import SCHEMA_VERSION, causes, gating, waived
from muster.digest import CALM, Digest, counts
from muster.lines import AROUND, places
from muster.markdown import cell
from muster.scrubber import dumps, scrub
from muster.steadiness import repeated, unsteady
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
        "gate": gating.as_data(digest),
        "verdict": merged(each.verdict for each in digest.results.values()).value,
        "environments": [_environment(each, digest) for each in digest.environments],
        "deselected": len(digest.deselected),
        "fewer": digest.fewer,
        "waived": [{"id": each.id, **_told(each)} for each in digest.worst_first() if each.verdict is Verdict.WAIVED],
        "waivers": digest.waivers,
        "look": {name: digest.looked.get(name) for name in ("outcomes", "unknown", "took", "missing")},
        "again": digest.again,
        "repeated": digest.repeated,
        "flaky": {each.id: each.earlier for each in digest.worst_first() if each.flaky},
        "flapping": {each.id: each.flapping for each in digest.worst_first() if each.flapping},
        "pushes": digest.pushes,
        "history": list(digest.history.values()),
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
    if digest.gate:
        lines += ["", f"**{cell(gating.line(digest))}**"]
    if digest.replay:
        lines.append(f"Saved observations of {cell(digest.replay)}, judged again; nothing was looked at.")
    lines += ["", _row("environment", "verdict", *Verdict), "|---|---|" + "---:|" * len(Verdict)]
    for each in digest.environments:
        found = _environment(each, digest)
        name = each + (" (sandbox: nothing real)" if each.endswith("/sandbox") else "")
        lines.append(_row(name, found["verdict"], *found["counts"].values()))
    lines += _called(digest)
    lines += [each for head, told in unsteady(digest) for each in ("", f"{cell(head)}:", "", *(f"- {cell(line)}" for line in told))]
    lines += [each for said in repeated(digest) for each in ("", f"{cell(said)}.")]
    lines += _allowed(digest)
    for entity, said in dict(digest.follow_ups.values()).items():
        lines += ["", f"Looked again at {cell(entity)}:", "", *(f"- {cell(line)}" for line in said[:AROUND])]
        lines += [f"- and {count(len(said) - AROUND, 'more line')} in junit.xml and Allure"] if len(said) > AROUND else []
    for each, gone in digest.fewer.items():
        lines += ["", f"{cell(each)}: {count(gone, 'check')} fewer than its last plan, whose files have changed since."]
    for past in digest.history.values():
        unknown = f"; not known therefore: {past['missing']}" if past["missing"] else ""
        lines += ["", f"History of {cell(past['environment'])} in {cell(past['where'])}: {cell(past['said'])}{unknown}."]
    for push in digest.pushes:
        came = f"**not pushed**: {cell(push['failed'])}" if push["failed"] else cell(push["said"])
        lines += ["", f"Pushed {cell(push['environment'])} to {cell(push['to'])}: {came}."]
    if digest.deselected:
        lines += ["", f"{count(len(digest.deselected), 'check')} deselected."]
    return "\n".join(lines) + "\n"


def _called(digest: Digest) -> list[str]:
    """A row for each result that needs a person; the unknown ones of one cause are one row."""
    called = [each for each in digest.worst_first() if each.verdict not in CALM]
    rows = [_result(each, gating.excuse(digest, each)) for each in called if each.verdict is Verdict.VIOLATED]
    rows += [_group(each, digest) for each in causes.groups(called)]
    rows += [_result(each, gating.excuse(digest, each)) for each in called if each.verdict not in (Verdict.VIOLATED, Verdict.UNKNOWN)]
    return ["", _row("", "check", "expected", "observed", "reason", "owner"), "|---" * 6 + "|", *rows] if rows else []


def _result(one: Result, excuse: str) -> str:
    what = f"{one.system}/{one.environment} {one.entity}: {one.title}"
    reason = "; ".join(filter(None, (f"does not stop the gate: {excuse}" if excuse else "", one.reason)))
    return _row(f"{one.severity} {one.verdict}", what, one.expected, one.observed, reason, one.owner)


def _group(group: causes.Group, digest: Digest) -> str:
    """One row for one cause."""
    excuses = dict.fromkeys(gating.excuse(digest, each) for each in group.results)
    excused = "" if "" in excuses else f"; does not stop the gate: {', '.join(excuses)}"
    reason, others = group.reasons[0][0], len(group.reasons) - 1
    reason += f", and {count(others, 'other reason')}" if others else ""
    what = f"{group.head()}{excused}: {places(group.results, verbose=False)}"
    return _row(f"{group.severity} unknown", what, "", "", reason, ", ".join(dict.fromkeys(each.owner for each in group.results)))


def _allowed(digest: Digest) -> list[str]:
    """What is accepted for now, and which waivers end."""
    groups = [("Waived:", list(waived.waivers(digest)))]
    groups += [(cell(text), [waived.covered(each) for each in members]) for text, members in waived.maintenances(digest)]
    groups.append(("Waivers to look at:", list(waived.notices(digest))))
    return [line for head, texts in groups if texts for line in ("", head, "", *(f"- {cell(text)}" for text in texts))]


def _row(*cells: object) -> str:
    return "| " + " | ".join(cell(str(each)) for each in cells) + " |"


def write(digest: Digest, folder: Path) -> None:
    """Write both files. Raises OSError when the disk does not take them."""
    data = dumps(as_data(digest), indent=1)
    (folder / "summary.json").write_text(data + "\n", encoding="utf-8", errors="replace")
    (folder / "summary.md").write_text(scrub(as_markdown(digest)), encoding="utf-8", errors="backslashreplace")
