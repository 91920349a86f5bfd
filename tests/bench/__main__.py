"""`python -m tests.bench [NAME ...]`: run the benchmarks, print their tables; a whole run writes them into the documentation.

Exit code 0 when nothing is missed, 1 when a goal is missed, a variant finds out something else, or a variant breaks. *Noisy*
is said loudly and ends with 0: it is no pass, but a machine that is too busy to measure on is no fault of this project's.
"""

import argparse
import sys
from pathlib import Path

from tests.bench import bulky, overhead, table, waves
from tests.bench.rounds import ROUNDS, Measured, measure

ROOT = Path(__file__).parents[2]
BENCHMARKS = {
    "http": waves.http, "slow": waves.slow, "tls": waves.tls, "pods": bulky.pods, "literal": bulky.literal, "regex": bulky.regex,
    "trivial": overhead.trivial, "start": overhead.start,
}  # fmt: skip
BAD = {"missed", "wrong"}


def options(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which of {', '.join(BENCHMARKS)}; without one, all")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"with fewer than {ROUNDS} nothing passes (default: %(default)s)")
    parser.add_argument("--without", action="append", default=[], metavar="VARIANT", help="leave a variant out, as if it were absent")
    given = parser.parse_args(arguments)
    if unknown := set(given.names) - BENCHMARKS.keys():
        parser.error(f"no benchmark is named {', '.join(sorted(unknown))}; there are: {', '.join(BENCHMARKS)}")
    return given


def one(name: str, rounds: int, without: list[str]) -> Measured:
    """Measure one benchmark."""
    with BENCHMARKS[name]() as benchmark:
        for variant in without:
            if benchmark.variants.pop(variant, None):
                benchmark.absent[variant] = "left out by --without"
        return measure(benchmark, rounds)


def main(arguments: list[str] | None = None) -> int:
    """Run what is named; the exit code."""
    given = options(arguments)
    measured, broken = [], []
    for name in given.names or BENCHMARKS:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        try:
            measured.append(one(name, given.rounds, given.without))
        except AssertionError as error:
            broken.append(name)
            print(f"{name} BROKE: {error}", file=sys.stderr)
            continue
        print(table.markdown(measured[-1]), "\n", flush=True)
    found = {each.verdict for one in measured for each in one.goals}
    print(table.counted(measured))
    if "noisy" in found:
        print("NOISY: a control strayed in every repetition; what is marked so has NOT passed. Measure again on a quieter machine.")
    if not (given.names or given.without or broken) and given.rounds >= ROUNDS:
        (ROOT / "docs" / "performance.md").write_text(table.page(measured), encoding="utf-8")
        table.put(ROOT / "README.md", table.excerpt(measured))
    return 1 if broken or found & BAD else 0


if __name__ == "__main__":
    sys.exit(main())
