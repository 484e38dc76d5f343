"""No module but a dialect's own names an engine, a gateway, an exporter, the beginning of its metrics or its flags.

Docstrings and comments may give examples. What is named for another reason stands here with that reason.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleet.metrics.products import known_flags
from fleet.metrics.registry import ENGINES, GATEWAYS
from tests.trees import nodes

ROOT = Path(__file__).parents[1]
ROOMS = ("fleet", "actions", "widgets", "console")
OWN = ("fleet/metrics/engines/", "fleet/metrics/gpus/", "fleet/metrics/gateways/")
"""The dialects."""
ROWS = ("fleet/metrics/registry.py", "fleet/metrics/products.py")
"""A line for each dialect, and a row for each product that has none."""
HERE = "local"
"""Word in the paths of code about the servers on this machine, which are all of one product."""
SERVERS_HERE = (
    "console/cli/doctor.py",
    "console/cli/command_table.py",
    "console/cli/examples.py",
    "console/commands/reference.py",
    "console/report/sheets/fleet.py",
    "console/views/fleet.py",
    "console/wiring/contexts.py",
)
"""And what speaks of them elsewhere."""
OTHERS = (
    # Kubernetes' names for the GPUs of each maker: a row for each.
    "fleet/model/gpu_vendors.py",
    # The API group of a kind of workload, which has a descriptor of its own.
    "fleet/kinds/",
)
FLAGS = ("fleet/metrics/flags.py",)
"""The flags that most servers have in common."""
OUR_FLAGS = ("console/cli/", "actions/spec.py", "actions/kinds/")
"""Flags of our own commands, some of which are spelled like an engine's."""
WORDS = ("vllm", "dcgm", "nvidia", "sglang", "llama.cpp", "llamacpp", "litellm", "dynamo_", "tgi_", "amd.com")


def _pattern() -> re.Pattern[str]:
    # Those of exporters of GPUs may be words of everybody.
    prefixes = {p for family in (ENGINES, GATEWAYS) for member in family for p in member.prefixes if len(p) > 3}
    return re.compile("|".join(map(re.escape, sorted({*WORDS, *prefixes}))), re.IGNORECASE)


def _texts(path: Path) -> Iterator[tuple[int, str]]:
    """Strings and names, docstrings apart: a string that is a statement of its own says something to a reader."""
    numbers = {id(node.value) for node in nodes(path) if isinstance(node, ast.Expr)}
    for node in nodes(path):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in numbers:
            yield node.lineno, node.value
        elif isinstance(node, ast.Name):
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute):
            yield node.lineno, node.attr
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.ImportFrom | ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)


def _named(path: Path) -> list[str]:
    pattern = _pattern()
    where = path.relative_to(ROOT).as_posix()
    return [f"{where}:{line}: {text!r}" for line, text in _texts(path) if pattern.search(text)]


@pytest.mark.parametrize("room", ROOMS)
def test_only_a_dialect_names_its_product(room: str) -> None:
    allowed = (*OWN, *ROWS, *SERVERS_HERE, *OTHERS)
    every = {path.relative_to(ROOT).as_posix(): path for path in (ROOT / room).rglob("*.py")}
    files = [path for where, path in every.items() if HERE not in where and not where.startswith(allowed)]
    assert files
    assert [found for path in files for found in _named(path)] == []


def _flags_in(path: Path) -> list[str]:
    known = known_flags()
    where = path.relative_to(ROOT).as_posix()
    return [
        f"{where}:{line}: {text!r}"
        for line, text in _texts(path)
        if text.startswith("--") and (text in known.named or text.removeprefix("--") in known.shown)
    ]


@pytest.mark.parametrize("room", ROOMS)
def test_only_a_dialect_names_a_flag_of_its_servers(room: str) -> None:
    allowed = (*OWN, *ROWS, *FLAGS, *OUR_FLAGS)
    every = {path.relative_to(ROOT).as_posix(): path for path in (ROOT / room).rglob("*.py")}
    files = [path for where, path in every.items() if HERE not in where and not where.startswith(allowed)]
    assert files
    assert [found for path in files for found in _flags_in(path)] == []


@pytest.mark.parametrize("where", [*FLAGS, "fleet/metrics/engines/vllm_flags.py", "fleet/local/same_as_pod.py"])
def test_flags_of_servers_are_found_where_they_stand(where: str) -> None:
    assert _flags_in(ROOT / where)


@pytest.mark.parametrize("where", [*ROWS, *SERVERS_HERE, *OTHERS])
def test_whoever_may_name_a_product_does(where: str) -> None:
    parent = ROOT / where.rpartition("/")[0]
    found = [path for path in parent.rglob("*.py") if path.relative_to(ROOT).as_posix().startswith(where)]
    assert any(_named(path) for path in found), "it is no exception any more"
