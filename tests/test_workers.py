"""Workers of the screens get a function: a coroutine is never awaited if the app ends before its worker starts."""

from __future__ import annotations

import ast

import pytest

from tests import trees


def passed_coroutines(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(attr="run_worker"), args=[ast.Call(func=ast.Name(id="partial")), *_]):
            return False
        case ast.Call(func=ast.Attribute(attr="run_worker"), args=[ast.Call(), *_]):
            return True
    return False


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("self.run_worker(self._load())", True),
        ("self.run_worker(self._load)", False),
        ("self.run_worker(partial(self._load, key))", False),
    ],
)
def test_a_coroutine_is_told_from_a_function(code: str, *, found: bool) -> None:
    assert any(map(passed_coroutines, ast.walk(ast.parse(code)))) is found


def test_no_worker_gets_a_coroutine() -> None:
    places = [
        f"{path}:{node.lineno}"
        for path in trees.files("console")
        for node in trees.nodes(path)
        if passed_coroutines(node) and isinstance(node, ast.Call)
    ]
    assert not places
