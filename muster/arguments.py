"""A fixture for each kind of entity, named as the kind says: what checks and probes ask about."""

from types import ModuleType
from typing import Any

from muster.case import Case
from muster.kinds.base import Entity
from muster.probes import argument


def arguments(kinds: set[type[Entity]]) -> ModuleType:
    """A plugin with the fixtures of these kinds. Only of a module does pytest take what is no method."""
    plugin = ModuleType("muster.kinds")
    plugin.__dict__.update({kind.fixture: _argument(kind) for kind in kinds})
    return plugin


def _argument(kind: type[Entity]) -> Any:
    def entity(case: Case) -> Entity:
        assert isinstance(case.entity, kind), case
        return case.entity

    entity.__name__, entity.__doc__ = kind.fixture, kind.__doc__
    return argument(entity)
