"""A plugin that leaves a run as it is but for its probes of endpoints: they return at once, so that the checks are empty."""

import importlib
from dataclasses import replace
from typing import Any

import pytest

from muster.probes import PROBES
from muster.units import ByteSize, Duration


def _page(endpoint: Any) -> Any:
    from fixtures.web.endpoints import Page, Phases

    nothing = Duration(0)
    phases = Phases(**dict.fromkeys(Phases.__dataclass_fields__, nothing))
    return Page(
        looked_at=1, of="answers", seen=endpoint.name, status=200, latency=nothing, phases=phases, size=ByteSize(0),
        content_type="", headers={}, json={}, body={},
    )  # fmt: skip


@pytest.hookimpl(trylast=True)
def pytest_configure() -> None:
    importlib.import_module("fixtures.web.endpoints")
    PROBES["page"] = replace(PROBES["page"], function=_page)
