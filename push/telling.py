"""Telling the servers of an environment's `push:` what a run has found."""

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from muster import fence
from muster.environment import Environment
from muster.probes import CouldNotLook, begin, left
from muster.push import Outlet, Push
from muster.reports import told
from muster.run import Run
from muster.text import count, cut
from push import alerts, metrics, outlets
from push.outlets import NotPushed

OVERALL = 30.0
"""Seconds for telling all servers of all environments."""
NARROWING = {"keyword": "-k", "deselect": "--deselect", "lf": "--lf"}
"""Options with which a run is none of those that are due."""


def tell_all(config: pytest.Config, run: Run) -> None:
    """Tell every server of every environment, one after the other, all within `OVERALL`; the journal says what came of it."""
    begin(OVERALL)
    interrupted = False
    for environment in run.environments:
        assert environment.push is not None
        fence.enter(environment.reach)
        for outlet, job in _jobs(config, run, environment, environment.push):
            try:
                said, failed = ("", "interrupted before it was told") if interrupted else _attempted(job)
            except KeyboardInterrupt:
                interrupted, said, failed = True, "", "interrupted while it was told"
            fields = {"environment": environment.id, "to": outlet, "said": said, "failed": cut(failed, 600)}
            assert run.journal is not None
            run.journal.write("pushed", **fields)


def _jobs(config: pytest.Config, run: Run, environment: Environment, push: Push) -> list[tuple[str, Callable[[], str]]]:
    made: list[tuple[str, Callable[[], str]]] = []
    for number, outlet in enumerate(push.alertmanager, 1):
        name = "alertmanager" if len(push.alertmanager) == 1 else f"alertmanager {number}"
        made.append((name, lambda outlet=outlet: _alerts(run, environment, push, outlet)))  # type: ignore[misc]
    if push.pushgateway is not None:
        gateway = push.pushgateway
        made.append(("pushgateway", lambda: _metrics(config, run, environment, gateway)))
    return made


def _attempted(job: Callable[[], str]) -> tuple[str, str]:
    """What was told, or why not."""
    if left() <= 0:
        return "", f"no time left: all servers together have {OVERALL:.0f} s"
    try:
        return job(), ""
    except CouldNotLook as error:
        return "", error.reason
    except NotPushed as error:
        return "", str(error)
    except Exception as error:  # noqa: BLE001 - a bug here is told like a server that does not answer: the verdicts stand
        return "", told(error)


def _alerts(run: Run, environment: Environment, push: Push, outlet: Outlet) -> str:
    assert run.journal is not None
    digest, now = run.journal.digest, time.time()
    fires = alerts.firing(digest, environment.id, push.suite_owner or environment.owner, push, now)
    known = outlets.active(outlet, environment.id)
    over = alerts.resolved(digest, known, fires, now)
    outlets.tell(outlet, over + fires[: outlets.MOST])
    if len(fires) > outlets.MOST:
        raise NotPushed(f"{len(fires)} alerts would fire, and {outlets.MOST} are sent: the worst of them")
    return f"{len(fires)} firing, {len(over)} resolved"


def _metrics(config: pytest.Config, run: Run, environment: Environment, outlet: Outlet) -> str:
    assert run.journal is not None
    digest = run.journal.digest
    if why := _not_due(config) or _unfinished(metrics.partial(digest)):
        return f"left as it was: {why}"
    selection = chosen(config)
    outlets.put(outlet, metrics.path(environment.id, selection), metrics.text(digest, environment.id, time.time()))
    return f"{count(len(digest.of(environment.id)), 'check')} of selection {selection}"


def _not_due(config: pytest.Config) -> str:
    """Why this run stands for none that is due; empty when it may."""
    options = [name for option, name in NARROWING.items() if getattr(config.option, option, None)]
    options += ["a single check"] if any("::" in each for each in config.args) else []
    return f"the run was narrowed by {', '.join(options)}" if options else ""


def _unfinished(checks: int) -> str:
    return f"{count(checks, 'check')} had no verdict yet" if checks else ""


def chosen(config: pytest.Config) -> str:
    """What the run was asked for, equal for equal runs: `checks/daily`, `checks -m gate`."""
    places = sorted({_place(config, each) for each in config.args})
    return re.sub(r"\s+", " ", " ".join([*places, *(["-m", config.option.markexpr] if config.option.markexpr else [])]))[:200]


def _place(config: pytest.Config, argument: str) -> str:
    path = (config.invocation_params.dir / argument).resolve()
    return str(path.relative_to(config.rootpath)) if path.is_relative_to(config.rootpath) else Path(argument).name
