"""The known part of a cluster. What a Snapshot does not show is absent only if this says that it would be shown.

Resources are named as in ``kubectl auth can-i``: ``pods``, ``deployments.apps``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from fleet.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Coverage:
    """The default, nothing pending and nothing limited, means that the whole cluster is known."""

    pending: frozenset[str] = frozenset()
    """Resources whose first list is not complete yet."""
    limited: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Resources that may not be listed cluster-wide → the namespaces in which they may be; empty for none."""

    def knows_all(self, *resources: str) -> bool:
        """True if all objects of these resources are known."""
        return not any(resource in self.pending or resource in self.limited for resource in resources)

    def sees(self, resource: str, namespace: str) -> bool:
        """True if all objects of a resource in a namespace are known."""
        return resource not in self.pending and namespace in self.limited.get(resource, (namespace,))

    def knows_any(self, resource: str, namespace: str = "") -> bool:
        """True if any objects of a resource are known: in this namespace, or in any if none is named."""
        scopes = self.limited.get(resource)
        if resource in self.pending or scopes is None:
            return resource not in self.pending
        return namespace in scopes if namespace else bool(scopes)

    def lack(self, *resources: str) -> str:
        """Return why not all of these is known, in words; empty where it is."""
        for resource in resources:
            name = resource.partition(".")[0]
            if resource in self.pending:
                return f"the {name} of this cluster are not listed yet"
            if resource in self.limited:
                scopes = self.limited[resource]
                beyond = f" beyond {_first_names(scopes)}" if scopes else ""
                return f"you may not list {name}{beyond}"
        return ""


def _first_names(names: tuple[str, ...], shown: int = 3) -> str:
    return ", ".join(names[:shown]) + (f" and {len(names) - shown} more" if len(names) > shown else "")
