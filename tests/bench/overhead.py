"""What a run costs beside looking: ten thousand trivial checks, and the start."""

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench import projects
from tests.bench.processes import ROOT, run
from tests.bench.projects import PER_READING, READINGS
from tests.bench.rounds import Benchmark, Goal, Ran, figure, share

CHECKS = READINGS * PER_READING
IMPORTS = "import yaml\nfrom pydantic import BaseModel, TypeAdapter\n"
PYTEST = (sys.executable, "-m", "pytest")
ALLURE = ("-p", "allure_pytest.plugin")


@contextmanager
def trivial() -> Iterator[Benchmark]:
    """Ten thousand checks."""
    with tempfile.TemporaryDirectory(prefix="muster-bench-") as scratch:
        folder = Path(scratch)
        plain, project = projects.bare(folder / "bare", PER_READING, READINGS), projects.trivial(folder / "ours")

        def theirs(*arguments: str) -> Ran:
            done = run([*PYTEST, "-q", *arguments], plain)
            return Ran(done.seconds, projects.passed(done))

        def ours() -> Ran:
            done = run([*PYTEST, "-q", "checks", "--env", "shop/bench", "--reports", "out"], project)
            said = projects.told(project)
            assert said["results"] == said["hold"], said
            assert (project / "out" / "junit.xml").read_text(encoding="utf-8").count("<testcase ") == said["hold"]
            return Ran(done.seconds, said["hold"])

        variants = {
            "pytest": theirs,
            "muster": ours,
            "allure-pytest": lambda: theirs(*ALLURE, "--alluredir=results", "--clean-alluredir"),
        }
        goals = (
            Goal(
                "time, with journal, Allure and JUnit, as a share of bare pytest",
                share("muster", "pytest"),
                headline="10,000 trivial checks, as a share of bare pytest",
                at_most=2.5,
            ),
            Goal("(allure-pytest as it comes, as a share of bare pytest)", share("allure-pytest", "pytest")),
        )
        title = f"{CHECKS:,} trivial checks: {READINGS:,} entities with {PER_READING} checks each"
        yield Benchmark("trivial", title, variants, "pytest", "allure-pytest", goals)


@contextmanager
def start() -> Iterator[Benchmark]:
    """The start: everything is loaded and collected, and nothing is looked at."""
    with tempfile.TemporaryDirectory(prefix="muster-bench-") as scratch:
        folder = Path(scratch)
        modules = len(list((ROOT / "checks").rglob("test_*.py")))
        collected = _collected(run([*PYTEST, "checks", "--collect-only", "-q"]).output)
        plain = projects.bare(folder / "bare", modules, -(-collected // modules))
        loaded = projects.bare(folder / "loaded", modules, -(-collected // modules), IMPORTS)
        urls = projects.endpoints(folder / "one", ["http://127.0.0.1:9"])

        def started(where: Path, *arguments: str) -> Ran:
            return Ran(run([*PYTEST, *arguments, "--collect-only", "-q"], where).seconds, None)

        def watched() -> Ran:
            """Which clients of sources are imported when no check needs them: at collection, and for endpoints alone."""
            out = str(folder / "imported.json")
            run(
                [*PYTEST, "checks", "--collect-only", "-q", "-p", "tests.bench.imported", "-o", f"cache_dir={folder}"],
                more={"MUSTER_BENCH": out},
            )
            early = json.loads(Path(out).read_text(encoding="utf-8"))
            arguments = ("checks/daily/test_endpoints.py", "-p", "tests.bench.imported")
            projects.looked(folder / "one", urls, *arguments, codes=(0, 1, 10), more={"MUSTER_BENCH": out})
            late = json.loads(Path(out).read_text(encoding="utf-8"))
            return Ran(0.0, [*early, *late], {"early": len(early), "late": len(late)})

        variants = {
            "pytest": lambda: started(plain),
            "muster": lambda: started(ROOT, "checks"),
            "pytest, allure-pytest, pydantic, yaml": lambda: started(loaded, *ALLURE),
            "imports": watched,
        }
        reference = "pytest, allure-pytest, pydantic, yaml"
        goals = (
            Goal(
                f"time, as a share of {reference}",
                share("muster", reference),
                headline="start, as a share of pytest with what it imports",
                at_most=1.3,
            ),
            Goal("(time, as a share of pytest alone)", share("muster", "pytest")),
            Goal("clients of sources imported at collection", figure("imports", "early"), at_most=0.0),
            Goal("clients of other sources imported to look at an endpoint", figure("imports", "late"), at_most=0.0),
        )
        title = f"`pytest checks --collect-only`: {collected} checks in {modules} modules; the others collect as many"
        yield Benchmark("start", title, variants, "pytest", reference, goals, silent=tuple(variants))


def _collected(output: str) -> int:
    """How many checks pytest says it collected."""
    last = next(line for line in reversed(output.splitlines()) if "tests collected" in line)
    return int(last.split("/")[-1].split()[0])
