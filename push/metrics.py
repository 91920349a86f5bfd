"""A run as metrics of a Pushgateway, a group for each environment and selection; each push replaces its group whole."""

import base64
from collections.abc import Iterator

from muster.digest import Digest
from muster.scrubber import scrub
from muster.verdicts import Verdict

STATUS = {
    Verdict.HOLDS: 0, Verdict.VIOLATED: 1, Verdict.UNKNOWN: 2, Verdict.NOT_RUN: 2, Verdict.WAIVED: 3, Verdict.NOT_ASKED: 4,
}  # fmt: skip
"""What `muster_check_status` says."""
HEADS = {
    "muster_check_status": "0 holds, 1 violated, 2 unknown or not run, 3 waived, 4 not asked.",
    "muster_look_seconds": "How long the whole look of the run took.",
    "muster_last_run_timestamp_seconds": "When the last whole run ended, in Unix seconds.",
}


def path(environment: str, selection: str) -> str:
    """Where the group of an environment lies; a selection may hold any character."""
    system, _, name = environment.partition("/")
    coded = base64.urlsafe_b64encode(selection.encode()).decode()
    return f"/metrics/job/muster/system/{system}/environment/{name}/selection@base64/{coded}"


def text(digest: Digest, environment: str, now: float) -> str:
    """The metrics of one environment in the text format. `now`: Unix seconds."""
    return "".join(f"{line}\n" for line in _lines(digest, environment, now))


def _lines(digest: Digest, environment: str, now: float) -> Iterator[str]:
    yield from _head("muster_check_status")
    for each in digest.of(environment):
        labels = {"check": each.check, "entity": each.entity, "limit": each.limit, "severity": each.severity, "owner": each.owner}
        told = ",".join(f'{name}="{_quoted(value)}"' for name, value in labels.items())
        yield f"muster_check_status{{{told}}} {STATUS[each.verdict]}"
    yield from _head("muster_look_seconds")
    yield f"muster_look_seconds {digest.looked.get('took', 0.0):.3f}"
    yield from _head("muster_last_run_timestamp_seconds")
    yield f"muster_last_run_timestamp_seconds {now:.3f}"


def _head(name: str) -> Iterator[str]:
    yield f"# HELP {name} {HEADS[name]}"
    yield f"# TYPE {name} gauge"


def _quoted(value: str) -> str:
    return scrub(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def partial(digest: Digest) -> int:
    """How many planned checks the run did not get to: such a run does not count as the one that was due."""
    return sum(each.verdict is Verdict.NOT_RUN and "reason" not in digest.planned[each.id] for each in digest.results.values())
