"""What a server's log says about a recovery that ended early, told apart: the backup's fault, or ours."""

import re

from drill.errors import Damaged
from muster.probes import CouldNotLook
from muster.text import cut

FATAL = re.compile(r"^.*?\b(?:FATAL|PANIC):\s+(.*)$", re.MULTILINE)
TURNED_AWAY = re.compile(r"the database system is|role \".*\" does not exist|database \".*\" does not exist|terminating connection")
"""What the server says to us while we wait."""
FULL = re.compile(r"No space left on device|Disk quota exceeded|File too large")
OURS = re.compile(
    r"incompatible with server|could not load library|could not access file|resource manager with ID|shared memory|semaphores"
    r"|Cannot allocate memory|out of memory|could not map|insufficient parameter|Permission denied|Too many open files"
)
EARLY = "recovery ended before configured recovery target was reached"
TOO_EARLY = "requested recovery stop point is before consistent recovery point"
STOPPED = re.compile(r"^.*?\bLOG:\s+((?:invalid|incorrect|unexpected|out-of-sequence|record with|there is no|could not).*)$", re.MULTILINE)


def why_ended(log: str, target: str, newest: str) -> Exception:
    """Why the server ended by itself; `newest` is the last segment that it had."""
    if full := FULL.search(log):
        return CouldNotLook(f"the disk is full: {full[0]}", cause="drill room")
    said = [line for line in FATAL.findall(log) if not TURNED_AWAY.search(line)]
    last = cut(said[-1] if said else (log.strip().splitlines() or ["it said nothing"])[-1], 300)
    if OURS.search(" ".join(said) or log):
        return CouldNotLook(f"the drill's server ended: {last}", cause="drill postgresql")
    if TOO_EARLY in log:
        return too_early(target)
    if EARLY in log:
        return Damaged(f"the recovery ended before its target {target}; the newest segment is {newest}{_because(log)}")
    if not said:
        return CouldNotLook(f"the drill's server ended without an error of its own: {last}", cause="drill postgresql")
    return Damaged(f"the recovery failed: {last}{_because(log)}")


def too_early(target: str) -> CouldNotLook:
    """The base backup was finished after the moment that was asked for."""
    hint = "take an older base backup, or a later target"
    return CouldNotLook(f"the target {target} lies before the end of the base backup", cause="drill target", hint=hint)


def why_stopped(log: str) -> str:
    """What the server found where it could not read on."""
    found = STOPPED.findall(log)
    return cut(found[-1], 200) if found else "it does not say why"


def _because(log: str) -> str:
    found = STOPPED.findall(log)
    return f": {cut(found[-1], 200)}" if found else ""
