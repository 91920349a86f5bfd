"""`summary.html`: one file that opens anywhere, offline, and asks nobody for anything. Made from the digest of the journal alone.

The worst stands at the top; a switch of radio buttons chooses the environment without a script. The page's policy allows its
own style, named by its hash, and nothing else: no script, no image, no font, no address, whatever a pod may be called.
"""

import base64
import hashlib
from collections import defaultdict
from pathlib import Path

from muster import morning, past
from muster.cards import card, group, holding, others, passage
from muster.digest import Digest
from muster.markup import Child, Markup, join, tag, void
from muster.scrubber import scrub
from muster.text import count, moment
from muster.values import brief
from muster.verdicts import Result, Verdict, merged

FILE = "summary.html"
STYLE = Path(__file__).with_name("page.css")


def document(digest: Digest) -> str:
    """The whole page."""
    style = STYLE.read_text(encoding="utf-8") + _switching(len(digest.environments))
    hashed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{hashed}'; base-uri 'none'; form-action 'none'"
    verdict = merged(each.verdict for each in digest.results.values())
    head = tag(
        "head",
        void("meta", charset="utf-8"),
        void("meta", http_equiv="Content-Security-Policy", content=policy),
        void("meta", name="viewport", content="width=device-width, initial-scale=1"),
        void("meta", name="referrer", content="no-referrer"),
        tag("title", f"{verdict.upper()} {' '.join(digest.environments)}"),
        Markup(f"<style>{style}</style>"),
    )
    body = tag("body", _top(digest, verdict), _switch(digest), tag("main", _main(digest)), tag("footer", _foot(digest)))
    return f"<!DOCTYPE html>\n{tag('html', head, body, lang='en')}\n"


def _switching(environments: int) -> str:
    """What the radio buttons do: button 0 shows all, each other one its own environment."""
    chosen = "{border-color:var(--blue);box-shadow:0 0 0 1px var(--blue)}\n"
    made = [f"#s{number}:checked~nav label[for=s{number}]{chosen}" for number in range(environments + 1)]
    made += [f"#s{number}:checked~main .e:not(.e{number}){{display:none}}\n" for number in range(1, environments + 1)]
    return "".join(made)


def _top(digest: Digest, verdict: Verdict) -> Markup:
    """The verdict, when, and how much was looked at."""
    made = morning.of(digest)
    sandbox = any(each.endswith("/sandbox") for each in digest.environments)
    asked = digest.called.get("asked", ())
    return tag(
        "header",
        tag("h1", tag("b", verdict.upper(), class_=_class(verdict)), f" {_changes(made)}"),
        tag("p", f"{moment(digest.started)}; {made.looked}", class_="sub"),
        tag("p", "SANDBOX: nothing real was looked at", class_="sub loud") if sandbox else None,
        tag("p", "Saved observations, judged again; nothing was looked at.", class_="sub loud") if digest.replay else None,
        _unseen(digest),
        [tag("p", note, class_="sub amber") for note in made.notes],
        tag("section", tag("p", tag("b", f"Called for: {', '.join(asked)}")), map(passage, digest.called["passages"]),
            tag("p", f"Nobody looks at: {'; '.join(digest.called['unlooked'])}", class_="amber") if digest.called["unlooked"] else None,
            class_="call") if asked else None,
    )  # fmt: skip


def _changes(made: morning.Morning) -> str:
    """How much changed since the last run."""
    found = {name: len(made.of(name)) for name in (morning.NEW, morning.STILL, morning.RECOVERED)}
    return ", ".join(f"{number} {name}" for name, number in found.items()) if any(found.values()) else "nothing new, nothing recovered"


def _recovered(made: morning.Morning) -> Child:
    """What was wrong in the run before."""
    entries = made.of(morning.RECOVERED)
    said = [
        tag("p", f"{each.severity} {each.environment} {each.what}: {each.sentence}; {morning.since(each, made.started)}")
        for each in entries
    ]
    return tag("details", tag("summary", f"Recovered ({len(entries)})", class_="green"), said) if entries else None


def _unseen(digest: Digest) -> Child:
    """What could not be measured, in a line that leads there: it stands below what is violated, and may be the reason for it."""
    unknown = [each for each in digest.worst_first() if each.verdict in (Verdict.UNKNOWN, Verdict.NOT_RUN)]
    causes = list(dict.fromkeys(each.cause for each in unknown))
    if not unknown or not any(each.verdict is Verdict.VIOLATED for each in digest.results.values()):
        return None
    more = f" and {len(causes) - 2} more" if len(causes) > 2 else ""
    said = f"{count(len(unknown), 'check')} could not be judged: {', '.join(causes[:2])}{more}"
    return tag("p", tag("a", said, href="#unknown"), class_="also")


def _switch(digest: Digest) -> Child:
    """A button for all and one for each environment, with its counts; for one alone only the counts."""
    names = list(digest.environments)
    several = len(names) > 1
    texts = [("all", brief(list(digest.results.values())))] if several else []
    texts += [(name, brief(digest.of(name)) or "nothing selected") for name in names]
    start = 0 if several else 1
    buttons = [
        void("input", type="radio", name="environment", id=f"s{number}", class_="sw", **({"checked": "checked"} if number == start else {}))
        for number in range(start, len(names) + 1)
    ]
    labels = [tag("label", tag("i", name), f" {said}", for_=f"s{number}") for number, (name, said) in enumerate(texts, start)]
    return [*buttons, tag("nav", labels)]


def _main(digest: Digest) -> Child:
    """Categories, the worst first: violated, could not measure, not run, waived; then, folded up, what is well or was not asked."""
    results = digest.worst_first()
    found = {verdict: [each for each in results if each.verdict is verdict] for verdict in Verdict}
    groups: dict[tuple[str, str], list[Result]] = defaultdict(list)
    for each in (*found[Verdict.UNKNOWN], *found[Verdict.NOT_RUN]):
        groups[
            f"{each.system}/{each.environment}", f"{each.verdict} {each.cause} {each.reason if each.verdict is Verdict.NOT_RUN else ''}"
        ].append(each)
    causes = sorted(groups.values(), key=lambda members: (members[0].severity, -len(members)))
    told: set[str] = set()
    return [
        _part("Violated", "red", [card(each, digest, told) for each in found[Verdict.VIOLATED]], len(found[Verdict.VIOLATED])),
        _part("Could not measure", "violet", [group(each, digest) for each in causes], sum(map(len, causes))),
        _part("Waived", "amber", [card(each, digest, told) for each in found[Verdict.WAIVED]], len(found[Verdict.WAIVED])),
        _recovered(morning.of(digest)),
        holding(found[Verdict.HOLDS], digest),
        others(found[Verdict.NOT_ASKED], digest),
    ]


def _part(name: str, colour: str, cards: list[Markup], number: int) -> Child:
    return [tag("h2", f"{name} ({number})", class_=colour, id="unknown" if colour == "violet" else ""), cards] if cards else None


def _foot(digest: Digest) -> Child:
    look = digest.looked
    took = (
        f"{count(look['outcomes'], 'look')} in {look['took']:.1f} s, {look['unknown']} without an answer. "
        if look
        else "Nothing was looked at. "
    )
    compared = {name: past.last_run(digest, name) for name in digest.environments}
    against = "; ".join(
        f"{name} with run {run}" if run else f"{name} with nothing: no earlier run is remembered" for name, run in compared.items()
    )
    skipped = f" {count(len(digest.deselected), 'check')} deselected." if digest.deselected else ""
    return join([f"Run {digest.run}, exit code {digest.exit}. {took}Compared: {against}.{skipped}"])


def _class(verdict: Verdict) -> str:
    return verdict.value.replace(" ", "-")


def write(digest: Digest, folder: Path) -> None:
    """Write the file. Raises OSError when the disk does not take it."""
    (folder / FILE).write_text(scrub(document(digest)), encoding="utf-8", errors="backslashreplace")
