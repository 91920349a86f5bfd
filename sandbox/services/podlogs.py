"""Logs of containers, cut as the query of a log request asks."""

import time
from datetime import datetime
from itertools import dropwhile
from typing import Any

from sandbox.services.statuses import Refusal

Object = dict[str, Any]
Query = dict[str, str]


def log_text(pod: Object, logs: dict[str, str], query: Query) -> bytes:
    """What GET .../pods/NAME/log answers. Refusal 400 or 422 as the real server words it."""
    metadata = pod["metadata"]
    container = _container(pod, query.get("container", ""))
    key = f"{metadata['namespace']}/{metadata['name']}/{container}"
    if _true(query.get("previous", "")):
        if f"{key}/previous" not in logs:
            raise Refusal(400, f'previous terminated container "{container}" in pod "{metadata["name"]}" not found')
        return _cut(logs[f"{key}/previous"], query)
    if key not in logs:
        _refuse_waiting(pod, container)
    return _cut(logs.get(key, ""), query)


def _true(text: str) -> bool:
    return text.lower() in ("true", "1")


def _container(pod: Object, asked: str) -> str:
    spec, name = pod.get("spec") or {}, pod["metadata"]["name"]
    mains = [one["name"] for one in spec.get("containers") or []]
    others = [one["name"] for kind in ("initContainers", "ephemeralContainers") for one in spec.get(kind) or []]
    if asked and asked not in mains + others:
        raise Refusal(400, f"container {asked} is not valid for pod {name}")
    if asked:
        return asked
    if len(mains) != 1:
        beside = f" or one of the init containers: [{' '.join(others)}]" if others else ""
        raise Refusal(400, f"a container name must be specified for pod {name}, choose one of: [{' '.join(mains)}]{beside}")
    return str(mains[0])


def _refuse_waiting(pod: Object, container: str) -> None:
    """Refusal 400 for a container that has never run: it has no log, which is not the same as an empty one."""
    status = pod.get("status") or {}
    states = [*(status.get("containerStatuses") or []), *(status.get("initContainerStatuses") or [])]
    found: Object = next((one for one in states if one.get("name") == container), {})
    waiting = (found.get("state") or {}).get("waiting")
    if waiting is not None and not found.get("lastState"):
        reason = waiting.get("reason", "ContainerCreating")
        pulling = reason in ("ErrImagePull", "ImagePullBackOff", "InvalidImageName")
        why = "trying and failing to pull image" if pulling else reason
        raise Refusal(400, f'container "{container}" in pod "{pod["metadata"]["name"]}" is waiting to start: {why}')


def _cut(text: str, query: Query) -> bytes:
    lines = text.splitlines()
    tail = _number(query, "tailLines", 0)
    since = _since(query)
    if tail is not None:
        lines = lines[-tail:] if tail else []
    if since is not None:
        lines = list(dropwhile(lambda line: (_stamp(line) or 0.0) < since, lines))
    if not _true(query.get("timestamps", "")):
        lines = [_without_stamp(line) for line in lines]
    whole = "".join(f"{line}\n" for line in lines).encode()
    return whole[: _number(query, "limitBytes", 1)]


def _number(query: Query, name: str, least: int) -> int | None:
    text = query.get(name)
    if text is None or text == "":
        return None
    try:
        number = int(text)
    except ValueError as error:
        raise Refusal(400, f'strconv.ParseInt: parsing "{text}": invalid syntax') from error
    if number < least:
        raise Refusal(422, f"PodLogOptions is invalid: {name}: Invalid value: {number}: must be greater than or equal to {least}")
    return number


def _since(query: Query) -> float | None:
    """The moment from which lines are wanted, in Unix seconds."""
    seconds, moment = _number(query, "sinceSeconds", 1), query.get("sinceTime")
    if seconds is not None and moment:
        raise Refusal(422, "PodLogOptions is invalid: at most one of `sinceTime` or `sinceSeconds` may be specified")
    if seconds is not None:
        return time.time() - seconds
    if not moment:
        return None
    stamp = _stamp(moment)
    if stamp is None:
        raise Refusal(400, f'parsing time "{moment}" as "2006-01-02T15:04:05Z07:00": cannot parse')
    return stamp


def _stamp(line: str) -> float | None:
    """The RFC 3339 time a line begins with, in Unix seconds; None without one."""
    first = line.partition(" ")[0]
    if len(first) < 20 or first[10] != "T":
        return None
    try:
        parsed = datetime.fromisoformat(first)
    except ValueError:
        return None
    return parsed.timestamp() if parsed.tzinfo else None


def _without_stamp(line: str) -> str:
    first, _, rest = line.partition(" ")
    return rest if _stamp(first) is not None else line
