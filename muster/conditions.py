"""`when:`: a reading on which it depends whether a case is asked."""

from typing import Any

from muster.case import Case
from muster.environment import Environment
from muster.expectations import Unobservable
from muster.probes import PROBES, Call, CouldNotLook, Nothing
from muster.store import Store


def call(environment: Environment, case: Case) -> Call:
    """The call for the reading that `when:` names."""
    assert case.entity.when is not None
    name = case.entity.when.reading
    reading = next(each for each in environment.entities if each.section == "readings" and each.name == name)
    return Call.of(PROBES["measured"], {"reading": reading})


def unmet(environment: Environment, case: Case, look: Store) -> str:
    """Empty, or why this case is not asked: its condition does not hold."""
    when = case.entity.when
    if when is None:
        return ""
    try:
        found = value(environment, case, look)
    except CouldNotLook:
        return ""  # it stays, and `require` makes it unknown
    met = found == when.equals if when.equals is not None else found > when.above
    return "" if met else f"{when.reading} is {found}"


def value(environment: Environment, case: Case, look: Store) -> Any:
    """What the reading of `when:` says. Raises CouldNotLook when it says nothing that can be compared."""
    assert case.entity.when is not None
    name, cause = case.entity.when.reading, f"reading {case.entity.when.reading}"
    try:
        seen = look.outcomes[call(environment, case).key].get()
    except (CouldNotLook, KeyError) as error:
        known = error if isinstance(error, CouldNotLook) else CouldNotLook(f"{name} was not looked at", cause=cause)
        raise CouldNotLook(f"its condition could not be read: {known.reason}", cause=known.cause, hint=known.hint) from error
    if isinstance(seen, Nothing):
        raise CouldNotLook(f"its condition has no value: {seen.note}", cause=cause)
    if case.entity.when.equals is None and not isinstance(seen.value, (int, float)):
        raise CouldNotLook(f"its condition is not a number: {seen.value!r}", cause=cause)
    return seen.value


def require(environment: Environment, case: Case, look: Store) -> None:
    """Raise CouldNotLook when the reading on which a case depends could not be read."""
    if case.entity.when is not None:
        value(environment, case, look)
    if isinstance(case.entity.expect.wanted(case.expectation), Unobservable):
        raise CouldNotLook(
            "declared unobservable, and the last day of that has passed", cause="configuration", hint="give a limit, or a new date"
        )
