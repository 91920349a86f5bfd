"""What may be expected of an HTTP answer. Each limit is a set of acceptable values: `page.status in limit`."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from muster.amounts import Amount, Pattern, same
from muster.expectations import Many, Model, Terms
from muster.kinds.reading_limits import Scalar
from muster.units import Duration

JsonScalar = str | int | float | bool | None
"""A value at a path of a JSON document; lists and objects are shown as their text."""


class Match(Model):
    """More than equality: `{at_least: 365}`, `{one_of: [a, b]}`, `{matches: ^v2}`; all that is given must hold."""

    at_least: Amount | None = None
    """A number, and this or more."""
    at_most: Amount | None = None
    """A number, and this or less."""
    one_of: Many[Scalar] | None = None
    """One of these."""
    contains: str | None = None
    """A text with this part."""
    matches: Pattern | None = None
    """A text in which this regular expression is found."""

    @model_validator(mode="after")
    def _something(self) -> "Match":
        if not self.model_fields_set:
            raise PydanticCustomError("match", "at_least, at_most, one_of, contains or matches is missing")
        return self

    def __contains__(self, seen: object) -> bool:
        number = seen if isinstance(seen, (int, float)) and not isinstance(seen, bool) else float("nan")
        return not (
            (self.at_least is not None and not number >= self.at_least)
            or (self.at_most is not None and not number <= self.at_most)
            or (self.one_of is not None and not any(same(seen, each) for each in self.one_of))
            or (self.contains is not None and not (isinstance(seen, str) and self.contains in seen))
            or (self.matches is not None and seen not in self.matches)
        )

    def __str__(self) -> str:
        given = {name: getattr(self, name) for name in sorted(self.model_fields_set)}
        return " and ".join(f"{name.replace('_', ' ')} {_listed(value)}" for name, value in given.items())

    __repr__ = __str__


def _listed(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


Wish = Annotated[
    Annotated[Match, Tag("match")] | Annotated[Scalar, Tag("value")],
    Discriminator(lambda value: "match" if isinstance(value, (dict, Match)) else "value"),
]
"""A value that is wanted exactly, or a Match."""


class Wishes(dict[str, Match | Amount | bool | str]):
    """Wanted values by name, as the set of mappings that have them all; other names in a mapping do not matter."""

    def __contains__(self, seen: object) -> bool:
        return isinstance(seen, Mapping) and all(name in seen and _fits(seen[name], wish) for name, wish in self.items())

    def __str__(self) -> str:
        return ", ".join(f"{name} {wish}" if isinstance(wish, Match) else f"{name}: {wish}" for name, wish in self.items())

    __repr__ = __str__


def _fits(seen: object, wish: Match | Amount | bool | str) -> bool:
    return seen in wish if isinstance(wish, Match) else same(seen, wish)


class Named(Terms):
    """Wanted values by name: `{status: healthy}`, or with a severity `{limit: {status: healthy}, severity: P1}`."""

    limit: Annotated[dict[str, Wish], Field(min_length=1)]

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, value: Any) -> Any:
        told = isinstance(value, dict) and "limit" in value and set(value) <= {"limit", "severity", "on"}
        return value if told or isinstance(value, cls) else {"limit": value}

    @property
    def value(self) -> Wishes:
        """The wanted values as a set of mappings."""
        return Wishes(self.limit)


class Headers(Named):
    """Wanted headers by name, in any case."""

    @property
    def value(self) -> Wishes:
        """The wanted headers, names in lower case."""
        # A header is always text, so `1` means "1".
        return Wishes({name.lower(): wish if isinstance(wish, Match) else str(wish) for name, wish in self.limit.items()})


class Codes(tuple[int, ...]):
    """The status codes that are allowed."""

    __slots__ = ()

    def __str__(self) -> str:
        return " or ".join(map(str, self))

    __repr__ = __str__


Code = Annotated[int, Field(ge=100, le=599)]


def _several(value: Any) -> Any:
    return [value] if isinstance(value, int) else value


class Status(Terms):
    """`status: 200`, or one of several: `status: [200, 204]`."""

    limit: Annotated[tuple[Code, ...], Field(strict=False, min_length=1), BeforeValidator(_several)]

    @property
    def value(self) -> Codes:
        """The codes as a set."""
        return Codes(self.limit)


class Refusal(Terms):
    """`refuses_anonymous: true`, or the codes that count as a refusal; 401 and 403 when nothing else is said."""

    limit: Annotated[tuple[Code, ...], Field(strict=False, min_length=1), BeforeValidator(_several)] = (401, 403)

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, value: Any) -> Any:
        return {} if value is True else value if isinstance(value, (dict, cls)) else {"limit": value}

    @property
    def value(self) -> Codes:
        """The codes as a set."""
        return Codes(self.limit)


class Texts(dict[str, bool]):
    """Which texts and patterns must be in a body (True) and which must not (False)."""

    def __contains__(self, seen: object) -> bool:
        return isinstance(seen, Mapping) and all(seen.get(text) is wanted for text, wanted in self.items())

    def __str__(self) -> str:
        return ", ".join(f"{'has' if wanted else 'lacks'} {text!r}" for text, wanted in self.items())

    __repr__ = __str__


def _one_text(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


class Body(Terms):
    """What the body says: a text that it contains, or `contains`, `matches` and `lacks`, each one or a list."""

    contains: Annotated[Many[str], BeforeValidator(_one_text)] = ()
    """Texts that are in the body."""
    matches: Annotated[Many[Pattern], BeforeValidator(_one_text)] = ()
    """Regular expressions that are found in the body."""
    lacks: Annotated[Many[str], BeforeValidator(_one_text)] = ()
    """Texts that are not in the body, such as the words of a maintenance page."""

    primary = "contains"

    @model_validator(mode="after")
    def _something(self) -> "Body":
        if not self.contains and not self.matches and not self.lacks:
            raise PydanticCustomError("body", "contains, matches or lacks is missing")
        return self

    @property
    def value(self) -> Texts:
        """The texts as a set of findings."""
        return Texts(dict.fromkeys((*self.contains, *self.matches), True) | dict.fromkeys(self.lacks, False))


class Trusted(Terms):
    """`certificate_trusted: true`: a client that trusts the connection's `ca` (or the system's) accepts what is served."""

    limit: str = Field(default="verified", pattern="^verified$")

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, value: Any) -> Any:
        return {} if value is True else value if isinstance(value, (dict, cls)) else {"limit": value}


MONTH = Duration.parse("30d")
"""How long a certificate must live on, when nothing else is said."""
