"""A process that remembers many small runs, as fast as it can: `python -m tests.history.writer ADDRESS NAME COUNT`."""

import sys
from pathlib import Path

from fixtures.aws.history import Bucket
from muster.state import State
from muster.verdicts import Result, Verdict


def main() -> None:
    address, name, count = sys.argv[1:]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    for number in range(int(count)):
        state = State(Bucket.of(address) if "://" in address else Path(address))
        at = 1_800_000_000.0 + number + len(name) / 10
        result = Result("shop", "staging", f"test_{name}", "web", "", "node", Verdict.HOLDS, "P1", "me", "title", at=at, value=number)
        state.remember([result], {"shop/staging": {f"{name}/{number}": (at, number)}}, f"{name}-{number}")


if __name__ == "__main__":
    main()
