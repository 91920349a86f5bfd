"""The history of a `Metrics` as OpenMetrics text, ready for promtool; samples agree with `series.value_at`."""

from collections.abc import Iterator
from itertools import pairwise

from sandbox.services.series import HISTORY, number, value_at
from sandbox.world import Metrics, Series

FINE_SECONDS = 3600.0  # the last hour has a sample every 15 s, everything before every 60 s
FINE_STEP = 15.0
COARSE_STEP = 60.0
SILENCE = 600  # seconds for which a silent target has been silent, twice the time that Prometheus looks back


def instance_labels(metrics: Metrics, target: str) -> dict[str, str]:
    """The labels of every series of a target: as declared, with `job` and `instance` where they are missing."""
    return {"job": target, "instance": target} | metrics.targets[target]


def open_metrics(metrics: Metrics, epoch: float, now: float, after: float = 0.0) -> Iterator[str]:
    """Lines of OpenMetrics text for the 24 h before `now`, or what of them is `after`; the world's moments count from `epoch`.

    All are Unix seconds.
    """
    moments = [moment for moment in _moments(now) if moment > after]
    # Lines of one metric have to stand together.
    for series in sorted([*metrics.series, *_up(metrics)], key=lambda one: one.name):
        silent = series.target in metrics.silent
        labels = (instance_labels(metrics, series.target) if series.target else {}) | series.labels
        head = f"{series.name}{{{','.join(f'{name}={_quoted(value)}' for name, value in sorted(labels.items()))}}}"
        for moment, value in _samples(series, epoch, moments):
            if not (silent and now - moment < SILENCE):
                yield f"{head} {value} {moment:.3f}\n"
    yield "# EOF\n"


def _moments(now: float) -> list[float]:
    """Unix seconds of the samples, oldest first, the last one at `now`."""
    fine = [now - index * FINE_STEP for index in range(int(FINE_SECONDS / FINE_STEP))]
    coarse = [now - FINE_SECONDS - index * COARSE_STEP for index in range(int((HISTORY - FINE_SECONDS) / COARSE_STEP) + 1)]
    return [*coarse[::-1], *fine[::-1]]


def _up(metrics: Metrics) -> list[Series]:
    """What Prometheus itself would have recorded about each target, unless the world says it."""
    said = {series.target for series in metrics.series if series.name == "up"}
    day = int(HISTORY) * 2
    silent = {day: 1.0, SILENCE: 0.0}
    # Without a target of its own, a silent target's zeros are not cut off together with its other series.
    return [
        Series("up", instance_labels(metrics, target), value=silent if target in metrics.silent else {day: 1.0})
        for target in metrics.targets
        if target not in said
    ]


def _samples(series: Series, epoch: float, moments: list[float]) -> Iterator[tuple[float, str]]:
    """Moments with values as text. Between two points a gauge is constant, so it is asked once for each stretch."""
    if series.kind != "gauge":
        for moment in moments:
            value = value_at(series, epoch - moment)
            if value is not None:
                yield moment, number(value)
        return
    turns = [epoch - at for at in sorted(series.value, reverse=True)]
    for start, end in pairwise([*turns, float("inf")]):
        inside = [moment for moment in moments if start <= moment < end and (series.until <= 0 or epoch - moment >= series.until)]
        value = value_at(series, epoch - inside[0]) if inside else None
        if value is not None:
            text = number(value)
            yield from ((moment, text) for moment in inside)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
