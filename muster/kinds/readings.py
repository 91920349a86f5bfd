"""Readings: anything that yields one value, or one value for each of several series."""

import re
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, PrivateAttr, model_validator
from pydantic_core import PydanticCustomError

from muster.amounts import Amount, Pattern, Unit
from muster.expectations import Cadence, Expect, Limit, Many, Model, Name, Wanted
from muster.interpolation import filled, names
from muster.kinds.base import Entity
from muster.kinds.earlier import Increases
from muster.kinds.reading_limits import Between, ComparedTo, Equals, OneOf, SameAs, one_list
from muster.units import Duration

_WINDOW = "${window}"


class ReadingExpect(Expect):
    """What a reading's value may be; with `each`, every one of its values."""

    equals: Wanted[Equals] | None = None
    """Exactly this number, text or boolean; or what `env:NAME` or `file:PATH` says here, such as the code's schema version."""
    one_of: Annotated[Wanted[OneOf] | None, BeforeValidator(one_list)] = None
    """One of these."""
    at_least: Wanted[Limit[Amount]] | None = None
    """This number or more."""
    at_most: Wanted[Limit[Amount]] | None = None
    """This number or less."""
    above: Wanted[Limit[Amount]] | None = None
    """More than this number."""
    below: Wanted[Limit[Amount]] | None = None
    """Less than this number."""
    between: Annotated[Wanted[Between] | None, BeforeValidator(one_list)] = None
    """Between two numbers, both allowed."""
    matches: Wanted[Limit[Pattern]] | None = None
    """A text in which this regular expression is found; `^` and `$` bind it to the ends."""
    contains: Wanted[Limit[str]] | None = None
    """A text with this part, or a list with this member."""
    newer_than: Wanted[Limit[Duration]] | None = None
    """The value is a moment (Unix seconds, or a date with time), and it is younger than this on the source's clock."""
    same_as: Wanted[SameAs] | None = None
    """The value equals that of another reading."""
    compared_to: Wanted[ComparedTo] | None = None
    """The value as a share of its own earlier value."""
    increases: Wanted[Increases] | None = None
    """The value has risen since an earlier look."""


class Json(Model):
    """A value in a JSON document over HTTP."""

    url: str = Field(min_length=1)
    """`${name}/path`, where name is an http connection; or just the path, with `connection`."""
    path: str
    """Where the value is: `data.items[0].count`; `length(data)` counts a list."""


class Ratio(Model):
    """A share of two PromQL expressions: of those in `over`, how many are in `of`."""

    of: str = Field(min_length=1)
    """The part, such as failed requests."""
    over: str = Field(min_length=1)
    """The whole, such as all requests. Without a value, the expectation is violated."""
    when_of_absent: Literal[0, "violated"] = "violated"
    """What no series for the part means; 0 for a counter that does not exist until the first error."""
    when_over_zero: Literal["violated", "holds"] = "violated"
    """What zero for the whole means: no traffic."""


TEXT_ONLY = ("matches", "contains")


class Reading(Entity):
    """A value from Prometheus, a database or a JSON document, and what it may be."""

    section: ClassVar[str] = "readings"
    fixture: ClassVar[str] = "reading"
    connects: ClassVar[tuple[str, ...]] = ("prometheus", "postgresql", "http")

    connection: Name | Many[Name] | None = None
    """The source that is asked; a list asks each. Not needed by `json` with a `${name}` in its URL."""
    cadence: Cadence = "daily"
    """How often it is judged: the folder of `checks/` in which it appears."""
    promql: str | None = Field(default=None, min_length=1)
    """A PromQL expression that yields one series, or with `each` several."""
    sql: str | None = Field(default=None, min_length=1)
    """A SELECT that yields one row with one column."""
    json_: Json | None = Field(default=None, alias="json")
    """A value in a JSON document over HTTP."""
    ratio: Ratio | None = None
    """A share of two PromQL expressions."""
    each: str | None = Field(default=None, pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")
    """The label that names the series, when each of several series is to meet the expectations."""
    in_: Literal["restored"] | None = Field(default=None, alias="in")
    """Asked, by `sql`, in what a restore drill brought back: an invariant that the backup has to keep."""
    drill: Name | None = None
    """Name of the drill, for `in: restored`."""
    window: Duration | None = None
    """The span that the value is about; stands for `${window}` in the expression and shows in the report."""
    unit: Unit = ""
    """What a bare number counts, for the report; without it the unit of the first limit that has one."""
    oldest_sample: Duration | None = None
    """Samples older than this are no answer. Prometheus itself stops at five minutes; only where a sender may be late."""
    expect: ReadingExpect

    _readings: "dict[str, Reading]" = PrivateAttr(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _judged_with_its_drill(cls, value: Any) -> Any:
        return {"cadence": "restore_drill", **value} if isinstance(value, dict) and value.get("in") == "restored" else value

    @model_validator(mode="after")
    def _restored_whole(self) -> "Reading":
        given = (self.sql is not None, self.drill is not None, self.connection is None, self.cadence == "restore_drill")
        if self.restored and not all(given):
            raise PydanticCustomError("restored", "in: restored needs sql and drill, has no connection, and is judged with its drill")
        if not self.restored and (self.drill or self.cadence == "restore_drill"):
            raise PydanticCustomError("restored", "drill, and cadence restore_drill, are for readings with in: restored")
        return self

    @model_validator(mode="after")
    def _one_way(self) -> "Reading":
        ways = [
            name
            for name, given in (("promql", self.promql), ("sql", self.sql), ("json", self.json_), ("ratio", self.ratio))
            if given is not None
        ]
        if len(ways) != 1:
            raise PydanticCustomError(
                "ways", "a reading has exactly one of promql, sql, json, ratio; here: {ways}", {"ways": ", ".join(ways) or "none"}
            )
        if not self.prometheus and (self.each or self.oldest_sample or self.expect.compared_to):
            raise PydanticCustomError("promql_only", "each, oldest_sample and compared_to need promql or ratio")
        if self.prometheus and any(getattr(self.expect, name) is not None for name in TEXT_ONLY):
            raise PydanticCustomError("text_only", "PromQL yields numbers: matches and contains need sql or json")
        if self.expect.increases is not None and self.each:
            raise PydanticCustomError("one_value", "increases compares one value with an earlier look: not with each")
        if self.json_ is None and self.connection is None and not self.restored:
            raise PydanticCustomError("connection", "connection is missing")
        self._check_references()
        return self

    def _check_references(self) -> None:
        """Only `${window}` may stand in an expression, and only when there is a window."""
        for text in self.expressions():
            for match in re.findall(r"\$\{[^}]*\}", text):
                if match != _WINDOW or self.window is None:
                    raise PydanticCustomError("reference", "{what} stands for nothing here; ${{window}} needs window:", {"what": match})
        if self.json_ is not None and not self._in_url() and self.connection is None:
            raise PydanticCustomError("connection", "the url needs ${name} of an http connection, or connection is missing")

    def expressions(self) -> tuple[str, ...]:
        """The texts that are sent to the source, as written."""
        ratio = (self.ratio.of, self.ratio.over) if self.ratio else ()
        return tuple(text for text in (self.promql, self.sql, *ratio) if text is not None)

    def written(self, text: str) -> str:
        """`text` with the window in its place, in whole seconds or milliseconds: `300s`."""
        if self.window is None:
            return text
        return text.replace(_WINDOW, f"{self.window:.0f}s" if float(self.window).is_integer() else f"{self.window * 1000:.0f}ms")

    @property
    def restored(self) -> bool:
        """Whether it is asked in what a drill restored."""
        return self.in_ is not None

    @property
    def prometheus(self) -> bool:
        """Whether Prometheus is asked."""
        return self.promql is not None or self.ratio is not None

    def _in_url(self) -> tuple[str, ...]:
        return names(self.json_.url) if self.json_ else ()

    def document(self) -> str:
        """The URL of the JSON document. May raise CouldNotLook."""
        assert self.json_ is not None, self.id
        url = filled(self.json_.url, lambda name: self._connections[name].address())
        return url if self._in_url() else f"{self.source().address()}/{url.lstrip('/')}"

    def named(self) -> tuple[str, ...]:
        """The connection that is asked, or each of several, or that in the URL of a document."""
        if self._instance:
            return (self._instance,)
        given = self.connection if isinstance(self.connection, tuple) else (self.connection,)
        return (*(name for name in given if name is not None), *self._in_url())

    def other_readings(self) -> tuple[str, ...]:
        """The readings that `same_as` names."""
        limits = self.expect.same_as
        return tuple(terms.reading for terms in limits) if isinstance(limits, tuple) else ()

    def meet(self, readings: dict[str, "Reading"]) -> None:
        """Make the other readings of the environment known by name, for `same_as`."""
        self._readings = readings

    def other(self, name: str) -> "Reading":
        """Another reading of this environment; loading has made sure that it exists. Raises KeyError."""
        return self._readings[name]

    def offsets(self) -> tuple[Duration, ...]:
        """How long ago the value is wanted too, for `compared_to`."""
        limits = self.expect.compared_to
        return tuple(sorted({terms.offset for terms in limits})) if isinstance(limits, tuple) else ()

    def texts(self) -> set[str]:
        """The texts that it is expected to be, or to hold."""
        limits = [terms for name in ("equals", "one_of", "contains") for terms in self.limits(name)]
        every = [each for terms in limits for each in (terms.limit if isinstance(terms.limit, tuple) else (terms.limit,))]
        return {each for each in every if isinstance(each, str)}

    def limits(self, name: str) -> tuple[Any, ...]:
        """The limits of an expectation; none where it is off."""
        limits = getattr(self.expect, name)
        return limits if isinstance(limits, tuple) else ()

    @property
    def value_fact(self) -> str:
        """The name under which the value is remembered for `increases`; empty when it is not."""
        return f"value/{self.section}/{self.id}" if isinstance(self.expect.increases, tuple) else ""

    def shown_unit(self) -> Unit:
        """The unit in which values are printed."""
        if self.unit:
            return self.unit
        for name in ("at_most", "at_least", "below", "above", "between", "equals"):
            limits = getattr(self.expect, name)
            for terms in limits if isinstance(limits, tuple) else ():
                numbers = terms.limit if isinstance(terms.limit, tuple) else (terms.limit,)
                units = [number.unit for number in numbers if isinstance(number, Amount) and number.unit]
                if units:
                    return units[0]
        return ""

    def target(self) -> str:
        return f"drill {self.drill}" if self.restored else super().target()

    def where(self) -> str:
        """The expression itself, on one line."""
        text = self.json_.url if self.json_ else " / ".join(self.expressions())
        return " ".join(self.written(text).split()) if not self.json_ else text
