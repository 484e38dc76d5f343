"""Where a context of the kubeconfig leads."""

from __future__ import annotations

from typing import NamedTuple


class ContextFacts(NamedTuple):
    """Where a context of the kubeconfig leads, as whom, and which namespace it begins with."""

    server: str = ""
    user: str = ""
    namespace: str = ""
