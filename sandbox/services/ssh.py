"""A real OpenSSH server on loopback that runs without root and serves one user, whom only it believes in.

nss_wrapper, preloaded, tells sshd that this user exists, with a shell that works: root's sandbox runs it as `nobody`, whose
shell refuses everybody. The processes that it starts for a client know nothing of that.
"""

import os
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

from sandbox.binaries import openssh
from sandbox.processes import Child, Server
from sandbox.services.folders import Folder
from sandbox.services.machine import MachineFacts
from sandbox.services.unprivileged import home
from sandbox.world import Host

USER = "muster"
START_SECONDS = 30.0
NOBODY = 65534
"""The user to whom a user namespace maps root."""
CONFIGURATION = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {root}/hostkey
AuthorizedKeysFile {root}/authorized_keys
StrictModes no
PidFile none
UsePAM no
UseDNS no
PasswordAuthentication no
KbdInteractiveAuthentication no
AllowUsers muster
DisableForwarding yes
SetEnv PATH={path}:/usr/local/bin:/usr/bin:/bin
"""
CLIENT = """\
Host {name}
    HostName 127.0.0.1
    Port {port}
    User muster
    IdentityFile "{folder}/identity"
    IdentitiesOnly yes
    UserKnownHostsFile "{folder}/known_hosts"
"""


class SshServer(Server):
    """One host with its files; port, known host key and the user's key stay the same. Not for several threads at once."""

    def __init__(self, name: str, folder: Path, remember: Callable[[Path], None]) -> None:
        """`folder` takes its log and what a client needs. Raises NotProvided when there is no server for this machine."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._log = folder.resolve(), folder / "sshd.log"
        self._programs = openssh()
        self._home = home(self._programs / "sbin", remember)
        self._files = Folder(self._home.root / "root", self._home.account)
        self._facts = MachineFacts(self._home.root / "machine")
        self._host: Host | None = None
        self._keys: dict[str, tuple[bytes, str]] = {}
        super().__init__()
        self._introduce(name)

    def apply(self, host: Host, epoch: float) -> None:
        """Become `host`, whose files' ages count from `epoch` (Unix seconds). Raises ServiceFailed when sshd does not start."""
        before, self._host = self._host, None
        self._files.apply(host.files, epoch)
        self._facts.apply(host, self._files.root)
        keys = self._key("user")[1] if host.welcome else ""
        (self._home.root / "authorized_keys").write_text(keys + "\n")
        if host.stopped:
            self._shut_down()
        elif before is None or before.key != host.key or not self._alive():
            self._shut_down()
            self._start(host)
        self._host = host

    @property
    def addresses(self) -> dict[str, str]:
        """Where it is: ROOT, CONFIG; PATH when this machine has no ssh client of its own."""
        found = {"ROOT": str(self._files.root), "CONFIG": str(self._folder / "config")}
        return found if shutil.which("ssh") else found | {"PATH": str(self._client())}

    def stop(self) -> None:
        """End the server and remove its files."""
        self._shut_down()
        self._facts.stop()
        self._port.release()
        self._home.remove()

    def _shut_down(self) -> None:
        if self._child is not None:
            self._child.stop()
            self._child = None

    def _introduce(self, name: str) -> None:
        """The user's key, and the server's as the user knows it."""
        private, _ = self._key("user")
        _write(self._folder / "identity", private, 0o600)
        (self._folder / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {self._key('first')[1]}\n")
        (self._folder / "config").write_text(CLIENT.format(name=name, port=self.port, folder=self._folder))

    def _start(self, host: Host) -> None:
        root, account = self._home.root, self._home.account
        uid, gid = (account.uid, account.gid) if account else (NOBODY, NOBODY) if self._home.prefix else (os.getuid(), os.getgid())
        (root / "passwd").write_text(f"{USER}:x:{uid}:{gid}:{USER}:{root}:/bin/sh\n")
        (root / "group").write_text(f"{USER}:x:{gid}:\n")
        (root / "sshd_config").write_text(CONFIGURATION.format(port=self.port, root=root, path=self._facts.path))
        _write(root / "hostkey", self._key(host.key)[0], 0o600)
        if account:
            os.chown(root / "hostkey", account.uid, account.gid)
        programs = self._home.binaries.parent
        wrapped = {
            "LD_LIBRARY_PATH": _libraries(programs),
            "LD_PRELOAD": "libnss_wrapper.so",
            "NSS_WRAPPER_PASSWD": str(root / "passwd"),
            "NSS_WRAPPER_GROUP": str(root / "group"),
        }
        command = ["/usr/bin/env", *(f"{name}={value}" for name, value in wrapped.items())]
        command += [str(programs / "sbin" / "sshd"), "-D", "-e", "-f", str(root / "sshd_config")]
        self._log.write_bytes(b"")
        self._child = Child(command, self._log, account, self._home.prefix)
        listening = f"listening on 127.0.0.1 port {self.port}"
        self._child.wait_until(lambda: listening in self._log.read_text(errors="replace"), START_SECONDS)

    def _key(self, name: str) -> tuple[bytes, str]:
        """A key pair as OpenSSH writes it, the same for the same name."""
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        if name not in self._keys:
            key = Ed25519PrivateKey.generate()
            plain, openssh_format = serialization.NoEncryption(), serialization.PrivateFormat.OpenSSH
            private = key.private_bytes(serialization.Encoding.PEM, openssh_format, plain)
            public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
            self._keys[name] = (private, public.decode())
        return self._keys[name]

    def _client(self) -> Path:
        """A folder with an `ssh` that runs the package's client with the package's libraries."""
        folder = self._folder / "bin"
        folder.mkdir(exist_ok=True)
        program = shlex.quote(str(self._programs / "bin" / "ssh"))
        script = f'#!/bin/sh\nLD_LIBRARY_PATH={shlex.quote(_libraries(self._programs))} exec {program} "$@"\n'
        _write(folder / "ssh", script.encode(), 0o700)
        return folder


def _libraries(programs: Path) -> str:
    return ":".join(str(folder) for folder in sorted((programs / "lib").glob("*-linux-*")))


def _write(path: Path, content: bytes, mode: int) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
