"""The controllers of Kubernetes, as far as the fleet needs them: each makes the cluster what its objects ask for.

They look at the store and at the pods, not at who wrote: what the fleet started with, what a scenario changes and what
comes through the API are the same to them. `Controllers` runs them all once for each simulated second.
"""

from __future__ import annotations

from simulator.controllers.manager import Controllers

__all__ = ["Controllers"]
