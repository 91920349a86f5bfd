"""A source is loaded when a check names one of its observations: that has to be enough for every check, whatever else is collected."""

import importlib
import inspect
from pathlib import Path
from types import ModuleType

import pytest
from _pytest.fixtures import FixtureFunctionDefinition

from fixtures import plugins
from muster.arguments import arguments
from muster.kinds import every

ROOT = Path(__file__).parents[1]
MODULES = sorted(path for path in (ROOT / "checks").rglob("test_*.py") if path.parent.name != "restore_drill")
ALWAYS = ["muster.plugin", *plugins.modules("fixtures.identities")]
"""What a run knows without a check that asks for it; the last where there is a cluster or a database."""


def made_by(module: ModuleType) -> dict[str, list[str]]:
    """The fixtures of a module, each with those that it takes."""
    found = {name: each for name, each in vars(module).items() if isinstance(each, FixtureFunctionDefinition)}
    return {name: list(inspect.signature(each._get_wrapped_function()).parameters) for name, each in found.items()}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_module_of_checks_names_all_sources_that_it_takes(path: Path) -> None:
    module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    named = {".".join(each.__module__.split(".")[:2]) for each in vars(module).values() if isinstance(each, type)}
    loaded = [name for source in named.intersection(plugins.SOURCES) for name in plugins.modules(source)]
    known = made_by(arguments(set(every()))) | {"request": []}
    for name in (*ALWAYS, *loaded):
        known |= made_by(importlib.import_module(name))

    asked = [name for each in vars(module).values() if inspect.isfunction(each) for name in inspect.signature(each).parameters]
    for name in asked:
        asked += [each for each in known.get(name, ()) if each not in asked]

    assert asked
    assert [name for name in asked if name not in known] == []
