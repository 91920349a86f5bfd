"""Files of waivers for tests."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any


def today() -> date:
    """The day in UTC."""
    return datetime.now(UTC).date()


def waiver(**fields: Any) -> dict[str, Any]:
    """A waiver of `test_reading_is_low` for the entity `disk`, a month long."""
    usual = {
        "check": "test_reading_is_low", "entity": "disk", "reason": "the archive moves", "ticket": "OPS-1", "owner": "team-data",
        "expires": today() + timedelta(days=30),
    }  # fmt: skip
    made = {**usual, **fields}
    return {name: value for name, value in made.items() if value is not None}


def text(*waivers: dict[str, Any]) -> str:
    """A file of these."""
    lines = [f"{'- ' if not at else '  '}{name}: {_scalar(value)}" for each in waivers for at, (name, value) in enumerate(each.items())]
    return "\n".join(["waivers:", *(f"  {line}" for line in lines)] if lines else ["waivers: []"]) + "\n"


def _scalar(value: Any) -> str:
    return str(value) if isinstance(value, date) else json.dumps(value)


def write(folder: Path, name: str, *waivers: dict[str, Any]) -> Path:
    """Write the waivers of an environment such as `platform/sandbox` below a folder of environments."""
    file = folder / f"{name}.waivers.yaml"
    file.write_text(text(*waivers), encoding="utf-8")
    return file
