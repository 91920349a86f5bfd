"""Numbers of readings: a limit as it was written, and a value as it was seen, both printed with their unit.

A reading may be a share, a duration, a size or a bare number, so its type cannot know the unit: each number carries its own.
"""

import re
from math import isfinite, isnan
from typing import Any, Literal, Self

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import PydanticCustomError, SchemaValidator, core_schema

from muster.samples import Withheld
from muster.units import ByteSize, Duration, Percent

Unit = Literal["", "percent", "seconds", "bytes"]
"""What a number counts: nothing in particular, a share (1.0 is 100%), seconds, or bytes."""

_KINDS: tuple[tuple[Unit, type[Percent] | type[ByteSize] | type[Duration]], ...] = (
    ("percent", Percent),
    ("bytes", ByteSize),
    ("seconds", Duration),
)
_NUMBER = r"[+-]?\d+(\.\d+)?"
_RULE = "a number, or one with a unit: 0.5, 1%, 500ms, 24h, 20kB or 1GiB"


def printed(value: float, unit: Unit) -> str:
    """`value` as an operator writes it: 0.013 percent is 1.3%, 7200 seconds are 2h."""
    if not isfinite(value):
        return str(float(value))
    for name, kind in _KINDS:
        if name == unit:
            return str(kind(value))
    whole = value == int(value) or abs(value) >= 1e6
    return f"{value:.0f}" if whole and abs(value) < 1e15 else f"{value:.6g}"


class Amount(float):
    """A limit that is a number with or without a unit, compared in its base unit: a share, seconds, bytes."""

    unit: Unit
    text: str

    def __new__(cls, value: float, unit: Unit = "", text: str = "") -> Self:
        """A number in its base unit; `text` is how it was written."""
        made = super().__new__(cls, value)
        made.unit = unit
        made.text = text or printed(value, unit)
        return made

    @classmethod
    def parse(cls, value: Any) -> Self:
        """Read a YAML scalar: `3`, `0.5`, `1%`, `500ms`, `1GiB`. Raises ValueError for anything else."""
        if isinstance(value, cls):
            return value
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            if not isfinite(value):
                raise ValueError(value)
            return cls(value)
        for unit, kind in _KINDS:
            if isinstance(value, str) and re.fullmatch(kind.pattern, value.strip()):
                return cls(kind.parse(value.strip()), unit, value.strip())
        raise ValueError(value)

    @classmethod
    def _validate(cls, value: Any) -> Self:
        try:
            return cls.parse(value)
        except ValueError:
            raise PydanticCustomError("amount", "{rule}", {"rule": _RULE}) from None

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        written = core_schema.plain_serializer_function_ser_schema(lambda it: it.text if it.unit else it + 0.0)
        return core_schema.no_info_plain_validator_function(cls._validate, serialization=written)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        units = "|".join(kind.pattern for _, kind in _KINDS)
        return {"anyOf": [{"type": "number"}, {"type": "string", "pattern": f"^({units})$"}], "description": _RULE}

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__


class Measured(float):
    """A number that was seen, with its unit and, of several series, the name of its own."""

    unit: Unit
    series: str

    def __new__(cls, value: float, unit: Unit = "", series: str = "") -> Self:
        """A number in its base unit; `series` is empty when there is only one."""
        made = super().__new__(cls, value)
        made.unit = unit
        made.series = series
        return made

    @classmethod
    def _read(cls, value: Any) -> Self:
        if isinstance(value, cls):
            return value
        if isinstance(value, dict) and set(value) == {"number", "unit", "series"}:
            return cls(float(value["number"]), value["unit"], value["series"])
        raise PydanticCustomError("measured", "not a measured number")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        # As text, because JSON knows no infinity.
        saved = core_schema.plain_serializer_function_ser_schema(lambda it: {"number": str(it + 0.0), "unit": it.unit, "series": it.series})
        return core_schema.no_info_plain_validator_function(cls._read, serialization=saved)

    def __str__(self) -> str:
        text = "no number" if isnan(self) else printed(self, self.unit)
        return f"{text} ({self.series})" if self.series else text

    __repr__ = __str__


class Pattern(str):
    """A regular expression as the set of texts in which it is found: `text in pattern`. Its time is linear in the text."""

    __slots__ = ("_engine",)
    _engine: SchemaValidator

    def __new__(cls, text: str) -> Self:
        """Compile the expression. Raises SchemaError when it is none, or not of the linear kind."""
        made = super().__new__(cls, text)
        # pydantic's own engine never backtracks, so no text can hang it; Python's can.
        made._engine = SchemaValidator(core_schema.str_schema(pattern=text))
        return made

    def __contains__(self, text: object) -> bool:
        return isinstance(text, str) and self._engine.isinstance_python(str(text))

    @classmethod
    def _validate(cls, value: str) -> Self:
        from pydantic_core import SchemaError

        try:
            return cls(value)
        except SchemaError as error:
            reason = str(error).strip().splitlines()[-1].strip()
            raise PydanticCustomError(
                "pattern", "not a regular expression of the linear kind (no look-around, no back-references): {why}", {"why": reason}
            ) from None

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(
            cls._validate, core_schema.str_schema(min_length=1), serialization=core_schema.to_string_ser_schema()
        )


class Band(tuple[float, float]):
    """A lowest and a highest number, both allowed: `number in band`, or a pair of numbers between which everything lies."""

    __slots__ = ()

    def __contains__(self, seen: object) -> bool:
        numbers = seen if isinstance(seen, tuple) else (seen,)
        return all(isinstance(number, (int, float)) and self[0] <= number <= self[1] for number in numbers)

    def __str__(self) -> str:
        low, high = self
        if low == float("-inf"):
            return f"at most {high}"
        return f"at least {low}" if high == float("inf") else f"between {low} and {high}"

    __repr__ = __str__


class Extent(tuple[float, float]):
    """The lowest and the highest of some numbers, printed as one when they are the same."""

    __slots__ = ()

    def __str__(self) -> str:
        low, high = self
        return str(low) if low == high else f"{low} to {high}"

    __repr__ = __str__


Value = Measured | bool | Withheld | str
"""What a reading may see: a number, a boolean, a text."""


def same(seen: object, wanted: object) -> bool:
    """Equality that keeps types apart: 1 is not true, and the text "1" is not the number 1, but "5m" is what `5m` says."""
    if isinstance(seen, bool) or isinstance(wanted, bool):
        return seen is wanted
    if isinstance(seen, str) and isinstance(wanted, Amount):
        return bool(wanted.unit) and str(seen) == wanted.text
    return bool(seen == wanted)


class Choices(tuple[Amount | bool | str, ...]):
    """The values that are allowed: `value in choices`, or a tuple of values that are all among them."""

    __slots__ = ()

    def __contains__(self, seen: object) -> bool:
        values = seen if isinstance(seen, tuple) else (seen,)
        return all(any(same(value, choice) for choice in self) for value in values)

    def __str__(self) -> str:
        return "one of " + ", ".join(map(str, self))

    __repr__ = __str__


class Values(tuple[Value, ...]):
    """The values of a reading, one for each series: equal to a limit when each of them is."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        if isinstance(other, tuple):
            return tuple(self) == tuple(other)
        return all(same(value, other) for value in self)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = tuple.__hash__

    def __str__(self) -> str:
        shown = ", ".join(map(str, self[:10]))
        return f"{shown} and {len(self) - 10} more" if len(self) > 10 else shown or "nothing"

    __repr__ = __str__


class Entries(tuple[str, ...]):
    """The entries of a list, as a reader is told them: `2 entries: orders; refunds`."""

    __slots__ = ()

    def __str__(self) -> str:
        if not self:
            return "an empty list"
        shown = "; ".join(map(str, self[:10])) + (f"; and {len(self) - 10} more" if len(self) > 10 else "")
        return f"{len(self)} {'entry' if len(self) == 1 else 'entries'}: {shown}"

    __repr__ = __str__
