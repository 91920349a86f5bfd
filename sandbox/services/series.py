"""What a series is worth at a moment: one pure function, so that backfilled history and scraping agree."""

import math

from sandbox.world import Series

HISTORY = 86400.0  # seconds of history before the world's now


def value_at(series: Series, seconds_before_now: float) -> float | None:
    """The value of a series at a moment, in seconds before the world's epoch; negative is after it. None: no sample then.

    A gauge has the value of its newest point at or before the moment. A counter has the integral of its rate since its
    oldest point, or since the start of the 24 h history if that point is older.
    """
    if not series.value or seconds_before_now > max(series.value):
        return None
    if series.until > 0 and seconds_before_now < series.until:
        return None
    if series.kind == "gauge":
        return series.value[min(at for at in series.value if at >= seconds_before_now)]
    if series.kind == "counter":
        return _integral(series.value, seconds_before_now)
    raise ValueError(f"series {series.name}: kind {series.kind!r} is neither gauge nor counter")


def _integral(rates: dict[int, float], moment: float) -> float:
    """The increase from the start of the history to the moment. Points: seconds before now -> increase per second."""
    points = sorted(rates, reverse=True)
    total = 0.0
    for point, following in zip(points, [*points[1:], None], strict=True):
        start = min(float(point), HISTORY)
        end = moment if following is None else max(float(following), moment)
        if end < start:
            total += rates[point] * (start - end)
    return total


def exposition(target: str, labels: dict[str, str], series: list[Series], seconds_before_now: float) -> str:
    """What one scrape target says, in the Prometheus text format.

    `labels`, which the scrape configuration adds to the target, are left out. Nothing is remembered between two scrapes:
    a world that is replaced is backfilled anew, and what is scraped has to go on from there.
    """
    lines: dict[str, list[str]] = {}
    for one in (one for one in series if one.target == target):
        value = value_at(one, seconds_before_now)
        if value is not None:
            lines.setdefault(one.name, [f"# TYPE {one.name} {one.kind}"]).append(_line(one, labels, value))
    return "".join(f"{line}\n" for block in lines.values() for line in block)


def _line(series: Series, labels: dict[str, str], value: float) -> str:
    own = [f'{name}="{_escape(text)}"' for name, text in sorted(series.labels.items()) if name not in labels]
    return f"{series.name}{{{','.join(own)}}} {number(value)}" if own else f"{series.name} {number(value)}"


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def number(value: float) -> str:
    """A value as Prometheus reads it: NaN, +Inf, -Inf or the shortest decimal."""
    if math.isnan(value):
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    return repr(float(value))
