"""The controllers of Kubernetes, as far as the fleet needs them: each makes the cluster match its objects.

They read the store and the pods, regardless of the writer: the initial fleet, a scenario's changes and changes through
the API are the same to them. `Controllers` runs them all once for each simulated second.
"""

from __future__ import annotations

from simulator.controllers.manager import Controllers

__all__ = ["Controllers"]
