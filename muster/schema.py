"""The JSON schema of environment files, so that editors complete and complain; `environments/schema.json` is this."""

from typing import Any

from muster.document import document
from muster.documented import documented


def schema() -> dict[str, Any]:
    """The schema of a merged file. Nothing is required: an environment's file says only what differs."""
    made = documented(document()).model_json_schema(by_alias=True)
    made["title"] = "Muster environment"
    made["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    made.pop("required", None)
    for name, definition in made["$defs"].items():
        if "expect" in definition.get("properties", {}):
            definition["required"] = ["name"]
            definition.setdefault("title", name)
    return made
