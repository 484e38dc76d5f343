"""Dependencies: what the program imports is declared and explained, and what is declared is used."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tests.trees import files, nodes

ROOT = Path(__file__).parents[1]
ROOMS = ("actions", "console", "fleet", "simulator", "themes", "widgets")
NAMES = {
    "prometheus_api_client": "prometheus-api-client",
    "pynvml": "nvidia-ml-py",
    "python_socks": "python-socks",
    "textual_serve": "textual-serve",
    "yaml": "pyyaml",
}
"""Packages whose modules have another name."""
NOT_IMPORTED = {
    "pysocks": "requests imports it where a proxy is SOCKS",
    "vllm": "started as a program of its own",
}
FOR_CHECKERS = {"_typeshed"}


def _imported() -> set[str]:
    """Return the packages that the program imports, beside the standard library and itself."""
    modules = {module.partition(".")[0] for room in ROOMS for file in files(room) for module in _modules(file)}
    others = modules - sys.stdlib_module_names - set(ROOMS) - FOR_CHECKERS
    return {NAMES.get(module, module) for module in others}


def _modules(file: Path) -> Iterator[str]:
    for node in nodes(file):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module


def _declared() -> set[str]:
    """Return the packages of a plain installation and of its extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    return {re.split(r"[<>=\[; ]", one, maxsplit=1)[0] for one in wanted}


def test_what_is_imported_is_declared_and_what_is_declared_is_used() -> None:
    assert _imported() | NOT_IMPORTED.keys() == _declared()


def test_each_is_explained() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    table = page.partition("## Dependencies")[2]
    explained = {
        word for row in re.findall(r"^\| ([^|]*) \|", table, re.MULTILINE) for word in re.findall(r"[\w-]+", row)
    }
    assert _declared() - {"vllm"} <= explained
