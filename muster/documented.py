"""The descriptions of fields, which are the texts below them in the source: read when the schema or the reference is written.

Pydantic can read them while it makes a class, but then every start of pytest pays for that.
"""

import ast
import inspect
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel


def documented(model: type[BaseModel]) -> type[BaseModel]:
    """The model, with a description for every field of it and of all models in it."""
    for each in _models(model, set()):
        missing = {name: field for name, field in each.model_fields.items() if field.description is None}
        for name, field in missing.items():
            field.description = _text(each, name)
        each.model_rebuild(force=True)  # in any case: what it holds may have been described since it was made
    model.model_rebuild(force=True)
    return model


def _models(annotation: Any, known: set[int]) -> Iterator[type[BaseModel]]:
    """Every model that an annotation holds, those inside first: a model takes over what is made of them."""
    if id(annotation) in known:
        return
    known.add(id(annotation))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel) and annotation is not BaseModel:
        for base in annotation.__bases__:
            yield from _models(base, known)
        for field in annotation.model_fields.values():
            yield from _models(field.annotation, known)
            for each in field.metadata:
                yield from _models(each, known)
        yield annotation
    for each in get_args(annotation):
        yield from _models(each, known)


def _text(model: type[BaseModel], field: str) -> str | None:
    """What stands below a field in the class that declares it."""
    for each in model.__mro__:
        if field in inspect.get_annotations(each):
            return _texts(each.__module__).get(f"{each.__qualname__.partition('[')[0]}.{field}")
    return None


@cache
def _texts(module: str) -> dict[str, str]:
    """The texts below the fields of all classes of a module, by `Class.field`."""
    found: dict[str, str] = {}
    for node in ast.parse(inspect.getsource(sys.modules[module])).body:
        if isinstance(node, ast.ClassDef):
            for field, below in zip(node.body, node.body[1:], strict=False):
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(below, ast.Expr):
                    text = below.value.value if isinstance(below.value, ast.Constant) else None
                    if isinstance(text, str):
                        found[f"{node.name}.{field.target.id}"] = inspect.cleandoc(text)
    return found
