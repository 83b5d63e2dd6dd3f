"""What a careless hand could have written instead: the mutants of a module, and the code of each."""

import ast
import types
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

_Item = TypeVar("_Item")
BASE_DIR = Path(__file__).resolve().parent.parent.parent
_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult, ast.Div: ast.Mult,
    ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr, ast.LShift: ast.RShift, ast.RShift: ast.LShift,
}  # fmt: skip


_Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Mutant:
    """One change: the number of its node in the order of `ast.walk`, and which of the node's changes it is.

    `text` is the line of the module where the node begins; `function` the first and the last line of the function or
    method whose body has it, None where the change is made while the module is imported.
    """

    path: str
    node: int
    change: int
    line: int
    text: str
    before: str
    after: str
    function: tuple[int, int] | None

    @property
    def what(self) -> str:
        return f"{self.before}  ->  {self.after}"

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}"


def list_mutants(path: str) -> list[Mutant]:
    """Return every mutant of a module, in the order of its text."""
    tree, lines = _parse(path), (BASE_DIR / path).read_text().splitlines()
    unchanged = {id(part) for node in ast.walk(tree) for whole in _meaningless(node) for part in ast.walk(whole)}
    functions = {id(part): _lines(function) for function in _functions(tree) for part in _body(function)}
    mutants = [
        Mutant(
            *(path, number, change, node.lineno, lines[node.lineno - 1].strip()),
            *(_first_line(node), _first_line(after), functions.get(id(node))),
        )
        for number, node in enumerate(ast.walk(tree))
        if isinstance(node, ast.expr | ast.stmt) and id(node) not in unchanged
        for change, after in enumerate(_changes(node))
    ]
    return sorted(mutants, key=lambda mutant: mutant.line)


def code_of(mutant: Mutant) -> types.CodeType:
    """Return the module's code with the change in it."""
    tree = _parse(mutant.path)
    before = list(ast.walk(tree))[mutant.node]
    after = list(_changes(before))[mutant.change]
    _Swap(before, ast.copy_location(after, before)).visit(tree)
    return compile(ast.fix_missing_locations(tree), str(BASE_DIR / mutant.path), "exec")


def _functions(scope: ast.Module | ast.ClassDef) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in scope.body:
        if isinstance(node, ast.ClassDef):
            yield from _functions(node)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> tuple[int, int]:
    first = min(part.lineno for part in (function, *function.decorator_list))
    return first, function.end_lineno or first


def _body(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.AST]:
    body = [part for statement in function.body for part in ast.walk(statement)]
    # The code of one that says `super()` is bound to its class, and cannot be given to another function.
    return [] if any(isinstance(part, ast.Name) and part.id == "super" for part in body) else body


class _Swap(ast.NodeTransformer):
    def __init__(self, before: ast.AST, after: ast.AST) -> None:
        self.before, self.after = before, after

    def visit(self, node: ast.AST) -> ast.AST:
        return self.after if node is self.before else self.generic_visit(node)


def _parse(path: str) -> ast.Module:
    return ast.parse((BASE_DIR / path).read_text())


def _first_line(node: ast.AST) -> str:
    return ast.unparse(ast.fix_missing_locations(node)).partition("\n")[0][:100]


def _meaningless(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the parts of a node that no test need notice: docstrings, annotations, `frozen=True`, log lines, `...`.

    Nor the wording of an error: that it is raised is what counts.
    """
    if isinstance(node, _Documented) and ast.get_docstring(node, clean=False):
        yield node.body[0]
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and node.value.value is ...:
        yield node
    if isinstance(node, ast.ClassDef):
        yield from node.decorator_list
    if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation:
        yield node.annotation
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns:
        yield node.returns
    if isinstance(node, ast.Expr) and ast.unparse(node).startswith("logger."):
        yield node
    if isinstance(node, ast.Raise):
        yield from (part for part in ast.walk(node) if isinstance(part, ast.JoinedStr))


def _changes(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Constant):
        yield from _other_constants(node.value)
    elif isinstance(node, ast.expr):
        yield from _other_expressions(node)
    else:
        yield from _other_statements(node)


def _other_constants(value: object) -> Iterator[ast.expr]:
    match value:
        case bool():
            yield ast.Constant(not value)
        case int() | float():
            yield ast.Constant(value + 1)
        case str() if not (" " in value and value.endswith(".")):  # A sentence is for people.
            yield ast.Constant(f"{value}x")
        case bytes():
            yield ast.Constant(value + b"x")


def _other_expressions(node: ast.expr) -> Iterator[ast.expr]:
    match node:
        case ast.Compare(left, [operator], [right]):
            yield ast.Compare(left, [_COMPARISONS[type(operator)]()], [right])
        case ast.BoolOp(operator, values):
            yield ast.BoolOp(ast.And() if isinstance(operator, ast.Or) else ast.Or(), values)
            yield from (_joined(operator, _without(values, at)) for at in range(len(values)))
        case ast.BinOp(left, operator, right) if type(operator) in _OPERATORS:
            yield ast.BinOp(left, _OPERATORS[type(operator)](), right)
        case ast.UnaryOp(ast.Not(), operand):
            yield operand
        case ast.IfExp(_, body, orelse):
            yield from (body, orelse)
        case ast.Call(function, arguments, keywords):
            yield from (ast.Call(function, arguments, _without(keywords, at)) for at in range(len(keywords)))


def _other_statements(node: ast.AST) -> Iterator[ast.stmt]:
    match node:
        case ast.If(_, body, orelse):
            yield from (ast.If(ast.Constant(always), body, orelse) for always in (True, False))
        case ast.Expr() | ast.Raise() | ast.AugAssign():
            yield ast.Pass()
        case ast.Return(value) if value is not None and not isinstance(value, ast.Constant):
            yield ast.Return(ast.Constant(None))
        case ast.FunctionDef(decorator_list=[_, *_]):
            bare = deepcopy(node)
            bare.decorator_list = []
            yield bare


def _joined(operator: ast.boolop, values: list[ast.expr]) -> ast.expr:
    return ast.BoolOp(operator, values) if len(values) > 1 else values[0]


def _without(items: list[_Item], at: int) -> list[_Item]:
    return [*items[:at], *items[at + 1 :]]
