"""What somebody at night, and who comes in the morning, asks of pytest: `--alert`, `--runbook`, `--show-values`, `--digest`."""

from collections.abc import Iterator

import pytest

from muster import morning, values
from muster.digest import Digest
from muster.lines import Line
from muster.night_call import UnknownCall, call_of
from muster.plugin import RUN
from muster.run import CASE


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("muster")
    says = "only what runbook.yaml ties to this alert, whatever its cadence, with every value; repeatable"
    group.addoption("--alert", action="append", default=[], metavar="NAME", help=says)
    says = "the same for a heading of the runbook: 'High Error Rate'"
    group.addoption("--runbook", action="append", default=[], metavar="HEADING", help=says)
    group.addoption("--digest", action="store_true", help="tell on one screen what is new, still wrong and recovered since the last run")
    group.addoption("--show-values", action="store_true", help="tell every value that was seen, holding or not")


def paged(config: pytest.Config) -> bool:
    """Whether the terminal shows the page of all values."""
    return bool(config.option.show_values or config.option.alert or config.option.runbook)


def screen(config: pytest.Config, digest: Digest, width: int) -> Iterator[Line] | None:
    """What the terminal shows in place of the usual report; None for the usual report."""
    if config.option.digest:
        return morning.screen(morning.of(digest), width)
    return values.page(digest, width) if paged(config) else None


def pytest_configure(config: pytest.Config) -> None:
    """Find what was asked about. Raises UsageError for a name that no runbook has."""
    run = config.stash.get(RUN, None)
    if run is not None and (paged(config) or config.option.digest) and config.option.verbose == 0:
        config.option.verbose = -2  # pytest's header and last line would be most of what a phone shows
    if run is None or not (config.option.alert or config.option.runbook):
        return
    if config.option.drill:
        raise pytest.UsageError("--alert and --runbook look; a drill acts: leave --drill out")
    try:
        run.called = call_of(run.library, config.option.alert, config.option.runbook)
    except UnknownCall as error:
        raise pytest.UsageError(str(error)) from error


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep what tells of it; all else is deselected with the reason."""
    run = config.stash.get(RUN, None)
    if run is None or run.called is None:
        return
    call = run.called
    dropped = [item for item in items if CASE not in item.stash or not call.wants(item.stash[CASE])]
    for item in dropped:
        run.deselected[item.nodeid] = f"not tied to {', '.join(call.asked)}"
    items[:] = [item for item in items if item not in dropped]
    if dropped:
        config.hook.pytest_deselected(items=dropped)
