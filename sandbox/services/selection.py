"""Label and field selectors as the Kubernetes API reads them."""

import re
from collections.abc import Callable
from typing import Any

from sandbox.services.kinds import Kind
from sandbox.services.statuses import Refusal

Object = dict[str, Any]
Labels = dict[str, str]
Test = Callable[[Object], bool]

_NAME = r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_KEY = rf"(?:[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?/)?{_NAME}"
_VALUE = rf"(?:{_NAME})?"
_EXISTS = re.compile(rf"(!?)\s*({_KEY})")
_EQUAL = re.compile(rf"({_KEY})\s*(==|=|!=)\s*({_VALUE})")
_SET = re.compile(rf"({_KEY})\s+(in|notin)\s*\(\s*({_VALUE}(?:\s*,\s*{_VALUE})*)\s*\)")
_COMPARED = re.compile(rf"({_KEY})\s*([<>])\s*(-?[0-9]+)")

FIELDS: dict[tuple[str, str], tuple[str, ...]] = {
    ("", "pods"): (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.nominatedNodeName",
    ),
    ("", "events"): (
        *(f"involvedObject.{part}" for part in ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")),
        "reason",
        "reportingComponent",
        "source",
        "type",
    ),
    ("", "nodes"): ("spec.unschedulable",),
    ("", "secrets"): ("type",),
    ("", "namespaces"): ("status.phase",),
    ("", "services"): ("spec.clusterIP", "spec.type"),
    ("", "replicationcontrollers"): ("status.replicas",),
    ("batch", "jobs"): ("status.successful",),
}


def label_tests(selector: str) -> list[Callable[[Labels], bool]]:
    """One test per requirement. Refusal 400 for a selector that does not parse."""
    if not selector.strip():
        return []
    # Commas inside parentheses separate values, not requirements.
    return [_label_test(part.strip(), selector) for part in re.split(r",(?![^()]*\))", selector)]


def _label_test(part: str, selector: str) -> Callable[[Labels], bool]:
    if found := _EXISTS.fullmatch(part):
        key, wanted = found[2], not found[1]
        return lambda labels: (key in labels) is wanted
    if found := _EQUAL.fullmatch(part):
        return _member(found[1], {found[3]}, found[2] == "!=")
    if found := _SET.fullmatch(part):
        return _member(found[1], {value.strip() for value in found[3].split(",")}, found[2] == "notin")
    if found := _COMPARED.fullmatch(part):
        return _compared(found[1], found[2], int(found[3]))
    raise Refusal(400, f"unable to parse requirement: {part!r} of label selector {selector!r} is not understood")


def _member(key: str, values: set[str], negated: bool) -> Callable[[Labels], bool]:
    # As in Kubernetes, an object without the label satisfies != and notin.
    return (lambda labels: labels.get(key) not in values) if negated else (lambda labels: key in labels and labels[key] in values)


def _compared(key: str, operator: str, bound: int) -> Callable[[Labels], bool]:
    def test(labels: Labels) -> bool:
        try:
            value = int(labels[key])
        except (KeyError, ValueError):
            return False
        return value > bound if operator == ">" else value < bound

    return test


def field_tests(selector: str, kind: Kind) -> list[Test]:
    """One test per requirement. Refusal 400 for a field that this kind cannot be selected by."""
    return [_field_test(part, selector, kind) for part in selector.split(",") if part]


def _field_test(part: str, selector: str, kind: Kind) -> Test:
    found = re.fullmatch(r"([A-Za-z0-9_. ]+)(==|=|!=)(.*)", part)  # blanks belong to the field, which is then none
    if found is None:
        raise Refusal(400, f"invalid selector: {selector!r}; can't understand {part!r}")
    field, operator, wanted = found.groups()
    if field not in ("metadata.name", "metadata.namespace", *FIELDS.get((kind.group, kind.resource), ())):
        own = (kind.group, kind.resource) in FIELDS
        known = '"metadata.name", "metadata.namespace"'
        raise Refusal(400, f"field label not supported: {field}" if own else f'"{field}" is not a known field selector: only {known}')
    return lambda found: (_field(found, field, kind) == wanted) is (operator != "!=")


def _field(found: Object, field: str, kind: Kind) -> str:
    """The value of a field as selectors compare it: text, empty if absent."""
    if kind.resource == "events" and field == "source":
        field = "source.component"
    if field == "status.successful":
        field = "status.succeeded"
    value: Any = found
    for part in field.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if value is None:
        value = _default(field)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _default(field: str) -> str:
    defaults = {"spec.unschedulable": "false", "spec.hostNetwork": "false", "status.succeeded": "0", "status.replicas": "0"}
    return defaults.get(field, "")


def named(selector: str) -> str | None:
    """The name a field selector asks for, if it does; authorization looks at it."""
    found = re.search(r"(?:^|,)\s*metadata\.name\s*==?\s*([^,]+)", selector)
    return found[1].strip() if found else None
