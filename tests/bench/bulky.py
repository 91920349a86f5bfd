"""Ten thousand pods, and a gigabyte of log, both from a stand-in of the API that costs next to nothing."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from tests.bench import peers, projects
from tests.bench.bulk import EXPRESSION, LITERAL
from tests.bench.processes import Serving, run, seen, serving
from tests.bench.rounds import Benchmark, Goal, Ran, figure, share, times

PODS = 10_000
WORKLOADS, FEW = 60, 600
"""For the run that counts LISTs: so many workloads among so many pods, on two pages."""
LOG = 1_000_000_000
LOG_PATH = "/api/v1/namespaces/shop/pods/x/log"
CHECKS = ("checks/daily/test_workloads.py", "--no-follow-ups")


@contextmanager
def pods() -> Iterator[Benchmark]:
    """Pods listed and judged."""
    with (
        tempfile.TemporaryDirectory(prefix="muster-bench-") as scratch,
        serving("tests.bench.bulk", pods=PODS) as server,
        serving("tests.bench.bulk", pods=FEW) as small,
    ):
        url, folder = server.said["url"], Path(scratch)
        environments = workloads(folder, small.said["url"])

        def many_checks() -> Ran:
            """A whole run of many checks of many workloads: how often is a kind of one namespace listed?"""
            small.counted()
            done = projects.looked(folder, environments, *CHECKS, codes=(0, 1, 10))
            lists = small.counted()["lists"]
            return Ran(done.seconds, None, {"most": max(lists.values()), "kinds": len(lists)})

        variants = {
            "no client": partial(seen, "tests.bench.others", way="raw_pods", url=url),
            "muster": partial(counted, server, partial(seen, "tests.bench.looks", way="our_pods", url=url)),
            "typed client": partial(seen, "tests.bench.others", way="typed_pods", url=url),
            "many checks": many_checks,
        }
        goals = (
            Goal(
                "times faster than the typed client",
                times("muster", "typed client"),
                headline="10,000 pods, times faster than the typed client",
                at_least=10,
            ),
            Goal("peak memory of the process, as a share of the typed client's", memory("muster", "typed client"), at_most=0.1),
            Goal("LISTs that one look made", figure("muster", "most"), at_most=1.0),
            Goal(f"most LISTs of one kind and namespace, in a run over {WORKLOADS} workloads", figure("many checks", "most"), at_most=1.0),
        )
        title = f"{PODS:,} pods listed and judged"
        yield Benchmark("pods", title, variants, "no client", "typed client", goals, silent=("many checks",))


def workloads(folder: Path, url: str) -> Path:
    """An environment with many workloads in the namespace of the stand-in."""
    made = [{"name": f"app-{number}", "connection": "cluster", "selector": f"app=app-{number}"} for number in range(WORKLOADS)]
    cluster = {"kubernetes": {"server": url, "token": "env:HOME", "namespace": "shop"}}
    return projects.environment(folder, connections={"cluster": cluster}, workloads=made)


def counted(server: Serving, way: Callable[[], Ran]) -> Ran:
    """A run of a variant, with the LISTs that the server counted."""
    server.counted()
    ran = way()
    return Ran(ran.seconds, ran.verdicts, {**ran.figures, "most": max(server.counted()["lists"].values())})


def memory(name: str, of: str) -> Callable[[dict[str, Ran]], float]:
    """The peak of one process as a share of another's."""
    return lambda ran: ran[name].figures["peak"] / ran[of].figures["peak"]


def grown(name: str, most: float) -> Callable[[dict[str, Ran]], float]:
    """How much a process grew while it worked, imports not counted, as a share of `most` MiB."""
    return lambda ran: (ran[name].figures["peak"] - ran[name].figures["idle"]) / most


def grep(url: str, *arguments: str) -> Ran:
    """Curl and grep -c, as one types them."""
    done = run(["sh", "-c", 'url=$1; shift; curl -sS "$url" | grep -c "$@"', "sh", f"{url}{LOG_PATH}", *arguments])
    return Ran(done.seconds, int(done.output))


def log(name: str, title: str, expression: str, most: float, found: tuple[str, ...]) -> Any:
    """A benchmark of the scan; `found` is what grep is asked for to have the same verdict."""

    @contextmanager
    def scan() -> Iterator[Benchmark]:
        with serving("tests.bench.bulk", pods=1, log=LOG) as server:
            url = server.said["url"]
            variants = {
                "read only": partial(seen, "tests.bench.others", way="read_log", url=url),
                "muster": partial(seen, "tests.bench.looks", way="our_log", url=url, expression=expression),
                "curl, grep -c": partial(grep, url, LITERAL),
                **({"curl, grep -cE": partial(grep, url, *found)} if expression else {}),
            }
            headline = "" if expression else "1 GB of log scanned for a literal, as a share of curl, grep -c"
            goals = (
                Goal("time, as a share of curl, grep -c of the literal", share("muster", "curl, grep -c"), headline=headline, at_most=most),
                Goal("memory over that of the process after its imports, as a share of 32 MiB", grown("muster", 32.0), at_most=1.0),
                Goal("time, as a share of reading without looking at anything", share("muster", "read only")),
            )
            silent = ("read only", *(("curl, grep -c",) if expression else ()))
            lacking = peers.absent_program("curl") or peers.absent_program("grep")
            assert not lacking, lacking
            yield Benchmark(name, title, variants, "read only", "curl, grep -c", goals, silent=silent)

    return scan


literal = log("literal", "1 GB of log lines, those with a literal counted", "", 0.5, ())
regex = log("regex", "1 GB of log lines, those with a literal that match a regular expression counted", EXPRESSION, 0.9, ("-E", EXPRESSION))
