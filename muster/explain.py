"""`python -m muster explain`: every effective expectation of an environment, with its value, severity, owner and origin."""

from collections.abc import Iterator

from muster.environment import Environment, cases
from muster.expectations import Terms
from muster.waivers import Entry


def explain(environment: Environment) -> Iterator[str]:
    """Lines of text: an entity, its expectations below it, and at the end what is not checked and why."""
    guard = "protected" if environment.protected else "not protected"
    yield f"{environment.id} ({guard}), owner {environment.owner}"
    for entity in environment.entities:
        place = environment.origin(entity)
        yield f"\n{entity.section}/{entity.id}  {place or ''}".rstrip()
        for expectation in entity.expectations():
            for case in cases(environment, expectation, "", {type(entity)}):
                if case.entity.key == entity.key:
                    origin = environment.origin(entity, expectation) or "default"
                    occasion = f" on {case.terms.on}" if case.terms.on else ""
                    occasion += " on_unknown=warn" if case.terms.on_unknown == "warn" else ""
                    yield f"  {expectation}: {_value(case.terms)}{occasion}  {case.severity}  {case.owner}  {origin}"
    if environment.switched:
        yield "\nnot checked:"
    for each in environment.switched:
        yield f"  {each.entity}{': ' + each.expectation if each.expectation else ''} is {each.state}: {each.reason}"


def waived(entries: tuple[Entry, ...]) -> Iterator[str]:
    """Lines about an environment's waivers, the first to end first; none without waivers."""
    if entries:
        yield "\nwaivers:"
    for entry in sorted(entries, key=lambda each: (each.waiver.expires, each.waiver.ticket, each.waiver.named)):
        each = entry.waiver
        bound = f" while {each.bound.side.replace('_', ' ')} {each.bound.written}" if each.bound else ""
        cause = f" unknown because of {each.cause}" if each.cause else ""
        yield f"  {each.check}[{', '.join(each.named)}]{bound}{cause}  until {each.expires}  {each.ticket}  {each.owner}  {entry.mark}"
        yield f"    {each.reason}"


def _value(terms: Terms) -> str:
    """The limit, with whatever else belongs to it."""
    own = {
        name: value
        for name in type(terms).model_fields
        if name not in ("severity", "on", "on_unknown") and (value := getattr(terms, name, None)) is not None
    }
    if not own:
        return "unobservable, and its last day has passed"
    own.pop(terms.primary, None)
    return " ".join([terms.written, *(f"{name}={value}" for name, value in own.items())])
