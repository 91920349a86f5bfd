"""A real Prometheus server on loopback, with 24 h of history before its first scrape."""

import hashlib
import http.client
import json
import os
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sandbox.binaries import prometheus
from sandbox.processes import Child, Server, ServiceFailed, child_environment
from sandbox.services.history import FINE_SECONDS, instance_labels, open_metrics
from sandbox.world import Metrics

READY_SECONDS = 30.0
FIRST_ROUND_SECONDS = 15.0  # for the first evaluation of every rule group
SEAM = 1.0  # seconds before its start at which history ends: rules are first evaluated for a moment that is past, and need room there
NEVER = "0001-01-01T00:00:00Z"


class PrometheusServer(Server):
    """One server with one `Metrics` in it; the port stays the same for its whole life. Not for several threads at once."""

    def __init__(self, folder: Path) -> None:
        """`folder` takes its files. Raises NotProvided when there is no server for this machine."""
        self._binaries = prometheus()
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder.resolve()
        self._log = folder / "prometheus.log"
        self._metrics: Metrics | None = None
        self._histories: dict[str, float] = {}  # what a kept one tells -> Unix seconds of its end
        super().__init__()

    def apply(self, metrics: Metrics, epoch: float, scraped: str) -> None:
        """Become `metrics`, whose "now" is `epoch` (Unix seconds), served at the host:port `scraped` as `/metrics/<target>`.

        Raises ServiceFailed when history or server refuses.
        """
        before, self._metrics = self._metrics, None
        if metrics.stopped:
            self._shut_down()
        elif before != metrics or not self._alive():
            self._shut_down()
            self._backfill(metrics, epoch)
            self._start(metrics, scraped)
        self._metrics = metrics

    def stop(self) -> None:
        """End the server and remove its data."""
        self._shut_down()
        shutil.rmtree(self._folder / "histories", ignore_errors=True)
        self._histories.clear()
        self._port.release()

    def _shut_down(self) -> None:
        if self._child is not None:
            # Its data is thrown away: nothing to flush.
            self._child.kill()
            self._child = None
        shutil.rmtree(self._folder / "data", ignore_errors=True)

    def _backfill(self, metrics: Metrics, epoch: float) -> None:
        """Write the history; what was written before for the same series is used again, and what has passed since is added."""
        now, data = time.time() - SEAM, self._folder / "data"
        told = repr((metrics.series, metrics.targets, metrics.silent, epoch))
        kept = self._folder / "histories" / hashlib.sha256(told.encode()).hexdigest()[:16]
        until = self._histories.get(told, 0.0)
        if now - until > FINE_SECONDS:
            shutil.rmtree(kept, ignore_errors=True)
            kept.mkdir(parents=True)
            self._write_block(open_metrics(metrics, epoch, now), kept)
            self._histories[told] = until = now
        shutil.copytree(kept, data, copy_function=os.link)
        if until < now:
            self._write_block(open_metrics(metrics, epoch, now, after=until), data)

    def _write_block(self, lines: Iterable[str], folder: Path) -> None:
        text = self._folder / "history.txt"
        with text.open("w") as file:
            file.writelines(lines)
        command = [str(self._binaries / "promtool"), "tsdb", "create-blocks-from", "openmetrics", "--quiet", "--max-block-duration=48h"]
        command += [str(text), str(folder)]
        made = subprocess.run(command, env=child_environment(), capture_output=True, text=True, timeout=120, check=False)
        if made.returncode:
            raise ServiceFailed(f"promtool refuses the history: {(made.stderr or made.stdout).strip()[-500:]}")
        text.unlink()

    def _start(self, metrics: Metrics, scraped: str) -> None:
        (self._folder / "rules.json").write_text(json.dumps({"groups": metrics.rules}))
        (self._folder / "prometheus.json").write_text(json.dumps(configuration(metrics, scraped)))
        self._log.write_bytes(b"")
        options = [
            f"--config.file={self._folder / 'prometheus.json'}",
            f"--storage.tsdb.path={self._folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--storage.tsdb.retention.time=7d",
            "--log.level=warn",
        ]
        self._child = child = Child([str(self._binaries / "prometheus"), *options], self._log, cwd=self._folder)
        child.wait_until(lambda: _is_ours(self.port, self._folder), READY_SECONDS)
        child.wait_until(lambda: _evaluated(self.port, metrics), FIRST_ROUND_SECONDS, "through its first round of rules")
        if metrics.reloaded:
            (self._folder / "prometheus.json").write_text(metrics.reloaded)
            child.process.send_signal(signal.SIGHUP)
            child.wait_until(lambda: "config_last_reload_successful 0" in _said(self.port), READY_SECONDS, "refusing its new configuration")


def configuration(metrics: Metrics, scraped: str) -> dict[str, Any]:
    """The server's configuration file: one scrape job for each `job` label, every target below `scraped`."""
    jobs: dict[str, list[dict[str, Any]]] = {}
    for target in metrics.targets:
        labels = instance_labels(metrics, target)
        static = {"targets": [scraped], "labels": labels | {"__metrics_path__": f"/metrics/{target}"}}
        jobs.setdefault(labels["job"], []).append(static)
    intervals = {"scrape_interval": metrics.scrape_interval, "evaluation_interval": metrics.evaluation_interval}
    return {
        # A time-out longer than the interval is refused, so both are the same.
        "global": intervals | {"scrape_timeout": metrics.scrape_interval},
        "rule_files": ["rules.json"],
        "scrape_configs": [{"job_name": job, "honor_labels": True, "static_configs": targets} for job, targets in jobs.items()],
    }


def _said(port: int) -> str:
    """The server's own metrics; empty when it does not answer."""
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            text: str = answer.read().decode()
            return text
    except OSError:
        return ""


def _ask(port: int, path: str) -> Any:
    """The `data` of an API answer; None when the server does not answer 200 yet."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read()
        return json.loads(body)["data"] if response.status == 200 else None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _is_ours(port: int, folder: Path) -> bool:
    """Ready, and working in `folder`: a leftover of another run on the same port would not be."""
    information = _ask(port, "/api/v1/status/runtimeinfo")
    if not information:
        return False
    if information["CWD"] != str(folder):
        raise ServiceFailed(f"port {port} is served by another prometheus")
    return True


def _evaluated(port: int, metrics: Metrics) -> bool:
    """Whether every rule group was evaluated once. Scrapes begin five seconds later; until then history speaks for them."""
    rules = _ask(port, "/api/v1/rules")
    groups = rules["groups"] if rules else []  # right after the start, the list is empty
    return len(groups) == len(metrics.rules) and all(group["lastEvaluation"] != NEVER for group in groups)
