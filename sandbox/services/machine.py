"""What a host says of itself where that cannot be brought about here: a full disk, a wrong clock, a unit that failed.

The host has programs of its own, which come first in the PATH of whoever logs in. They answer what the world says, and run the
machine's program of the same name for everything else. Processes and listening ports are real.
"""

import shlex
import shutil
import socket
import subprocess
from pathlib import Path

from sandbox.machine import FileSystem, Machine, Unit
from sandbox.world import Host

BLOCK = 4096  # bytes
OURS = "#!/bin/sh\nPATH=${PATH#*:}\n"
"""Each program begins so; without the first folder of PATH, a name is the machine's own program."""
CAT = 'if [ $# -eq 1 ] && [ -f {told}"$1" ]; then set -- {told}"$1"; fi\nexec cat "$@"\n'
CORES = 'if [ "$*" = _NPROCESSORS_ONLN ]; then echo {cores}; else exec getconf "$@"; fi\n'
DATE = "exec date -d '{clock} seconds' \"$@\"\n"
STAT = """\
path=$5
case "$1 $5" in
{cases}*) exec stat "$@" ;;
esac
exec stat -L -c "$(printf '%s' "$3" | sed "$edits")" -- "$path"
"""
"""For `stat -L|-f -c FORMAT -- PATH`: what the world says takes the place of directives in FORMAT."""
SYSTEMCTL = """\
while [ "$1" != -- ]; do shift; done
shift
blank=
for unit; do
  case "$unit" in *.*) ;; *) unit=$unit.service ;; esac
  printf '%s' "$blank"
  blank='
'
  case "$unit" in
{cases}  *) printf 'Id=%s\\nLoadState=not-found\\nActiveState=inactive\\nSubState=dead\\nResult=success\\n' "$unit" ;;
  esac
done
"""
"""For `systemctl show OPTION... -- UNIT...`."""


class MachineFacts:
    """What one host says of itself. Not for several threads at once."""

    def __init__(self, folder: Path) -> None:
        """`folder`, absolute, is where every user can reach it."""
        self._folder = folder
        self._programs: dict[Path, str] = {}
        self._processes: dict[str, list[subprocess.Popen[bytes]]] = {}
        self._listening: dict[int, socket.socket] = {}

    @property
    def path(self) -> Path:
        """The folder that has to come first in PATH."""
        return self._folder / "bin"

    def apply(self, host: Host, root: Path) -> None:
        """Say what `host` says, whose files are below `root`."""
        wanted = host.machine or Machine()
        self._write(self._files(host, root))
        for name in {*self._processes, *wanted.processes}:
            self._run(name, wanted.processes.get(name, 0))
        for port in self._listening.keys() - set(wanted.ports):
            self._listening.pop(port).close()
        for port in set(wanted.ports) - self._listening.keys():
            self._listening[port] = socket.create_server(("127.0.0.1", port))

    def stop(self) -> None:
        """End its processes, listen no more."""
        self.apply(Host(), Path())

    def _files(self, host: Host, root: Path) -> dict[Path, str]:
        """Path below the folder -> text."""
        told, machine = Path("told"), host.machine
        stats = {f"-L {root / path}": f"edits={shlex.quote(_owner(file.owner))}" for path, file in host.files.items() if file.owner}
        made = {}
        if machine:
            stats |= {f"-f {path}": f"edits={shlex.quote(_space(system))} path=/" for path, system in machine.mounts.items()}
            made[told / "proc/loadavg"] = f"{machine.load:.2f} {machine.load:.2f} {machine.load:.2f} 1/100 4711\n"
            if machine.mounts:
                made[told / "proc/self/mounts"] = "".join(_mounted(path, system) for path, system in machine.mounts.items())
            made[Path("bin/cat")] = OURS + CAT.format(told=shlex.quote(str(self._folder / told)))
            made[Path("bin/getconf")] = OURS + CORES.format(cores=machine.cores)
            made[Path("bin/date")] = OURS + DATE.format(clock=machine.clock)
            if machine.units:
                cases = "".join(
                    f"  {shlex.quote(name)}) echo {shlex.quote(_shown(name, unit))} ;;\n" for name, unit in machine.units.items()
                )
                made[Path("bin/systemctl")] = OURS + SYSTEMCTL.format(cases=cases)
        if stats:
            cases = "".join(f"{shlex.quote(call)}) {assigned} ;;\n" for call, assigned in stats.items())
            made[Path("bin/stat")] = OURS + STAT.format(cases=cases)
        return made

    def _write(self, files: dict[Path, str]) -> None:
        if files == self._programs:
            return
        shutil.rmtree(self._folder, ignore_errors=True)
        for path, text in files.items():
            (self._folder / path).parent.mkdir(parents=True, exist_ok=True)
            (self._folder / path).write_text(text)
            (self._folder / path).chmod(0o755)
        self._programs = files

    def _run(self, name: str, count: int) -> None:
        """Have so many processes that the kernel knows by this name: each is a shell that reads until we close its end, or die."""
        running = self._processes.setdefault(name, [])
        while len(running) > count:
            with running.pop() as process:
                process.kill()
        program = self._folder.with_name(f"{self._folder.name}-programs") / name
        if count and not program.is_symlink():
            program.parent.mkdir(exist_ok=True)
            program.symlink_to("/bin/sh")
        while len(running) < count:
            running.append(subprocess.Popen([str(program), "-c", "read -r line"], stdin=subprocess.PIPE))


def _owner(owner: str) -> str:
    user, _, group = owner.partition(":")
    return f"s/%U/{user}/;s/%G/{group or user}/"


def _space(system: FileSystem) -> str:
    blocks = system.size // BLOCK
    free, inodes_free = round(blocks * (1 - system.used)), round(system.inodes * (1 - system.inodes_used))
    numbers = {"S": BLOCK, "b": blocks, "f": free, "a": free, "c": system.inodes, "d": inodes_free}
    return ";".join(f"s/%{letter}/{number}/" for letter, number in numbers.items())


def _mounted(path: str, system: FileSystem) -> str:
    escaped = path.replace(" ", r"\040")
    return f"{system.device} {escaped} {system.type} {system.options} 0 0\n"


def _shown(name: str, unit: Unit) -> str:
    return f"Result={unit.result}\nId={name}\nLoadState=loaded\nActiveState={unit.active}\nSubState={unit.sub}"
