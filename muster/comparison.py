"""Reads the one comparison of a check: what is compared, how, with what. The values themselves come from the arguments."""

import ast
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from types import CodeType
from typing import Any

_OPERATORS = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.In: "in", ast.NotIn: "not in", ast.Is: "is",
}  # fmt: skip


@dataclass(frozen=True)
class Comparison:
    """`assert left operator right`, with the sources of both sides."""

    left: str
    operator: str
    right: str
    left_code: CodeType
    right_code: CodeType

    def values(self, arguments: dict[str, Any], names: dict[str, Any]) -> tuple[Any, Any]:
        """Both sides for these arguments; only property reads happen, the body itself runs as ever."""
        scope = {**names, **arguments}
        return eval(self.left_code, scope), eval(self.right_code, scope)  # noqa: S307 - the check's own source, not input


@cache
def comparison(check: Callable[..., None]) -> Comparison | None:
    """The comparison of a check, or None when its body is not a single `assert a op b`."""
    function = ast.parse(textwrap.dedent(inspect.getsource(check))).body[0]
    assert isinstance(function, ast.FunctionDef)
    body = [each for each in function.body if not (isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant))]
    if len(body) != 1 or not isinstance(body[0], ast.Assert) or not isinstance(body[0].test, ast.Compare) or len(body[0].test.ops) != 1:
        return None
    test = body[0].test
    sides = [compile(ast.Expression(side), f"<{check.__name__}>", "eval") for side in (test.left, test.comparators[0])]
    operator = _OPERATORS.get(type(test.ops[0]), "is not")
    return Comparison(ast.unparse(test.left), operator, ast.unparse(test.comparators[0]), sides[0], sides[1])
