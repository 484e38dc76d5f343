"""The exceptions that docstrings say are raised, compared with those that are."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator, Mapping
from functools import cache

from tests.trees import files, nodes

ROOMS = ("actions", "console", "fleet", "simulator", "themes", "widgets", "tests")
SENTENCE = re.compile(r"\bRaises\b((?:[^.]|\.(?=\w))*)")
"""Rest of a sentence behind "Raises"; the dot of a dotted name does not end it."""
EXCEPTION = re.compile(r"\b[A-Z]\w*(?:Error|Problem|Exception|Exit)\b")


def _called(name: ast.expr) -> str:
    return ast.unparse(name).rpartition(".")[2]


@cache
def _bases() -> Mapping[str, tuple[str, ...]]:
    """Class → the names of its bases, for the classes of the repository."""
    return {
        node.name: tuple(map(_called, node.bases))
        for room in ROOMS
        for path in files(room)
        for node in nodes(path)
        if isinstance(node, ast.ClassDef)
    }


@cache
def used() -> frozenset[str]:
    """The names that code uses anywhere, alone or behind a dot: exceptions of libraries among them."""
    found = (node for room in ROOMS for path in files(room) for node in nodes(path))
    return frozenset(
        node.id if isinstance(node, ast.Name) else node.attr
        for node in found
        if isinstance(node, ast.Name | ast.Attribute)
    )


@cache
def ancestors(name: str) -> frozenset[str]:
    """The class itself and all above it; empty for one that is neither ours nor Python's."""
    if name in _bases():
        return frozenset({name}).union(*map(ancestors, _bases()[name]))
    python = getattr(builtins, name, None)
    return frozenset(above.__name__ for above in python.__mro__) if isinstance(python, type) else frozenset()


def told(docstring: str) -> set[str]:
    """Return the exceptions that a docstring says are raised."""
    return {name for sentence in SENTENCE.findall(docstring) for name in EXCEPTION.findall(sentence)}


def untold(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    """Yield the exceptions that a function raises itself, does not catch, and does not name beside those it names."""
    named = told(ast.get_docstring(function) or "")
    if not named:
        return
    caught = {
        _called(one)
        for node in ast.walk(function)
        if isinstance(node, ast.ExceptHandler) and node.type is not None
        for one in (node.type.elts if isinstance(node.type, ast.Tuple) else [node.type])
    }
    # A block of ``with`` may turn it into another.
    within = {id(node) for block in ast.walk(function) if isinstance(block, ast.With) for node in ast.walk(block)}
    for node in ast.walk(function):
        if isinstance(node, ast.Raise) and node.exc is not None and id(node) not in within:
            name = _called(node.exc.func if isinstance(node.exc, ast.Call) else node.exc)
            above = ancestors(name)
            if above and not above & (named | caught) and name != NotImplementedError.__name__:
                yield name
