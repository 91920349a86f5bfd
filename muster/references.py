"""What only this side knows, such as the schema version that the code to be deployed needs: `env:NAME` or `file:PATH` in a limit."""

import re
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import PydanticCustomError, core_schema

from muster.probes import CouldNotLook
from muster.secrets import read

_WRITTEN = r"(env:[A-Za-z_][A-Za-z0-9_]*|file:(?!//).+)"
LONGEST = 200
"""Characters of such a value: a version, not a document."""


class Told(str):
    """A text from this side. It equals the same text, and the number that it writes."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        if isinstance(other, (int, float)) and not isinstance(other, bool):
            try:
                return float(str(self)) == float(other)
            except ValueError:
                return False
        return str.__eq__(self, other) is True

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = str.__hash__


class Reference(str):
    """`env:NAME` or `file:PATH`: where a value lies that is no secret. Read when it is compared."""

    __slots__ = ()

    def told(self) -> Told:
        """The value in force now. Raises CouldNotLook when it is missing, empty, or no value of one line."""
        text = read(str(self)).strip()
        if not text or len(text) > LONGEST or not text.isprintable():
            what = "empty" if not text else f"not one line of at most {LONGEST} characters"
            raise CouldNotLook(f"{self} is {what}", cause=f"configuration: {self}", hint="the job that deploys has to say it")
        return Told(text)

    @classmethod
    def _validate(cls, value: Any) -> "Reference":
        if isinstance(value, str) and re.fullmatch(_WRITTEN, value):
            return cls(value)
        raise PydanticCustomError("reference", "env:NAME or file:PATH")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(cls._validate, serialization=core_schema.to_string_ser_schema())

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{_WRITTEN}$", "description": "env:NAME or file:PATH"}
