"""A platform that is broken and healed while it runs, and all checks run against it each time."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from muster import journal
from muster.coverage import find_checks
from muster.verdicts import Result, Verdict
from sandbox.faults import builder
from sandbox.platform import PARTS, Platform
from sandbox.processes import child_environment
from sandbox.state import RUNNING
from sandbox.world import Fault, World
from tests.forking import Forking, answered, ask, warm

ROOT = Path(__file__).parents[2]
SYSTEM, LOG = "platform-service", "warm.log"
BARE = ("-p", "no:cacheprovider", "-p", "no:logging", "-p", "no:muster.evidence")
"""Options of a run of its own whose files for Allure nobody reads."""
Edit = Callable[[World], None]


@dataclass(frozen=True)
class Seen:
    """One run of the checks: its exit code, its verdicts by id, what it printed, the folder of its reports."""

    code: int
    results: dict[str, Result]
    output: str
    reports: Path

    def without(self, names: set[str]) -> "Seen":
        """This run as if these checks did not exist."""
        return Seen(self.code, {key: each for key, each in self.results.items() if short(each) not in names}, self.output, self.reports)

    def named(self, wanted: str) -> list[Result]:
        """Results of "check[entity]", one for each limit; of "check[entity:limit]", that one."""
        return [each for each in self.results.values() if wanted in (short(each), f"{each.check}[{each.entity}:{each.limit}]")]

    def not_holding(self) -> dict[str, Verdict]:
        """Whatever does not hold, as "check[entity]"; of several limits the worst verdict."""
        found: dict[str, set[Verdict]] = defaultdict(set)
        for each in self.results.values():
            found[short(each)].add(each.verdict)
        worst = {name: min(verdicts, key=list(Verdict).index) for name, verdicts in found.items()}
        return {name: verdict for name, verdict in worst.items() if verdict is not Verdict.HOLDS}


def short(result: Result) -> str:
    """A result as faults name it."""
    return f"{result.check}[{result.entity}]"


def told(result: Result) -> str:
    """What a reader is told of a result: where, what was observed, why."""
    return f"{result.where} | {result.seen} | {result.observed} | {result.reason} | {result.cause}"


class Proof:
    """All checks against one platform that keeps running."""

    def __init__(self, platform: Platform, checks: Forking, folder: Path) -> None:
        """`checks` is a process of `tests.proof.warm`; `folder` takes reports."""
        self.platform, self.checks, self.folder = platform, checks, folder
        self.runs = 0

    def broken(self, *edits: Edit, mutation: str = "", only: Iterable[str] = ()) -> Seen:
        """What the checks say of a healthy world with these edits. The world stays until the next one."""
        world = builder(SYSTEM)(self.platform.epoch)
        for edit in edits:
            edit(world)
        self.platform.apply(world)
        return self.run(mutation=mutation, only=only)

    def run(self, *, replay: Path | None = None, mutation: str = "", only: Iterable[str] = ()) -> Seen:
        """What the checks say now, or of saved observations; `mutation` names a rule of the engine that is off in this run.

        Where "check[entity]" are named, they alone are asked.
        """
        # A folder of its own: memory of earlier runs would make one fault's verdict depend on the fault before it.
        self.runs += 1
        reports = self.folder / f"run-{self.runs}"
        reports.mkdir()
        running = {RUNNING: str(self.platform.folder), **self.platform.addresses}
        request = {
            "reports": str(reports),
            "replay": replay and str(replay),
            "environment": running,
            "mutation": mutation,
            "only": list(only),
        }
        ask(self.checks, request)
        answered(self.checks, self.folder / LOG)  # the process id
        code = answered(self.checks, self.folder / LOG)
        file = reports / "journal.jsonl"
        results = {each.id: each for each in journal.results(file)} if file.exists() else {}
        return Seen(code, results, (reports / "output.txt").read_text(), reports)


DAILY = tuple(each for each in PARTS if each != "scratch")
"""Without a scratch server the dumps of the sandbox are made up, and none has to be made anew for each fault."""


@cache
def drilled() -> frozenset[str]:
    """Checks that need a drill: they have a proof, and a run, of their own."""
    return frozenset(check.name for check in find_checks(ROOT / "checks").values() if check.module.parent.name == "restore_drill")


def seen_by_drills(fault: Fault) -> bool:
    """Whether only a drill notices a fault."""
    return bool({name.partition("[")[0] for name in fault.violates} & drilled())


@contextmanager
def proving(folder: Path, *checks_and_options: str, parts: Iterable[str] = DAILY) -> Iterator[Proof]:
    """A healthy platform, and a process that is ready to run checks against it."""
    log, wanted = folder / LOG, checks_and_options or ("checks",)
    # Collecting takes as long as booting: side by side.
    with warm("tests.proof.warm", log, *wanted) as checks, Platform(builder(SYSTEM), parts) as platform:
        assert answered(checks, log) == 0, log.read_text()
        yield Proof(platform, checks, folder)


def without_sandbox() -> dict[str, str]:
    """Our environment for a run that boots a sandbox of its own."""
    return {name: value for name, value in child_environment().items() if not name.startswith("SANDBOX_")}
