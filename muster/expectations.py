"""What may be expected: limits with severity and occasion, and the three ways to say that nothing is.

In a file an expectation is a bare value (`ready: 3`), a mapping (`{limit: 1s, severity: P2}`), a list of mappings (one
limit for each occasion), `{off: reason}` or `{unobservable: reason, until: date}`.
"""

import re
from datetime import date
from functools import cache
from typing import Annotated, Any, ClassVar, Generic, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    GetJsonSchemaHandler,
    Strict,
    Tag,
    model_validator,
)
from pydantic_core import PydanticCustomError, core_schema

NAME = r"[a-z0-9]([-.a-z0-9]{0,61}[a-z0-9])?"
"""The pattern of every name that becomes part of an id: entities, connections, systems, environments."""

Severity = Literal["P0", "P1", "P2", "P3"]
Occasion = Literal["gate", "before-deploy", "after-deploy", "rollback"]
Cadence = Literal["daily", "gate", "weekly", "monthly", "quarterly", "restore_drill"]


def _check_name(value: str) -> str:
    if not re.fullmatch(NAME, value):
        raise PydanticCustomError(
            "name", "a name is lower-case letters, digits, dots and dashes, at most 63, and starts and ends with a letter or digit"
        )
    return value


Name = Annotated[str, AfterValidator(_check_name), Field(json_schema_extra={"pattern": f"^{NAME}$"})]
Reason = Annotated[str, Field(min_length=3, description="a sentence for the reader of the report")]


class Model(BaseModel):
    """The base of everything that a file may say: unknown keys are errors, values do not change after loading.

    A model is built when the first file has such a thing; its fields are described by `muster.documented`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


class Terms(Model):
    """What every limit may say besides its value."""

    primary: ClassVar[str] = "limit"
    """The field that a bare value means, and that the check compares."""

    severity: Severity | None = None
    """P0 to P3; without it the entity's, then the expectation's own default."""
    on: Occasion | None = None
    """The occasion at which this limit holds; without it, every occasion that has no limit of its own."""
    on_unknown: Literal["stop", "warn"] = "stop"
    """`warn`: where nobody could look, a gate shows that and is not stopped by it. On other occasions it stays unknown."""

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, value: Any) -> Any:
        return value if isinstance(value, (dict, cls)) else {cls.primary: value}

    @property
    def value(self) -> Any:
        """The limit that a check compares with."""
        return getattr(self, self.primary)

    @property
    def written(self) -> str:
        """The limit in words, without reading anything."""
        return str(self.value)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        mapping = handler(schema)
        resolved = handler.resolve_ref_schema(mapping)
        bare = resolved.get("properties", {}).get(cls.primary, {})
        return {"anyOf": [bare, mapping]}


T = TypeVar("T")

Many = Annotated[tuple[T, ...], Strict(False)]
"""A YAML list of T."""


class Limit(Terms, Generic[T]):
    """A limit: `ready: 3` or `ready: {limit: 3, severity: P1}`."""

    limit: T


class Off(Model):
    """An expectation that is switched off, with the reason that the report shows."""

    off: Reason


class Unobservable(Model):
    """An expectation that this environment's rights do not let us observe; counted and shown, until a date."""

    unobservable: Reason
    until: date
    """The last day (UTC) on which this is accepted; afterwards the expectation is checked again."""


def _which(value: Any) -> str:
    if isinstance(value, Off) or (isinstance(value, dict) and "off" in value):
        return "off"
    if isinstance(value, Unobservable) or (isinstance(value, dict) and "unobservable" in value):
        return "unobservable"
    return "limits"


def _listed(value: Any) -> Any:
    if isinstance(value, (list, tuple, Off, Unobservable)) or (isinstance(value, dict) and ("off" in value or "unobservable" in value)):
        return value
    return [value]


class _OneOrMany:
    """Tells the JSON schema what `_listed` accepts: one limit, or a list of them."""

    def __get_pydantic_json_schema__(self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        made = handler(schema)
        options = made.get("oneOf") or made.get("anyOf") or [made]
        single = [option["items"] for option in options if option.get("type") == "array"]
        return {"anyOf": [*single, *options]}


AnyTerms = TypeVar("AnyTerms", bound=Terms)

Wanted = Annotated[
    Annotated[tuple[AnyTerms, ...], Strict(False), Tag("limits")]
    | Annotated[Off, Tag("off")]
    | Annotated[Unobservable, Tag("unobservable")],
    Discriminator(_which),
    BeforeValidator(_listed),
    _OneOrMany(),
]
"""The type of an expectation's field: `ready: Wanted[Limit[int]] | None = None`."""


class Expect(Model):
    """The base of each kind's `expect:`. A field that is None is not expected; a default is, until it is switched off."""

    model_config = ConfigDict(validate_default=True)

    @classmethod
    @cache
    def names(cls) -> dict[str, str]:
        """The expectations as files name them, each with the attribute that holds it."""
        return {field.alias or name: name for name, field in cls.model_fields.items()}

    def wanted(self, expectation: str) -> Any:
        """What is said of an expectation: limits, Off, Unobservable, or None when it is not expected."""
        return getattr(self, self.names().get(expectation, ""), None)

    def only(self, expectation: str, occasion: Occasion) -> bool:
        """Whether an expectation has limits for this occasion and for no other."""
        limits = self.wanted(expectation)
        return isinstance(limits, tuple) and all(each.on == occasion for each in limits)
