"""``make dead``: vulture, as pyproject.toml configures it.

A table names what it has as ``module:NAME``, so that a line of it costs no import: these names count as used. So an
addition by a recipe, which is a line of such a table, needs no exception.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator

from vulture.config import make_config
from vulture.core import Vulture

from tests.trees import files, nodes

REFERENCE = re.compile(r"[a-z_]+(?:\.[a-z_0-9]+)+:(\w+)")


def named(rooms: list[str]) -> Iterator[str]:
    """Yield the names in the references that the modules of these folders have as text."""
    for room in rooms:
        for path in files(room):
            for node in nodes(path):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found = REFERENCE.fullmatch(node.value)
                    if found is not None:
                        yield found.group(1)


def main() -> int:
    """Print what is unused; the exit code is vulture's."""
    config = make_config()
    ignored = [*config["ignore_names"], *dict.fromkeys(named(config["paths"]))]
    vulture = Vulture(ignore_names=ignored, ignore_decorators=config["ignore_decorators"])
    vulture.scavenge(config["paths"], exclude=config["exclude"])
    return int(vulture.report(min_confidence=config["min_confidence"]))


if __name__ == "__main__":
    sys.exit(main())
