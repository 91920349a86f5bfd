"""`docs/reference.md`: every section, field and expectation of the files, generated from the models and the checks."""

import inspect
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from muster.connections import KINDS as CONNECTIONS
from muster.coverage import Check, find_checks
from muster.document import Head, Hours, document
from muster.documented import documented
from muster.expectations import Off, Terms, Unobservable
from muster.kinds import every
from muster.kinds.base import Entity
from muster.kinds.maintenance import Annotation
from muster.push import Outlet, Push
from muster.samples import Samples
from muster.waivers import Bound, Waiver, Waivers

_COMMON = ("name", "owner", "severity", "absent", "allow_empty", "during", "when", "timeout")


def reference(checks_root: Path) -> str:
    """The whole page as Markdown."""
    checks = find_checks(checks_root)
    documented(document())
    documented(Waivers)
    return "\n".join(["# Reference", "", _INTRODUCTION, *_head(), *_connections(), *_entities(checks), *_mappings(), *_waivers()]) + "\n"


_INTRODUCTION = """\
Generated from the models by `python -m muster reference`; editors complete the same from `environments/schema.json`.

An expectation is a bare limit (`ready: 3`), a mapping (`{limit: 1s, severity: P1, on: gate}`), a list of mappings (one for
each occasion), `{off: reason}`, or `{unobservable: reason, until: date}`. Defaults apply until they are switched off.

Durations are written `500ms`, `30s`, `5m`, `24h`, `30d`; shares `80%`; sizes `64MiB` or `1GB`; Kubernetes quantities
`250m` or `512Mi`; an Amount is a number with one of these units, or bare. Addresses may be `env:NAME`;
secrets must be `env:NAME` or `file:PATH`."""


def _head() -> Iterator[str]:
    yield "\n## The head of a file\n"
    yield from _table(Head, ())
    yield f"\n### Hours\n\n{inspect.cleandoc(Hours.__doc__ or '')}\n"
    yield from _table(Hours, ())


def _connections() -> Iterator[str]:
    yield "\n## Connections"
    for kind in CONNECTIONS:
        yield f"\n### `{kind.kind}`\n\n{inspect.cleandoc(kind.__doc__ or '')}\n"
        yield from _table(kind, ())


def _entities(checks: dict[str, Check]) -> Iterator[str]:
    yield "\n## Every entity\n"
    yield from _table(Entity, ("expect",))
    for kind in every():
        yield f"\n## `{kind.section}`\n\n{inspect.cleandoc(kind.__doc__ or '')}\n"
        yield from _table(kind, (*_COMMON, "expect"))
        yield "\n| expectation | limit | default | severity | what it expects |\n|---|---|---|---|---|"
        expect: Any = kind.model_fields["expect"].annotation
        for name, attribute in kind.expectations().items():
            field = expect.model_fields[attribute]
            severity = kind.severities.get(name, "P2")
            meaning = _text(field.description) + _judged(name, kind, checks)
            yield f"| `{name}` | {_limit(field)} | {_default(field)} | {severity} | {meaning} |"


def _mappings() -> Iterator[str]:
    """The mappings that fields above consist of, by the name that stands in the column `type`."""
    found: dict[str, type[BaseModel]] = {"Samples": Samples, "Push": Push, "Outlet": Outlet, "Annotation": Annotation}
    for kind in (*CONNECTIONS, *every()):
        for name, field in kind.model_fields.items():
            if name != "expect":
                found.update({each.__name__: each for each in _flat(field.annotation) if _is_mapping(each)})
    yield "\n## Mappings"
    for name, model in sorted(found.items()):
        yield f"\n### {name}\n\n{inspect.cleandoc(model.__doc__ or '')}\n"
        yield from _table(model, ())


def _waivers() -> Iterator[str]:
    yield "\n## Waivers\n\n`environments/<system>/<environment>.waivers.yaml` holds a list, `waivers:`; see [waivers.md](waivers.md).\n"
    yield inspect.cleandoc(Waiver.__doc__ or "") + "\n"
    yield from _table(Waiver, ())
    yield f"\n### Bound\n\n{inspect.cleandoc(Bound.__doc__ or '')}\n"
    yield from _table(Bound, ())


def _is_mapping(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _judged(name: str, kind: type[Entity], checks: dict[str, Check]) -> str:
    """Where the checks of an expectation lie, so that a reader finds the comparison."""
    found = [each for each in checks.values() if each.expectation == name]
    folders = sorted({each.module.parent.name for each in found})
    return f" *({', '.join(folders)})*" if folders and "cadence" not in kind.model_fields else ""


def _table(model: type[BaseModel], without: tuple[str, ...]) -> Iterator[str]:
    yield "| key | type | default | meaning |\n|---|---|---|---|"
    for name, field in model.model_fields.items():
        if name not in without:
            default = "required" if field.is_required() else _default(field)
            yield f"| `{field.alias or name}` | {_type(field.annotation)} | {default} | {_text(field.description)} |"


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True) if field.default_factory is None else None
    if value is PydanticUndefined or value is None or value in ((), {}, ""):
        return ""
    if isinstance(value, tuple) and value and isinstance(value[0], Terms):
        return ", ".join(f"`{_shown(terms)}`" for terms in value)
    return "" if isinstance(value, BaseModel) else f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _shown(terms: Terms) -> str:
    own = {name: value for name, value in terms if name not in ("severity", "on", terms.primary) and value is not None}
    return " ".join([str(terms.value), *(f"{name}={value}" for name, value in own.items())])


def _limit(field: FieldInfo) -> str:
    """What the limit of an expectation is: the types in its Terms, apart from severity and occasion."""
    found = [each for each in _flat(field.annotation) if isinstance(each, type) and issubclass(each, Terms)]
    rows = []
    for terms in found:
        names = [name for name in terms.model_fields if name not in ("severity", "on")]
        rows.append(
            ", ".join(
                _type(terms.model_fields[name].annotation)
                if names == [terms.primary]
                else f"{name}: {_type(terms.model_fields[name].annotation)}"
                for name in names
            )
        )
    return "; ".join(rows)


def _flat(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) in (Union, UnionType, Annotated, tuple):
        for each in get_args(annotation):
            yield from _flat(each)
    else:
        yield annotation


def _type(annotation: Any) -> str:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(inner[0])
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(_type(each) for each in inner if each not in (type(None), Off, Unobservable)))
    if origin is tuple:
        return f"list of {_type(inner[0])}"
    if origin is dict:
        return f"mapping of {_type(inner[0])} to {_type(inner[1])}"
    if str(origin) == "typing.Literal":
        return " or ".join(f"`{each}`" for each in inner)
    names = {
        "str": "text",
        "int": "whole number",
        "float": "number",
        "bool": "true or false",
        "datetime": "moment",
        "SecretRef": "secret reference",
        "Setting": "text or `env:NAME`",
    }
    name = getattr(annotation, "__name__", str(annotation))
    return names.get(name, name)


def _text(description: str | None) -> str:
    return " ".join((description or "").split()).replace("|", "\\|")
