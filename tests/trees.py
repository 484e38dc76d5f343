"""The source as trees: every test that reads the program reads one that is parsed once."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]


@cache
def files(room: str) -> tuple[Path, ...]:
    """Python files of a top-level folder, in order."""
    return tuple(sorted((ROOT / room).rglob("*.py")))


@cache
def tree(path: Path) -> ast.Module:
    """The tree of one file. Raises SyntaxError."""
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Every node of the tree of one file, as ``ast.walk`` gives them."""
    return tuple(ast.walk(tree(path)))
