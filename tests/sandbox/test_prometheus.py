"""The sandbox's Prometheus: a real server with a day of history that goes on without a seam."""

import http.server
import json
import socket
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sandbox.processes import ServiceFailed
from sandbox.services.history import open_metrics
from sandbox.services.prometheus import NEVER, PrometheusServer
from sandbox.services.series import exposition, number, value_at
from sandbox.world import Metrics, Series
from tests.sandbox.tiny_world import DAY
from tests.sandbox.tiny_world import metrics as tiny_metrics


class Targets(http.server.ThreadingHTTPServer):
    """`/metrics/<target>` of whatever `metrics` is."""

    def __init__(self, metrics: Metrics, epoch: float) -> None:
        super().__init__(("127.0.0.1", 0), Target)
        self.metrics, self.epoch = metrics, epoch


class Target(http.server.BaseHTTPRequestHandler):
    """One scrape."""

    server: Targets

    def do_GET(self) -> None:
        metrics, name = self.server.metrics, self.path.rpartition("/")[2]
        text = exposition(name, metrics.targets[name], metrics.series, self.server.epoch - time.time())
        self.send_response(503 if name in metrics.silent else 200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *arguments: object) -> None:
        pass


class Booted:
    """A server, its targets, and a way to ask."""

    def __init__(self, folder: Path) -> None:
        self.targets = Targets(tiny_metrics(), time.time())
        threading.Thread(target=self.targets.serve_forever, daemon=True).start()
        self.server = PrometheusServer(folder)

    def become(self, metrics: Metrics) -> None:
        self.targets.metrics = metrics
        self.server.apply(metrics, self.targets.epoch, f"127.0.0.1:{self.targets.server_port}")

    def get(self, path: str) -> Any:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://127.0.0.1:{self.server.port}/api/v1/{path}", timeout=30) as response:
            return json.load(response)["data"]

    def ask(self, query: str, at: float | None = None) -> dict[str, float]:
        """Value by `__name__` or `pod` or nothing."""
        moment = {} if at is None else {"time": f"{at:.3f}"}
        found = self.get(f"query?{urllib.parse.urlencode({'query': query} | moment)}")["result"]
        return {one["metric"].get("pod", ""): float(one["value"][1]) for one in found}

    def close(self) -> None:
        self.server.stop()
        self.targets.shutdown()
        self.targets.server_close()


@pytest.fixture(scope="module")
def module_booted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Booted]:
    booted = Booted(tmp_path_factory.mktemp("prometheus"))
    yield booted
    booted.close()


@pytest.fixture
def booted(module_booted: Booted) -> Booted:
    module_booted.become(tiny_metrics())
    return module_booted


def test_a_day_of_history_is_there_at_once(booted: Booted) -> None:
    now = booted.targets.epoch
    assert booted.ask("increase(tiny_requests_total[20h])", now - 10)["pod-1"] == pytest.approx(4.0 * 20 * 3600, rel=0.01)
    assert booted.ask("tiny_queue", now - 660) == {"pod-1": 2.0}
    assert booted.ask("tiny_queue", now - 30) == {"pod-1": 7.0}
    assert booted.ask("tiny_queue offset 23h", now) == {"pod-1": 2.0}


def test_a_series_that_ended_is_not_there_any_more(booted: Booted) -> None:
    assert booted.ask('tiny_old{what="a \\"quoted\\" name"} offset 3h') == {"": 1.0}
    assert booted.ask("tiny_old offset 1h") == {}


def scraped(booted: Booted) -> Any:
    """The only target, once it was scraped: discovery takes Prometheus five seconds."""
    while True:
        targets = booted.get("targets")["activeTargets"]
        if targets and targets[0]["lastScrape"] != NEVER:
            return targets[0]
        time.sleep(0.1)


def test_scrapes_go_on_where_history_ends(booted: Booted) -> None:
    target = scraped(booted)
    assert target["health"] == "up"
    assert target["labels"] == {"job": "tiny", "instance": "pod-1", "pod": "pod-1"}
    scraped_at = booted.ask("timestamp(tiny_requests_total)")["pod-1"]
    assert scraped_at > booted.targets.epoch
    assert booted.ask("count({__name__=~'tiny_.*'})") == {"": 2.0}
    assert booted.ask("rate(tiny_requests_total[5m])", scraped_at)["pod-1"] == pytest.approx(4.0, rel=0.02)
    assert booted.ask("resets(tiny_requests_total[1d])") == {"pod-1": 0.0}


def test_every_rule_was_evaluated_before_it_counts_as_started_and_history_says_that_targets_are_up(booted: Booted) -> None:
    assert booted.ask("up") == {"pod-1": 1.0}
    (group,) = booted.get("rules")["groups"]
    assert [rule["health"] for rule in group["rules"]] == ["ok"]
    assert booted.ask("avg_over_time(up[12h])") == {"pod-1": 1.0}


def test_a_silent_target_is_down_and_its_series_are_gone(booted: Booted) -> None:
    port = booted.server.port
    booted.become(replace(tiny_metrics(), silent=["pod-1"]))
    assert booted.server.port == port
    assert booted.ask("up") == {"pod-1": 0.0}
    assert booted.ask("tiny_queue") == {}
    assert booted.ask("tiny_queue offset 1h") == {"pod-1": 2.0}
    firing = booted.get("alerts")["alerts"]
    assert [alert["labels"]["alertname"] for alert in firing] == ["TargetDown"]
    booted.become(tiny_metrics())
    assert booted.ask("up") == {"pod-1": 1.0}
    assert booted.ask("tiny_queue") == {"pod-1": 7.0}


def test_new_metrics_replace_history_too(booted: Booted) -> None:
    changed = tiny_metrics()
    changed.series[1] = Series("tiny_queue", {}, "gauge", {DAY: 2.0, 3600: 99.0}, "pod-1")
    booted.become(changed)
    assert booted.ask("max_over_time(tiny_queue[30m])") == {"pod-1": 99.0}


def test_history_that_was_written_before_is_used_again_and_goes_on(booted: Booted) -> None:
    booted.become(tiny_metrics())
    kept = dict(booted.server._histories)  # what is kept cannot be seen from outside, and that is the point
    booted.become(replace(tiny_metrics(), stopped=True))
    booted.become(tiny_metrics())
    assert booted.server._histories == kept
    assert booted.ask("avg_over_time(up[12h])") == {"pod-1": 1.0}
    assert booted.ask("tiny_queue") == {"pod-1": 7.0}


def test_the_same_metrics_cause_no_restart(booted: Booted) -> None:
    before = booted.server.pid
    booted.become(tiny_metrics())
    assert booted.server.pid == before


def test_a_stopped_server_refuses_connections_and_comes_back_on_its_port(booted: Booted) -> None:
    port = booted.server.port
    booted.become(replace(tiny_metrics(), stopped=True))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=10)
    booted.become(tiny_metrics())
    assert booted.server.port == port
    assert booted.ask("up") == {"pod-1": 1.0}


def test_a_rule_that_does_not_parse_says_so(booted: Booted) -> None:
    broken = [{"name": "broken", "rules": [{"alert": "Broken", "expr": "sum("}]}]
    with pytest.raises(ServiceFailed, match="unclosed left parenthesis"):
        booted.become(replace(tiny_metrics(), rules=broken))


def test_stopping_leaves_no_process_and_no_data(tmp_path: Path) -> None:
    booted = Booted(tmp_path)
    booted.become(tiny_metrics())
    pid = booted.server.pid
    assert (tmp_path / "data").is_dir()
    booted.close()
    assert not Path(f"/proc/{pid}").exists()
    assert not (tmp_path / "data").exists()


def test_history_goes_on_after_a_moment() -> None:
    metrics, now = Metrics(series=[Series("constant", {}, "gauge", {DAY: 1.5})]), 1_800_000_000.0
    lines = list(open_metrics(metrics, now, now, after=now - 40))
    assert [line.split()[-1] for line in lines] == [f"{now - 30:.3f}", f"{now - 15:.3f}", f"{now:.3f}", "EOF"]


@pytest.mark.parametrize(
    "series",
    [
        Series("constant", {}, "gauge", {DAY: 1.5}),
        Series("steps", {}, "gauge", {DAY: 1.0, 40000: 2.0, 3000: 3.0, 61: 4.0}),
        Series("young", {}, "gauge", {7200: 5.0}),
        Series("ended", {}, "gauge", {DAY: 1.0, 9000: 2.0}, until=5000),
        Series("counted_total", {}, "counter", {DAY: 2.0, 3600: 0.0, 600: 9.0}),
        Series("ended_total", {}, "counter", {50000: 2.0}, until=700),
    ],
    ids=lambda series: series.name,
)
def test_history_agrees_with_the_value_at_each_moment(series: Series) -> None:
    epoch, now = 1_800_000_000.0, 1_800_000_123.0
    *lines, end = open_metrics(Metrics(series=[series]), epoch, now)
    assert end == "# EOF\n"
    samples = {float(moment): value for _, value, moment in (line.split() for line in lines)}
    assert samples
    assert samples == {moment: number(value) for moment in samples if (value := value_at(series, epoch - moment)) is not None}
    begins, ends = epoch - min(max(series.value), 86400 - 123), epoch - series.until if series.until else now
    assert min(samples) - begins < 60
    assert ends - max(samples) < 60
    assert list(samples) == sorted(samples)


def test_a_configuration_that_is_refused_leaves_the_old_one_in_force(booted: Booted) -> None:
    booted.become(replace(tiny_metrics(), reloaded="scrape_configs: [{job_nmae: shop}]\n"))
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://127.0.0.1:{booted.server.port}/metrics", timeout=30) as answer:
        assert "\nprometheus_config_last_reload_successful 0\n" in answer.read().decode()
    assert [group["name"] for group in booted.get("rules")["groups"]] == [group["name"] for group in tiny_metrics().rules]
