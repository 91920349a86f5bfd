"""Tools of others that are measured where they are to be had; where one is not, the table says why."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.cache import NotProvided, provided_folder
from sandbox.debian import unpack_packages

EXPORTER = "prometheus-blackbox-exporter"
PATIENCE = 20.0


def absent_module(name: str) -> str:
    """Why a package cannot be used; empty when it can."""
    return "" if importlib.util.find_spec(name) else f"{name} is not installed (tests/bench/requirements.txt)"


def absent_program(name: str) -> str:
    """Why a program cannot be used; empty when it can."""
    return "" if shutil.which(name) else f"there is no {name} on this machine"


def chaos() -> Path:
    """The command of Chaos Toolkit that was installed beside this interpreter."""
    return Path(sys.executable).with_name("chaos")


def exporter() -> Path:
    """The program of blackbox_exporter: the machine's, else of Debian's package. Raises NotProvided."""
    found = shutil.which(EXPORTER) or shutil.which("blackbox_exporter")
    return Path(found) if found else provided_folder("blackbox-package", _unpack_exporter) / "usr" / "bin" / EXPORTER


def _unpack_exporter(folder: Path) -> None:
    unpack_packages([EXPORTER], folder)
    if not os.access(folder / "usr" / "bin" / EXPORTER, os.X_OK):
        raise NotProvided(f"Debian's package holds no {EXPORTER}")


@contextmanager
def exporting(bundle: str) -> Iterator[str]:
    """A running exporter whose module `bench` trusts the bundle; yields where it listens. Raises NotProvided."""
    program = exporter()
    with tempfile.TemporaryDirectory(prefix="muster-bench-") as folder:
        settings = Path(folder) / "blackbox.yml"
        module = {"prober": "http", "timeout": "60s", "http": {"preferred_ip_protocol": "ip4", "tls_config": {"ca_file": bundle}}}
        settings.write_text(json.dumps({"modules": {"bench": module}}), encoding="utf-8")
        with (Path(folder) / "log").open("w+") as log:
            command = [str(program), f"--config.file={settings}", "--web.listen-address=127.0.0.1:0"]
            process = subprocess.Popen(command, stdout=log, stderr=log, text=True)
            try:
                yield f"127.0.0.1:{_port(process, Path(folder) / 'log')}"
            finally:
                process.kill()
                process.wait()


def _port(process: "subprocess.Popen[str]", log: Path) -> str:
    """The port that it says it listens on. Raises NotProvided when it does not start."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        if found := re.search(r"(?:address|Listening on).*?127\.0\.0\.1:(\d+)", log.read_text(encoding="utf-8")):
            return found[1]
        time.sleep(0.05)
    raise NotProvided(f"blackbox_exporter does not start here: {log.read_text(encoding='utf-8')[-300:]}")
