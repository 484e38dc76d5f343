"""Names of servers: like DNS labels, so that each can be a folder, a pod and an upstream."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

LONGEST: Final = 63
"""Characters of a name, as of a label of DNS (RFC 1035)."""
_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?", re.IGNORECASE)


def is_name(text: str) -> bool:
    """True if a server may have this name: letters, digits, dots and dashes, with a letter or digit at both ends."""
    return len(text) <= LONGEST and _NAME.fullmatch(text) is not None


def name_for(model: str, taken: Collection[str] = ()) -> str:
    """A name for a server that serves ``model``: its last part in lower case, with a number where that is ``taken``.

    >>> name_for("meta-llama/Llama-3.1-8B-Instruct", ["llama-3.1-8b-instruct"])
    'llama-3.1-8b-instruct-2'
    """
    last = model.rstrip("/").rpartition("/")[2].lower()
    name = re.sub(r"[^a-z0-9.-]+", "-", last)[: LONGEST - 4].strip(".-") or "vllm"
    if name not in taken:
        return name
    return next(f"{name}-{number}" for number in range(2, len(taken) + 3) if f"{name}-{number}" not in taken)
