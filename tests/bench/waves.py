"""Two hundred endpoints: whole runs of pytest side by side, one slow target, looks over TLS, and the cap of a host."""

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from fixtures.web import trust
from sandbox.services.certificates import Authority
from sandbox.world import Served
from tests.bench import peers, projects
from tests.bench.processes import Done, run, seen
from tests.bench.rounds import Benchmark, Goal, Ran, figure, share, times
from tests.latency import Latency, latency

TARGETS = 200
DELAY = 0.1
SLOW = 3.0
CAP = 7
CHECK = ("checks/daily/test_endpoints.py", "-k", "test_endpoint_answers_with_its_status")


def asking(servers: Latency, way: Callable[[], tuple[Done, int]], expected: int = TARGETS) -> Ran:
    """One variant: how many checks hold, and whether every server was really asked."""
    servers.counted()
    done, hold = way()
    counted = servers.counted()
    return Ran(done.seconds, {"hold": hold, "asked": counted["answers"] >= expected}, {"peak": counted["peak"]})


def ours(folder: Path, environments: Path, *arguments: str) -> tuple[Done, int]:
    """Our run, with journal, JUnit and a file for Allure of each check."""
    done = projects.looked(folder, environments, *CHECK, *arguments)
    said = projects.told(folder)
    assert said["results"] == said["hold"], said
    return done, said["hold"]


def pytest_run(folder: Path, *arguments: str) -> tuple[Done, int]:
    """A run of plain pytest in a folder."""
    done = run([sys.executable, "-m", "pytest", "-q", *arguments], folder)
    return done, projects.passed(done)


def chaos_run(folder: Path) -> tuple[Done, int]:
    """Chaos Toolkit's run; it says nothing of single probes, only that its hypothesis held."""
    done = run([str(peers.chaos()), "--no-version-check", "run", "experiment.json"], folder)
    return done, TARGETS if "Experiment ended with status: completed" in done.output + done.errors else 0


@contextmanager
def http() -> Iterator[Benchmark]:
    """Whole runs, each target after 100 ms."""
    with tempfile.TemporaryDirectory(prefix="muster-bench-") as scratch, latency([DELAY] * TARGETS) as servers:
        servers.aside()
        folder = Path(scratch)
        environments, module = projects.endpoints(folder / "ours", servers.urls), projects.theirs(folder / "theirs", servers.urls)
        projects.experiment(folder / "chaos", servers.urls)
        variants: dict[str, Callable[[], Ran]] = {
            "empty": lambda: asking(servers, lambda: ours(folder / "ours", environments, "-p", "tests.bench.empty"), 0),
            "muster": lambda: asking(servers, lambda: ours(folder / "ours", environments)),
            "pytest": lambda: asking(servers, lambda: pytest_run(module)),
        }
        absent = {"xdist": peers.absent_module("xdist"), "chaos": peers.absent_module("chaostoolkit")}
        if not absent["xdist"]:
            variants["xdist"] = lambda: asking(servers, lambda: pytest_run(module, "-p", "xdist", "-n", "8"))
        if not absent["chaos"]:
            variants["chaos"] = lambda: asking(servers, lambda: chaos_run(folder / "chaos"))
        goals = (
            Goal(
                "whole run beyond the same run with empty checks, in slowest requests (100 ms)",
                lambda ran: (ran["muster"].seconds - ran["empty"].seconds) / DELAY, at_most=1.5,
            ),
            Goal(
                "times faster than pytest with requests, one by one", times("muster", "pytest"), at_least=30,
                headline="200 HTTP checks at 100 ms, times faster than pytest with requests",
            ),
            Goal("times faster than pytest with requests and xdist -n 8", times("muster", "xdist"), at_least=7, needs=("xdist",)),
            Goal("times faster than Chaos Toolkit", times("muster", "chaos"), at_least=60, needs=("chaos",)),
        )  # fmt: skip
        title = f"{TARGETS} HTTP checks that are answered after 100 ms; ours writes Allure, JUnit and a journal, the others nothing"
        yield Benchmark("http", title, variants, "empty", "pytest", goals, {name: why for name, why in absent.items() if why})


@contextmanager
def slow() -> Iterator[Benchmark]:
    """One target of two hundred is slow; and another host is asked for more at once than it takes."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="muster-bench-")))
        servers = stack.enter_context(latency([SLOW] + [DELAY] * (TARGETS - 1)))
        host = stack.enter_context(latency([DELAY]))
        environments = projects.endpoints(folder, servers.urls)

        def look() -> Ran:
            """The look of a whole run, as the run itself measures it."""
            ran = asking(servers, lambda: ours(folder, environments))
            return Ran(projects.told(folder)["took"], ran.verdicts, {**ran.figures, "whole": ran.seconds})

        def others() -> Ran:
            ran = seen("tests.bench.others", way="their_wave", urls=servers.urls)
            return Ran(ran.seconds, {"hold": ran.verdicts.count(200), "asked": True}, ran.figures)

        def capped() -> Ran:
            host.counted()
            ran = seen("tests.bench.looks", way="our_wave", urls=host.urls * 40, at_once=CAP)
            counted = host.counted()
            assert counted["answers"] == 40, counted
            return Ran(ran.seconds, ran.verdicts, {"peak": counted["peak"]})

        variants = {
            "target alone": partial(seen, "tests.bench.others", way="one", urls=servers.urls),
            "muster": look,
            "requests in threads": others,
            "one host": capped,
        }
        goals = (
            Goal(
                "the look, as a share of the slow target alone",
                share("muster", "target alone"),
                headline="one slow target of 200, as a share of that target",
                at_most=1.12,
            ),
            Goal(
                "the whole run, start and reports included, as a share of it",
                lambda ran: ran["muster"].figures["whole"] / ran["target alone"].seconds,
            ),
            Goal("most connections to one host, as a share of its cap", lambda ran: ran["one host"].figures["peak"] / CAP, at_most=1.0),
        )
        title = f"One target of {TARGETS} is answered after 3 s, the others after 100 ms; 40 calls to a host that takes {CAP} at once"
        yield Benchmark("slow", title, variants, "target alone", "requests in threads", goals, silent=("target alone", "one host"))


@contextmanager
def tls() -> Iterator[Benchmark]:
    """Looks over TLS with the system's whole bundle."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="muster-bench-")))
        served, bundle = secured(folder)
        servers = stack.enter_context(latency([DELAY] * TARGETS, served))
        plain = stack.enter_context(latency([DELAY] * TARGETS))
        servers.aside()
        plain.aside()
        variants = {
            "no TLS": partial(seen, "tests.bench.looks", way="our_wave", urls=plain.urls),
            "muster": partial(seen, "tests.bench.looks", way="our_wave", urls=servers.urls, bundle=bundle),
            "requests": partial(seen, "tests.bench.others", way="their_wave", urls=servers.urls, bundle=bundle),
        }
        absent, processor = {}, partial(figure, what="processor")
        try:
            where = stack.enter_context(peers.exporting(bundle))
            variants["blackbox_exporter"] = partial(seen, "tests.bench.others", way="exporter_wave", urls=servers.urls, exporter=where)
        except peers.NotProvided as error:
            absent["blackbox_exporter"] = str(error)
        goals = (
            Goal(
                "times faster than requests, a thread for each", times("muster", "requests"), at_least=8,
                headline="200 HTTPS checks, times faster than requests",
            ),
            Goal(
                "times faster than blackbox_exporter, which is running already", times("muster", "blackbox_exporter"),
                at_least=1.0, needs=("blackbox_exporter",),
            ),
            Goal("(processor time, as a share of requests')", lambda ran: processor("muster")(ran) / processor("requests")(ran)),
        )  # fmt: skip
        title = f"{TARGETS} HTTPS checks that are answered after 100 ms, with the full CA bundle and one of our own; the look alone"
        yield Benchmark("tls", title, variants, "no TLS", "requests", goals, absent)


def secured(folder: Path) -> tuple[Path, str]:
    """A certificate with its key, and the system's bundle with their authority in it."""
    authority = Authority(folder)
    bundle = folder / "bundle.pem"
    bundle.write_bytes(Path(trust.system_bundle()).read_bytes() + authority.ca_file.read_bytes())
    issued = authority.issue("wave", Served())
    served = folder / "served.pem"
    served.write_bytes(issued.chain.read_bytes() + issued.key.read_bytes())
    return served, str(bundle)
