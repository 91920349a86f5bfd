"""The limits of a reading: which values are allowed."""

from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from muster.amounts import Amount, Band, Choices
from muster.expectations import Name, Terms
from muster.references import Reference
from muster.units import Duration


def _scalar(value: Any) -> Any:
    """A number becomes an Amount, a text that only looks like one too; it remembers how it was written."""
    try:
        return value if isinstance(value, bool) else Amount.parse(value)
    except ValueError:
        return value


Scalar = Annotated[Amount | bool | str, Field(union_mode="left_to_right"), BeforeValidator(_scalar)]
"""A number, one with a unit, true, false, or a text."""


class Equals(Terms):
    """`equals: 3`, or `equals: env:NAME` and `equals: file:PATH` for what only this side knows, such as the version of the code."""

    limit: Annotated[Reference | Amount | bool | str, Field(union_mode="left_to_right"), BeforeValidator(_scalar)]

    @property
    def value(self) -> Any:
        """The limit; of a reference what it says now. May raise CouldNotLook."""
        return self.limit.told() if isinstance(self.limit, Reference) else self.limit

    @property
    def written(self) -> str:
        """As the file says it."""
        return str(self.limit)


def one_list(value: Any) -> Any:
    """`between: [1, 2]` is one limit that is a list, not two limits."""
    if isinstance(value, (list, tuple)) and not any(isinstance(each, (dict, list, tuple, Terms)) for each in value):
        return [value]
    return value


class Between(Terms):
    """`between: [1, 5]` or `between: {limit: [1, 5], severity: P1}`: lowest and highest, both allowed."""

    limit: Annotated[tuple[Amount, Amount], Field(strict=False)]

    @model_validator(mode="after")
    def _ordered(self) -> "Between":
        if self.limit[0] > self.limit[1]:
            raise PydanticCustomError("between", "the lower number comes first")
        return self

    @property
    def value(self) -> Band:
        """The two numbers as a set that a value may be in."""
        return Band(self.limit)


class OneOf(Terms):
    """`one_of: [primary, standby]`: each value is one of these."""

    limit: Annotated[tuple[Scalar, ...], Field(strict=False, min_length=1)]

    @property
    def value(self) -> Choices:
        """The choices as a set that a value may be in."""
        return Choices(self.limit)


class SameAs(Terms):
    """`same_as: other-reading`, or with a tolerance for numbers: `{reading: other-reading, within: 5}`."""

    primary: ClassVar[str] = "reading"

    reading: Name
    """Name of the other reading."""
    within: Amount = Amount(0)
    """How far two numbers may lie apart; zero for texts."""

    @property
    def value(self) -> Amount:
        """The largest difference that is allowed."""
        return self.within


class ComparedTo(Terms):
    """`compared_to: {offset: 1h, at_least: 80%}`: the value as a share of what the same expression was worth earlier."""

    primary: ClassVar[str] = "offset"

    offset: Duration
    """How long ago the other value is taken."""
    at_least: Amount | None = None
    """Lowest share of the earlier value, such as 80% or 0.8."""
    at_most: Amount | None = None
    """Highest share of the earlier value, such as 150%."""

    @model_validator(mode="after")
    def _bounded(self) -> "ComparedTo":
        if self.at_least is None and self.at_most is None:
            raise PydanticCustomError("compared_to", "at_least or at_most is missing: how much may it change?")
        return self

    @property
    def value(self) -> Band:
        """The shares that are allowed."""
        lowest = Amount(float("-inf")) if self.at_least is None else self.at_least
        return Band((lowest, Amount(float("inf")) if self.at_most is None else self.at_most))
