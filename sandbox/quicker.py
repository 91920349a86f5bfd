"""A copy of a Prometheus that scrapes at once instead of after five seconds.

Its discovery hands out targets, fixed ones too, on tickers of five seconds that no option shortens; until the first tick its
API lists no target at all. That constant is the one thing changed, in a copy in the cache folder. A program in which it is
not found exactly where expected (another processor, another release) is used as it is, and merely starts later.
"""

import hashlib
import shutil
import struct
from itertools import pairwise
from pathlib import Path

from sandbox.cache import provided_folder

FUNCTIONS = (b"discovery.NewManager", b"legacymanager.NewManager", b"scrape.(*Manager).reloader")
FIVE_SECONDS = struct.pack("<q", 5_000_000_000)
INSTEAD = struct.pack("<q", 20_000_000)  # nanoseconds
LOAD = (b"\x48", b"\x49")  # first byte of the x86-64 instruction that loads a 64-bit constant; the second is 0xb8 to 0xbf
TABLE = b"\xf1\xff\xff\xff\x00\x00\x01\x08"  # how Go's function table (from 1.20 on) begins on x86-64
OLDER_TABLE = b"\xf0\xff\xff\xff\x00\x00\x01\x08"  # 1.18 and 1.19
HEADER = struct.Struct("<8s8Q")


OPTION = "--scrape.discovery-reload-interval"  # hidden, and never below the constant


def quicker(program: Path) -> list[str]:
    """The command that starts a copy of `program` with the constant replaced, made once; `program` when it is not found."""
    status = program.stat()
    key = hashlib.sha256(f"{program} {status.st_size} {status.st_mtime_ns} 1".encode()).hexdigest()[:12]
    copy = provided_folder(f"prometheus-quick-{key}", lambda folder: _patch(program, folder)) / program.name
    return [str(copy), f"{OPTION}=20ms"] if copy.exists() else [str(program)]


def _patch(program: Path, folder: Path) -> None:
    """Write the changed copy into `folder`, or leave it empty, which says that there is nothing to change."""
    content = program.read_bytes()
    places = _places(content)
    if not places:
        return
    copy = folder / program.name
    shutil.copyfile(program, copy)
    with copy.open("r+b") as file:
        for place in places:
            file.seek(place)
            file.write(INSTEAD)
    copy.chmod(0o755)


def _places(content: bytes) -> list[int]:
    """Offsets of the constant inside FUNCTIONS; [] unless each function has it exactly once."""
    found: list[int] = []
    functions = _functions(content)
    if OPTION.removeprefix("--").encode() not in content or len(functions) != len(FUNCTIONS):
        return found
    for start, end in functions:
        body = content[start:end]
        places = [at for at in range(2, len(body) - 8) if body[at : at + 8] == FIVE_SECONDS and _loads(body[at - 2 : at])]
        if len(places) != 1:
            return []
        found.append(start + places[0])
    return found


def _loads(instruction: bytes) -> bool:
    return instruction[:1] in LOAD and 0xB8 <= instruction[1] <= 0xBF


def _functions(content: bytes) -> list[tuple[int, int]]:
    """Start and end offsets in the file of FUNCTIONS, from the function table that every Go program carries."""
    table = max(content.find(TABLE), content.find(OLDER_TABLE))
    if table < 0 or table + HEADER.size > len(content):
        return []
    _, count, _, text, names, _, _, _, lines = HEADER.unpack_from(content, table)
    if table + lines + 8 * count > len(content) or text < 0x400000:
        return []
    entries = list(struct.iter_unpack("<II", content[table + lines : table + lines + 8 * count]))
    # Programs that are not relocated are mapped at 4 MiB, so an address is an offset plus that.
    base = text - 0x400000
    found = []
    for (start, information), (end, _) in pairwise(entries):
        (name,) = struct.unpack_from("<i", content, table + lines + information + 4)
        position = table + names + name
        if content[position : content.find(b"\0", position, position + 200)].endswith(FUNCTIONS):
            found.append((base + start, base + end))
    return found
