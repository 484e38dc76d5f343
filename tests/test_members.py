"""A class and a file are one idea each: none has many public members of its own, and none is long."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.trees import files, nodes

ROOT = Path(__file__).parents[1]
ROOMS = ("actions", "console", "fleet", "simulator", "themes", "widgets")
MOST = 15
"""Public methods, properties and attributes that a class defines itself."""
MORE: dict[str, str] = {}
"""Classes that may have more, with the reason."""
LINES = 400
LONGER: dict[str, str] = {}
"""Files with more lines, and why each is one idea."""
_HOOKS = ("on_", "action_", "watch_", "validate_", "compute_", "key_")
"""Textual calls these by their names: nobody else does."""
_TEXTUAL = frozenset({"compose", "render", "render_line", "get_default_screen", "check_action"})


def _is_data(node: ast.ClassDef) -> bool:
    """A row: what it has as fields is data, and it has them to be read."""
    decorated = any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list)
    bases = {ast.unparse(base).split(".")[-1].split("[")[0] for base in node.bases}
    return decorated or bool(
        bases & {"NamedTuple", "TypedDict", "StrEnum", "IntEnum", "Enum", "BaseModel", "DocumentPart"}
    )


def _stored(function: ast.AST) -> Iterator[str]:
    """The attributes that a method sets on its object."""
    for node in ast.walk(function):
        match node:
            case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()):
                yield name


def public_members(node: ast.ClassDef) -> set[str]:
    """Return the public members that a class defines itself; for data classes the methods alone."""
    names: set[str] = set()
    is_data = _is_data(node)
    for part in node.body:
        if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(part.name)
            if not is_data:
                names.update(_stored(part))
        elif not is_data and isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
            names.add(part.target.id)
        elif not is_data and isinstance(part, ast.Assign):
            names.update(target.id for target in part.targets if isinstance(target, ast.Name))
    return {
        name for name in names if not name.startswith(("_", *_HOOKS)) and not name.isupper() and name not in _TEXTUAL
    }


def _classes(room: str) -> Iterator[tuple[str, ast.ClassDef]]:
    for file in files(room):
        for node in nodes(file):
            if isinstance(node, ast.ClassDef):
                yield f"{file.relative_to(ROOT)}:{node.name}", node


@pytest.mark.parametrize("room", ROOMS)
def test_no_class_has_many_members(room: str) -> None:
    many = {name: sorted(found) for name, node in _classes(room) if len(found := public_members(node)) > MOST}
    assert {name: found for name, found in many.items() if name not in MORE} == {}


def test_each_exception_is_still_one() -> None:
    seen = {name: len(public_members(node)) for room in ROOMS for name, node in _classes(room)}
    assert {name: seen.get(name, 0) for name in MORE if seen.get(name, 0) <= MOST} == {}


def test_what_is_counted() -> None:
    source = """
class Screen:
    BINDINGS = []
    where = 1
    def __init__(self):
        self.page, self._own = 1, 2
    def draw(self): ...
    def on_key(self): ...
    def compose(self): ...
@dataclass
class Row:
    a: int
    b: int
    def total(self): ...
"""
    screen, row = (node for node in ast.parse(source).body if isinstance(node, ast.ClassDef))
    assert public_members(screen) == {"where", "page", "draw"}
    assert public_members(row) == {"total"}


def test_no_file_is_long() -> None:
    every = (file for room in (*ROOMS, "tests") for file in files(room))
    lines = {file.relative_to(ROOT).as_posix(): len(file.read_text(encoding="utf-8").splitlines()) for file in every}
    long = {name: count for name, count in lines.items() if count > LINES}
    assert {name: count for name, count in long.items() if name not in LONGER} == {}
    assert LONGER.keys() - long.keys() == set(), "no longer longer"
