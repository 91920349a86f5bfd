"""Fetch and unpack Debian packages without root and without touching the machine's own package state."""

import os
import shutil
import subprocess
from pathlib import Path

from sandbox.cache import NotProvided

CONFIGURATION = """\
#clear APT::Update::Post-Invoke-Success;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Pre-Invoke;
#clear Acquire::IndexTargets::deb::DEP-11;
#clear Acquire::IndexTargets::deb::DEP-11-icons;
#clear Acquire::IndexTargets::deb::DEP-11-icons-small;
#clear Acquire::IndexTargets::deb::DEP-11-icons-large;
#clear Acquire::IndexTargets::deb::DEP-11-icons-hidpi;
#clear Acquire::IndexTargets::deb::DEP-11-icons-large-hidpi;
Dir::State "{folder}/state";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}/cache";
Dir::Log "{folder}/log";
APT::Sandbox::User "{user}";
Acquire::Languages "none";
Acquire::Retries "2";
Acquire::http::Timeout "20";
Acquire::https::Timeout "20";
"""


STATUS = Path("/var/lib/dpkg/status")
INSTALL = ["--yes", "--no-install-recommends", "--download-only", "--reinstall", "--option=Debug::NoLocking=1", "install"]
"""Download what installing would take; without the lock, which only root can take and nothing here needs."""


def unpack_packages(packages: list[str], folder: Path, *, with_missing: bool = False) -> None:
    """Fetch the newest candidate of each package from the machine's sources and unpack it into `folder`/usr and so on.

    Dependencies are not followed, unless `with_missing` asks for those that the machine lacks.
    Raises NotProvided when the machine has no apt, no sources, no network or no such package.
    """
    for tool in ("apt-get", "dpkg"):
        if shutil.which(tool) is None:
            raise NotProvided(f"{' '.join(packages)}: not on this machine, and there is no {tool} to fetch it with")
    apt = folder / "apt"
    try:
        _fetch(packages, apt, with_missing=with_missing)
        for package in sorted(apt.rglob("*.deb")):
            _run(["dpkg", "-x", str(package), str(folder)], folder)
    finally:
        shutil.rmtree(apt, ignore_errors=True)


def _fetch(packages: list[str], apt: Path, *, with_missing: bool) -> None:
    for part in ("state/lists/partial", "cache/archives/partial", "log"):
        (apt / part).mkdir(parents=True)
    # With the machine's own status file, an installed version could hide the candidate; without it, everything is missing.
    (apt / "status").write_bytes(STATUS.read_bytes() if with_missing else b"")
    configuration = apt / "apt.conf"
    # As root, apt drops to a user who cannot write here; nothing is installed, so there is nothing to guard.
    configuration.write_text(CONFIGURATION.format(folder=apt, user="root" if os.getuid() == 0 else ""))
    # Given with -c, it is read after the machine's own files, so that it has the last word.
    apt_get = ["apt-get", "-q", "-c", str(configuration)]
    updated = subprocess.run([*apt_get, "update"], cwd=apt, capture_output=True, text=True, timeout=300, check=False)
    try:
        _run([*apt_get, *(INSTALL if with_missing else ["download"]), *packages], apt)
    except NotProvided as error:
        # One broken source among several fails the update but not the download, so the update is judged only here.
        raise NotProvided(f"{error}; apt-get update: {_last_lines(updated.stderr) or 'no error'}") from None


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        raise NotProvided(f"{' '.join(command[:1] + command[-1:])} failed: {_last_lines(done.stderr)}")


def _last_lines(text: str) -> str:
    return " | ".join(line.strip() for line in text.strip().splitlines()[-3:])
