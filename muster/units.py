"""Numbers that travel with their unit: read from YAML, compared as numbers, printed as an operator writes them.

Each type subclasses `float` or `int`, so that `observed <= limit` is ordinary Python, and refuses a bare number in a
file, because `30` may be seconds, days or per cent.
"""

import re
from collections.abc import Iterable
from typing import Any, ClassVar, Self

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import PydanticCustomError, core_schema


class _Unit:
    """What the unit types share: parsing from text, a refusal that shows an example, and a JSON schema."""

    rule: ClassVar[str]
    pattern: ClassVar[str]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the text of a YAML scalar. Raises ValueError when it does not follow the rule."""
        raise ValueError(text)

    @classmethod
    def _validate(cls, value: Any) -> Self:
        if isinstance(value, cls):
            return value
        if isinstance(value, str) and re.fullmatch(cls.pattern, value.strip()):
            return cls.parse(value.strip())
        raise PydanticCustomError("unit", "{rule}", {"rule": cls.rule})

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.with_info_plain_validator_function(
            cls._read, serialization=core_schema.plain_serializer_function_ser_schema(cls._write)
        )

    @classmethod
    def _read(cls, value: Any, info: core_schema.ValidationInfo) -> Self:
        """A file must say the unit; a saved observation (context "saved") holds the plain number."""
        return cls._saved(value) if info.context == "saved" else cls._validate(value)

    @classmethod
    def _saved(cls, value: Any) -> Self:
        return cls(value)  # type: ignore[call-arg]

    def _write(self) -> Any:
        return +self  # type: ignore[operator]

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{cls.pattern}$", "description": cls.rule}


_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}


class Duration(_Unit, float):
    """A length of time in seconds."""

    rule = "a duration needs a unit: 500ms, 30s, 5m, 24h, 30d or 2w"
    pattern = r"(\d+(\.\d+)?(ms|[smhdw]))+"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `1h30m`. Raises ValueError for anything else, bare numbers included."""
        if not re.fullmatch(cls.pattern, text):
            raise ValueError(text)
        return cls(sum(float(n) * _SECONDS[unit] for n, unit in re.findall(r"(\d+(?:\.\d+)?)(ms|[smhdw])", text)))

    def __str__(self) -> str:
        seconds = abs(float(self))
        sign = "-" if self < 0 else ""
        if seconds < 1:
            return f"{sign}{seconds * 1000:.0f}ms"
        if seconds < 60:
            return f"{sign}{seconds:.3g}s"
        parts = []
        for unit in ("d", "h", "m", "s"):
            count, seconds = divmod(seconds, _SECONDS[unit])
            if count:
                parts.append(f"{count:.0f}{unit}")
        return sign + "".join(parts[:2])

    __repr__ = __str__


class Percent(_Unit, float):
    """A share, stored as a fraction: `80%` is 0.8."""

    rule = "a share is written in per cent: 80% or 0.5%"
    pattern = r"\d+(\.\d+)?\s?%"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `80%`. Raises ValueError for a bare number."""
        if not re.fullmatch(cls.pattern, text):
            raise ValueError(text)
        return cls(float(text.rstrip("% ")) / 100)

    def __str__(self) -> str:
        return f"{float(self) * 100:.4g}%"

    __repr__ = __str__


_BYTES = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}


class ByteSize(_Unit, int):
    """A number of bytes."""

    rule = "a size needs a unit: 512B, 20kB, 5MB, 1GB, 64MiB or 2GiB"
    pattern = r"\d+(\.\d+)?\s?([kMGT]B|[KMGT]iB|B)"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `64MiB`. Raises ValueError for a bare number or an unknown unit."""
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s?([kMGT]B|[KMGT]iB|B)", text)
        if not match:
            raise ValueError(text)
        return cls(float(match[1]) * _BYTES[match[2]])

    def __str__(self) -> str:
        for unit in ("TiB", "GiB", "MiB", "KiB"):
            if abs(self) >= _BYTES[unit]:
                return f"{int(self) / _BYTES[unit]:.4g}{unit}"
        return f"{int(self)}B"

    __repr__ = __str__


_QUANTITY = {
    "n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18,
    "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40, "Pi": 2.0**50, "Ei": 2.0**60,
}  # fmt: skip


class Quantity(_Unit, float):
    """A Kubernetes quantity in its base unit (cores, bytes, objects), which remembers how it was written.

    The suffixes are those of `k8s.io/apimachinery/pkg/api/resource.Quantity`.
    """

    rule = "a Kubernetes quantity: 250m, 2, 512Mi or 1Gi"
    pattern = r"[+-]?\d+(\.\d*)?([eE][+-]?\d+|[KMGTPE]i|[numkMGTPE])?"
    text: str

    def __new__(cls, value: float, text: str | None = None) -> Self:
        made = super().__new__(cls, value)
        made.text = text if text is not None else f"{float(value):.6g}"
        return made

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `512Mi`. Raises ValueError for anything that the Kubernetes API would refuse."""
        match = re.fullmatch(r"([+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)([KMGTPE]i|[numkMGTPE])?", text)
        if not match:
            raise ValueError(text)
        return cls(float(match[1]) * _QUANTITY[match[2] or ""], text)

    @classmethod
    def _saved(cls, value: Any) -> Self:
        return cls.parse(value)

    def _write(self) -> Any:
        return self.text

    @classmethod
    def _validate(cls, value: Any) -> Self:
        return super()._validate(str(value) if isinstance(value, int) and not isinstance(value, bool) else value)

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__


class Counted(int):
    """A count that remembers what it counted, so that a failed comparison names the things."""

    things: tuple[str, ...]

    def __new__(cls, things: Iterable[str] = ()) -> Self:
        listed = tuple(things)
        made = super().__new__(cls, len(listed))
        made.things = listed
        return made

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls, serialization=core_schema.plain_serializer_function_ser_schema(lambda it: list(it.things))
        )

    def __repr__(self) -> str:
        if not self.things:
            return str(int(self))
        different = tuple(dict.fromkeys(self.things))
        shown = "; ".join(different[:5])
        more = f"; and {len(different) - 5} more" if len(different) > 5 else ""
        return f"{int(self)} ({shown}{more})"

    __str__ = __repr__


class Instant(float):
    """A moment in Unix seconds, printed as ISO 8601 in UTC."""

    __slots__ = ()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls, serialization=core_schema.plain_serializer_function_ser_schema(lambda it: it + 0.0)
        )

    def __str__(self) -> str:
        from datetime import UTC, datetime

        return datetime.fromtimestamp(float(self), UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

    __repr__ = __str__
