"""Samples of the checks on logs."""

from collections.abc import Callable

from checks.daily import test_logs as daily
from checks.weekly import test_logs as weekly
from fixtures.logs.counting import LogCount, LogField, LogTimes, RouteTime
from fixtures.logs.streams import PodLog
from muster.amounts import Measured
from muster.units import ByteSize, Counted, Duration, Percent


def counted(**values: object) -> LogCount:
    """What three quiet pods wrote, changed as wished."""
    quiet: dict[str, object] = {
        "looked_at": 90_000, "of": "bytes", "seen": "https://10.0.0.1:6443, namespace platform", "window": Duration(3600), "streams": 3,
        "records": 500, "matched": Measured(4, "", "4 in web-a"), "top": Measured(2, "", "order <n> failed"),
        "pods": (PodLog("web-a", 500, 4, ByteSize(90_000)),), "silent": Counted(), "field": "", "carrying": 0, "value": "", "routes": (),
        "measured": 0,
    }  # fmt: skip
    return LogCount(**{**quiet, **values})  # type: ignore[arg-type]


def timed(seconds: float) -> LogTimes:
    """The slowest route took so long."""
    row = RouteTime("GET /api/reports", Duration(seconds), 40)
    return LogTimes(looked_at=500, of="values", slowest=Measured(seconds, "seconds", "GET /api/reports, 40 records"), routes=(row,))


def carried(share: float) -> LogField:
    """Such a share of records carries the field."""
    return LogField(looked_at=500, of="records", share=Measured(share, "percent", f"{500 * share:.0f} of 500 records carry correlationId"))


Sample = dict[str, object]
SAMPLES: dict[Callable[..., None], tuple[Sample, Sample]] = {
    daily.test_log_records_of_a_kind_stay_few: (
        {"log_count": counted(), "limit": 9},
        {"log_count": counted(matched=Measured(200, "", "81 in web-a, 70 in web-b")), "limit": 9},
    ),
    daily.test_no_message_dominates_the_log: (
        {"log_count": counted(), "limit": 49},
        {"log_count": counted(top=Measured(60, "", "order <n> failed")), "limit": 49},
    ),
    daily.test_every_route_answers_in_time: (
        {"log_times": timed(0.4), "limit": Duration(2)},
        {"log_times": timed(4.1), "limit": Duration(2)},
    ),
    daily.test_every_pod_writes_a_log: (
        {"log_count": counted(), "limit": 0},
        {"log_count": counted(silent=Counted(["web-b"])), "limit": 0},
    ),
    weekly.test_log_records_carry_the_field: (
        {"log_field": carried(1.0), "limit": Percent(0.99)},
        {"log_field": carried(0.4), "limit": Percent(0.99)},
    ),
}
