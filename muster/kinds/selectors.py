"""Label selectors as kubectl takes them: `app=web,tier in (front, back),!canary`."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import PydanticCustomError, core_schema

_KEY = r"([a-z0-9A-Z]([-._a-z0-9A-Z]*[a-z0-9A-Z])?/)?[a-z0-9A-Z]([-._a-z0-9A-Z]*[a-z0-9A-Z])?"
_VALUE = r"([a-z0-9A-Z]([-._a-z0-9A-Z]*[a-z0-9A-Z])?)?"
_EQUAL = re.compile(rf"(?P<key>{_KEY})\s*(?P<sign>==?|!=)\s*(?P<value>{_VALUE})")
_SET = re.compile(rf"(?P<key>{_KEY})\s+(?P<sign>in|notin)\s*\((?P<values>[^()]*)\)")
_BARE = re.compile(rf"(?P<sign>!?)\s*(?P<key>{_KEY})")


class Requirement(NamedTuple):
    """One part of a selector: `sign` is in, notin, exists or absent."""

    key: str
    sign: str
    values: frozenset[str] = frozenset()

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Whether an object with these labels meets it; like Kubernetes, notin holds for objects without the label."""
        if self.sign in ("exists", "absent"):
            return (self.key in labels) == (self.sign == "exists")
        return (labels.get(self.key) in self.values) == (self.sign == "in")


class Selector(str):
    """The text of a label selector, valid."""

    __slots__ = ()
    rule = "a label selector is written app=web, app!=web, tier in (front, back), tier notin (back), key or !key, joined by commas"

    def requirements(self) -> list[Requirement]:
        """Its parts. Raises ValueError when it is not valid."""
        return [_requirement(part.strip()) for part in re.split(r",(?![^()]*\))", self)]

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether an object with these labels is selected."""
        return all(requirement.holds(labels) for requirement in self.requirements())

    @classmethod
    def _validate(cls, value: Any) -> "Selector":
        if isinstance(value, str):
            try:
                if cls(value).requirements():
                    return cls(value)
            except ValueError:
                pass
        raise PydanticCustomError("selector", "{rule}", {"rule": cls.rule})

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(cls._validate, serialization=core_schema.to_string_ser_schema())

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "minLength": 1, "description": cls.rule}


def _requirement(text: str) -> Requirement:
    if found := _EQUAL.fullmatch(text):
        return Requirement(found["key"], "notin" if found["sign"] == "!=" else "in", frozenset([found["value"]]))
    if found := _SET.fullmatch(text):
        values = [value.strip() for value in found["values"].split(",")]
        if all(re.fullmatch(_VALUE, value) for value in values):
            return Requirement(found["key"], found["sign"], frozenset(values))
    elif found := _BARE.fullmatch(text):
        return Requirement(found["key"], "absent" if found["sign"] else "exists")
    raise ValueError(text)
