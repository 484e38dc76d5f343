"""Names: a public class has one of its own, in no two modules for different things; a variable's says what it holds."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from tests.trees import files, tree

ROOT = Path(__file__).parents[1]
ROOMS = ("actions", "console", "fleet", "themes", "widgets")
"""Not the simulator: it is another program, which plays the objects that the others read."""
SAME = {
    "ActionController",
    "CommandRunner",
    "LineController",
    "LocalController",
    "LocalPages",
    "Navigator",
    "Pages",
    "SavedViews",
    "ViewScope",
}
"""Protocols of the desk that have the same name as their implementation."""
SCHEMA = {"EvidencePart", "ObjectPart", "Replicas", "SourcePart"}
"""Parts of documents: their names are in the published schemas, each in its own."""

HELD_OUT = ROOT / "tests" / "eval" / "held_out"
"""Nobody who writes causes reads these."""
VAGUE = frozenset({"said", "told", "telling"})
"""Names that say of a value only that it came from somewhere."""
RECORDED = {
    "fleet/model/acknowledgement.py: told",
    "fleet/model/canary.py: said",
    "fleet/recorder/facts.py: told",
}
"""Fields whose names are in recordings."""


def _public_classes() -> Iterator[tuple[str, str]]:
    for room in ROOMS:
        for file in files(room):
            for node in tree(file).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    yield node.name, file.relative_to(ROOT).as_posix()


def _shared() -> dict[str, list[str]]:
    where: dict[str, list[str]] = defaultdict(list)
    for name, file in _public_classes():
        where[name].append(file)
    return {name: files for name, files in where.items() if len(files) > 1}


def test_no_two_public_classes_share_a_name() -> None:
    assert {name: files for name, files in _shared().items() if name not in SAME | SCHEMA} == {}


def test_each_exception_is_still_one() -> None:
    shared = _shared()
    assert (SAME | SCHEMA) - shared.keys() == set()
    desk = "console/commands/desk.py"
    assert {name for name in SAME if desk not in shared[name]} == set()
    assert {name for name in SCHEMA if not any(file.startswith("console/report/") for file in shared[name])} == set()


def _variables(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[tuple[int, str]]:
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg


def _members(of: ast.AST) -> Iterator[str]:
    """Yield the names of fields, attributes, functions and constants."""
    for node in ast.walk(of):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr
        elif isinstance(node, ast.ClassDef | ast.Module):
            for each in node.body:
                targets = [each.target] if isinstance(each, ast.AnnAssign) else getattr(each, "targets", ())
                yield from (one.id for one in targets if isinstance(one, ast.Name))


def test_the_name_of_a_member_says_what_it_holds() -> None:
    found = {
        f"{file.relative_to(ROOT).as_posix()}: {name}"
        for room in ROOMS
        for file in files(room)
        for name in _members(tree(file))
        if name.strip("_").lower() in VAGUE
    }
    assert found == RECORDED


def test_the_name_of_a_variable_says_what_it_holds() -> None:
    found = {
        f"{file.relative_to(ROOT)}:{line}: {name}"
        for room in (*ROOMS, "simulator", "tests")
        for file in files(room)
        if HELD_OUT not in file.parents
        for node in ast.walk(tree(file))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for line, name in _variables(node)
        if name in VAGUE
    }
    assert sorted(found) == []
