"""The check whether the selected cluster is production."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase


def is_production(patterns: Iterable[str], context: str, cluster: str) -> bool:
    """True if the context or the cluster of the kubeconfig fits one of the shell patterns; case does not matter."""
    names = [name.lower() for name in (context, cluster) if name]
    return any(fnmatchcase(name, pattern.lower()) for pattern in patterns for name in names)
