"""A place for a server that refuses to run as root: who runs it, where its files are, how they get there."""

import functools
import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sandbox.cache import NotProvided
from sandbox.processes import Account, child_environment
from sandbox.state import outside, remove_tree

UNSHARE = ("unshare", "-U", "--map-user=65534", "--map-group=65534")


@dataclass(frozen=True)
class Home:
    """Folders of one server. `account` and `prefix` are how its programs become somebody who is not root."""

    root: Path
    binaries: Path
    account: Account | None
    prefix: tuple[str, ...]

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.root / "data"

    @property
    def sockets(self) -> Path:
        """The folder of its unix sockets."""
        return self.root / "s"

    def run(self, command: list[str]) -> "subprocess.CompletedProcess[str]":
        """Run one program to its end as the server's user."""
        user, group = (self.account.uid, self.account.gid) if self.account else (None, None)
        return subprocess.run(
            [*self.prefix, *command],
            cwd=self.root,
            env=child_environment({"LC_ALL": "C"}),
            user=user,
            group=group,
            extra_groups=[] if self.account else None,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def copy_data(self, template: Path) -> None:
        """A fresh data directory from `template`."""
        shutil.rmtree(self.data, ignore_errors=True)
        subprocess.run(["cp", "-rH", "--reflink=auto", str(template), str(self.data)], check=True, timeout=120)
        self.data.chmod(0o700)
        if self.account:
            for folder, folders, files in os.walk(self.data):
                for name in (".", *folders, *files):
                    os.chown(Path(folder) / name, self.account.uid, self.account.gid)

    def write(self, name: str, content: bytes) -> None:
        """A file in the data directory that the server's user alone can read."""
        path = self.data / name
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
        if self.account:
            os.chown(path, self.account.uid, self.account.gid)

    def remove(self) -> None:
        """Delete everything."""
        remove_tree(self.root)


def home(binaries: Path, remember: Callable[[Path], None]) -> Home:
    """A home where the server's user can reach it; its short path also suits unix sockets, which take 107 bytes.

    `remember` is told of the folder, so that it can be swept. Raises NotProvided when root has no way down.
    """
    account, prefix = _way_down()
    root = outside(remember)
    if account is not None:
        binaries = _reachable(binaries, root)
        os.chown(root, account.uid, account.gid)
    made = Home(root, binaries, account, prefix)
    made.sockets.mkdir(mode=0o700, exist_ok=True)
    if account is not None:
        os.chown(made.sockets, account.uid, account.gid)
    return made


def _reachable(binaries: Path, root: Path) -> Path:
    """`binaries`, or a copy of its installation below `root` when a folder on the way is closed to others."""
    if all(parent.stat().st_mode & stat.S_IXOTH for parent in [binaries, *binaries.parents]):
        return binaries
    copy = root / "programs"
    subprocess.run(["cp", "-rH", "--reflink=auto", str(binaries.parent), str(copy)], check=True, timeout=120)
    copy.chmod(0o755)
    return copy / binaries.name


@functools.cache
def _way_down() -> tuple[Account | None, tuple[str, ...]]:
    """How root stops being root: as `nobody`, else in a user namespace; nothing to do for everybody else."""
    if os.getuid() != 0:
        return None, ()
    try:
        nobody = pwd.getpwnam("nobody")
        subprocess.run(["true"], user=nobody.pw_uid, group=nobody.pw_gid, extra_groups=[], check=True, timeout=10)
        return Account(nobody.pw_uid, nobody.pw_gid), ()
    except (KeyError, OSError, subprocess.SubprocessError) as refusal:
        tried = subprocess.run([*UNSHARE, "true"], capture_output=True, text=True, timeout=10, check=False)
        if tried.returncode == 0:
            return None, UNSHARE
        raise NotProvided(f"root does not run servers, and cannot become nobody here: {refusal}; {tried.stderr.strip()}") from refusal
