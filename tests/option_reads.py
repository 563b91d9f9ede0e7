"""Which fields of the options are read by the code, found in the types that it declares.

A name alone proves nothing: `labels`, `output` and `seed` stand everywhere. So an attribute counts
only if what it belongs to is declared as the options: a parameter, a field of another class, or a
local name for one of these. Checks of the options themselves and copies of a field into its own
place are not uses.
"""

import ast
import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path

Read = tuple[str, str]  # a class and its attribute


def sources(folder: Path) -> dict[str, str]:
    """Return the code below a folder by path."""
    return {str(path): path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.py"))}


def reads(code: Mapping[str, str]) -> set[Read]:
    """Return what the code reads; what a class reads of itself counts if others ask it for that."""
    return _Reads(code).found()


def unread(options: type, found: set[Read]) -> list[str]:
    """Return the fields of an options class that are not among what is read."""
    names = {base.__name__ for base in options.__mro__}
    fields = (field.name for field in dataclasses.fields(options))
    return [field for field in fields if not any((name, field) in found for name in names)]


@dataclasses.dataclass
class _Class:
    bases: list[str] = dataclasses.field(default_factory=list)
    # What fields, properties and methods hold or return: names of classes.
    holds: dict[str, set[str]] = dataclasses.field(default_factory=dict)


class _Reads:
    def __init__(self, code: Mapping[str, str]) -> None:
        self._trees = [ast.parse(text) for text in code.values()]
        self._classes: dict[str, _Class] = {}
        for node in self._nodes(ast.ClassDef):
            known = self._classes.setdefault(node.name, _Class())
            known.bases += [ast.unparse(base) for base in node.bases]
            for part in node.body:
                if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
                    known.holds[part.target.id] = _names(part.annotation)
                elif isinstance(part, ast.FunctionDef):
                    known.holds[part.name] = _names(part.returns)

    def found(self) -> set[Read]:
        outside: set[Read] = set()
        inside: dict[Read, set[Read]] = {}
        for owner, function in self._functions():
            reads = self._reads_in(function, owner)
            own = {read for read in reads if owner in self._mro(read[0])}
            outside |= reads - own
            inside.setdefault((owner, function.name), set()).update(own)
        while True:
            asked = {(up, name) for owner, name in outside for up in self._mro(owner)}
            more = set().union(*(own for method, own in inside.items() if method in asked))
            if more <= outside:
                return outside
            outside |= more

    def _nodes(self, kind: type) -> Iterator:
        return (node for tree in self._trees for node in ast.walk(tree) if isinstance(node, kind))

    def _functions(self) -> Iterator[tuple[str, ast.FunctionDef]]:
        of_class = {id(part): node.name for node in self._nodes(ast.ClassDef) for part in node.body}
        for node in self._nodes(ast.FunctionDef):
            yield of_class.get(id(node), ""), node

    def _reads_in(self, function: ast.FunctionDef, owner: str) -> set[Read]:
        types = {"self": {owner}, "cls": {owner}}
        arguments = function.args
        for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
            if argument.annotation:
                types[argument.arg] = _names(argument.annotation)
        for node in ast.walk(function):
            if isinstance(node, ast.Assign):
                for target, value in _pairs(node.targets[0], node.value):
                    if held := self._types(value, types):
                        types.setdefault(target, held)
        copies = {id(read) for node in ast.walk(function) for read in self._copied(node, types)}
        return {
            (name, node.attr)
            for node in ast.walk(function)
            if isinstance(node, ast.Attribute) and id(node) not in copies
            for name in self._types(node.value, types)
        }

    def _copied(self, node: ast.AST, types: Mapping[str, set[str]]) -> Iterator[ast.Attribute]:
        """Yield the attributes in `replace(options, name=… options.name …)`."""
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("replace") and node.args:
            whole = self._types(node.args[0], types)
            for keyword in node.keywords:
                for part in ast.walk(keyword.value):
                    if not isinstance(part, ast.Attribute) or part.attr != keyword.arg:
                        continue
                    if self._types(part.value, types) == whole:
                        yield part

    def _types(self, node: ast.expr, types: Mapping[str, set[str]]) -> set[str]:
        if isinstance(node, ast.Name):
            return types.get(node.id, set())
        if isinstance(node, ast.Attribute):
            owners = self._types(node.value, types)
            held = [self._held(owner, node.attr) for owner in owners]
            return set().union(*held)
        return set()

    def _held(self, owner: str, name: str) -> set[str]:
        for base in self._mro(owner):
            if name in self._classes[base].holds:
                return self._classes[base].holds[name]
        return set()

    def _mro(self, name: str) -> list[str]:
        if name not in self._classes:
            return []
        return [name, *(up for base in self._classes[name].bases for up in self._mro(base))]


def _names(annotation: ast.expr | None) -> set[str]:
    """Return the names in an annotation, also in one that is a string."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        annotation = ast.parse(annotation.value, mode="eval").body
    if annotation is None or isinstance(annotation, ast.Subscript):
        return set()
    return {node.id for node in ast.walk(annotation) if isinstance(node, ast.Name)}


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """Yield each name of an assignment with its value."""
    if isinstance(target, ast.Name):
        yield target.id, value
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for one, own in zip(target.elts, value.elts, strict=False):
            yield from _pairs(one, own)
