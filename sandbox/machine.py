"""What a host of a world says of itself: file systems, load, clock, units; what runs on it and where it listens."""

from dataclasses import dataclass, field


@dataclass
class FileSystem:
    """A file system that is mounted."""

    device: str = "/dev/sda1"
    type: str = "ext4"
    options: str = "rw,relatime"
    size: int = 40 * 2**30  # bytes
    used: float = 0.4  # share of them
    inodes: int = 2_621_440
    inodes_used: float = 0.1  # share of them


@dataclass
class Unit:
    """A systemd unit that is loaded, in the words of `systemctl show`."""

    active: str = "active"
    sub: str = "running"
    result: str = "success"


@dataclass
class Machine:
    """What is said and seen over ssh in place of what holds for the machine that the sandbox is on."""

    mounts: dict[str, FileSystem] = field(default_factory=dict)  # mount point -> file system; empty: those of this machine
    load: float = 0.2  # average of 15 minutes
    cores: int = 2
    clock: int = 0  # seconds by which it is ahead
    units: dict[str, Unit] = field(default_factory=dict)  # whole name -> unit; empty: as on this machine, which may lack systemd
    processes: dict[str, int] = field(default_factory=dict)  # name -> how many of it; they really run
    ports: list[int] = field(default_factory=list)  # something really listens there, so they have to be free
