"""Dataclasses to JSON values and back, strictly: an unknown or misshapen field is an error that names its path."""

import dataclasses
import types
import typing
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")


def plain(value: Any) -> dict[str, Any]:
    """The fields of a dataclass instance, shallow; the `default` hook of json.dumps. TypeError for anything else."""
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        raise TypeError(f"{type(value).__name__} is not part of a world")
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def build(kind: type[T], value: Any, path: str) -> T:
    """An instance of the dataclass `kind` from a JSON object. ValueError names the path of what does not fit."""
    hints: dict[str, Any] = _hints(typing.cast("Any", kind))
    fields = _expect(value, dict, path)
    unknown = sorted(set(fields) - set(hints))
    if unknown:
        raise ValueError(f"{path}: {kind.__name__} has no field {unknown[0]!r}")
    return kind(**{name: _convert(hints[name], part, f"{path}.{name}") for name, part in fields.items()})


def _expect(value: Any, kind: type | tuple[type, ...], path: str) -> Any:
    if not isinstance(value, kind):
        raise ValueError(f"{path}: {type(value).__name__} does not fit here")
    return value


def _convert(hint: Any, value: Any, path: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if origin in (types.UnionType, typing.Union):
        if value is None and type(None) in arguments:
            return None
        return _convert(next(part for part in arguments if part is not type(None)), value, path)
    if origin is list:
        return [_convert(arguments[0], part, f"{path}[{index}]") for index, part in enumerate(_expect(value, list, path))]
    if origin is dict:
        return _convert_dict(arguments, _expect(value, dict, path), path)
    if dataclasses.is_dataclass(hint):
        return build(typing.cast("type[Any]", hint), value, path)
    return float(_expect(value, (int, float), path)) if hint is float else _expect(value, hint, path)


def _convert_dict(arguments: tuple[Any, ...], value: dict[str, Any], path: str) -> dict[Any, Any]:
    key, content = arguments
    if content is Any:  # whole objects of an API: taken as they are
        return value
    return {int(name) if key is int else name: _convert(content, part, f"{path}[{name}]") for name, part in value.items()}
