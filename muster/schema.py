"""The JSON schemas of the files, so that editors complete and complain; `environments/schema.json` is that of environments."""

from typing import Any

from muster.document import document
from muster.documented import documented
from muster.waivers import Waivers


def waivers_schema() -> dict[str, Any]:
    """The schema of files of waivers; `environments/waivers.schema.json` is this."""
    made = documented(Waivers).model_json_schema(by_alias=True)
    made["title"] = "Muster waivers"
    made["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return made


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
