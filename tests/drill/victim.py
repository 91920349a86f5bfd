"""A drill that stands still at a phase, to be killed there: `python -m tests.drill.victim PHASE BASE ARCHIVE BINARIES PARENT COPY`."""

import signal
import sys
import time
from pathlib import Path

from drill import recovery_settings
from tests.drill.production import Taken, recovery


def main() -> None:
    """Say on standard output where it stands, and wait."""
    phase, base, archive, binaries, parent, copy = sys.argv[1:]
    recovery_settings.COPY = copy

    def stand_still(now: str, *_: int) -> None:
        if now == phase:
            sys.stdout.write(f"{now}\n")
            sys.stdout.flush()
            signal.pause()

    if phase == "hang":
        sys.stdout.write("hang\n")
        sys.stdout.flush()
    with recovery(Taken(Path(base), Path(archive), Path(binaries)), Path(parent), progress=stand_still):
        stand_still("done")
        time.sleep(600)


if __name__ == "__main__":
    main()
