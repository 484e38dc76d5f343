"""Facts about the contexts of the kubeconfig."""

from __future__ import annotations

from typing import NamedTuple


class ContextFacts(NamedTuple):
    """A context of the kubeconfig: its server, as whom, and the namespace that it begins with."""

    server: str = ""
    user: str = ""
    namespace: str = ""
