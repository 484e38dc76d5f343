"""The conditions of a node that agents write: which of them report a problem."""

from __future__ import annotations

from typing import Final

from fleet.model.objects import Condition, Node

_KUBERNETES_OWN: Final = frozenset({"Ready", "NetworkUnavailable"})
_GOOD: Final = ("Ready", "Healthy", "Available", "Initialized", "Synced", "Configured", "Enabled", "IsVoter")
"""Endings of conditions that are well when True: EKS' node monitoring agent, k3s' etcd. All others are of the node
problem detector's kind (kubernetes/node-problem-detector, docs/custom_plugin_monitor): True is a problem.
"""


def node_problem(node: Node) -> Condition | None:
    """Return a problem that an agent reports of a node; None for none, and for what it does not know."""
    for one in node.conditions:
        own = one.type in _KUBERNETES_OWN or one.type.endswith("Pressure")
        if not own and one.status == ("False" if one.type.endswith(_GOOD) else "True"):
            return one
    return None
