"""What reports say of waivers and maintenance: everything that is accepted for now stays in sight, with who, until when, and why."""

from collections import defaultdict
from collections.abc import Iterator

from muster.allowances import NEEDLESS
from muster.digest import Digest
from muster.text import count
from muster.verdicts import Result, Verdict
from muster.wording import compared


def waivers(digest: Digest) -> Iterator[str]:
    """A line for each result that a waiver covers, worst first."""
    for each in _waived(digest, "waiver"):
        yield f"{each.severity} WAIVED {_place(each)}: {_said(each)}; {_who(each)}"


def maintenances(digest: Digest) -> Iterator[tuple[str, list[Result]]]:
    """A line for each maintenance, with what it covers."""
    groups: dict[tuple[str, str], list[Result]] = defaultdict(list)
    for each in _waived(digest, "maintenance"):
        groups[f"{each.system}/{each.environment}", each.allowance["name"]].append(each)
    for (place, name), members in sorted(groups.items()):
        said = members[0].allowance
        yield f"IN MAINTENANCE {place} {name}, until {said['expires']}: {said['reason']} ({count(len(members), 'check')})", members


def covered(result: Result) -> str:
    """A line for one result in maintenance."""
    return f"{result.severity} {result.entity}: {_said(result)}"


def notices(digest: Digest) -> Iterator[str]:
    """Waivers that have ended, that soon will, and that nobody needs any more."""
    for each in digest.waivers:
        left = (
            f"ended with {each['expires']}, and waives nothing"
            if each["days"] < 0
            else f"ends with {each['expires']}, {_left(each['days'])}"
        )
        about = f"{each['environment']} {each['check']}[{', '.join(each['entities'])}]"
        yield f"waiver {each['ticket']} ({each['owner']}) {left}: {about}"
    for result in digest.results.values():
        said = result.allowance
        if said.get("state") == "needless" and result.verdict is Verdict.HOLDS and int(said["days"]) >= NEEDLESS:
            yield f"waiver {said['name']} ({said['owner']}) was not needed for {said['days']} days running, take it away: {result.id}"


def _waived(digest: Digest, kind: str) -> list[Result]:
    return [each for each in digest.worst_first() if each.verdict is Verdict.WAIVED and each.allowance.get("kind") == kind]


def _place(result: Result) -> str:
    limit = f":{result.limit}" if result.limit else ""
    return f"{result.system}/{result.environment}  {result.entity}{limit}"


def _who(result: Result) -> str:
    said = result.allowance
    return f"{said['name']} ({said['owner']}) until {said['expires']}: {said['reason']}"


def _said(result: Result) -> str:
    """What was to hold, and what was seen instead."""
    seen = f"UNKNOWN: {result.cause}" if result.allowance["instead"] == Verdict.UNKNOWN else compared(result)
    return "; ".join(filter(None, (result.title.rstrip("."), seen)))


def _left(days: int) -> str:
    return "today" if days == 0 else f"in {count(days, 'day')}"
